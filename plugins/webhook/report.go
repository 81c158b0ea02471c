package webhook

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/telemetry"
)

const (
	unknownSender = "unknown"
	logPause      = time.Minute // between lines that say the same of a sender
	gaugePause    = time.Second // between updates of gauges
)

// reporter counts what happens and logs the rare part of it: a refusal is told
// once a minute for each sender and reason.
type reporter struct {
	log  *service.Logger
	now  func() time.Time
	mu   sync.Mutex
	said map[said]time.Time

	requests, refusals, handshakes *service.MetricCounter
	connections, keyFetches, certs *service.MetricCounter
	latency                        *service.MetricTimer
	inFlight, buffered, expiry     *service.MetricGauge
}

// said identifies a log line; both parts have few values.
type said struct {
	sender string
	reason reason
}

func newReporter(res *service.Resources, now func() time.Time) *reporter {
	m := res.Metrics()
	counter := func(d telemetry.Metric) *service.MetricCounter { return m.NewCounter(d.Name, d.Labels...) }
	gauge := func(d telemetry.Metric) *service.MetricGauge { return m.NewGauge(d.Name, d.Labels...) }
	p := &reporter{
		log: res.Logger(), now: now, said: make(map[said]time.Time),
		requests: counter(telemetry.WebhookRequests), refusals: counter(telemetry.WebhookRefused),
		handshakes: counter(telemetry.WebhookHandshakes), connections: counter(telemetry.WebhookConnectionsRefused),
		keyFetches: counter(telemetry.WebhookKeyFetches), certs: counter(telemetry.WebhookCertificateLoads),
		latency:  m.NewTimer(telemetry.WebhookLatency.Name, telemetry.WebhookLatency.Labels...),
		inFlight: gauge(telemetry.WebhookInFlight), buffered: gauge(telemetry.WebhookBuffered),
		expiry: gauge(telemetry.WebhookCertificateExpiry),
	}
	// Series exist from the start, so that a rate over them sees the first one.
	for _, ok := range []bool{true, false} {
		p.certs.Incr(0, result(ok, "loaded"))
	}
	p.connections.Incr(0)
	return p
}

// answers are the statuses that a configured sender may get.
var answers = []int{http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusRequestTimeout,
	http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusTooManyRequests, http.StatusServiceUnavailable}

// begin makes a sender's series, so that a rate over them sees the first refusal.
func (p *reporter) begin(sender string) {
	for _, code := range answers {
		p.requests.Incr(0, sender, strconv.Itoa(code))
	}
}

func (p *reporter) success(sender string, kind handshake, took time.Duration) {
	p.requests.Incr(1, sender, "200")
	if kind == noHandshake {
		p.latency.Timing(took.Nanoseconds(), sender)
		return
	}
	p.handshakes.Incr(1, sender, string(kind))
	switch kind {
	case confirmation, validation:
		p.log.Infof("%s: the %s of a subscription was answered; its events will follow.", sender, kind)
	case ending:
		p.log.Warnf("%s: the sender says that its subscription has ended; no more of its events will come.", sender)
	}
}

func (p *reporter) refused(sender string, r *refusal) {
	p.requests.Incr(1, sender, strconv.Itoa(r.status))
	p.refusals.Incr(1, sender, string(r.reason))
	if p.mayLog(said{sender, r.reason}) {
		p.log.Warnf("%s: answered %d %s: %s. The same will be logged again in a minute at the earliest.", sender, r.status, r.reason, r.detail)
	}
}

func (p *reporter) mayLog(line said) bool {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if last, ok := p.said[line]; ok && now.Sub(last) < logPause {
		return false
	}
	p.said[line] = now
	return true
}

// keysFetched returns what counts the fetches of keys for a sender.
func (p *reporter) keysFetched(sender string) func(ok bool) {
	return func(ok bool) { p.keyFetches.Incr(1, sender, result(ok, "fetched")) }
}

func (p *reporter) certificateLoaded(err error) {
	p.certs.Incr(1, result(err == nil, "loaded"))
	if err != nil {
		p.log.Errorf("The listener keeps its certificate: loading the new one: %v.", err)
		return
	}
	p.log.Infof("The listener's certificate has changed and was loaded.")
}

func result(ok bool, success string) string {
	if ok {
		return success
	}
	return "failed"
}

// gauges sets them until stop is closed.
func (p *reporter) gauges(h *handler, certificate *serverCertificate, stop <-chan struct{}) {
	tick := time.NewTicker(gaugePause)
	defer tick.Stop()
	for {
		p.inFlight.Set(int64(len(h.slots)))
		p.buffered.Set(h.memory.used.Load())
		if certificate != nil {
			p.expiry.Set(certificate.expiry().Unix())
		}
		select {
		case <-tick.C:
		case <-stop:
			p.inFlight.Set(0)
			return
		}
	}
}

// Write implements io.Writer for net/http's own log: broken handshakes and
// other noise that anybody can cause.
func (p *reporter) Write(line []byte) (int, error) {
	p.log.Debugf("%s", strings.TrimSpace(string(line)))
	return len(line), nil
}

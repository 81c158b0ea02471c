//go:build unix

package live

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/plugins/telemetry"
	"github.com/helios-connect/helios/tests/ingest"
	"github.com/helios-connect/helios/tests/program"
)

var binary string

func TestMain(m *testing.M) { program.Main(m, &binary) }

const (
	patience = time.Minute
	token    = "glsa_8fa0c1_secret"
)

// grafana answers pushes as Grafana does, and as it does when something is wrong.
type grafana struct {
	*httptest.Server
	mu      sync.Mutex
	pushes  []string
	headers http.Header
	status  int
	delay   time.Duration
}

func startGrafana(t *testing.T) *grafana {
	g := &grafana{status: http.StatusOK}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		g.mu.Lock()
		status, delay := g.status, g.delay
		if status == http.StatusOK && delay == 0 && err == nil && r.URL.Path == "/api/live/push/helios" {
			g.pushes = append(g.pushes, string(body))
		}
		g.headers = r.Header.Clone()
		g.mu.Unlock()
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *grafana) answers(status int, delay time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.status, g.delay = status, delay
}

// taken are the pushes that were answered with success.
func (g *grafana) taken() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.pushes...)
}

// keys are those of one measurement's lines, without the heartbeat's.
func (g *grafana) keys(t *testing.T, measurement string) (keys []string) {
	for _, push := range g.taken() {
		for _, m := range parsed(t, push) {
			if f := fields(t, m); m.Name() == measurement && f["key"] != "" {
				keys = append(keys, f["key"].(string))
			}
		}
	}
	return keys
}

// pusher is the program with pipelines/live.yaml.
type pusher struct {
	*program.Process
	broker  *ingest.Broker
	client  *kgo.Client
	metrics string
}

func startPusher(t *testing.T, url string, env ...string) *pusher {
	t.Helper()
	broker, admin := ingest.StartBroker(t), program.FreeAddress(t)
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	p := &pusher{broker: broker, metrics: "http://" + admin + "/metrics", Process: &program.Process{
		Binary: binary,
		Args:   []string{"streams", "-o", filepath.Join(root, "config/service.yaml"), filepath.Join(root, "pipelines/live.yaml")},
		Env:    append([]string{"HELIOS_HTTP_ADDRESS=" + admin, "HELIOS_KAFKA_BROKERS=" + broker.Addrs()[0], "HELIOS_GRAFANA_URL=" + url, "HELIOS_GRAFANA_TOKEN=" + token, "HELIOS_LOG_LEVEL=INFO"}, env...),
		Ready:  "http://" + admin + "/ready",
	}}
	p.client, err = kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	require.NoError(t, err)
	t.Cleanup(p.client.Close)
	p.Start(t)
	t.Cleanup(p.Kill)
	return p
}

func (p *pusher) produce(t *testing.T, topic string, documents ...string) {
	t.Helper()
	var records []*kgo.Record
	for _, d := range documents {
		records = append(records, &kgo.Record{Topic: topic, Value: []byte(d)})
	}
	require.NoError(t, p.client.ProduceSync(context.Background(), records...).FirstErr())
}

func event(fact string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"i-%[1]s","source":"/shop","type":"com.example.order.paid","time":"2026-01-02T03:04:05Z","cloud":"aws","tenant":"acme","correlationid":%[1]q,"ingesttime":%[2]q,"data":{}}`,
		fact, time.Now().UTC().Format(time.RFC3339Nano))
}

func verdict(fact string) string {
	return fmt.Sprintf(`{"id":"v","revision":2,"tenant":"acme","type":"com.example.order.paid","key":%q,"status":"missing","missing":["gcp"],"stalled":[],"diffs":[{"field":"data.amount"}]}`, fact)
}

// value sums a counter over its series.
func (p *pusher) value(t *testing.T, m telemetry.Metric, labels ...string) (sum float64) {
	t.Helper()
	res, err := http.Get(p.metrics)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	for _, line := range strings.Split(string(text), "\n") {
		named := strings.HasPrefix(line, m.Name+"{")
		for _, l := range labels {
			named = named && strings.Contains(line, l)
		}
		if named {
			v, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
			require.NoError(t, err)
			sum += v
		}
	}
	return sum
}

// balanced awaits that all messages, and one heartbeat, are accounted for.
func (p *pusher) balanced(t *testing.T, messages int) {
	t.Helper()
	require.Eventually(t, func() bool {
		received := p.value(t, telemetry.LiveReceived)
		return received >= float64(messages+1) && received == p.value(t, telemetry.LivePushed)+p.value(t, telemetry.LiveSampled)+p.value(t, telemetry.LiveDropped)
	}, patience, 100*time.Millisecond, "received is not pushed + sampled + dropped")
}

// joined awaits the heartbeat and the consumer's place at the end of the log: what
// was written before is not shown.
func (p *pusher) joined(t *testing.T, g *grafana) {
	t.Helper()
	require.Eventually(t, func() bool {
		p.produce(t, embedded.TopicEvents, event("probe"), event("probe"), event("probe"), event("probe"))
		p.produce(t, embedded.TopicVerdicts, verdict("probe"), verdict("probe"), verdict("probe"), verdict("probe"))
		return len(g.keys(t, "events")) > 3 && len(g.keys(t, "verdicts")) > 3
	}, patience, 100*time.Millisecond)
}

func TestEventsAndVerdictsArePushedAsTheyCome(t *testing.T) {
	g := startGrafana(t)
	p := startPusher(t, g.URL, "HELIOS_LIVE_LINES=45")
	p.joined(t, g)
	p.balanced(t, 0)
	require.Contains(t, g.taken()[0], `type="heartbeat"`, "first of all")
	require.Equal(t, "Bearer "+token, g.headers.Get("Authorization"))

	for i := range 5 {
		key := fmt.Sprintf("ord-%d", i)
		p.produce(t, embedded.TopicEvents, event(key))
		p.produce(t, embedded.TopicVerdicts, verdict(key))
		require.Eventually(t, func() bool {
			return slices.Contains(g.keys(t, "events"), key) && slices.Contains(g.keys(t, "verdicts"), key) || p.value(t, telemetry.LiveDropped, `reason="stale"`) > 0
		}, patience, 10*time.Millisecond, "neither pushed nor too old on a busy machine")
	}
	p.balanced(t, 10)
	require.NotContains(t, p.Log(), token)
}

// A browser gets no more than it can take, and what it doesn't get is counted.
func TestAboveItsRateThePushIsASample(t *testing.T) {
	g := startGrafana(t)
	p := startPusher(t, g.URL, "HELIOS_LIVE_LINES=10")
	p.joined(t, g)
	var burst []string
	for i := range 5000 {
		burst = append(burst, event(strconv.Itoa(i)))
	}
	p.produce(t, embedded.TopicEvents, burst...)
	p.balanced(t, 5000)
	for _, push := range g.taken() {
		require.LessOrEqual(t, len(parsed(t, push)), 11, "with the heartbeat, which has two lines")
	}
	require.Greater(t, p.value(t, telemetry.LiveSampled)+p.value(t, telemetry.LiveDropped, `reason="stale"`), 4000.0, "a busy machine shows no more")
	require.Greater(t, p.value(t, telemetry.LivePushed), 10.0)
}

// Whatever is wrong with Grafana: what it didn't take is dropped and counted, one line
// says why, and nothing waits but the looking.
func TestWhatGrafanaDoesNotTakeIsDroppedAndCounted(t *testing.T) {
	for _, test := range []struct {
		reason string
		status int
		delay  time.Duration
		says   string
	}{
		{"unauthorized", http.StatusUnauthorized, 0, "HELIOS_GRAFANA_TOKEN has to be the token of a service account"},
		{"unauthorized", http.StatusForbidden, 0, "HELIOS_GRAFANA_TOKEN has to be the token of a service account"},
		{"throttled", http.StatusTooManyRequests, 0, "took nothing (throttled)"},
		{"failed", http.StatusInternalServerError, 0, "took nothing (failed)"},
		{"refused", http.StatusNotFound, 0, "took nothing (refused)"},
		{"unreachable", http.StatusOK, time.Minute, "took nothing (unreachable)"},
	} {
		t.Run(fmt.Sprint(test.reason, test.status), func(t *testing.T) {
			t.Parallel()
			g := startGrafana(t)
			p := startPusher(t, g.URL)
			p.joined(t, g)
			g.answers(test.status, test.delay)
			for range 20 {
				p.produce(t, embedded.TopicEvents, event("lost"))
			}
			require.Eventually(t, func() bool {
				return p.value(t, telemetry.LiveDropped, fmt.Sprintf("%s=%q", telemetry.LabelReason, test.reason)) > 0
			}, patience, 50*time.Millisecond)
			require.Eventually(t, func() bool { return strings.Contains(p.Log(), test.says) }, patience, 50*time.Millisecond, "%s", p.Log())
			require.NotContains(t, p.Log(), token)
		})
	}
}

// A sign-in page that a proxy leads to answers with success, and shows nothing.
func TestARedirectionIsNoPush(t *testing.T) {
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			asked.Add(1)
			return
		}
		http.Redirect(w, r, "/login", http.StatusFound)
	}))
	t.Cleanup(proxy.Close)
	p := startPusher(t, proxy.URL)
	require.Eventually(t, func() bool { return p.value(t, telemetry.LiveDropped, `reason="refused"`) > 0 }, patience, 50*time.Millisecond)
	require.Eventually(t, func() bool {
		return strings.Contains(p.Log(), "HELIOS_GRAFANA_URL has to be the address that this one points to")
	}, patience, 50*time.Millisecond, "%s", p.Log())
	require.Zero(t, p.value(t, telemetry.LivePushed))
	require.Zero(t, asked.Load())
}

// What is no number of lines, or too few or too many, stops nothing and loses no count.
func TestLinesOutOfBoundsAreTheNearest(t *testing.T) {
	for lines, most := range map[string]int{"0": 1, "1000": 45, "many": 25} {
		t.Run(lines, func(t *testing.T) {
			t.Parallel()
			g := startGrafana(t)
			p := startPusher(t, g.URL, "HELIOS_LIVE_LINES="+lines)
			p.joined(t, g)
			var burst []string
			for i := range 2000 {
				burst = append(burst, event(strconv.Itoa(i)))
			}
			p.produce(t, embedded.TopicEvents, burst...)
			p.balanced(t, 2000)
			longest := 0
			for _, push := range g.taken() {
				longest = max(longest, len(parsed(t, push)))
			}
			require.LessOrEqual(t, longest, most+1, "with the heartbeat, which has two lines")
		})
	}
}

// A Grafana that is not there at the start, or goes, is pushed to when it is back.
func TestAGrafanaThatComesBackIsPushedTo(t *testing.T) {
	g := startGrafana(t)
	address := g.Listener.Addr().String()
	g.Close()
	p := startPusher(t, "http://user:p4@p4ssword@"+address+"/")
	require.Eventually(t, func() bool {
		p.produce(t, embedded.TopicEvents, event("lost"))
		return p.value(t, telemetry.LiveDropped, `reason="unreachable"`) > 0
	}, patience, 50*time.Millisecond)
	require.NotContains(t, p.Log(), "p4ssword")

	var listener net.Listener
	require.Eventually(t, func() bool { // somebody's connection may have the port for a moment
		var err error
		listener, err = net.Listen("tcp", address)
		return err == nil
	}, patience, 50*time.Millisecond)
	g.Server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: g.Config.Handler}}
	g.Start()
	t.Cleanup(g.Close)
	p.joined(t, g)
	require.Greater(t, p.value(t, telemetry.LiveDropped, `reason="stale"`)+p.value(t, telemetry.LiveDropped, `reason="unreachable"`), 0.0)
}

func TestWithoutAGrafanaNothingIsRead(t *testing.T) {
	p := startPusher(t, "")
	p.produce(t, embedded.TopicEvents, event("a"))
	require.Eventually(t, func() bool {
		return strings.Contains(p.Log(), "Grafana Live: off, because the setting of none of its choices is given")
	}, patience, 20*time.Millisecond)
	require.Zero(t, p.value(t, telemetry.LiveReceived))
}

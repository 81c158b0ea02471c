package kafka_test

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/plugins/reconcile/conformance"
	"github.com/helios-connect/helios/plugins/reconcile/engine"
	"github.com/helios-connect/helios/plugins/reconcile/kafka"
	"github.com/helios-connect/helios/plugins/reconcile/oracle"
)

// checks is how many cases each property of the suite gets: a script takes a
// broker's round trips. HELIOS_CONFORMANCE_CHECKS overrides it.
const checks = "10"

func TestTheInputConforms(t *testing.T) {
	n := os.Getenv("HELIOS_CONFORMANCE_CHECKS")
	if n == "" {
		n = checks
	}
	was := flag.Lookup("rapid.checks").Value.String()
	require.NoError(t, flag.Set("rapid.checks", n))
	defer func() { require.NoError(t, flag.Set("rapid.checks", was)) }()

	b := startBroker(t, 1)
	var runs atomic.Int64
	host := func(t testing.TB, cfg oracle.Config) conformance.Host {
		return &inputHost{t: t, broker: b, cfg: cfg, run: runs.Add(1)}
	}
	traits := conformance.Traits{NoEnd: true}
	t.Run("scripts", func(t *testing.T) { conformance.Scripts(t, host, traits) })
	t.Run("scenarios", func(t *testing.T) { conformance.Scenarios(t, host, traits) })
	t.Run("order law", func(t *testing.T) { conformance.OrderLaw(t, host, traits) })
	t.Run("repeats law", func(t *testing.T) { conformance.RepeatsLaw(t, host, traits) })
	t.Run("bounded", func(t *testing.T) { conformance.Bounded(t, host, traits) })
	// Not the timelines: this host remembers a closed fact until its last event
	// lies below the committed offset, and so makes corrections where the oracle
	// says too_late.
	t.Logf("%d scripts were run", runs.Load())
}

// inputHost runs a script through topics of its own.
type inputHost struct {
	t      testing.TB
	broker *broker
	cfg    oracle.Config
	run    int64
}

func (h *inputHost) Run(script []conformance.Step) (conformance.Result, error) {
	watch := &commitWatch{changed: make(chan struct{}, 1)}
	conf := h.broker.config(fmt.Sprint("conformance-", h.run))
	conf.Topic, conf.VerdictTopic, conf.DLQTopic = fmt.Sprint("events-", h.run), fmt.Sprint("verdicts-", h.run), fmt.Sprint("dlq-", h.run)
	conf.Engine = engineConfig(h.cfg)
	conf.CommitInterval, conf.LookInterval = time.Millisecond, 2*time.Millisecond
	clock := newScriptedClock()
	conf.Now, conf.Running = clock.wall, clock.running
	conf.Observer = watch
	for _, topic := range []string{conf.Topic, conf.VerdictTopic, conf.DLQTopic} {
		require.NoError(h.t, h.broker.kafka.Cluster().CreateTopic(topic, 1, map[string]string{"retention.ms": "-1"}))
	}
	in, err := kafka.New(conf)
	if err != nil {
		return conformance.Result{}, err
	}
	if err := in.Start(h.t.Context()); err != nil {
		return conformance.Result{}, err
	}
	defer func() { _ = in.Close(h.t.Context()) }()
	// The first look only tells where time begins to count.
	if err := watch.until(0, 2); err != nil {
		return conformance.Result{}, err
	}
	events := 0
	for _, s := range script {
		clock.set(s.Wall)
		looks := 1
		if s.Event == nil {
			// One look may be under way; the next one brings the tick, and the
			// one after it shows what came of it.
			clock.advance(s.Tick)
			looks = 3
		} else {
			events++
			rec := &kgo.Record{Topic: conf.Topic, Value: s.Event}
			if err := h.broker.producer.ProduceSync(h.t.Context(), rec).FirstErr(); err != nil {
				return conformance.Result{}, err
			}
		}
		if err := watch.until(int64(events), looks); err != nil {
			return conformance.Result{}, err
		}
	}
	return watch.result, nil
}

func engineConfig(cfg oracle.Config) engine.Config {
	out := engine.Config{IdleTimeout: cfg.IdleTimeout, CorrectionHorizon: cfg.CorrectionHorizon, MaxAhead: cfg.MaxAhead,
		MaxOpen: cfg.MaxOpen, MaxClosed: cfg.MaxClosed, Sample: true}
	for _, x := range cfg.Expectations {
		e := engine.Expectation{Name: x.Name, Types: x.Types, Tenants: x.Tenants, Expect: x.Expect, Optional: x.Optional,
			Quorum: x.Quorum, Primary: x.Primary, Window: x.Window, AllowedLateness: x.AllowedLateness, Clock: x.Clock}
		for _, c := range x.Compare {
			e.Compare = append(e.Compare, engine.Compare(c))
		}
		out.Expectations = append(out.Expectations, e)
	}
	return out
}

// commitWatch collects what is committed, and knows how far the input has got.
type commitWatch struct {
	observer
	changed chan struct{}

	mu     sync.Mutex
	result conformance.Result
	stats  kafka.PartitionStats
	looks  int
}

func (w *commitWatch) Committed(outputs []kafka.Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range outputs {
		if o.Flagged != nil {
			w.result.Flags = append(w.result.Flags, oracle.Flag{Doc: string(o.Flagged.Record.Value), Reason: o.Flagged.Reason.String()})
			continue
		}
		w.result.Verdicts = append(w.result.Verdicts, conformance.Emission{JSON: o.Verdict.JSON})
	}
}

func (w *commitWatch) Observed(stats []kafka.PartitionStats) {
	if len(stats) != 1 {
		return
	}
	w.mu.Lock()
	w.stats = stats[0]
	w.looks++
	w.mu.Unlock()
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// until waits for a number of looks, and until one of them, the last or a later
// one, shows that everything up to an offset is committed.
func (w *commitWatch) until(committed int64, looks int) error {
	w.mu.Lock()
	goal := w.looks + looks
	w.mu.Unlock()
	deadline := time.After(eventually)
	for {
		select {
		case <-w.changed:
		case <-deadline:
			return fmt.Errorf("waited in vain for offset %d: %+v", committed, w.stats)
		}
		w.mu.Lock()
		done := w.looks >= goal && w.stats.Committed >= committed && w.stats.Pending == 0
		w.mu.Unlock()
		if done {
			return nil
		}
	}
}

// scriptedClock is the time of a script: it stands still between the steps.
type scriptedClock struct {
	mu  sync.Mutex
	now time.Time
	ran time.Duration
}

func newScriptedClock() *scriptedClock { return &scriptedClock{now: conformance.FarWall} }

func (c *scriptedClock) wall() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *scriptedClock) running() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ran
}

// set sets the wall clock; zero: conformance.FarWall.
func (c *scriptedClock) set(wall time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now = wall; wall.IsZero() {
		c.now = conformance.FarWall
	}
}

// advance lets time pass.
func (c *scriptedClock) advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ran += by
}

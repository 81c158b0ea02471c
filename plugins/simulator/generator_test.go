package simulator

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/truth"
)

var testStart = time.Date(2026, 3, 1, 12, 0, 0, 250e6, time.UTC)

func testOptions(faults Faults) Options {
	mix, err := faults.Mix()
	if err != nil {
		panic(err)
	}
	return Options{
		Seed: 7, Start: testStart, Rate: 1000, Tenants: []string{"acme", "globex"}, Mix: mix,
		SingleCloud: DefaultSingleCloud, Window: 5 * time.Second, AllowedLateness: 2 * time.Second, IdleTimeout: 3 * time.Second,
	}
}

// sent is one native message as it leaves the generator.
type sent struct {
	cloud      Cloud
	at         int64
	body       []byte
	attributes map[string]string
	defect     defect
	events     int
}

// run is a whole run in virtual time, drained.
type run struct {
	sent   []sent
	facts  []*fact
	ledger *truth.Ledger
	text   []byte // of the ledger
}

// factsOf makes the facts of opts.Count, without their events.
func factsOf(t testing.TB, opts Options) (facts []*fact) {
	t.Helper()
	gen, err := NewGenerator(opts, func(f *fact) { facts = append(facts, f) })
	require.NoError(t, err)
	for gen.making {
		gen.Step()
	}
	return facts
}

// play runs the generator to its end: facts, then the drain.
func play(t testing.TB, opts Options) *run {
	t.Helper()
	r := &run{}
	var text bytes.Buffer
	var led *ledger
	gen, err := NewGenerator(opts, func(f *fact) {
		r.facts = append(r.facts, f)
		led.record(f)
	})
	require.NoError(t, err)
	led, err = newLedger(&text, "test", &opts, gen.renderer)
	require.NoError(t, err)
	stopped, moved := false, false
	for {
		for c, events := range gen.Step() {
			r.take(gen.renderer, Cloud(c), gen.now, events)
		}
		if !gen.making && !stopped {
			stopped = true
			gen.StopFaults()
			gen.KeepMaking()
		}
		if stopped && gen.Settled() && gen.making {
			gen.StopFacts()
		}
		if stopped && gen.Idle() {
			if moved {
				break
			}
			gen.MoveClocks()
			moved = true
		}
	}
	require.NoError(t, led.end())
	r.text = text.Bytes()
	r.ledger, err = truth.Read(bytes.NewReader(r.text))
	require.NoError(t, err)
	return r
}

func (r *run) take(render *Renderer, c Cloud, at int64, events []delivery) {
	for len(events) > 0 {
		n := messageLength(events)
		m := sent{cloud: c, at: at, body: render.appendMessage(nil, events[:n]), defect: events[0].defect, events: n}
		if c == GCP {
			m.attributes = map[string]string{}
			for _, a := range render.attributes(&events[0]) {
				m.attributes[a.name] = a.value
			}
		}
		r.sent = append(r.sent, m)
		events = events[n:]
	}
}

func (r *run) hash() uint64 {
	h := fnv.New64a()
	for _, m := range r.sent {
		fmt.Fprintf(h, "%d %d %s %v\n", m.cloud, m.at, m.body, m.attributes)
	}
	h.Write(r.text)
	return h.Sum64()
}

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	opts := testOptions(Faults{Total: 0.3})
	opts.Count = 3000
	first := play(t, opts)
	require.Equal(t, first.hash(), play(t, opts).hash())
	opts.Seed++
	require.NotEqual(t, first.hash(), play(t, opts).hash())
}

func TestAnotherStartMovesOnlyTimesAndOrderNumbers(t *testing.T) {
	opts := testOptions(Faults{Total: 0.3})
	opts.Count = 3000
	a := play(t, opts)
	opts.Start = opts.Start.Add(1234567 * time.Millisecond)
	b := play(t, opts)
	require.Equal(t, len(a.sent), len(b.sent))
	for i := range a.facts {
		fa, fb := *a.facts[i], *b.facts[i]
		require.Equal(t, *fa.order, *fb.order)
		fa.order, fb.order = nil, nil
		require.Equal(t, fa, fb)
	}
}

func TestCountsOfTheLedgerAreThoseOfTheEventsSent(t *testing.T) {
	opts := testOptions(Faults{Total: 0.5})
	opts.Count = 5000
	r := play(t, opts)
	require.True(t, r.ledger.Complete)
	good, bad := map[string]int64{}, int64(0)
	for _, m := range r.sent {
		if m.defect != sound {
			require.Equal(t, 1, m.events, "a defective event travels alone")
			bad++
			continue
		}
		good[m.cloud.String()] += int64(m.events)
	}
	events, malformed := r.ledger.Totals()
	require.Equal(t, events, good)
	require.Equal(t, malformed, bad)
	require.NotZero(t, bad)
}

// within fails when a share is further from its probability than five standard
// deviations of a binomial distribution.
func within(t *testing.T, name string, hits, of int, p float64) {
	t.Helper()
	sigma := 1 / float64(of)
	for x := p * (1 - p) / float64(of); sigma*sigma < x; {
		sigma *= 1.01
	}
	require.InDelta(t, p, float64(hits)/float64(of), 5*sigma, name)
}

func TestSharesOfCloudsAreAsPromised(t *testing.T) {
	opts := testOptions(Faults{Total: 0.05})
	opts.Count = 60_000
	facts := factsOf(t, opts)
	shared, single := 0, map[Cloud]int{}
	for _, f := range facts {
		if factTypes[f.typ].channel != singles {
			shared++
			continue
		}
		for c, typ := range singleTypes {
			if typ == f.typ {
				require.Equal(t, setOf(Cloud(c)), f.clouds)
				single[Cloud(c)]++
			}
		}
	}
	n := int(opts.Count) - shared
	within(t, "all three clouds", shared, int(opts.Count), 0.95)
	within(t, "aws", single[AWS], n, 0.40)
	within(t, "gcp", single[GCP], n, 0.30)
	within(t, "azure", single[Azure], n, 0.30)
}

func TestFaultFractionsAreAsConfigured(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults Faults
		scope  StallScope
	}{
		{"default", Faults{Total: 0.05}, StallChannel},
		{"one class in one fact of five, the others share the rest", Faults{Total: 0.4, Fractions: map[string]float64{"late": 0.2}}, StallChannel},
		{"a whole cloud stalls", Faults{Total: 0.2, Fractions: map[string]float64{"stalled": 0.1}}, StallCloud},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := testOptions(test.faults)
			opts.Count, opts.StallScope = 120_000, test.scope
			counts := map[Class]int{}
			for _, f := range factsOf(t, opts) {
				counts[f.class]++
			}
			for c := Missing; c < classCount; c++ {
				if c == Stalled {
					// Stalled facts come in lumps of one silence.
					require.InEpsilon(t, opts.Mix[c], float64(counts[c])/float64(opts.Count), 0.35, c.String())
					continue
				}
				within(t, c.String(), counts[c], int(opts.Count), opts.Mix[c])
			}
		})
	}
}

func TestEveryClassCanBeUsedAlone(t *testing.T) {
	for _, name := range FaultClasses() {
		t.Run(name, func(t *testing.T) {
			opts := testOptions(Faults{Total: 0.1, Classes: []string{name}})
			opts.Count = 10_000
			faulty := 0
			for _, f := range factsOf(t, opts) {
				if f.class != Healthy {
					require.Equal(t, name, f.class.String())
					faulty++
				}
			}
			require.InDelta(t, 0.1, float64(faulty)/float64(opts.Count), 0.05)
		})
	}
}

func TestAShortRunShowsEveryClass(t *testing.T) {
	opts := testOptions(Faults{Total: 0.05})
	opts.Count = 40
	seen := map[Class]bool{}
	for _, f := range factsOf(t, opts) {
		seen[f.class] = true
	}
	require.Len(t, seen, int(classCount))
}

func TestNoFaultsMeansNone(t *testing.T) {
	opts := testOptions(Faults{})
	opts.Count = 5000
	for _, f := range factsOf(t, opts) {
		require.Equal(t, Healthy, f.class)
		require.Equal(t, "matched", f.status())
	}
}

func TestTheRateIsKeptInVirtualTime(t *testing.T) {
	for _, rate := range []float64{1, 1000, 100_000} {
		opts := testOptions(Faults{Total: 0.05})
		opts.Rate, opts.Count = rate, 20_000
		events, last := 0, int64(0)
		for _, f := range factsOf(t, opts) {
			events += f.total()
			last = f.at
		}
		require.InEpsilon(t, rate, float64(events)/time.Duration(last).Seconds(), 0.02)
	}
}

func TestASilentCloudReturnsWithItsBacklogInOrder(t *testing.T) {
	opts := testOptions(Faults{Total: 0.2, Classes: []string{"stalled"}})
	opts.Count, opts.StallScope = 20_000, StallCloud
	r := play(t, opts)
	silent := map[Cloud]int64{}
	last := map[Cloud]int64{}
	for _, m := range r.sent {
		silent[m.cloud] = max(silent[m.cloud], m.at-last[m.cloud])
		last[m.cloud] = m.at
	}
	longest := max(silent[AWS], silent[GCP], silent[Azure])
	require.Greater(t, time.Duration(longest), opts.IdleTimeout+opts.Window)
}

func BenchmarkGenerateAndRender(b *testing.B) {
	opts := testOptions(Faults{Total: 0.05})
	opts.Rate = MaxRate
	gen, err := NewGenerator(opts, func(*fact) {})
	require.NoError(b, err)
	b.ReportAllocs()
	var buf []byte
	for n := 0; n < b.N; {
		for _, events := range gen.Step() {
			n += len(events)
			for len(events) > 0 {
				k := messageLength(events)
				buf = gen.renderer.appendMessage(buf[:0], events[:k])
				events = events[k:]
			}
		}
	}
	b.ReportMetric(float64(len(buf)), "last_bytes")
}

func TestFactsToComeAreMadeAtTheRateThatWasSet(t *testing.T) {
	opts := testOptions(Faults{})
	opts.Rate = 10_000
	var made int64
	g, err := NewGenerator(opts, func(f *fact) { made += int64(f.total()) })
	require.NoError(t, err)
	second := func() int64 {
		before := made
		for range int(int64(time.Second) / bucket) {
			g.Step()
		}
		return made - before
	}
	require.InEpsilon(t, 10_000, second(), 0.05)
	g.SetRate(1000)
	require.InEpsilon(t, 1000, second(), 0.05)
	g.SetRate(10_000)
	require.InEpsilon(t, 10_000, second(), 0.05)
}

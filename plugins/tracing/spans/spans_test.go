package spans_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/helios-connect/helios/plugins/event"
	"github.com/helios-connect/helios/plugins/tracing/spans"
)

const (
	traceID  = "4bf92f3577b34da6a3ce929d0e0e4736"
	sampled  = "00-" + traceID + "-00f067aa0ba902b7-01"
	declined = "00-" + traceID + "-00f067aa0ba902b7-00"
)

func newTracer(t testing.TB, sampler, argument string, change func(*spans.Config)) (*spans.Tracer, *tracetest.InMemoryExporter) {
	t.Helper()
	kept := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(kept), sdk.WithIDGenerator(spans.IDs{}))
	s, err := spans.ParseSampler(sampler, argument)
	require.NoError(t, err)
	conf := spans.Config{Spans: provider.Tracer("test"), Sampler: s}
	if change != nil {
		change(&conf)
	}
	return spans.New(conf), kept
}

func eventOf(key string) spans.Event {
	return spans.Event{Cloud: []byte("aws"), Tenant: []byte("acme"), Type: []byte("order.paid"), Key: []byte(key)}
}

func TestASamplerDecidesAsItsNameSays(t *testing.T) {
	for _, c := range []struct {
		sampler, argument     string
		asked, declines, bare bool
	}{
		{"always_on", "", true, true, true},
		{"always_off", "", false, false, false},
		{"parentbased_always_on", "", true, false, true},
		{"parentbased_always_off", "", true, false, false},
		{"parentbased_traceidratio", "1", true, false, true},
		{"parentbased_traceidratio", "0", true, false, false},
		{"traceidratio", "1", true, true, true},
		{"traceidratio", "0", false, false, false},
	} {
		tracer, _ := newTracer(t, c.sampler, c.argument, nil)
		now := time.Now()
		require.Equal(t, c.asked, tracer.Receive([]byte(sampled), eventOf("k"), now) != nil, "%+v", c)
		require.Equal(t, c.declines, tracer.Receive([]byte(declined), eventOf("k"), now) != nil, "%+v", c)
		require.Equal(t, c.bare, tracer.Receive([]byte("hostile"), eventOf("k"), now) != nil, "%+v", c)
	}
	for _, wrong := range [][2]string{{"traceidratio", "x"}, {"traceidratio", "1.1"}, {"parentbased_traceidratio", "NaN"}, {"sometimes", ""}} {
		_, err := spans.ParseSampler(wrong[0], wrong[1])
		require.Error(t, err, wrong)
	}
}

func TestARatioTakesThatPartOfTheFactsAndAllOrNoneOfAFactsEvents(t *testing.T) {
	const facts, ratio = 20_000, 0.1
	tracer, _ := newTracer(t, "parentbased_traceidratio", fmt.Sprint(ratio), nil)
	taken := 0
	for i := range facts {
		e := eventOf(fmt.Sprint("ord-", i))
		first := tracer.Receive(nil, e, time.Now()) != nil
		e.Cloud = []byte("gcp")
		require.Equal(t, first, tracer.Receive(nil, e, time.Now()) != nil)
		if first {
			taken++
		}
	}
	require.InDelta(t, facts*ratio, taken, 4*math.Sqrt(facts*ratio*(1-ratio)))
}

func TestNoMoreEventsAreTracedInASecondThanAllowedWhoeverAsks(t *testing.T) {
	limited := 0
	tracer, _ := newTracer(t, "always_on", "", func(c *spans.Config) { c.MaxPerSecond, c.Limited = 5, func() { limited++ } })
	taken := 0
	for i := range 1000 {
		if tracer.Receive([]byte(sampled), eventOf(fmt.Sprint(i)), time.Now()) != nil {
			taken++
		}
	}
	require.Equal(t, 1000, taken+limited)
	require.GreaterOrEqual(t, taken, 5)
	require.Less(t, taken, 100)
}

func TestAnEventWithoutATraceGetsThatOfItsFact(t *testing.T) {
	tracer, kept := newTracer(t, "always_on", "", nil)
	p := tracer.Receive(nil, eventOf("ord-1"), time.Now())
	p.Settled(true, time.Now())
	want := trace.TraceID(event.FactID("acme", "order.paid", "ord-1"))
	for _, s := range kept.GetSpans() {
		require.Equal(t, want, s.SpanContext.TraceID())
	}
	require.Len(t, kept.GetSpans(), 2)
	require.Contains(t, p.Origin(), want.String())
}

func TestAPassageThatIsRefusedEndsAtTheDeadLettersAndOneThatComesAgainIsSettledAgain(t *testing.T) {
	tracer, kept := newTracer(t, "always_on", "", nil)
	now := time.Now()
	p := tracer.Receive([]byte(sampled), eventOf("k"), now)
	p.Refused(spans.Validate, "contract", now, now.Add(time.Millisecond))
	p.Settled(false, now.Add(2*time.Millisecond))
	p.Settled(true, now.Add(3*time.Millisecond))
	var names []string
	ids := map[trace.SpanID]bool{}
	for _, s := range kept.GetSpans() {
		names = append(names, s.Name+" "+s.Status.Description)
		require.False(t, ids[s.SpanContext.SpanID()], "an id is used twice")
		ids[s.SpanContext.SpanID()] = true
	}
	require.Equal(t, []string{"validate contract", "dead-letter not_delivered", "receive not_delivered", "dead-letter "}, names)
}

func TestAVerdictIsLinkedToEveryTracedEventButThoseThatWereFlagged(t *testing.T) {
	tracer, kept := newTracer(t, "always_off", "", nil)
	facts := tracer.NewFacts()
	doc := func(cloud string) []byte {
		return fmt.Appendf(nil, `{"tenant":"acme","type":"order.paid","correlationid":"ord-1","cloud":%q}`, cloud)
	}
	parent := func(n int) []byte { return fmt.Appendf(nil, "00-%032x-%016x-01", n, n) }
	judged := spans.Judged{Fact: event.FactID("acme", "order.paid", "ord-1"), Status: "missing"}
	require.Nil(t, facts.Decided(judged, time.Now()), "nothing is traced")
	facts.Event(doc("aws"), parent(1))
	facts.Event(doc("gcp"), parent(2))
	facts.Event(doc("azure"), []byte(declined))
	facts.Event([]byte(`{"cloud":`), parent(4))
	facts.Event([]byte(`{"type":"t","correlationid":7,"cloud":"aws"}`), parent(5))
	facts.Flagged(doc("gcp"), parent(2), "too_late", time.Now())
	d := facts.Decided(judged, time.Now())
	d.Committed(time.Now())
	require.Nil(t, facts.Decided(judged, time.Now()), "a decision is made once")
	all := kept.GetSpans()
	require.Len(t, all, 2)
	require.Equal(t, "too_late", all[0].Status.Description)
	require.Len(t, all[1].Links, 1)
	require.Equal(t, all[1].Links[0].SpanContext.SpanID(), all[1].Parent.SpanID())
}

func TestFactsForgetsTheOldestBeyondItsBound(t *testing.T) {
	tracer, _ := newTracer(t, "always_off", "", nil)
	facts := tracer.NewFacts()
	for i := range 3 * spans.MaxFacts {
		facts.Event(fmt.Appendf(nil, `{"tenant":"a","type":"t","correlationid":"%d","cloud":"aws"}`, i), []byte(sampled))
	}
	decided := func(i int) *spans.Decision {
		return facts.Decided(spans.Judged{Fact: event.FactID("a", "t", fmt.Sprint(i))}, time.Now())
	}
	require.Nil(t, decided(2*spans.MaxFacts-1))
	require.NotNil(t, decided(2*spans.MaxFacts))
	require.NotNil(t, decided(3*spans.MaxFacts-1))
}

func TestWithoutATracerNothingIsTraced(t *testing.T) {
	var tracer *spans.Tracer
	p := tracer.Receive([]byte(sampled), eventOf("k"), time.Now())
	require.Nil(t, p)
	p.Stage(spans.Dedupe, spans.OK, time.Now(), time.Now())
	p.Dropped(spans.Duplicate, time.Now())
	p.Settled(true, time.Now())
	tracer.Stored(sampled, "t", 1, time.Now(), time.Now(), false)
	facts := tracer.NewFacts()
	facts.Event(nil, []byte(sampled))
	facts.Flagged(nil, []byte(sampled), "x", time.Now())
	facts.Decided(spans.Judged{}, time.Now()).Committed(time.Now())
}

func TestWhatIsNotTracedAllocatesNothing(t *testing.T) {
	tracer, _ := newTracer(t, "parentbased_traceidratio", "0.000000001", nil)
	facts := tracer.NewFacts()
	e, now, doc := eventOf("ord-1"), time.Now(), []byte(`{"cloud":"aws"}`)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		tracer.Receive([]byte(nil), e, now)
		tracer.Receive(nil, e, now)
		facts.Event(doc, nil)
		facts.Event(doc, []byte(nil))
	}))
}

// BenchmarkReceive, on a busy machine of two shared cores: off 31 ns, not sampled
// 253 ns, declined 369 ns, none with an allocation; sampled 29 µs, 4.9 KB in 52.
func BenchmarkReceive(b *testing.B) {
	for _, c := range []struct{ name, ratio, parent string }{{"off", "", ""}, {"not_sampled", "0.000000001", ""}, {"declined", "0", declined}, {"sampled", "0", sampled}} {
		b.Run(c.name, func(b *testing.B) {
			var tracer *spans.Tracer
			if c.ratio != "" {
				s, err := spans.ParseSampler("parentbased_traceidratio", c.ratio)
				require.NoError(b, err)
				provider := sdk.NewTracerProvider(sdk.WithIDGenerator(spans.IDs{}))
				tracer = spans.New(spans.Config{Spans: provider.Tracer("bench"), Sampler: s})
			}
			e, parent, now := eventOf("ord-123456"), []byte(c.parent), time.Now()
			b.ReportAllocs()
			for b.Loop() {
				p := tracer.Receive(parent, e, now)
				p.Stage(spans.Canonicalise, spans.OK, now, now)
				p.Settled(true, now)
			}
		})
	}
}

func TestIDsAreThoseThatTheContextBrings(t *testing.T) {
	id, span := spans.IDs{}.NewIDs(context.Background())
	require.True(t, id.IsValid())
	require.True(t, span.IsValid())
	other, _ := spans.IDs{}.NewIDs(context.Background())
	require.NotEqual(t, id, other)
}

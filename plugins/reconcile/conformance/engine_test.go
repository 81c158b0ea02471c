package conformance

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
	"github.com/helios-connect/helios/plugins/reconcile/oracle"
)

// A schedule says how many facts Expire may take after step number i of the
// script; 0: it is not called.
type schedule func(i int) int

var schedules = map[string]schedule{
	"expire at once":       func(int) int { return 1 << 20 },
	"expire at the end":    func(int) int { return 0 },
	"expire one at a time": func(int) int { return 1 },
	"expire now and then": func(i int) int {
		return []int{0, 0, 2, 0, 100, 0, 0, 0, 1}[i%9]
	},
}

// engineHost drives the engine directly.
type engineHost struct {
	cfg    engine.Config
	expire schedule
	res    Result
}

func engineConfig(cfg oracle.Config) engine.Config {
	out := engine.Config{IdleTimeout: cfg.IdleTimeout, CorrectionHorizon: cfg.CorrectionHorizon, MaxAhead: cfg.MaxAhead,
		MaxOpen: cfg.MaxOpen, MaxClosed: cfg.MaxClosed, Sample: true, Tokens: true, State: true}
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

func engineHosts(expire schedule) NewHost {
	return func(_ testing.TB, cfg oracle.Config) Host {
		return &engineHost{cfg: engineConfig(cfg), expire: expire}
	}
}

// Verdict implements engine.Sink.
func (h *engineHost) Verdict(v *engine.Verdict) {
	e := Emission{JSON: append([]byte(nil), v.JSON...)}
	for _, token := range v.Tokens {
		e.Accounts = append(e.Accounts, int(token))
	}
	h.res.Verdicts = append(h.res.Verdicts, e)
}

func (h *engineHost) Run(script []Step) (Result, error) {
	e, err := engine.New(h.cfg, h)
	if err != nil {
		return Result{}, fmt.Errorf("starting the engine: %w", err)
	}
	defer e.Close()
	wall := FarWall.UnixNano()
	for i, s := range script {
		wall = s.wall().UnixNano()
		switch {
		case s.End:
			e.EndInput()
		case s.Event != nil:
			h.take(e.Apply(s.Event, uint64(i), wall), i, s.Event)
		default:
			e.Tick(s.Tick)
		}
		if limit := h.expire(i); limit > 0 {
			e.Expire(limit, wall)
		}
	}
	for calls := 0; e.Expire(100, wall); calls++ {
		if calls > 1_000_000 {
			return h.res, fmt.Errorf("Expire says for ever that more is due")
		}
	}
	return h.res, nil
}

func (h *engineHost) take(out engine.Outcome, step int, doc []byte) {
	switch {
	case out.Reason != engine.ReasonNone:
		h.res.Flags = append(h.res.Flags, oracle.Flag{Doc: string(doc), Reason: out.Reason.String()})
	case out.Held:
		h.res.Held = append(h.res.Held, step)
	default:
		h.res.Done = append(h.res.Done, step)
	}
}

func TestTheEngine(t *testing.T) {
	for name, expire := range schedules {
		t.Run(name, func(t *testing.T) { Run(t, engineHosts(expire), Traits{TracksEvents: true}) })
	}
}

// Whatever bytes come in, the engine never panics, keeps its bounds, and every
// document is flagged, done with, or accounted for by one verdict. The engine's
// hash is seeded, so coverage varies between runs of one input: fuzz with
// -fuzzminimizetime=5x, or minimizing takes all the time.
func FuzzTheEngine(f *testing.F) {
	cfg := oracle.Config{IdleTimeout: 2 * time.Second, CorrectionHorizon: 30 * time.Second, MaxOpen: 3, MaxClosed: 3,
		Expectations: []oracle.Expectation{{Name: "fuzzed", Expect: []string{"aws", "gcp"}, Optional: []string{"edge"},
			Window: 10 * time.Second, AllowedLateness: time.Second, Compare: lawCompare}}}
	for seed := range uint64(8) {
		docs := []byte{}
		r := rand.New(rand.NewPCG(seed, 1))
		for range 10 {
			e := Event{ID: "a", Source: "/1", Cloud: []string{"aws", "gcp", "edge", "x"}[r.IntN(4)], Key: []string{"k", "l"}[r.IntN(2)],
				Time: Base.Add(time.Duration(r.IntN(60)) * time.Second).Format(time.RFC3339Nano),
				Data: []Member{{"amount", lawAmounts[r.IntN(len(lawAmounts))]}}}
			docs = append(append(docs, e.JSON()...), '\n')
		}
		f.Add(docs)
	}
	f.Add([]byte("{\"id\":\"a\",\"id\":\"b\"}\n\xff\xfe\n[[[[\n\n{}\n1e400\nnull\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		var script []Step
		for start, i := 0, 0; i <= len(input); i++ {
			if i < len(input) && input[i] != '\n' {
				continue
			}
			line := input[start:i]
			start = i + 1
			if len(line) < 8 && len(line) > 0 { // too short for an event: time passes
				script = append(script, Step{Tick: time.Duration(line[0]) * 100 * time.Millisecond})
			}
			script = append(script, Step{Event: append([]byte{}, line...)})
		}
		script = append(script, Step{End: true})
		for name, expire := range schedules {
			rep, err := play(t, engineHosts(expire), Traits{TracksEvents: true}, cfg, script)
			require.NoError(t, err, name)
			require.NoError(t, rep.countsUp(), name)
		}
	})
}

// Of one document the engine and the oracle make the same: both refuse it for
// the same reason or both compare it alike with the event of another cloud.
// What is no valid UTF-8 is left to the parser's own fuzz target.
func FuzzOneDocument(f *testing.F) {
	cfg := oracle.Config{Expectations: []oracle.Expectation{{Name: "fuzzed", Expect: []string{"aws", "gcp"},
		Optional: []string{"edge"}, Window: 10 * time.Second, AllowedLateness: time.Second, Compare: lawCompare}}}
	for i, cloud := range []string{"aws", "gcp", "edge", "aws"} {
		e := Event{ID: "a", Source: "/1", Cloud: cloud, Key: "k", Tenant: "t", Time: offsetTime(i), Ingest: offsetTime(0),
			Data: []Member{{"amount", lawAmounts[i]}, {"currency", lawCurrencies[i]}, {"note", lawNotes[i%3]},
				{"items", lawItems[i]}, {"weight", lawWeights[i]}}}
		f.Add(e.JSON())
	}
	other := Event{ID: "a", Source: "/1", Cloud: "gcp", Key: "k", Tenant: "t", Time: offsetTime(0), Data: []Member{{"amount", "10"},
		{"currency", `"EUR"`}, {"note", `"x"`}, {"items", `[1,2]`}, {"weight", "1000"}}}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if !utf8.Valid(doc) {
			t.Skip("no valid UTF-8")
		}
		script := []Step{{Event: doc}, {Event: other.JSON()}, {End: true}}
		hosts := engineHosts(schedules["expire at once"])
		require.Empty(t, disagreement(t, hosts, Traits{TracksEvents: true}, cfg, script))
	})
}

func offsetTime(seconds int) string {
	return Base.Add(time.Duration(seconds) * time.Second).Format(time.RFC3339Nano)
}

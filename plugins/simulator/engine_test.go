package simulator

import (
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/helios-connect/helios/internal/truth"
	"github.com/helios-connect/helios/plugins/canonical/convert"
	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

// verdictLog keeps every revision of every verdict.
type verdictLog struct{ all [][]byte }

func (l *verdictLog) Verdict(v *engine.Verdict) {
	l.all = append(l.all, append([]byte(nil), v.JSON...))
}

// attributesOf lets the canonicaliser walk a message's metadata.
type attributesOf sent

func (a attributesOf) Walk(visit func(name, value string)) {
	visit(MetaCloud, a.cloud.String())
	for name, value := range a.attributes {
		visit(name, value)
	}
}

// reconciled plays a run's messages through the canonicaliser to the engine in
// virtual time, a tick each bucket. It returns the verdicts and what was
// received, let through and refused by each of the two.
func reconciled(t *testing.T, opts Options, r *run) (log *verdictLog, ingest, judged truth.Hop) {
	t.Helper()
	var expectations []engine.Expectation
	text, err := os.ReadFile("../../config/expectations/demo.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &expectations))
	log = &verdictLog{}
	e, err := engine.New(engine.Config{Expectations: expectations, IdleTimeout: opts.IdleTimeout}, log)
	require.NoError(t, err)
	defer e.Close()
	conv, err := convert.New(convert.Options{Tenant: []convert.Rule{{Paths: []string{"data.tenant"}}}})
	require.NoError(t, err)
	ingest.Name, judged.Name = "ingest", "reconcile"
	now := int64(0)
	for _, m := range r.sent {
		for ; now < m.at; now += bucket {
			e.Tick(time.Duration(bucket))
			for e.Expire(100, opts.Start.UnixNano()+now) {
			}
		}
		wall := opts.Start.UnixNano() + now
		for _, res := range conv.Convert(convert.Input{Body: m.body, Metadata: attributesOf(m), Cloud: m.cloud.String(), Now: wall}) {
			ingest.Received++
			if res.Reason != convert.Converted {
				require.NotEqual(t, sound, m.defect, "%v: %s", res.Err, m.body)
				ingest.DeadLettered++
				continue
			}
			ingest.Logged++
			judged.Received++
			if out := e.Apply(res.Event, 0, wall); out.Reason != engine.ReasonNone {
				require.NotEqual(t, sound, m.defect, "%v: %s", out.Err, m.body)
				judged.DeadLettered++
				continue
			}
			require.Equal(t, sound, m.defect, "%s was taken: %s", m.defect, res.Event)
			judged.Logged++
		}
	}
	for e.Expire(100, opts.Start.UnixNano()+now) {
	}
	require.Zero(t, e.Stats().Open, "at the end of a drained run nothing is open")
	return log, ingest, judged
}

func (l *verdictLog) verdicts() iter.Seq2[truth.Verdict, error] {
	return func(yield func(truth.Verdict, error) bool) {
		for _, raw := range l.all {
			var v truth.Verdict
			if err := json.Unmarshal(raw, &v); !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// sentTo counts the events by cloud, as the simulator's snapshot does.
func (r *run) sentTo() map[string]int64 {
	out := map[string]int64{}
	for _, m := range r.sent {
		out[m.cloud.String()] += int64(m.events)
	}
	return out
}

func TestCanonicaliserAndEngineJudgeEveryFactAsTheLedgerSays(t *testing.T) {
	for _, scope := range []StallScope{StallChannel, StallCloud} {
		for _, total := range []float64{0.05, 0.6} {
			t.Run(fmt.Sprintf("%s %v", scope, total), func(t *testing.T) {
				opts := testOptions(Faults{Total: total})
				opts.Count, opts.StallScope = 5_000, scope
				r := play(t, opts)
				log, ingest, judged := reconciled(t, opts, r)
				report, err := truth.Judge(r.ledger, log.verdicts(), truth.Counts{
					Hops: []truth.Hop{ingest, judged}, Sent: r.sentTo(),
					DeadLetters: map[string]int64{"ingest": ingest.DeadLettered, "reconcile": judged.DeadLettered},
				})
				require.NoError(t, err)
				var b strings.Builder
				require.NoError(t, report.WriteText(&b))
				require.True(t, report.OK, b.String())
				t.Log("\n" + b.String())
				firstRevisions(t, r, log)
			})
		}
	}
}

// firstRevisions checks that the classes whose faults heal in time are what they
// are called at first: a late fact is missing (or
// indeterminate, in a silence), a stalled one is indeterminate.
func firstRevisions(t *testing.T, r *run, log *verdictLog) {
	t.Helper()
	class := map[truth.ID]string{}
	for _, f := range r.ledger.Facts {
		class[f.ID] = f.Class
	}
	first := map[string]map[string]int{}
	for v, err := range log.verdicts() {
		require.NoError(t, err)
		if v.Revision == 1 {
			if first[class[v.ID]] == nil {
				first[class[v.ID]] = map[string]int{}
			}
			first[class[v.ID]][v.Status]++
		}
	}
	require.Contains(t, first["late"], "missing")
	require.NotContains(t, first["late"], "matched")
	require.Contains(t, first["stalled"], "indeterminate")
	// What was under way when a cloud fell silent is healthy and may still be
	// indeterminate at first; it is never taken for missing.
	for _, class := range []string{"healthy", "out_of_order", "duplicate", "stalled"} {
		require.NotContains(t, first[class], "missing", class)
		require.NotContains(t, first[class], "mismatched", class)
	}
}

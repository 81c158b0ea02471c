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
	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

// verdictLog keeps every revision of every verdict.
type verdictLog struct{ all [][]byte }

func (l *verdictLog) Verdict(v *engine.Verdict) {
	l.all = append(l.all, append([]byte(nil), v.JSON...))
}

// canonical writes the event as DESIGN's canonical event.
func canonical(t *testing.T, r *report, tenant, typ string, received int64) []byte {
	t.Helper()
	data := map[string]any{}
	for k, v := range r.data {
		if k != "\x00type" {
			data[k] = v
		}
	}
	doc, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": r.id, "source": "/" + r.cloud, "type": typ, "tenant": tenant, "cloud": r.cloud,
		"time": r.when.Format(time.RFC3339Nano), "ingesttime": time.Unix(0, received).UTC().Format(time.RFC3339Nano),
		"correlationid": data["order_id"], "data": data,
	})
	require.NoError(t, err)
	return doc
}

// reconciled plays a run's messages to the engine in virtual time, a tick each
// bucket, and returns the verdicts and how many events it flagged.
func reconciled(t *testing.T, opts Options, r *run) (log *verdictLog, flagged int64) {
	t.Helper()
	var expectations []engine.Expectation
	text, err := os.ReadFile("../../config/expectations/demo.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &expectations))
	log = &verdictLog{}
	e, err := engine.New(engine.Config{Expectations: expectations, IdleTimeout: opts.IdleTimeout}, log)
	require.NoError(t, err)
	defer e.Close()
	now := int64(0)
	for _, m := range r.sent {
		for ; now < m.at; now += bucket {
			e.Tick(time.Duration(bucket))
			for e.Expire(100, opts.Start.UnixNano()+now) {
			}
		}
		_, events, err := decodeNative(m)
		if err != nil {
			continue
		}
		for i := range events {
			d := events[i].data
			doc := canonical(t, &events[i], d["tenant"].(string), d["\x00type"].(string), opts.Start.UnixNano()+now)
			if out := e.Apply(doc, 0, opts.Start.UnixNano()+now); out.Reason != engine.ReasonNone {
				require.NoError(t, out.Err)
				flagged++
			}
		}
	}
	for e.Expire(100, opts.Start.UnixNano()+now) {
	}
	require.Zero(t, e.Stats().Open, "at the end of a drained run nothing is open")
	return log, flagged
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

func (r *run) counts() truth.Counts {
	c := truth.Counts{Sent: map[string]int64{}, DeadLetters: map[string]int64{}}
	hop := truth.Hop{Name: "engine"}
	for _, m := range r.sent {
		c.Sent[m.cloud.String()] += int64(m.events)
		hop.Received += int64(m.events)
		if m.defect != sound {
			c.DeadLetters["ingest"]++
			hop.DeadLettered++
		} else {
			hop.Logged += int64(m.events)
		}
	}
	c.Hops = []truth.Hop{hop}
	return c
}

func TestTheEngineJudgesEveryFactAsTheLedgerSays(t *testing.T) {
	for _, scope := range []StallScope{StallChannel, StallCloud} {
		for _, total := range []float64{0.05, 0.6} {
			t.Run(fmt.Sprintf("%s %v", scope, total), func(t *testing.T) {
				opts := testOptions(Faults{Total: total})
				opts.Count, opts.StallScope = 10_000, scope
				r := play(t, opts)
				log, flagged := reconciled(t, opts, r)
				require.Zero(t, flagged)
				report, err := truth.Judge(r.ledger, log.verdicts(), r.counts())
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

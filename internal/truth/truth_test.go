package truth

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const ledgerText = `{"ledger":1,"world":"demo","seed":7,"start":"2026-03-01T12:00:00Z","rate":1000,"classes":["missing","mismatched","malformed"],"clouds":["aws","azure","gcp"]}
{"tenant":"t","type":"paid","key":"1","class":"healthy","status":"matched","events":{"aws":1,"azure":1,"gcp":1}}
{"tenant":"t","type":"paid","key":"2","class":"missing","status":"missing","missing":["gcp"],"events":{"aws":1,"azure":1}}
{"tenant":"t","type":"paid","key":"3","class":"mismatched","status":"mismatched","diffs":[{"field":"data.amount","outliers":["azure"]}],"events":{"aws":1,"azure":1,"gcp":1}}
{"tenant":"t","type":"paid","key":"4","class":"malformed","status":"matched","events":{"aws":1,"azure":1,"gcp":1},"malformed":[{"cloud":"aws","kind":"truncated"}]}
{"end":true,"facts":4,"events":{"aws":4,"azure":4,"gcp":3},"malformed_events":1}
`

func readText(t *testing.T, text string) *Ledger {
	t.Helper()
	l, err := Read(strings.NewReader(text))
	require.NoError(t, err)
	return l
}

// perfect is input that is right in everything: the verdicts by key.
func perfect(t *testing.T) (*Ledger, map[string]Verdict, Counts) {
	t.Helper()
	verdicts := map[string]Verdict{}
	for key, text := range map[string]string{
		"1": `{"status":"matched","missing":[],"stalled":[],"diffs":[]}`,
		"2": `{"status":"missing","missing":["gcp"],"diffs":[]}`,
		"3": `{"status":"mismatched","missing":[],"diffs":[{"field":"data.amount","values":{"aws":1,"azure":2,"gcp":1},"outliers":["azure"]}]}`,
		"4": `{"status":"matched","duplicates":{"aws":1}}`,
	} {
		v := Verdict{ID: ID{"t", "paid", key}, Revision: 1}
		require.NoError(t, json.Unmarshal([]byte(text), &v))
		verdicts[key] = v
	}
	return readText(t, ledgerText), verdicts, Counts{
		Hops:        []Hop{{Name: "ingest", Received: 12, Logged: 10, Duplicates: 0, DeadLettered: 1, InFlight: 1}, {Name: "reconcile", Received: 10, Logged: 10}},
		Sent:        map[string]int64{"aws": 5, "azure": 4, "gcp": 3},
		DeadLetters: map[string]int64{"ingest": 1},
	}
}

func each(verdicts map[string]Verdict) iter.Seq2[Verdict, error] {
	return func(yield func(Verdict, error) bool) {
		for _, k := range slices.Sorted(maps.Keys(verdicts)) {
			if !yield(verdicts[k], nil) {
				return
			}
		}
	}
}

func text(t *testing.T, r *Report) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, r.WriteText(&b))
	return b.String()
}

func TestPerfectInputPasses(t *testing.T) {
	l, verdicts, counts := perfect(t)
	r, err := Judge(l, each(verdicts), counts)
	require.NoError(t, err)
	require.True(t, r.OK, r.Failures)
	lines := strings.Split(strings.TrimSpace(text(t, r)), "\n")
	require.Contains(t, lines[len(lines)-1], "all verdicts correct")
	for _, c := range r.Classes {
		require.EqualValues(t, 1, c.Recall, c.Class)
		require.EqualValues(t, 1, c.Precision, c.Class)
	}
	raw, err := json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(raw), `"ok":true`)
	require.Contains(t, string(raw), `"confusion":{"matched":{"matched":2},"mismatched":{"mismatched":1},"missing":{"missing":1}}`)
}

// A queue hands out again what it thinks was not received.
func TestWhatIsHandedOutAgainMayHaveBeenLostTheFirstTime(t *testing.T) {
	for received := int64(0); received <= 3; received++ {
		l, verdicts, counts := perfect(t)
		counts.Redelivered, counts.Hops[0].Received, counts.Hops[0].InFlight = 3, counts.Hops[0].Received+received, counts.Hops[0].InFlight+received
		r, err := Judge(l, each(verdicts), counts)
		require.NoError(t, err)
		require.True(t, r.OK, "%d: %v", received, r.Failures)
	}
}

func TestAnythingThatIsWrongFails(t *testing.T) {
	for _, test := range []struct {
		name string
		harm func(l *Ledger, verdicts map[string]Verdict, c *Counts)
		want string
	}{
		{"a flipped verdict", func(_ *Ledger, v map[string]Verdict, _ *Counts) {
			set(v, "1", func(x *Verdict) { x.Status = "missing" })
		}, "status is missing, not matched"},
		{"a fact without a verdict", func(_ *Ledger, v map[string]Verdict, _ *Counts) { delete(v, "3") }, "status is none, not mismatched"},
		{"a verdict about nothing", func(_ *Ledger, v map[string]Verdict, _ *Counts) {
			v["9"] = Verdict{ID: ID{"t", "paid", "9"}, Status: "matched"}
		}, "the ledger knows no such fact"},
		{"another tenant's verdict", func(_ *Ledger, v map[string]Verdict, _ *Counts) { set(v, "1", func(x *Verdict) { x.Tenant = "u" }) }, "the ledger knows no such fact"},
		{"the wrong cloud is missing", func(_ *Ledger, v map[string]Verdict, _ *Counts) {
			set(v, "2", func(x *Verdict) { x.Missing = []string{"aws"} })
		}, "missing is [aws], not [gcp]"},
		{"the wrong outlier", func(_ *Ledger, v map[string]Verdict, _ *Counts) {
			set(v, "3", func(x *Verdict) { x.Diffs[0].Outliers = []string{"aws"} })
		}, "outliers of data.amount are [aws], not [azure]"},
		{"the wrong field", func(_ *Ledger, v map[string]Verdict, _ *Counts) {
			set(v, "3", func(x *Verdict) { x.Diffs[0].Field = "data.status" })
		}, "no difference in data.amount"},
		{"a difference too many", func(_ *Ledger, v map[string]Verdict, _ *Counts) {
			set(v, "1", func(x *Verdict) { x.Diffs = []Diff{{Field: "data.status"}} })
		}, "a difference in data.status that is none"},
		{"a cloud still stalled", func(_ *Ledger, v map[string]Verdict, _ *Counts) {
			set(v, "2", func(x *Verdict) { x.Stalled = []string{"aws"} })
		}, "stalled is [aws]"},
		{"a lost event", func(_ *Ledger, _ map[string]Verdict, c *Counts) { c.Hops[0].Logged-- }, "ingest received 12 events but accounts for 11"},
		{"an event that was never sent", func(_ *Ledger, _ map[string]Verdict, c *Counts) { c.Sent["gcp"]-- }, "sent 2 events to gcp, the ledger says 3"},
		{"an event sent to the wrong cloud", func(_ *Ledger, _ map[string]Verdict, c *Counts) { c.Sent["gcp"]--; c.Sent["aws"]++ }, "sent 6 events to aws, the ledger says 5"},
		{"events lost before the first hop", func(_ *Ledger, _ map[string]Verdict, c *Counts) { c.Hops[0].Received--; c.Hops[0].InFlight-- }, "ingest received 11 events of 12 sent"},
		{"more events than were sent and handed out again", func(_ *Ledger, _ map[string]Verdict, c *Counts) {
			c.Redelivered, c.Hops[0].Received, c.Hops[0].InFlight = 1, c.Hops[0].Received+2, c.Hops[0].InFlight+2
		}, "ingest received 14 events of 12 sent and at most 1 sent again"},
		{"a loss at a later hop", func(_ *Ledger, _ map[string]Verdict, c *Counts) { c.Hops[1].Received++ }, "reconcile received 11"},
		{"an unaccounted dead letter", func(_ *Ledger, _ map[string]Verdict, c *Counts) { c.DeadLetters["reconcile"]++ }, "2 dead letters were found that were not replayed, the ledger says 1"},
		{"a dead letter that is not there", func(_ *Ledger, _ map[string]Verdict, c *Counts) { c.DeadLetters = nil }, "0 dead letters were found"},
		{"nothing was counted", func(_ *Ledger, _ map[string]Verdict, c *Counts) { *c = Counts{} }, "no hop was counted"},
		{"an enabled class without a fact", func(l *Ledger, _ map[string]Verdict, _ *Counts) { l.Classes = append(l.Classes, "late") }, "class late is enabled but no fact"},
		{"a class that is not enabled", func(l *Ledger, _ map[string]Verdict, _ *Counts) { l.Classes = l.Classes[:2] }, "class malformed, which is not enabled"},
		{"a ledger that was cut off", func(l *Ledger, _ map[string]Verdict, _ *Counts) { l.Complete = false }, "has no end"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, verdicts, counts := perfect(t)
			test.harm(l, verdicts, &counts)
			r, err := Judge(l, each(verdicts), counts)
			require.NoError(t, err)
			require.False(t, r.OK)
			require.NotEmpty(t, r.Failures)
			out := text(t, r)
			require.Contains(t, out, test.want)
			require.NotContains(t, out, "all verdicts correct")
		})
	}
}

func set(verdicts map[string]Verdict, key string, change func(*Verdict)) {
	v := verdicts[key]
	change(&v)
	verdicts[key] = v
}

func TestAFlippedVerdictLowersPrecisionAndRecall(t *testing.T) {
	l, verdicts, counts := perfect(t)
	set(verdicts, "1", func(v *Verdict) { v.Status, v.Missing = "missing", []string{"aws"} })
	r, err := Judge(l, each(verdicts), counts)
	require.NoError(t, err)
	score := map[string]ClassScore{}
	for _, c := range r.Classes {
		score[c.Class] = *c
	}
	require.EqualValues(t, 0, score["healthy"].Recall)
	require.EqualValues(t, 0.5, score["missing"].Precision, "one of two verdicts missing is right")
	require.EqualValues(t, 1, score["missing"].Recall)
	require.EqualValues(t, 1, r.Confusion["matched"]["missing"])
}

func TestTheLastRevisionCounts(t *testing.T) {
	l, verdicts, counts := perfect(t)
	early := verdicts["1"]
	early.Status, early.Missing = "missing", []string{"aws"}
	verdicts["0"] = early
	set(verdicts, "1", func(v *Verdict) { v.Revision = 2 })
	late := early
	verdicts["5"] = late
	r, err := Judge(l, each(verdicts), counts)
	require.NoError(t, err)
	require.True(t, r.OK, r.Failures)
}

func TestOnlyTheFirstTwentyWrongFactsAreListed(t *testing.T) {
	l, verdicts, counts := perfect(t)
	for i := range 100 {
		key := fmt.Sprintf("x%02d", i)
		verdicts[key] = Verdict{ID: ID{"t", "paid", key}, Status: "matched"}
	}
	r, err := Judge(l, each(verdicts), counts)
	require.NoError(t, err)
	require.Len(t, r.WrongFacts, 20)
	require.EqualValues(t, 100, r.Wrong)
}

func TestAnErrorOfTheVerdictsIsReturned(t *testing.T) {
	l, _, counts := perfect(t)
	broken := errors.New("the store is gone")
	_, err := Judge(l, func(yield func(Verdict, error) bool) { yield(Verdict{}, broken) }, counts)
	require.ErrorIs(t, err, broken)
}

func TestALedgerCutOffIsIncompleteAndADamagedOneAnError(t *testing.T) {
	lines := strings.SplitAfter(strings.TrimSpace(ledgerText), "\n")
	require.False(t, readText(t, strings.Join(lines[:4], "")).Complete)
	cut := readText(t, strings.Join(lines[:4], "")+lines[4][:30])
	require.False(t, cut.Complete)
	require.Len(t, cut.Facts, 3)

	for name, bad := range map[string]string{
		"empty":                     "",
		"no header":                 lines[1],
		"another version":           strings.Replace(ledgerText, `"ledger":1`, `"ledger":2`, 1),
		"a broken line in it":       strings.Replace(ledgerText, lines[2], "{\"tenant\n", 1),
		"a line without a key":      strings.Replace(ledgerText, `"key":"1"`, `"key":""`, 1),
		"a fact is gone":            strings.Replace(ledgerText, lines[2], "", 1),
		"an event count is changed": strings.Replace(ledgerText, `"aws":1,"azure":1}`, `"aws":2,"azure":1}`, 1),
		"a line behind the end":     ledgerText + lines[1],
		"a wrong type":              strings.Replace(ledgerText, `"key":"1"`, `"key":1`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(strings.NewReader(bad))
			require.ErrorIs(t, err, ErrLedger)
		})
	}
}

func TestAReportWithFailuresSaysSoInItsLastLine(t *testing.T) {
	l, verdicts, counts := perfect(t)
	delete(verdicts, "1")
	r, err := Judge(l, each(verdicts), counts)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(text(t, r)), "\n")
	require.Equal(t, "FAILED: 1 failure", lines[len(lines)-1])
}

func FuzzRead(f *testing.F) {
	f.Add(ledgerText)
	f.Add(`{"ledger":1}` + "\n" + `{"end":true,"facts":0,"malformed_events":0}`)
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Read(strings.NewReader(text))
		if err != nil {
			require.Nil(t, l)
			return
		}
		for i := range l.Facts {
			require.NotEmpty(t, l.Facts[i].Key)
		}
		r, err := Judge(l, func(func(Verdict, error) bool) {}, Counts{})
		require.NoError(t, err)
		require.False(t, r.OK, "nothing was counted")
	})
}

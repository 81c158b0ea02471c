package engine

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var layoutStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

type collected []*Verdict

func (c *collected) Verdict(v *Verdict) { *c = append(*c, v) }

// member returns a member of the last verdict's JSON.
func (c collected) member(t *testing.T, name string) string {
	t.Helper()
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(c[len(c)-1].JSON, &members))
	return string(members[name])
}

func pairEngine(t *testing.T, window time.Duration) (*Engine, *collected) {
	t.Helper()
	sink := &collected{}
	e, err := New(Config{State: true, MaxAhead: 24 * time.Hour, Expectations: []Expectation{{
		Name: "orders", Expect: []string{"aws", "gcp"}, Window: window, Compare: []Compare{{Field: "data.note"}},
	}}}, sink)
	require.NoError(t, err)
	return e, sink
}

func applyAt(t *testing.T, e *Engine, cloud, key, id, note string, at time.Duration) {
	t.Helper()
	doc := fmt.Appendf(nil, `{"id":%q,"source":"/s","type":"t","time":%q,"cloud":%q,"correlationid":%q,"data":{"note":%q}}`,
		id, layoutStart.Add(at).Format(time.RFC3339Nano), cloud, key, note)
	out := e.Apply(doc, 1, layoutStart.UnixNano())
	require.Equal(t, ReasonNone, out.Reason, "%v", out.Err)
}

func TestTheTableFindsWhatIsInIt(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var facts cells
	var found table
	in := map[factRef]bool{}
	for range 200_000 {
		if len(in) < 5_000 || random.IntN(100) < 52 {
			ref, c := facts.alloc()
			// Few different bits: long runs, and gaps that close around the end.
			c.hash1, c.hash2 = random.Uint64()&0xffff_8000_0000_0003|uint64(ref)<<40, uint64(ref)
			found.insert(c.hash1, ref)
			in[ref] = true
			continue
		}
		for ref := range in {
			c := facts.at(ref)
			require.Equal(t, ref, found.find(&facts, c.hash1, c.hash2))
			found.remove(c.hash1, ref)
			require.Zero(t, found.find(&facts, c.hash1, c.hash2))
			facts.release(ref)
			delete(in, ref)
			break
		}
	}
	for ref := range in {
		c := facts.at(ref)
		require.Equal(t, ref, found.find(&facts, c.hash1, c.hash2))
	}
	require.Zero(t, found.find(&facts, 42, 42))
}

func TestRecordsOfEverySizeAreReadBackAsTheyWereWritten(t *testing.T) {
	for _, size := range []int{1, 60, 95, 100, 105, 110, 127, 128, 129, 300, 16_383, 16_384, 70_000} {
		e, sink := pairEngine(t, time.Minute)
		long := strings.Repeat("x", size)
		applyAt(t, e, "aws", long, "1"+long, "short", 0)
		applyAt(t, e, "edge", long, "2"+long, long, 0) // nobody expects it
		applyAt(t, e, "aws", long, "3", long, time.Second)
		applyAt(t, e, "aws", long, "4"+long, "short", 2*time.Second)
		applyAt(t, e, "gcp", long, "5", long, 0)
		require.Len(t, *sink, 1, "size %d", size)
		require.Equal(t, `["edge"]`, sink.member(t, "unexpected"))
		require.Equal(t, `{"aws":2}`, sink.member(t, "conflicts"))
		require.Contains(t, sink.member(t, "events"), `"4`+long+`"`)
		require.Contains(t, sink.member(t, "diffs"), `{"aws":"short","gcp":"`+long+`"}`)
	}
}

func TestTimesThatADeadlineDoesNotTellAreKept(t *testing.T) {
	e, sink := pairEngine(t, time.Minute)
	applyAt(t, e, "aws", "a", "1", "same", 30*time.Second)
	require.Empty(t, e.apart, "an event within its window needs no times of its own")
	applyAt(t, e, "aws", "a", "2", "same", 80*time.Second)
	require.Empty(t, e.apart)
	applyAt(t, e, "aws", "a", "0", "same", 10*time.Second) // the deadline is now at 70 s, before the latest event
	require.Len(t, e.apart, 1)
	applyAt(t, e, "gcp", "a", "1", "same", 20*time.Second)
	require.Equal(t, `"2026-01-01T00:00:10Z"`, sink.member(t, "opened_at"))
	require.Equal(t, `"2026-01-01T00:01:10Z"`, sink.member(t, "deadline"))
	require.Equal(t, layoutStart.Add(80*time.Second).UnixNano(), e.end(e.cells.at(1)))

	other, corrected := pairEngine(t, time.Hour) // the window has changed since
	_, err := other.RestoreClosed((*sink)[0].State, nil)
	require.NoError(t, err)
	require.Equal(t, layoutStart.Add(80*time.Second).UnixNano(), other.end(other.cells.at(1)))
	applyAt(t, other, "gcp", "a", "9", "other", 30*time.Second)
	require.Equal(t, `"mismatched"`, corrected.member(t, "status"))
	require.Equal(t, `"2026-01-01T00:00:10Z"`, corrected.member(t, "opened_at"))
	require.Equal(t, `"2026-01-01T00:01:10Z"`, corrected.member(t, "deadline"))

	for _, cloud := range []string{"aws", "gcp"} {
		applyAt(t, other, cloud, "b", "b", "same", 3*time.Hour)
	}
	other.Expire(100, 0)
	require.EqualValues(t, 1, other.Stats().Forgotten)
	require.Empty(t, other.apart, "what is forgotten leaves no times behind")
}

// A process runs for months: what is told of a fact's last event must not stand
// still when the 32 bits of its milliseconds are used up.
func TestTheLastEventIsToldHoweverLongTheProcessRuns(t *testing.T) {
	const day = 24 * time.Hour
	for _, up := range []time.Duration{0, 49 * day, 50 * day, 99*day + 9*time.Hour, 400 * day} {
		e, sink := pairEngine(t, time.Minute)
		apply := func(cloud string, at time.Duration) {
			now := layoutStart.Add(at)
			doc := fmt.Appendf(nil, `{"id":"1","source":"/s","type":"t","time":%q,"cloud":%q,"correlationid":"%d","data":{}}`, now.Format(time.RFC3339Nano), cloud, at/day)
			require.Equal(t, ReasonNone, e.Apply(doc, 1, now.UnixNano()).Reason)
		}
		e.Apply([]byte(`{"id":"0","source":"/s","type":"t","time":"2026-01-01T00:00:00Z","cloud":"aws","correlationid":"first"}`), 1, layoutStart.UnixNano())
		apply("aws", up)
		apply("gcp", up+time.Second)
		last := (*sink)[len(*sink)-1]
		require.Equal(t, Matched, last.Status)
		require.Equal(t, layoutStart.Add(up+time.Second).UnixNano(), last.LastEvent, "after %v", up)
	}
	// Restored and corrected before any event came: nothing is known.
	e, _ := pairEngine(t, time.Minute)
	require.Zero(t, e.lastEvent(&cell{}, layoutStart.UnixNano()))
	// A clock that was set back is no reason for 49 days.
	e.base = layoutStart.UnixNano()
	c := &cell{}
	e.stamp(c, 1, layoutStart.Add(time.Minute).UnixNano())
	require.Equal(t, layoutStart.Add(time.Minute).UnixNano(), e.lastEvent(c, layoutStart.UnixNano()))
	e.stamp(c, 1, layoutStart.Add(-time.Minute).UnixNano())
	require.Equal(t, layoutStart.Add(-time.Minute).UnixNano(), e.lastEvent(c, layoutStart.Add(time.Minute).UnixNano()))
}

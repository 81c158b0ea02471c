package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// scripted is a target that answers as a test says.
type scripted struct {
	limit  limits
	in     string
	answer func(call int, batch []entry) ([]*refusal, error)
	calls  [][]string // ids of each request
}

func (s *scripted) name() string   { return "scripted" }
func (s *scripted) cloud() string  { return s.in }
func (s *scripted) limits() limits { return s.limit }
func (s *scripted) close()         {}
func (s *scripted) encode(e *Event) (entry, error) {
	return entry{event: e, size: len(e.Data)}, nil
}

func (s *scripted) send(_ context.Context, batch []entry) ([]*refusal, error) {
	var ids []string
	for _, e := range batch {
		ids = append(ids, e.event.ID)
	}
	s.calls = append(s.calls, ids)
	if s.answer == nil {
		return nil, nil
	}
	return s.answer(len(s.calls), batch)
}

func some(ids ...string) (events []*Event) {
	for i, id := range ids {
		events = append(events, &Event{Place: fmt.Sprintf("line %d", i+1), ID: id, Source: "s", Type: "t", Data: []byte(`{"n":1}`)})
	}
	return events
}

func publisher(targets ...target) (*Publisher, *[]time.Duration) {
	p, pauses := newPublisher(targets...), &[]time.Duration{}
	p.Wait = func(_ context.Context, d time.Duration) error { *pauses = append(*pauses, d); return nil }
	return p, pauses
}

var wide = limits{entries: 10, bytes: 1000, each: 500}

func TestOnlyTheEntriesThatWereRefusedAreSentAgain(t *testing.T) {
	s := &scripted{limit: wide, answer: func(call int, batch []entry) ([]*refusal, error) {
		refused := make([]*refusal, len(batch))
		for i, e := range batch {
			switch {
			case e.event.ID == "never":
				refused[i] = &refusal{code: "MalformedDetail", text: "no"}
			case e.event.ID == "busy", e.event.ID == "slow" && call < 3:
				refused[i] = &refusal{code: "ThrottlingException", text: "wait", remedy: later}
			}
		}
		return refused, nil
	}}
	p, pauses := publisher(s)
	require.NoError(t, p.Publish(t.Context(), some("a", "never", "slow", "busy", "b")))
	require.Equal(t, [][]string{{"a", "never", "slow", "busy", "b"}, {"slow", "busy"}, {"slow", "busy"}, {"busy"}, {"busy"}}, s.calls)
	require.Equal(t, []time.Duration{200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, 1600 * time.Millisecond}, *pauses)
	c := p.Summary().Targets[0]
	require.Equal(t, []int{3, 2, 6, 5}, []int{c.Sent, c.Refused.Count, c.Retried, c.Requests})
	require.Equal(t, []string{"line 2"}, c.Refused.Reasons[0].Places)
	require.False(t, p.Summary().Complete())
}

func TestBatchesKeepTheLimitsOfCountAndBytes(t *testing.T) {
	s := &scripted{limit: limits{entries: 3, bytes: 20, each: 40}}
	p, _ := publisher(s)
	events := some("a", "b", "c", "d", "large", "larger")
	events[4].Data = []byte(strings.Repeat("x", 40)) // alone, though above the limit of a batch
	events[5].Data = []byte(strings.Repeat("x", 41))
	require.NoError(t, p.Publish(t.Context(), events))
	require.Equal(t, [][]string{{"a", "b"}, {"c", "d"}, {"large"}}, s.calls)
	require.Contains(t, p.Summary().Targets[0].Refused.Reasons[0].Why, "41 bytes are more than the 40")

	s = &scripted{limit: limits{entries: 3, bytes: 1000, each: 40}}
	p, _ = publisher(s)
	require.NoError(t, p.Publish(t.Context(), some("a", "b", "c", "d")))
	require.Equal(t, [][]string{{"a", "b", "c"}, {"d"}}, s.calls)
}

func TestABatchThatIsRefusedForOneEntryIsHalvedUntilItIsFound(t *testing.T) {
	s := &scripted{limit: wide, answer: func(_ int, batch []entry) ([]*refusal, error) {
		for _, e := range batch {
			if e.event.ID == "bad" {
				return nil, &refusal{code: "400", text: "bad request", remedy: smaller}
			}
		}
		return nil, nil
	}}
	p, _ := publisher(s)
	require.NoError(t, p.Publish(t.Context(), some("a", "b", "c", "bad", "d", "e")))
	c := p.Summary().Targets[0]
	require.Equal(t, []int{5, 1}, []int{c.Sent, c.Refused.Count})
	require.Equal(t, []string{"line 4"}, c.Refused.Reasons[0].Places)
	require.Zero(t, c.Retried)
}

func TestWithoutThePermissionNothingMoreIsSentThere(t *testing.T) {
	denied := &scripted{limit: wide, in: "aws", answer: func(int, []entry) ([]*refusal, error) {
		return nil, &refusal{code: "AccessDenied", text: "no", advice: "allow it", remedy: stop}
	}}
	fine := &scripted{limit: wide, in: "gcp"}
	p, _ := publisher(denied, fine)
	require.NoError(t, p.Publish(t.Context(), some("a")))
	require.NoError(t, p.Publish(t.Context(), some("b")))
	require.Len(t, denied.calls, 1)
	require.Len(t, fine.calls, 2)
	require.Equal(t, 2, p.Summary().Targets[0].Refused.Count)

	alone, _ := publisher(&scripted{limit: wide, answer: denied.answer})
	require.ErrorIs(t, alone.Publish(t.Context(), some("a")), ErrStopped)
}

func TestALostConnectionIsTriedAgainAndCounted(t *testing.T) {
	s := &scripted{limit: wide, answer: func(call int, _ []entry) ([]*refusal, error) {
		if call == 1 {
			return nil, errors.New("connection reset")
		}
		return nil, nil
	}}
	p, _ := publisher(s)
	require.NoError(t, p.Publish(t.Context(), some("a", "b")))
	require.Equal(t, []int{2, 2}, []int{p.Summary().Targets[0].Sent, p.Summary().Targets[0].Retried})
}

func TestAnInterruptionLosesNoEventFromTheSummary(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &scripted{limit: wide, answer: func(int, []entry) ([]*refusal, error) {
		cancel()
		return nil, context.Canceled
	}}
	p, _ := publisher(s)
	require.ErrorIs(t, p.Publish(ctx, some("a", "b")), context.Canceled)
	c := p.Summary().Targets[0]
	require.Equal(t, []int{0, 2}, []int{c.Sent, c.Refused.Count})
	require.Contains(t, c.Refused.Reasons[0].Why, "it may have been taken")
}

func TestAnEventGoesToTheTargetsOfItsCloud(t *testing.T) {
	aws, gcp := &scripted{limit: wide, in: "aws"}, &scripted{limit: wide, in: "gcp"}
	events := some("a", "g", "z", "any", "other")
	events[0].Cloud, events[1].Cloud, events[2].Cloud, events[4].Cloud = "aws", "gcp", "azure", "edge"
	p, _ := publisher(aws, gcp)
	require.NoError(t, p.Publish(t.Context(), events))
	require.Equal(t, [][]string{{"a", "any", "other"}}, aws.calls)
	require.Equal(t, [][]string{{"g", "any", "other"}}, gcp.calls)
	require.Equal(t, 1, p.Summary().Elsewhere)

	all := &scripted{limit: wide, in: "aws"}
	p, _ = publisher(all)
	p.Everywhere = true
	require.NoError(t, p.Publish(t.Context(), events))
	require.Equal(t, [][]string{{"a", "g", "z", "any", "other"}}, all.calls)
}

func TestLinesAreReadAndWhatIsNoEventIsNamed(t *testing.T) {
	now := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	text := strings.Join([]string{
		`{"specversion":"1.0","id":"1","source":"s","type":"t","time":"2026-11-23T10:00:00.5+01:00","subject":"o-1","data":{"amount":10.00},"cloud":"aws","tenant":"acme","correlationid":"o-1","ingesttime":"2026-11-23T10:00:00Z","heliosformat":"sqs","traceparent":"00-1","n":7}`,
		``, `nonsense`, `{"specversion":"0.3","id":"1"}`, `{"specversion":"1.0","id":"","source":"s","type":"t","data":{}}`,
		`{"specversion":"1.0","id":"2","source":"s","type":"t","data":"text"}`, `{"specversion":"1.0","id":"2","source":"s","type":"t","time":"now","data":{}}`,
		`{"specversion":"1.0","id":5,"source":"s","type":"t","data":{}}`,
		strings.Repeat("x", maxLine+2),
		`{"specversion":"1.0","id":"3","source":"s","type":"t","data":{}}`,
	}, "\n")
	var got []*Event
	bad := map[string]string{}
	require.NoError(t, Read(strings.NewReader(text), func() time.Time { return now }, func(e []*Event) error { got = append(got, e...); return nil },
		func(place string, err error) { bad[place] = err.Error() }))
	require.Len(t, got, 2)
	require.Equal(t, "line 1", got[0].Place)
	require.Equal(t, `{"amount":10.00}`, string(got[0].Data), "byte for byte")
	require.Equal(t, []Extension{{"n", "7"}, {"traceparent", "00-1"}}, got[0].Extensions)
	require.Equal(t, now, got[1].Time)
	require.Equal(t, "line 10", got[1].Place)
	require.Len(t, bad, 7)
	require.Contains(t, bad["line 4"], `specversion is "0.3"`)
	require.Contains(t, bad["line 6"], "an object is required")
	require.Contains(t, bad["line 9"], "which no cloud takes")
}

func TestTheSummaryNamesReasonsAndPlaces(t *testing.T) {
	s := &Summary{Events: 9, Elsewhere: 1, Targets: []*Counts{{Target: "bus", Sent: 2, Requests: 1, Bytes: 10, Unkeyed: 2}}}
	for i := range 7 {
		s.Targets[0].refuse(fmt.Sprintf("line %d", i), "Throttling: \x1b[2Jwait")
	}
	var b strings.Builder
	require.NoError(t, s.Write(&b))
	require.Contains(t, b.String(), "bus     2     7        0        1         10")
	require.Contains(t, b.String(), `bus refused: 7 × Throttling: \x1b[2Jwait (line 0, line 1, line 2, line 3, line 4, …)`)
	require.Contains(t, b.String(), "2 events hold nothing at data.order_id")
	require.Contains(t, b.String(), "1 event is of a cloud that no target is in")
}

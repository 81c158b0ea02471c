package live

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var start = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

func TestABudgetForOrdinaryVerdictsCrowdsOutNoOther(t *testing.T) {
	s := newSubscription(Filter{}, 8, start)
	for range 1000 {
		s.offer(&Item{Group: "matched", Ordinary: true, JSON: []byte("{}")}, start)
	}
	require.Equal(t, kept, s.offer(&Item{Group: "missing", JSON: []byte("{}")}, start))
	b := s.Take()
	require.Len(t, b.Items, 3, "a quarter of a second's items, and the other one")
	require.EqualValues(t, 998, b.Sampled)
	require.Equal(t, map[string]int64{"matched": 1000, "missing": 1}, b.Counts)
	next := s.Take()
	require.True(t, next.Empty())
}

func TestABudgetGrowsWithTime(t *testing.T) {
	s := newSubscription(Filter{}, 10, start)
	shown := 0
	for i := range 1000 { // ten seconds, a hundred a second
		if s.offer(&Item{JSON: []byte("{}")}, start.Add(time.Duration(i)*10*time.Millisecond)) == kept {
			shown++
		}
	}
	require.InDelta(t, 100, shown, 5)
}

func TestWhatWaitsForASubscriberIsBounded(t *testing.T) {
	s := newSubscription(Filter{}, 0, start)
	for i := range 3 * maxPending {
		s.offer(&Item{Group: strconv.Itoa(i), JSON: []byte(`{}`)}, start)
	}
	b := s.Take()
	require.Len(t, b.Items, maxPending)
	require.EqualValues(t, 2*maxPending, b.Dropped)
	require.Len(t, b.Counts, maxGroups+1, "the names of clouds are bounded too")

	large := []byte(`"` + strings.Repeat("x", maxItemBytes-2) + `"`)
	for range 100 {
		s.offer(&Item{JSON: large}, start)
	}
	require.Equal(t, sampled, s.offer(&Item{JSON: append(large, ' ')}, start), "too large to be sent")
	b = s.Take()
	require.LessOrEqual(t, len(b.Items)*len(large), maxPendingBytes)
	require.Positive(t, b.Dropped)
}

func TestVerdictsAreFoundByTheCloudsAtFault(t *testing.T) {
	r := &reader{stream: Verdicts}
	item, err := r.read([]byte(`{"tenant":"acme","type":"com.example.order.paid","status":"mismatched","revision":1,"missing":["gcp"],"stalled":[],"diffs":[{"field":"data.amount","outliers":["azure","gcp"]}]}`))
	require.NoError(t, err)
	require.Equal(t, []string{"azure", "gcp"}, item.Clouds)
	require.False(t, item.Ordinary)
	for f, matches := range map[*Filter]bool{
		{}: true, {Cloud: "azure"}: true, {Cloud: "aws"}: false, {Type: "com.*.paid"}: true, {Type: "com.example"}: false,
		{Groups: []string{"missing", "mismatched"}}: true, {Groups: []string{"matched"}}: false, {Tenant: "acm"}: false,
	} {
		require.Equal(t, matches, f.matches(item), "%+v", f)
	}
	item, err = r.read([]byte(`{"status":"matched","revision":2}`))
	require.NoError(t, err)
	require.False(t, item.Ordinary, "a correction is worth seeing")
	_, err = r.read([]byte(`{"status":`))
	require.Error(t, err)
}

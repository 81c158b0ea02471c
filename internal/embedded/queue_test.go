package embedded

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// steppedClock is moved by the test alone.
type steppedClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *steppedClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *steppedClock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func queueOf(bodies ...string) (*queue[string], *steppedClock) {
	clock := &steppedClock{at: time.Unix(1000, 0)}
	q := newQueue[string](clock.now)
	for _, b := range bodies {
		q.add(b, "")
	}
	return q, clock
}

func bodiesOf(ds []delivery[string]) (out []string) {
	for _, d := range ds {
		out = append(out, d.content)
	}
	return out
}

func TestAReceivedMessageIsHiddenUntilItsTimeoutAndThenComesBack(t *testing.T) {
	q, clock := queueOf("a", "b", "c")
	first := q.receive(t.Context(), 2, 10*time.Second, 0)
	require.Equal(t, []string{"a", "b"}, bodiesOf(first))
	require.Equal(t, []string{"c"}, bodiesOf(q.receive(t.Context(), 10, 20*time.Second, 0)))
	clock.step(9 * time.Second)
	require.Empty(t, q.receive(t.Context(), 10, time.Second, 0))
	require.True(t, q.remove(first[0].handle))
	clock.step(time.Second)
	again := q.receive(t.Context(), 10, time.Minute, 0)
	require.Equal(t, []string{"b"}, bodiesOf(again))
	require.Equal(t, 2, again[0].count)
	require.EqualValues(t, 1, q.deliveredAgain())
	require.EqualValues(t, 2, q.held())
}

func TestAnOldReceiptHandleDeletesNothing(t *testing.T) {
	q, clock := queueOf("a")
	old := q.receive(t.Context(), 1, time.Second, 0)[0].handle
	clock.step(time.Second)
	latest := q.receive(t.Context(), 1, time.Second, 0)[0].handle
	require.True(t, q.remove(old), "as in SQS, it is no error")
	require.EqualValues(t, 1, q.held())
	require.True(t, q.remove(latest))
	require.Zero(t, q.held())
	require.False(t, q.remove("nonsense"))
}

func TestVisibilityCanBeProlongedAndGivenUp(t *testing.T) {
	q, clock := queueOf("a")
	handle := q.receive(t.Context(), 1, time.Second, 0)[0].handle
	require.True(t, q.hide(handle, time.Minute))
	clock.step(59 * time.Second)
	require.Empty(t, q.receive(t.Context(), 1, time.Second, 0))
	require.True(t, q.hide(handle, 0))
	require.Len(t, q.receive(t.Context(), 1, time.Second, 0), 1)
	require.False(t, q.hide(handle, time.Minute), "the handle is an old one")
}

func TestAnExpiredMessageThatIsDeletedIsNotHandedOut(t *testing.T) {
	q, clock := queueOf("a")
	handle := q.receive(t.Context(), 1, time.Second, 0)[0].handle
	clock.step(time.Second)
	visible, hidden := q.sizes()
	require.Equal(t, [2]int{0, 1}, [2]int{visible, hidden})
	require.True(t, q.remove(handle))
	require.Empty(t, q.receive(t.Context(), 1, time.Second, 0))
	visible, hidden = q.sizes()
	require.Equal(t, [2]int{0, 0}, [2]int{visible, hidden})
}

func TestALongPollEndsWithTheFirstMessageOrItsContext(t *testing.T) {
	q := newQueue[string](time.Now)
	got := make(chan []delivery[string])
	go func() { got <- q.receive(t.Context(), 10, time.Minute, time.Minute) }()
	q.add("a", "")
	q.add("b", "")
	q.announce()
	require.Equal(t, []string{"a", "b"}, bodiesOf(<-got))

	ctx, cancel := context.WithCancel(t.Context())
	go func() { got <- q.receive(ctx, 1, time.Minute, time.Minute) }()
	cancel()
	require.Empty(t, <-got)
}

func TestMessagesWithOneKeyComeOneAfterTheOther(t *testing.T) {
	clock := &steppedClock{at: time.Unix(1000, 0)}
	q := newQueue[string](clock.now)
	for _, content := range []string{"a1", "b1", "a2", "a3"} {
		q.add(content, content[:1])
	}
	first := q.receive(t.Context(), 10, time.Second, 0)
	require.Equal(t, []string{"a1", "b1"}, bodiesOf(first))
	require.False(t, q.hide("m-3#0", 0), "nobody has received it")
	clock.step(time.Second)
	again := q.receive(t.Context(), 10, time.Minute, 0)
	require.ElementsMatch(t, []string{"a1", "b1"}, bodiesOf(again), "what came back goes before what waits")
	for _, d := range again {
		require.True(t, q.remove(d.handle))
	}
	second := q.receive(t.Context(), 10, time.Minute, 0)
	require.Equal(t, []string{"a2"}, bodiesOf(second))
	require.True(t, q.remove(second[0].handle))
	third := q.receive(t.Context(), 10, time.Minute, 0)
	require.Equal(t, []string{"a3"}, bodiesOf(third))
	require.True(t, q.remove(third[0].handle))
	require.Empty(t, q.lines)
	q.add("a4", "a")
	require.Len(t, q.receive(t.Context(), 10, time.Minute, 0), 1)
}

func TestATakerHoldsNoMoreThanItsLimit(t *testing.T) {
	q, clock := queueOf("a", "b", "c", "d", "e")
	one := &taker{limit: 2}
	first, _, _ := q.take(10, time.Minute, one)
	require.Equal(t, []string{"a", "b"}, bodiesOf(first))
	none, _, _ := q.take(10, time.Minute, one)
	require.Empty(t, none)
	require.True(t, q.remove(first[0].handle))
	next, _, _ := q.take(10, time.Minute, one)
	require.Equal(t, []string{"c"}, bodiesOf(next))
	require.True(t, q.hide(next[0].handle, 0))
	next, _, _ = q.take(10, time.Second, one)
	require.Equal(t, []string{"d"}, bodiesOf(next))
	clock.step(time.Minute)
	next, _, _ = q.take(10, time.Minute, &taker{limit: 10})
	require.Len(t, next, 4, "all has expired")
	require.Zero(t, one.holds)
}

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

func queueOf(bodies ...string) (*queue, *steppedClock) {
	clock := &steppedClock{at: time.Unix(1000, 0)}
	q := newQueue(clock.now)
	for _, b := range bodies {
		q.add(b, nil)
	}
	return q, clock
}

func bodiesOf(ds []delivery) (out []string) {
	for _, d := range ds {
		out = append(out, d.body)
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
	q := newQueue(time.Now)
	got := make(chan []delivery)
	go func() { got <- q.receive(t.Context(), 10, time.Minute, time.Minute) }()
	q.add("a", nil)
	q.add("b", nil)
	q.announce()
	require.Equal(t, []string{"a", "b"}, bodiesOf(<-got))

	ctx, cancel := context.WithCancel(t.Context())
	go func() { got <- q.receive(ctx, 1, time.Minute, time.Minute) }()
	cancel()
	require.Empty(t, <-got)
}

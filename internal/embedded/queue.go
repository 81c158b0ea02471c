package embedded

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"
)

// defaultVisibility is what a queue of SQS has unless told otherwise.
const defaultVisibility = 30 * time.Second

// queue holds messages as a standard queue of SQS and a subscription of Pub/Sub do:
// what is received is hidden until its visibility timeout is over, and comes back
// unless it was deleted by then. C is what a message holds.
type queue[C any] struct {
	now func() time.Time

	mu      sync.Mutex
	next    int64
	all     map[string]*queued[C] // by id, until deleted
	visible []*queued[C]          // in order; those deleted or received meanwhile are skipped
	ready   int                   // how many of visible count
	// lines holds, for each key of which a message is not deleted, those after it.
	lines map[string][]*queued[C]
	// expiry is no later than the first timeout of what is hidden.
	expiry time.Time
	again  int64
	wake   chan struct{} // closed when something becomes visible
}

type queued[C any] struct {
	id, key string
	content C
	sent    time.Time
	count   int // deliveries so far
	hidden  bool
	until   time.Time // when hidden
	taker   *taker    // who received it last, when hidden
	deleted bool
}

// taker is a receiver that holds no more than limit messages at a time.
type taker struct{ limit, holds int }

// delivery is a message as it was received once.
type delivery[C any] struct {
	queued[C]
	handle string
}

func newQueue[C any](now func() time.Time) *queue[C] {
	return &queue[C]{now: now, all: map[string]*queued[C]{}, lines: map[string][]*queued[C]{}, wake: make(chan struct{})}
}

// add makes a message visible to the next receive; those that wait already are to
// be woken with announce, once for all messages of a call. A message with a key
// waits until those before it with the same key are deleted.
func (q *queue[C]) add(content C, key string) *queued[C] {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next++
	m := &queued[C]{id: "m-" + strconv.FormatInt(q.next, 10), key: key, content: content, sent: q.now()}
	q.all[m.id] = m
	if key != "" {
		line, waits := q.lines[key]
		if waits {
			q.lines[key] = append(line, m)
			return m
		}
		q.lines[key] = nil
	}
	q.show(m)
	return m
}

// show makes a message visible.
func (q *queue[C]) show(m *queued[C]) {
	q.release(m)
	m.hidden = false
	q.visible = append(q.visible, m)
	q.ready++
}

// release has a message's receiver hold one less.
func (q *queue[C]) release(m *queued[C]) {
	if m.taker != nil {
		m.taker.holds--
		m.taker = nil
	}
}

// announce wakes those that wait for messages.
func (q *queue[C]) announce() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wakeAll()
}

func (q *queue[C]) wakeAll() {
	if q.ready > 0 {
		close(q.wake)
		q.wake = make(chan struct{})
	}
}

// receive returns up to most messages; none only after the wait.
func (q *queue[C]) receive(ctx context.Context, most int, visibility, wait time.Duration) []delivery[C] {
	over := q.now().Add(wait)
	for {
		out, wake, expiry := q.take(most, visibility, nil)
		left := over.Sub(q.now())
		if len(out) > 0 || left <= 0 {
			return out
		}
		if !expiry.IsZero() {
			left = min(left, max(time.Millisecond, expiry.Sub(q.now())))
		}
		timer := time.NewTimer(left)
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// take returns up to most messages, no more than the taker may hold beside those
// that it holds, if there is one; none when none is visible.
func (q *queue[C]) take(most int, visibility time.Duration, by *taker) (out []delivery[C], wake <-chan struct{}, expiry time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	q.showExpired(now)
	if by != nil {
		most = min(most, by.limit-by.holds)
	}
	for len(out) < most && len(q.visible) > 0 {
		m := q.visible[0]
		q.visible[0], q.visible = nil, q.visible[1:]
		if m.deleted {
			continue
		}
		q.ready--
		m.count++
		if m.count > 1 {
			q.again++
		}
		q.conceal(m, now.Add(visibility))
		if m.taker = by; by != nil {
			by.holds++
		}
		out = append(out, delivery[C]{queued: *m, handle: m.id + "#" + strconv.Itoa(m.count)})
	}
	return out, q.wake, q.expiry
}

func (q *queue[C]) conceal(m *queued[C], until time.Time) {
	m.hidden, m.until = true, until
	if q.expiry.IsZero() || until.Before(q.expiry) {
		q.expiry = until
	}
}

// showExpired looks at all that is hidden only when one may have expired.
func (q *queue[C]) showExpired(now time.Time) {
	if q.expiry.IsZero() || now.Before(q.expiry) {
		return
	}
	q.expiry = time.Time{}
	for _, m := range q.all {
		switch {
		case !m.hidden:
		case now.Before(m.until):
			q.conceal(m, m.until)
		default:
			q.show(m)
		}
	}
	q.wakeAll()
}

// remove deletes by receipt handle. With the handle of an earlier delivery it
// does nothing, and neither is that an error, as in SQS.
func (q *queue[C]) remove(handle string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	m, known := q.find(handle)
	if m == nil {
		return known
	}
	m.deleted = true
	q.release(m)
	if !m.hidden {
		q.ready--
	}
	delete(q.all, m.id)
	q.advance(m.key)
	return true
}

// advance makes the next message of a key visible.
func (q *queue[C]) advance(key string) {
	if key == "" {
		return
	}
	line := q.lines[key]
	if len(line) == 0 {
		delete(q.lines, key)
		return
	}
	q.lines[key] = line[1:]
	q.show(line[0])
}

// hide sets the time for which a received message stays hidden; 0 shows it.
func (q *queue[C]) hide(handle string, d time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	m, _ := q.find(handle)
	if m == nil || !m.hidden {
		return false
	}
	if d <= 0 {
		q.show(m)
		q.wakeAll()
		return true
	}
	q.conceal(m, q.now().Add(d))
	return true
}

// find returns the message of its latest handle, and whether a handle is one
// that this queue may have given out.
func (q *queue[C]) find(handle string) (m *queued[C], known bool) {
	id, count, ok := strings.Cut(handle, "#")
	if !ok || !strings.HasPrefix(id, "m-") {
		return nil, false
	}
	if m = q.all[id]; m == nil || m.count == 0 || strconv.Itoa(m.count) != count {
		return nil, true
	}
	return m, true
}

func (q *queue[C]) held() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return int64(len(q.all))
}

func (q *queue[C]) sizes() (visible, hidden int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ready, len(q.all) - q.ready
}

func (q *queue[C]) deliveredAgain() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.again
}

package embedded

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"
)

// defaultVisibility is what a queue of SQS has unless told otherwise.
const defaultVisibility = 30 * time.Second

// queue holds messages as a standard queue of SQS does: what is received is
// hidden until its visibility timeout is over, and comes back unless it was
// deleted by then.
type queue struct {
	now func() time.Time

	mu      sync.Mutex
	next    int64
	all     map[string]*queued // by id, until deleted
	visible []*queued          // in order; those deleted or received meanwhile are skipped
	ready   int                // how many of visible count
	// expiry is no later than the first timeout of what is hidden.
	expiry time.Time
	again  int64
	wake   chan struct{} // closed when something becomes visible
}

type queued struct {
	id, body   string
	attributes json.RawMessage
	sent       time.Time
	count      int // deliveries so far
	hidden     bool
	until      time.Time // when hidden
	deleted    bool
}

// delivery is a message as it was received once.
type delivery struct {
	queued
	handle string
}

func newQueue(now func() time.Time) *queue {
	return &queue{now: now, all: map[string]*queued{}, wake: make(chan struct{})}
}

// add makes a message visible to the next receive; those that wait already are to
// be woken with announce, once for all messages of a call.
func (q *queue) add(body string, attributes json.RawMessage) *queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next++
	m := &queued{id: "m-" + strconv.FormatInt(q.next, 10), body: body, attributes: attributes, sent: q.now()}
	q.all[m.id] = m
	q.show(m)
	return m
}

// show makes a message visible.
func (q *queue) show(m *queued) {
	m.hidden = false
	q.visible = append(q.visible, m)
	q.ready++
}

// announce wakes those that wait for messages.
func (q *queue) announce() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wakeAll()
}

func (q *queue) wakeAll() {
	if q.ready > 0 {
		close(q.wake)
		q.wake = make(chan struct{})
	}
}

// receive returns up to most messages; none only after the wait.
func (q *queue) receive(ctx context.Context, most int, visibility, wait time.Duration) []delivery {
	over := q.now().Add(wait)
	for {
		out, wake, expiry := q.take(most, visibility)
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

func (q *queue) take(most int, visibility time.Duration) (out []delivery, wake <-chan struct{}, expiry time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	q.showExpired(now)
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
		out = append(out, delivery{queued: *m, handle: m.id + "#" + strconv.Itoa(m.count)})
	}
	return out, q.wake, q.expiry
}

func (q *queue) conceal(m *queued, until time.Time) {
	m.hidden, m.until = true, until
	if q.expiry.IsZero() || until.Before(q.expiry) {
		q.expiry = until
	}
}

// showExpired looks at all that is hidden only when one may have expired.
func (q *queue) showExpired(now time.Time) {
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
func (q *queue) remove(handle string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	m, known := q.find(handle)
	if m == nil {
		return known
	}
	m.deleted = true
	if !m.hidden {
		q.ready--
	}
	delete(q.all, m.id)
	return true
}

// hide sets the time for which a received message stays hidden; 0 shows it.
func (q *queue) hide(handle string, d time.Duration) bool {
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
func (q *queue) find(handle string) (m *queued, known bool) {
	id, count, ok := strings.Cut(handle, "#")
	if !ok || !strings.HasPrefix(id, "m-") {
		return nil, false
	}
	if m = q.all[id]; m == nil || strconv.Itoa(m.count) != count {
		return nil, true
	}
	return m, true
}

func (q *queue) held() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return int64(len(q.all))
}

func (q *queue) sizes() (visible, hidden int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ready, len(q.all) - q.ready
}

func (q *queue) deliveredAgain() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.again
}

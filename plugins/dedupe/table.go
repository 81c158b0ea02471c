package dedupe

import "time"

// Terms are how long claims and confirmations hold.
type Terms struct {
	// Claim is how long a claim lives that its owner does not renew.
	Claim time.Duration
	// Confirm is how long a confirmed event is known.
	Confirm time.Duration
}

// Table is the memory of claims and confirmations. It is plain state with the
// clock passed in, which must not go back, and is not safe for concurrent use.
//
// It is the reference for what any backend must do.
type Table struct {
	terms   Terms
	maxKeys int
	entries map[Key]entry
	// In the order in which they were made, hence of their expiry, but for
	// renewed claims, which are put back at the end.
	claims, confirmed queue
}

type entry struct {
	owner   string // empty: confirmed
	expires time.Time
}

// NewTable returns a table that holds at most maxKeys keys: beyond, the oldest
// confirmations are forgotten early. Claims are never forgotten early.
func NewTable(terms Terms, maxKeys int) *Table {
	return &Table{terms: terms, maxKeys: maxKeys, entries: make(map[Key]entry)}
}

// Len returns how many keys are held.
func (t *Table) Len() int { return len(t.entries) }

// Claim takes the key for the owner, unless it is confirmed or claimed by
// another. Claiming again what one holds is fine and renews nothing.
func (t *Table) Claim(now time.Time, owner string, key Key) Answer {
	t.expire(now)
	if e, ok := t.entries[key]; ok {
		switch e.owner {
		case owner:
			return Claimed
		case "":
			return Confirmed
		}
		return Busy
	}
	t.entries[key] = entry{owner: owner, expires: now.Add(t.terms.Claim)}
	t.claims.push(key, now.Add(t.terms.Claim))
	t.compact(&t.claims)
	return Claimed
}

// Confirm makes the key known as durable. It does so whoever claims it by now:
// that the event is durable is a fact, and the owner that meets it hands on
// nothing that is not handed on already.
func (t *Table) Confirm(now time.Time, key Key) {
	t.entries[key] = entry{expires: now.Add(t.terms.Confirm)}
	t.confirmed.push(key, now.Add(t.terms.Confirm))
	t.expire(now)
	t.compact(&t.confirmed)
}

// Release gives up a claim, if the owner still has it.
func (t *Table) Release(owner string, key Key) {
	if e, ok := t.entries[key]; ok && e.owner == owner {
		delete(t.entries, key)
	}
}

// Renew gives a claim its full term again, if the owner still has it.
func (t *Table) Renew(now time.Time, owner string, key Key) {
	t.expire(now)
	if e, ok := t.entries[key]; ok && e.owner == owner {
		t.entries[key] = entry{owner: owner, expires: now.Add(t.terms.Claim)}
		t.claims.push(key, now.Add(t.terms.Claim))
		t.compact(&t.claims)
	}
}

// expire forgets what has expired, and confirmations beyond the bound.
func (t *Table) expire(now time.Time) {
	for !t.claims.empty() && !t.claims.first().expires.After(now) {
		t.forget(t.claims.pop())
	}
	for !t.confirmed.empty() && (len(t.entries) > t.maxKeys || !t.confirmed.first().expires.After(now)) {
		t.forget(t.confirmed.pop())
	}
}

// forget removes a key unless it was renewed, confirmed or claimed since.
func (t *Table) forget(q queued) {
	if e, ok := t.entries[q.key]; ok && e.expires.Equal(q.expires) {
		delete(t.entries, q.key)
	}
}

// compactAbove is how many places beyond twice those in use a queue may have.
const compactAbove = 1024

// compact takes out of a queue what was released, renewed, confirmed or confirmed
// again since, when that is most of it: what happens to one key over and over
// takes no more memory than what happens to it once.
func (t *Table) compact(q *queue) {
	if len(q.items)-q.head <= 2*len(t.entries)+compactAbove {
		return
	}
	live := q.items[:0]
	for _, item := range q.items[q.head:] {
		if e, ok := t.entries[item.key]; ok && e.expires.Equal(item.expires) {
			live = append(live, item)
		}
	}
	q.items, q.head = live, 0
}

// queue is a first-in first-out queue; its zero value is empty.
type queue struct {
	items []queued
	head  int
}

type queued struct {
	key     Key
	expires time.Time
}

func (q *queue) empty() bool                     { return q.head == len(q.items) }
func (q *queue) first() queued                   { return q.items[q.head] }
func (q *queue) push(key Key, expires time.Time) { q.items = append(q.items, queued{key, expires}) }

func (q *queue) pop() queued {
	item := q.items[q.head]
	q.head++
	if q.head > 1024 && q.head > len(q.items)/2 {
		q.items = append(q.items[:0], q.items[q.head:]...)
		q.head = 0
	}
	return item
}

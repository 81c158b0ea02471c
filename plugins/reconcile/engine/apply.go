package engine

import (
	"fmt"
	"math"

	"github.com/helios-connect/helios/plugins/event"
)

// Apply takes one event in. doc is a canonical event, read and neither kept nor
// changed. token is the host's name for it (a batch number, an offset). wall is
// the wall clock in Unix nanoseconds: it is written to decided_at and stands in
// for an absent ingesttime. Verdicts that the event makes go to the sink before
// Apply returns.
func (e *Engine) Apply(doc []byte, token uint64, wall int64) Outcome {
	e.apply(e.readOne(doc), &e.outcome, token, wall)
	return e.outcome
}

// readOne reads a document.
func (e *Engine) readOne(doc []byte) *incoming {
	e.routes.tidy()
	e.one[0] = doc
	e.reader.Read(e.one[:], &e.batch)
	e.records = e.batch.records
	in := &e.batch.events[0]
	if in.reason == ReasonNone {
		e.resolve(in)
	}
	return in
}

// ApplyBatch does what Apply does for each event of a batch, in order, and
// calls visit after each, with an Outcome that is valid during the call. It is
// faster: it fetches what the whole batch will need from memory at once instead
// of waiting for one event after the other.
func (e *Engine) ApplyBatch(docs [][]byte, token func(i int) uint64, wall int64, visit func(i int, out *Outcome)) {
	e.reader.Read(docs, &e.batch)
	e.ApplyRead(&e.batch, token, wall, visit)
}

// ApplyRead is ApplyBatch for what a Reader has read.
func (e *Engine) ApplyRead(b *Batch, token func(i int) uint64, wall int64, visit func(i int, out *Outcome)) {
	e.records = b.records
	for start := 0; start < len(b.events); start += batchMost {
		e.applyChunk(b.events[start:min(start+batchMost, len(b.events))], start, token, wall, visit)
	}
}

const (
	// batchMost bounds the part of a batch that is fetched ahead.
	batchMost = 128
	// prefetchFrom is how many facts no longer fit a processor's own cache.
	prefetchFrom = 1 << 14
)

func (e *Engine) applyChunk(events []incoming, start int, token func(i int) uint64, wall int64, visit func(i int, out *Outcome)) {
	e.routes.tidy()
	for i := range events {
		if in := &events[i]; in.reason == ReasonNone {
			e.resolve(in)
		}
	}
	if e.open+e.closedFacts >= prefetchFrom {
		e.prefetch(events)
	}
	for i := range events {
		e.apply(&events[i], &e.outcome, token(start+i), wall)
		visit(start+i, &e.outcome)
	}
}

// prefetch touches the memory of the facts that a batch is about. The loads of
// one step don't depend on one another, so the processor waits for many of them
// at the same time; what they return is of no interest, and may be out of date
// by the time an event is applied.
func (e *Engine) prefetch(batch []incoming) {
	var refs [batchMost]factRef
	for i := range batch {
		if in := &batch[i]; in.reason == ReasonNone {
			refs[i] = e.table.guess(in.hash1)
		}
	}
	sum := uint64(0)
	for i := range batch {
		if refs[i] != 0 {
			c := e.cells.at(refs[i])
			sum += c.hash1 + uint64(c.records)
		}
	}
	for i := range batch {
		if refs[i] != 0 {
			if h := e.cells.at(refs[i]).records; h != 0 {
				b := e.blocks.get(h)
				for at := 0; at < min(len(b), 256); at += 64 {
					sum += uint64(b[at])
				}
			}
		}
	}
	e.touched = sum
}

// apply takes a read event in, and says in out what became of it.
func (e *Engine) apply(in *incoming, out *Outcome, token uint64, wall int64) {
	if in.reason == ReasonNone {
		in.reason, in.err = e.admit(in, wall)
	}
	*out = Outcome{Reason: in.reason, Err: in.err, Participant: in.of(in.cloud), Tenant: in.tenantName()}
	if in.reason != ReasonNone {
		return
	}
	e.rebuilding, e.repeat = false, false
	e.wall = wall
	if e.base == 0 {
		e.base = wall
	}
	c := in.rule.clock
	e.beforeArrival(c, in.hand, in.time, wall)
	ref := e.lookup(in, wall)
	switch {
	case ref == 0 && e.tooLate(c, in.time, wall):
		out.Reason, out.Err = TooLate, e.tooLateError(c, in.time)
	case ref == 0:
		e.makeRoom(wall)
		ref = e.openFact(in, token, wall)
		out.Opened, out.Held = true, true
	case e.cells.at(ref).state == stateOpen:
		e.applyOpen(ref, e.cells.at(ref), in, token, wall)
		out.Held, out.Repeat = true, e.repeat
	default:
		out.Held = e.applyClosed(ref, e.cells.at(ref), in, token, wall)
		out.Repeat = e.repeat
		ref = 0 // has its verdict
	}
	e.arrive(c, in.hand, in.time)
	if ref != 0 {
		e.closeIfDecided(ref, in.rule, wall)
		e.trim(wall)
	}
}

// Rebuild applies an event that the committed state already knew: one of a
// closed fact is skipped, any other rebuilds an open fact. Nothing is emitted,
// no clock moves, nothing closes. opened tells that it opened a fact, held that
// it was not skipped.
func (e *Engine) Rebuild(doc []byte, token uint64, wall int64) (opened, held bool) {
	e.rebuilding = true
	in := e.readOne(doc)
	if in.reason != ReasonNone || !e.enlist(in) {
		return false, false
	}
	if e.base == 0 {
		e.base = wall
	}
	ref := e.table.find(&e.cells, in.hash1, in.hash2)
	if ref == 0 {
		e.openFact(in, token, wall)
		return true, true
	}
	fact := e.cells.at(ref)
	if fact.state != stateOpen {
		fact.touch(token)
		return false, false
	}
	e.applyOpen(ref, fact, in, token, wall)
	return false, true
}

// admit decides whether an event that could be read may be judged.
func (e *Engine) admit(in *incoming, wall int64) (Reason, error) {
	now := wall
	if in.hasArrival {
		now = in.arrival
	}
	if in.time > addInstant(now, e.cfg.MaxAhead) {
		return Future, fmt.Errorf("time %s is more than %s (max_ahead) ahead of its arrival at %s",
			event.AppendTime(nil, in.time), e.cfg.MaxAhead, event.AppendTime(nil, now))
	}
	if !e.enlist(in) {
		return Unexpected, fmt.Errorf("cloud %.80q is in no list of expectation %q, which has seen %d such names already", in.of(in.cloud), in.rule.Name, maxUnexpected)
	}
	return ReasonNone, nil
}

// enlist finds the participant's place; false: one unexpected name too many.
func (e *Engine) enlist(in *incoming) bool {
	r := in.rule
	if in.place >= 0 {
		in.hand = r.hands[in.place]
		return true
	}
	cloud := in.of(in.cloud)
	in.hand = -1
	if hand, ok := r.clock.index[string(cloud)]; ok {
		in.hand = hand
	}
	in.place = r.stranger(cloud)
	return in.place >= 0
}

// lookup finds the event's fact as earlier events and ticks have left it: what
// they have decided is carried out first. 0: unknown.
func (e *Engine) lookup(in *incoming, wall int64) factRef {
	ref := e.table.find(&e.cells, in.hash1, in.hash2)
	if ref == 0 {
		return 0
	}
	c, r := e.cells.at(ref), in.rule
	if c.state == stateOpen {
		if e.due(c, r) {
			e.closeFact(ref, r, ByDeadline, wall)
		} else {
			return ref
		}
	}
	e.correctPassed(ref, r, wall)
	if e.end(c) <= e.horizon(r) && e.forgettable(c) {
		e.forget(ref)
		return 0
	}
	return ref
}

// tooLate reports whether an event of an unknown fact may belong to a forgotten
// one. Nothing that ends behind the frontier minus the horizon can have come due
// for forgetting, so the usual event costs one comparison.
func (e *Engine) tooLate(c *clock, at, wall int64) bool {
	if at <= c.forgotten {
		return true
	}
	if e.ended || c.highest == noInstant || at > addInstant(max(c.highest, c.frontier(e.arrivals.run)), -e.cfg.CorrectionHorizon) {
		return false
	}
	e.settle(c, wall)
	return at <= c.forgotten
}

func (e *Engine) tooLateError(c *clock, at int64) error {
	return fmt.Errorf("time %s is no later than %s, the end of the latest fact that was forgotten: its verdict can't be told any more",
		event.AppendTime(nil, at), event.AppendTime(nil, c.forgotten))
}

// openFact makes a fact of its first event.
func (e *Engine) openFact(in *incoming, token uint64, wall int64) factRef {
	ref, c := e.cells.alloc()
	r := in.rule
	c.hash1, c.hash2 = in.hash1, in.hash2
	e.setTimes(c, r, addInstant(in.time, r.Window), times{in.time, in.time})
	c.firstToken = token
	c.route = uint32(in.route)
	c.state = stateOpen
	e.routes.list[in.route].facts++
	e.stamp(c, token, wall)

	e.content = e.appendEvent(appendHead(e.content[:0], in.of(in.key)), in, token, false)
	e.store(c, e.content)
	e.keep(c, in)
	e.join(c, in)
	e.table.insert(c.hash1, ref)
	r.open.add(ref, c.deadline)
	e.enqueue(ref, c)
	return ref
}

// fields is how many values a record of that place has.
func (r *rule) fields(place int) int {
	if place >= len(r.names) {
		return 0
	}
	return len(r.comparers)
}

// join notes the event's participant as present.
func (e *Engine) join(c *cell, in *incoming) {
	if in.place < len(in.rule.names) {
		c.present |= 1 << in.place
	}
}

// keep stores the whole event as the fact's sample, if samples are wanted and
// it has none, or only one of an unexpected participant. It comes before join.
func (e *Engine) keep(c *cell, in *incoming) {
	if !e.cfg.Sample || c.sample != 0 && (c.present != 0 || in.place >= len(in.rule.names)) {
		return
	}
	e.blocks.release(c.sample)
	var b []byte
	c.sample, b = e.blocks.alloc(4 + in.size)
	order.PutUint32(b, uint32(in.size))
	copy(b[4:], in.doc())
}

// touch notes the fact's last event, also one that changes nothing: a host that
// reads its log again must find the fact remembered.
func (c *cell) touch(token uint64) {
	c.lastToken = uint32(min(token-c.firstToken, math.MaxUint32))
}

// stamp notes when and by which event the fact changed last.
func (e *Engine) stamp(c *cell, token uint64, wall int64) {
	c.touch(token)
	c.lastWall = uint32((wall - e.base) / 1e6)
}

// maxSetBack is how far a clock that is set back is believed, in milliseconds.
const maxSetBack = 3600 * 1000

// lastEvent is when the fact changed last, Unix nanoseconds, as of wall; 0 is
// unknown. The cell has the lower 32 bits of the milliseconds: an instant more
// than 49 days before wall is told that much too late.
func (e *Engine) lastEvent(c *cell, wall int64) int64 {
	if e.base == 0 {
		return 0
	}
	now := (wall - e.base) / 1e6
	age := int64(uint32(now) - c.lastWall)
	if age > math.MaxUint32-maxSetBack {
		age -= 1 << 32
	}
	return e.base + (now-age)*1e6
}

// applyOpen applies an event to a fact without a verdict.
func (e *Engine) applyOpen(ref factRef, c *cell, in *incoming, token uint64, wall int64) {
	r := in.rule
	e.record(c, in, token, false)
	e.keep(c, in)
	e.join(c, in)
	e.stamp(c, token, wall)
	if in.time < e.opened(c, r) {
		e.advance(c, r, in.time)
		r.open.move(ref, c.deadline)
	} else {
		e.extend(c, r, in.time)
	}
}

// record writes an event into its participant's record: the first makes it, a
// later one counts and may become the representative. Either is held by its
// token until the next verdict.
func (e *Engine) record(c *cell, in *incoming, token uint64, late bool) {
	at, known := findRecord(e.block(c), in.place)
	if known == nil {
		e.scratchRecord = e.appendEvent(e.scratchRecord[:0], in, token, late)
		e.addRecord(c, e.scratchRecord)
		return
	}
	e.repeat = true
	e.load(known, in.rule, &e.old)
	e.represent(in)
	next := &e.old
	duplicate, conflict := e.old.duplicate, e.old.conflict
	if in.rule.agreeAll(&e.fresh, &e.old) {
		duplicate++
	} else {
		conflict++
	}
	if e.outranks(&e.fresh, &e.old) {
		next = &e.fresh
	}
	next.late = e.old.late || late
	next.duplicate, next.conflict = duplicate, conflict
	next.token, next.held = e.old.token, e.old.held
	e.replaceRecord(c, at, next)
	if e.cfg.Tokens {
		e.holdToken(c, token)
	}
}

// agreeAll reports whether two events of one participant agree in every field.
func (r *rule) agreeAll(a, b *representative) bool {
	for i := range a.values {
		if !r.comparers[i].agree(a.value(i), b.value(i)) {
			return false
		}
	}
	return true
}

// applyClosed applies an event to a fact that has a verdict, and reports
// whether it made a correction.
func (e *Engine) applyClosed(ref factRef, c *cell, in *incoming, token uint64, wall int64) bool {
	r := in.rule
	c.touch(token)
	block := e.block(c)
	if at, known := findRecord(block, in.place); known != nil {
		e.load(known, r, &e.old)
		e.represent(in)
		if !e.outranks(&e.fresh, &e.old) {
			e.ignore(ref, c, in)
			return false
		}
		if !e.changesVerdict(c, in) {
			e.fresh.late = e.old.late
			e.fresh.duplicate, e.fresh.conflict = e.old.duplicate, e.old.conflict
			e.fresh.token, e.fresh.held = e.old.token, e.old.held
			e.replaceRecord(c, at, &e.fresh)
			e.ignore(ref, c, in)
			return false
		}
	}
	e.record(c, in, token, true)
	e.keep(c, in)
	e.join(c, in)
	e.stamp(c, token, wall)
	e.unlink(ref, c, r)
	c.stalled &^= c.present
	e.extend(c, r, in.time)
	e.emit(c, r, ByLateEvent, wall)
	e.linkClosed(ref, c, r)
	return true
}

// ignore notes an event of a closed fact that changes no verdict; it may still
// be the fact's last one.
func (e *Engine) ignore(ref factRef, c *cell, in *incoming) {
	e.uncounted++
	e.repeat = true
	if in.time <= e.end(c) {
		return
	}
	e.extend(c, in.rule, in.time)
	if c.state != stateWatched && c.bucket != 0 {
		in.rule.closed.move(ref, e.end(c))
	}
}

// changesVerdict reports whether the event, as its participant's new
// representative, gives another status or other differences.
func (e *Engine) changesVerdict(c *cell, in *incoming) bool {
	if in.place >= len(in.rule.names) {
		return false
	}
	e.loadAll(e.block(c), in.rule)
	e.judge(c, in.rule, &e.before)
	e.load(e.fresh.record, in.rule, e.byPlace(in.place))
	e.judge(c, in.rule, &e.verdict)
	return e.before.status != e.verdict.status || string(e.before.diffs) != string(e.verdict.diffs)
}

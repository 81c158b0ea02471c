package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
	"github.com/helios-connect/helios/plugins/tracing/spans"
)

// phase is where a partition stands between its assignment and its loss.
type phase uint8

const (
	// staged: assigned, and its closed facts are being read back.
	staged phase = iota
	// restored: its closed facts are there; not yet known to be owned.
	restored
	// rebuilding: owned, and reading the events below the committed position.
	rebuilding
	// live: judging.
	live
	// dropped: lost, its state is gone.
	dropped
)

var phaseNames = [...]string{"staged", "restored", "rebuilding", "live", "dropped"}

func (p phase) String() string { return phaseNames[p] }

// output is what the next transaction writes: a verdict, or an event that
// can't be judged.
type output struct {
	verdict *engine.Verdict
	flagged *Flagged
	// offset in the verdict topic, once acknowledged.
	offset int64
	trace  *spans.Decision // of a verdict; nil: it is not traced
}

// partition is the state of one assigned partition. It is not safe for
// concurrent use: the session's lock guards it.
//
// It is a pure state machine: records go in, outputs and a commitState come
// out, and it knows no broker.
type partition struct {
	id        int32
	phase     phase
	engine    *engine.Engine
	shape     metadataShape
	maxReread int64
	cancel    context.CancelFunc // ends the reading back

	// pos: all events below it are applied. target: the position that was
	// committed; events below it rebuild open facts only.
	pos, target  int64
	committedPos int64
	skipped      skippedOffsets
	verdicts     verdictLog
	pending      []*output
	stash        []*kgo.Record // polled before the closed facts were there
	received     tally
	repeated     tally
	rebuilt      int          // events read again
	gap          int64        // position behind which offsets were missing, or -1
	changed      bool         // since the last snapshot that was committed
	traces       *spans.Facts // nil: tracing is off
}

// newPartition stages a partition whose state at from is known. The closed
// facts are still to be put back.
func newPartition(id int32, from commitState, shape metadataShape, maxReread int64, conf engine.Config) (*partition, error) {
	p := &partition{
		id: id, shape: shape, maxReread: maxReread,
		pos: from.Low, target: from.Pos, committedPos: from.Pos, skipped: from.skipped(),
		verdicts: verdictLog{next: from.VerdictLow},
		gap:      -1, cancel: func() {},
	}
	judge, err := engine.New(conf, p)
	if err != nil {
		return nil, fmt.Errorf("creating the engine of partition %d: %w", id, err)
	}
	p.engine = judge
	judge.ForgetBelow(uint64(from.Low))
	judge.RestoreClocks(from.Clocks)
	return p, nil
}

// restoreClosed puts the closed fact of a verdict's record back.
func (p *partition) restoreClosed(rec *kgo.Record) error {
	state, revision, err := decodeVerdict(rec)
	if err != nil {
		return err
	}
	fact, err := p.engine.RestoreClosed(state, rec.Value)
	if err != nil {
		return err
	}
	p.verdicts.add(rec.Offset, fact, revision)
	return nil
}

// promote makes a restored partition take records.
func (p *partition) promote(wall int64) {
	p.phase = rebuilding
	p.advance(p.pos, wall)
	stash := p.stash
	p.stash = nil
	for _, rec := range stash {
		p.take(rec, wall)
	}
}

// advance moves the position and leaves rebuilding at the target. What the
// committed clocks had decided, written or not, is carried out there, before
// later events move them.
func (p *partition) advance(pos, wall int64) {
	p.pos = pos
	if p.phase != rebuilding || p.pos < p.target {
		return
	}
	p.phase = live
	for p.engine.Expire(expireChunk, wall) {
	}
	p.skipped.dropBelow(p.low())
}

// low is the lowest offset that must be read again after a crash.
func (p *partition) low() int64 {
	if token, ok := p.engine.OldestToken(); ok {
		return int64(token)
	}
	return p.pos
}

// take applies one record. wall is the wall clock in Unix nanoseconds.
func (p *partition) take(rec *kgo.Record, wall int64) {
	switch {
	case rec.Offset < p.pos:
		return // an aborted transaction has rewound the client
	case p.phase == staged, p.phase == restored:
		p.stash = append(p.stash, rec)
		return
	case rec.Offset > p.pos && p.gap < 0:
		p.gap = p.pos
	}
	if p.phase == rebuilding && rec.Offset >= p.target {
		p.advance(p.target, wall) // the records in between are gone or were aborted
	}
	switch {
	case rec.Attrs.IsControl():
	case p.phase == rebuilding:
		p.rebuild(rec, wall)
	default:
		p.apply(rec, wall)
	}
	p.advance(rec.Offset+1, wall)
	if p.phase == live {
		p.changed = true
		p.boundReread(wall)
	}
}

// lost says how many events below start, where the log begins by now, were
// deleted before they were read, and goes on from there.
func (p *partition) lost(start, wall int64) (count int64) {
	from := p.pos
	if p.gap >= 0 {
		from = p.gap
	}
	p.gap = -1
	if start > p.pos && (p.phase == live || p.phase == rebuilding) {
		p.advance(start, wall)
		p.changed = true
	}
	return max(0, start-from)
}

// rebuild applies an event of which the committed state already knew.
func (p *partition) rebuild(rec *kgo.Record, wall int64) {
	p.rebuilt++
	if p.skipped.contains(rec.Offset) {
		return
	}
	if p.traces != nil {
		p.traces.Event(rec.Value, traceParent(rec))
	}
	p.engine.Rebuild(rec.Value, uint64(rec.Offset), wall)
}

func (p *partition) apply(rec *kgo.Record, wall int64) {
	if p.traces != nil { // before the verdict, which may come at once
		p.traces.Event(rec.Value, traceParent(rec))
	}
	out := p.engine.Apply(rec.Value, uint64(rec.Offset), wall)
	p.received.add(out.Participant, out.Tenant)
	if out.Repeat {
		p.repeated.add(out.Participant, out.Tenant)
	}
	if out.Reason != engine.ReasonNone {
		p.flag(rec, out)
	}
}

// flag queues an event that can't be judged.
func (p *partition) flag(rec *kgo.Record, out engine.Outcome) {
	switch out.Reason {
	case engine.Future, engine.Unexpected, engine.TooLate:
		// These depend on the moment; the others come out the same again.
		p.skipped.add(rec.Offset)
	}
	detail := ""
	if out.Err != nil {
		detail = out.Err.Error()
	}
	p.pending = append(p.pending, &output{flagged: &Flagged{
		Record: rec, Reason: out.Reason, Detail: detail, Participant: string(out.Participant), Tenant: string(out.Tenant),
	}})
	if p.traces != nil {
		p.traces.Flagged(rec.Value, traceParent(rec), out.Reason.String(), time.Now())
	}
}

// Verdict implements engine.Sink.
func (p *partition) Verdict(v *engine.Verdict) {
	o := &output{verdict: v}
	if p.traces != nil {
		o.trace = decided(p.traces, v)
	}
	p.pending = append(p.pending, o)
	p.changed = true
}

// boundReread closes the oldest facts when a restart would have to read more
// than maxReread events again. What is due closes first, so that the bound hits
// the same facts whenever Expire was called last.
func (p *partition) boundReread(wall int64) {
	if p.pos-p.low() <= p.maxReread {
		return
	}
	for p.engine.Expire(expireChunk, wall) {
	}
	for p.pos-p.low() > p.maxReread && p.engine.CloseOldest(wall) {
	}
}

// boundSkipped closes the oldest facts until the list of skipped offsets fits
// into the commit metadata, and returns the list.
func (p *partition) boundSkipped(wall int64) string {
	for {
		low := p.low()
		p.skipped.dropBelow(low)
		text := p.skipped.encode(low)
		if len(text) <= p.shape.skipped {
			return text
		}
		// One at a time would encode the list very often.
		for range 64 {
			p.engine.CloseOldest(wall)
		}
	}
}

// snapshot is what one transaction commits of one partition.
type snapshot struct {
	part    *partition
	outputs []*output
	state   commitState
	// oldest is the lowest offset of a remembered verdict that is already
	// committed, or -1.
	oldest int64
}

// snapshot returns what is to be committed, or nil when nothing changed or the
// partition isn't live: below the committed position there is nothing to add.
func (p *partition) snapshot(wall int64) *snapshot {
	if p.phase != live || !p.changed {
		return nil
	}
	skipped := p.boundSkipped(wall)
	return &snapshot{
		part:    p,
		outputs: p.pending[:len(p.pending):len(p.pending)],
		state: commitState{
			Low: p.low(), Pos: p.pos,
			Clocks:  p.shape.waitedFor(p.engine.Clocks()),
			Skipped: skipped,
		},
		oldest: p.verdicts.oldest(p.engine.Remembers),
	}
}

// seal completes the state of a snapshot whose records are acknowledged.
func (s *snapshot) seal(commit string) {
	s.state.Commit = commit
	s.state.VerdictLow = s.oldest
	if s.oldest >= 0 {
		return
	}
	s.state.VerdictLow = s.part.verdicts.next
	for _, o := range s.outputs {
		if o.verdict != nil {
			s.state.VerdictLow = o.offset
			return
		}
	}
}

// committed says that the snapshot's transaction is committed.
func (p *partition) committed(s *snapshot) {
	for _, o := range s.outputs {
		if v := o.verdict; v != nil {
			p.verdicts.add(o.offset, v.Identity, v.Revision)
		}
		if o.trace != nil {
			o.trace.Committed(time.Now())
		}
	}
	p.pending = p.pending[len(s.outputs):]
	p.committedPos = s.state.Pos
	p.changed = len(p.pending) > 0 || p.pos != s.state.Pos
	p.engine.ForgetBelow(uint64(s.state.Low))
}

// drop gives up the state.
func (p *partition) drop() {
	p.phase = dropped
	p.cancel()
	p.engine.Close()
	p.pending = nil
}

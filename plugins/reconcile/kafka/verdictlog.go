package kafka

import "github.com/helios-connect/helios/plugins/reconcile/engine"

// verdictRef names a verdict record: its offset, the fact and the revision.
type verdictRef struct {
	offset   int64
	fact     engine.Identity
	revision uint32
}

// verdictLog remembers where the verdicts stand that a restart has to read: in
// log order, from the oldest one that is the last revision of a fact still
// remembered.
type verdictLog struct {
	refs []verdictRef
	head int
	next int64 // above every offset added
}

// add takes an offset greater than every one added before.
func (l *verdictLog) add(offset int64, fact engine.Identity, revision uint32) {
	l.refs = append(l.refs, verdictRef{offset: offset, fact: fact, revision: revision})
	l.next = offset + 1
}

// oldest returns the lowest offset whose fact and revision are remembered, or
// -1. What lies below it is never asked for again.
func (l *verdictLog) oldest(remembered func(fact engine.Identity, revision uint32) bool) int64 {
	for ; l.head < len(l.refs); l.head++ {
		if r := &l.refs[l.head]; remembered(r.fact, r.revision) {
			break
		}
	}
	if l.head > 1024 && l.head*2 > len(l.refs) {
		l.refs = l.refs[:copy(l.refs, l.refs[l.head:])]
		l.head = 0
	}
	if l.head == len(l.refs) {
		return -1
	}
	return l.refs[l.head].offset
}

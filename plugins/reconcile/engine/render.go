package engine

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/helios-connect/helios/plugins/event"
)

// appendVerdict appends the verdict of a loaded and judged fact as one JSON
// object on one line.
func (e *Engine) appendVerdict(dst []byte, v *Verdict, c *cell, r *rule, route *route, wall int64) []byte {
	dst = append(dst, `{"id":"`...)
	dst = hex.AppendEncode(dst, v.ID[:])
	dst = append(dst, `","revision":`...)
	dst = strconv.AppendUint(dst, uint64(c.revision), 10)
	dst = append(append(dst, `,"tenant":`...), route.tenantJSON...)
	dst = append(append(dst, `,"type":`...), route.typeJSON...)
	dst = event.AppendQuoted(append(dst, `,"key":`...), v.Key)
	dst = append(append(dst, `,"status":"`...), c.status.String()...)
	dst = append(append(dst, `","expected":`...), r.expected...)
	dst = append(dst, r.appendWho(c)...)
	sorted := e.sortedReps(r)
	dst = e.appendRemarks(dst, r, sorted, c.deadline)
	dst = append(append(dst, `,"diffs":`...), e.verdict.diffs...)
	dst = e.appendEvents(append(dst, `,"events":`...), r, sorted)
	if c.sample != 0 {
		b := e.blocks.get(c.sample)
		dst = event.AppendOneLine(append(dst, `,"sample":`...), b[4:4+order.Uint32(b)])
	}
	dst = e.seconds.append(append(dst, `,"opened_at":`...), e.opened(c, r))
	dst = e.seconds.append(append(dst, `,"deadline":`...), c.deadline)
	dst = e.seconds.append(append(dst, `,"decided_at":`...), wall)
	dst = append(append(dst, `,"closed_by":"`...), v.ClosedBy.String()...)
	dst = append(append(dst, `","expectation":`...), r.labelJSON...)
	return append(dst, '}')
}

// appendWho returns the lists present, missing and stalled; those of the last
// call are remembered, since most verdicts have the same.
func (r *rule) appendWho(c *cell) []byte {
	if r.who.text == nil || r.who.present != c.present || r.who.stalled != c.stalled {
		dst := append(r.who.text[:0], `,"present":`...)
		dst = append(r.appendNames(dst, c.present), `,"missing":`...)
		dst = append(r.appendNames(dst, r.expect&^c.present&^c.stalled), `,"stalled":`...)
		r.who.text, r.who.present, r.who.stalled = r.appendNames(dst, c.stalled), c.present, c.stalled
	}
	return r.who.text
}

// appendRemarks appends who was late or unexpected and the counts of repeats,
// with a short way for the many facts without any.
func (e *Engine) appendRemarks(dst []byte, r *rule, sorted []int, deadline int64) []byte {
	late := func(n *representative) bool { return n.late || n.time > deadline }
	unexpected := func(n *representative) bool { return n.place >= len(r.names) }
	plain := true
	for i := range e.reps() {
		if n := &e.loaded[i]; late(n) || unexpected(n) || n.duplicate|n.conflict != 0 {
			plain = false
			break
		}
	}
	if plain {
		return append(dst, `,"late":[],"unexpected":[],"duplicates":{},"conflicts":{}`...)
	}
	dst = e.appendList(append(dst, `,"late":`...), r, sorted, late)
	dst = e.appendList(append(dst, `,"unexpected":`...), r, sorted, unexpected)
	dst = e.appendCounts(append(dst, `,"duplicates":`...), r, sorted, func(n *representative) uint32 { return n.duplicate })
	return e.appendCounts(append(dst, `,"conflicts":`...), r, sorted, func(n *representative) uint32 { return n.conflict })
}

// sortedReps returns which of e.loaded hold the representatives, sorted by
// participant. In order of place all those are that an expectation names.
func (e *Engine) sortedReps(r *rule) []int {
	sorted := e.sorted[:0]
	for i := range e.reps() {
		sorted = append(sorted, i)
	}
	if n := len(sorted); n > 0 && e.loaded[n-1].place >= len(r.names) {
		slices.SortFunc(sorted, func(a, b int) int {
			return strings.Compare(r.nameAt(e.loaded[a].place), r.nameAt(e.loaded[b].place))
		})
	}
	e.sorted = sorted
	return sorted
}

func (e *Engine) appendList(dst []byte, r *rule, sorted []int, in func(*representative) bool) []byte {
	dst = append(dst, '[')
	first := true
	for _, i := range sorted {
		if n := &e.loaded[i]; in(n) {
			dst = append(separate(dst, &first), r.quoted[n.place]...)
		}
	}
	return append(dst, ']')
}

func (e *Engine) appendCounts(dst []byte, r *rule, sorted []int, count func(*representative) uint32) []byte {
	dst = append(dst, '{')
	first := true
	for _, i := range sorted {
		if n := &e.loaded[i]; count(n) > 0 {
			dst = append(append(separate(dst, &first), r.quoted[n.place]...), ':')
			dst = strconv.AppendUint(dst, uint64(count(n)), 10)
		}
	}
	return append(dst, '}')
}

func (e *Engine) appendEvents(dst []byte, r *rule, sorted []int) []byte {
	dst = append(dst, '{')
	first := true
	for _, i := range sorted {
		n := &e.loaded[i]
		dst = append(separate(dst, &first), r.quoted[n.place]...)
		if dst = append(dst, `:{"id":`...); n.escaped {
			dst = event.AppendQuoted(dst, n.idText())
		} else {
			dst = append(append(append(dst, '"'), n.idText()...), '"')
		}
		if dst = append(dst, `,"source":`...); n.named == 0 {
			dst = event.AppendQuoted(dst, e.sourceOf(n))
		} else {
			dst = append(dst, e.sources.quoted[n.named-1]...)
		}
		dst = append(e.seconds.append(append(dst, `,"time":`...), n.time), '}')
	}
	return append(dst, '}')
}

func separate(dst []byte, first *bool) []byte {
	if *first {
		*first = false
		return dst
	}
	return append(dst, ',')
}

// secondTexts writes instants. Those of verdicts near one another lie in a few
// seconds, and spelling a second is most of the work: the last ones are
// remembered.
type secondTexts [16]struct {
	second int64
	text   [20]byte // "2026-11-23T10:00:00, with the quote
}

// append appends an instant as a JSON string, as event.AppendTime spells it.
func (t *secondTexts) append(dst []byte, at int64) []byte {
	n := floorDiv(at, int64(time.Second))
	slot := &t[n&15]
	if slot.second != n || slot.text[0] == 0 {
		var buf [40]byte
		slot.second = n
		copy(slot.text[:], event.AppendTime(append(buf[:0], '"'), n*int64(time.Second)))
	}
	dst = append(dst, slot.text[:]...)
	return append(event.AppendFraction(dst, uint32(at-n*int64(time.Second))), 'Z', '"')
}

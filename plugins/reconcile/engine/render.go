package engine

import (
	"encoding/hex"
	"sort"
	"strconv"
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
	named := e.named(r)
	dst = appendRemarks(dst, named, c.deadline, len(r.names))
	dst = append(append(dst, `,"diffs":`...), e.verdict.diffs...)
	dst = e.appendEvents(append(dst, `,"events":`...), named)
	if c.sample != 0 {
		b := e.blocks.get(c.sample)
		dst = event.AppendOneLine(append(dst, `,"sample":`...), b[4:4+order.Uint32(b)])
	}
	dst = e.days.append(append(dst, `,"opened_at":`...), e.opened(c, r))
	dst = e.days.append(append(dst, `,"deadline":`...), c.deadline)
	dst = e.days.append(append(dst, `,"decided_at":`...), wall)
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
func appendRemarks(dst []byte, named []namedRep, deadline int64, places int) []byte {
	plain := true
	for i := range named {
		n := &named[i]
		if n.late || n.time > deadline || n.place >= places || n.duplicate|n.conflict != 0 {
			plain = false
			break
		}
	}
	if plain {
		return append(dst, `,"late":[],"unexpected":[],"duplicates":{},"conflicts":{}`...)
	}
	dst = appendList(append(dst, `,"late":`...), named, func(n namedRep) bool { return n.late || n.time > deadline })
	dst = appendList(append(dst, `,"unexpected":`...), named, func(n namedRep) bool { return n.place >= places })
	dst = appendCounts(append(dst, `,"duplicates":`...), named, func(n namedRep) uint32 { return n.duplicate })
	return appendCounts(append(dst, `,"conflicts":`...), named, func(n namedRep) uint32 { return n.conflict })
}

// namedRep is a loaded representative with its participant's name.
type namedRep struct {
	*representative
	name   string
	quoted []byte
}

// named returns the loaded representatives sorted by participant.
func (e *Engine) named(r *rule) []namedRep {
	out := e.namedReps[:0]
	strangers := false
	for i := range e.reps() {
		n := namedRep{representative: &e.loaded[i]}
		if n.place < len(r.names) {
			n.name, n.quoted = r.names[n.place], r.quoted[n.place]
		} else {
			n.name = r.strangers[n.place-len(r.names)]
			n.quoted = event.AppendQuoted(nil, n.name)
			strangers = true
		}
		out = append(out, n)
	}
	if strangers {
		sort.Slice(out, func(i, j int) bool { return out[i].name < out[j].name })
	}
	e.namedReps = out
	return out
}

func appendList(dst []byte, named []namedRep, in func(namedRep) bool) []byte {
	dst = append(dst, '[')
	first := true
	for _, n := range named {
		if in(n) {
			dst = separate(dst, &first)
			dst = append(dst, n.quoted...)
		}
	}
	return append(dst, ']')
}

func appendCounts(dst []byte, named []namedRep, count func(namedRep) uint32) []byte {
	dst = append(dst, '{')
	first := true
	for _, n := range named {
		if k := count(n); k > 0 {
			dst = separate(dst, &first)
			dst = append(append(dst, n.quoted...), ':')
			dst = strconv.AppendUint(dst, uint64(k), 10)
		}
	}
	return append(dst, '}')
}

func (e *Engine) appendEvents(dst []byte, named []namedRep) []byte {
	dst = append(dst, '{')
	first := true
	for _, n := range named {
		dst = separate(dst, &first)
		dst = append(dst, n.quoted...)
		dst = event.AppendQuoted(append(dst, `:{"id":`...), n.id)
		dst = e.sources.appendQuoted(append(dst, `,"source":`...), n.representative)
		dst = e.days.append(append(dst, `,"time":`...), n.time)
		dst = append(dst, '}')
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

// dayTexts writes instants. Those of one verdict lie on the same day or two, and
// turning a day into a date is most of the work: a few days are remembered.
type dayTexts [4]struct {
	day  int64
	text [11]byte // 2026-11-23T
}

const day = int64(24 * time.Hour)

// append appends an instant as a JSON string, as event.AppendTime spells it.
func (t *dayTexts) append(dst []byte, at int64) []byte {
	n := floorDiv(at, day)
	slot := &t[n&3]
	if slot.text[0] == 0 || slot.day != n {
		var buf [40]byte
		slot.day = n
		copy(slot.text[:], event.AppendTime(buf[:0], n*day))
	}
	rest := uint64(at - n*day)
	seconds := rest / uint64(time.Second)
	dst = append(append(dst, '"'), slot.text[:]...)
	dst = event.AppendClock(dst, uint32(seconds))
	return append(event.AppendFraction(dst, uint32(rest-seconds*uint64(time.Second))), 'Z', '"')
}

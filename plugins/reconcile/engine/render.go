package engine

import (
	"encoding/hex"
	"sort"
	"strconv"

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
	dst = r.appendNames(append(dst, `,"present":`...), c.present)
	dst = r.appendNames(append(dst, `,"missing":`...), r.expect&^c.present&^c.stalled)
	dst = r.appendNames(append(dst, `,"stalled":`...), c.stalled)
	named := e.named(r)
	dst = append(dst, `,"late":`...)
	dst = appendList(dst, named, func(n namedRep) bool { return n.late || n.time > c.deadline })
	dst = append(dst, `,"unexpected":`...)
	dst = appendList(dst, named, func(n namedRep) bool { return n.place >= len(r.names) })
	dst = appendCounts(append(dst, `,"duplicates":`...), named, func(n namedRep) uint32 { return n.duplicate })
	dst = appendCounts(append(dst, `,"conflicts":`...), named, func(n namedRep) uint32 { return n.conflict })
	dst = append(append(dst, `,"diffs":`...), e.verdict.diffs...)
	dst = appendEvents(append(dst, `,"events":`...), named)
	if c.sample != 0 {
		b := e.blocks.get(c.sample)
		dst = event.AppendOneLine(append(dst, `,"sample":`...), b[4:4+order.Uint32(b)])
	}
	dst = appendInstant(append(dst, `,"opened_at":`...), c.opened)
	dst = appendInstant(append(dst, `,"deadline":`...), c.deadline)
	dst = appendInstant(append(dst, `,"decided_at":`...), wall)
	dst = append(append(dst, `,"closed_by":"`...), v.ClosedBy.String()...)
	dst = append(append(dst, `","expectation":`...), r.labelJSON...)
	return append(dst, '}')
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

func appendEvents(dst []byte, named []namedRep) []byte {
	dst = append(dst, '{')
	first := true
	for _, n := range named {
		dst = separate(dst, &first)
		dst = append(dst, n.quoted...)
		dst = event.AppendQuoted(append(dst, `:{"id":`...), n.id)
		dst = event.AppendQuoted(append(dst, `,"source":`...), n.source)
		dst = appendInstant(append(dst, `,"time":`...), n.time)
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

func appendInstant(dst []byte, at int64) []byte {
	dst = append(dst, '"')
	dst = event.AppendTime(dst, at)
	return append(dst, '"')
}

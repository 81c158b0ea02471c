package engine

import (
	"math/bits"

	"github.com/helios-connect/helios/plugins/event"
)

// judgement is what a fact's records amount to.
type judgement struct {
	status Status
	diffs  []byte // JSON list
}

// loadAll decodes the records of a block into e.loaded, in order of place; what
// it holds are views of the block.
func (e *Engine) loadAll(block []byte, r *rule) {
	n := 0
	e.repeats = false
	for at := recordsAt(block); at < len(block); {
		var rec record
		rec, at = recordAt(block, at)
		if rec.flags()&flagToken != 0 {
			e.repeats = true
			continue
		}
		if n == len(e.loaded) {
			e.loaded = append(e.loaded, representative{})
		}
		e.load(rec, r, &e.loaded[n])
		n++
		for i := n - 1; i > 0 && e.loaded[i-1].place > e.loaded[i].place; i-- {
			e.loaded[i-1], e.loaded[i] = e.loaded[i], e.loaded[i-1]
		}
	}
	e.present = n
}

// reps are the representatives that loadAll found.
func (e *Engine) reps() []representative { return e.loaded[:e.present] }

// byPlace returns the loaded representative of a participant.
func (e *Engine) byPlace(place int) *representative {
	for i := range e.reps() {
		if e.loaded[i].place == place {
			return &e.loaded[i]
		}
	}
	return nil
}

// judge decides a loaded fact.
func (e *Engine) judge(c *cell, r *rule, out *judgement) {
	out.diffs = append(out.diffs[:0], '[')
	compared := e.reps()
	for len(compared) > 0 && compared[len(compared)-1].place >= len(r.names) { // others are listed, never compared
		compared = compared[:len(compared)-1]
	}
	for field := range r.comparers {
		if !r.agreed(compared, field) {
			if len(out.diffs) > 1 {
				out.diffs = append(out.diffs, ',')
			}
			out.diffs = r.appendDiff(out.diffs, compared, field)
		}
	}
	differ := len(out.diffs) > 1
	out.diffs = append(out.diffs, ']')
	absent := r.expect &^ c.present
	switch {
	case absent == 0 && differ:
		out.status = Mismatched
	case absent == 0:
		out.status = Matched
	case r.Quorum > 0 && bits.OnesCount32(uint32(r.expect&c.present)) >= r.Quorum:
		out.status = Partial
	case absent&^c.stalled != 0:
		out.status = Missing
	default:
		out.status = Indeterminate
	}
}

// agreed reports whether every pair of participants agrees in a field.
func (r *rule) agreed(reps []representative, field int) bool {
	cmp := &r.comparers[field]
	transitive := cmp.kind == compareExact
	for i := 1; i < len(reps); i++ {
		first := i - 1
		if !transitive {
			first = 0
		}
		for j := first; j < i; j++ {
			if !cmp.agree(reps[j].value(field), reps[i].value(field)) {
				return false
			}
		}
	}
	return true
}

// appendDiff appends one entry of diffs: the values and who is outside the
// largest group.
func (r *rule) appendDiff(dst []byte, reps []representative, field int) []byte {
	dst = append(dst, `{"field":`...)
	dst = event.AppendQuoted(dst, r.comparers[field].field)
	dst = append(dst, `,"values":{`...)
	first := true
	for i := range reps {
		if v := reps[i].value(field); v != nil {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(append(dst, r.quoted[reps[i].place]...), ':')
			dst = event.AppendOneLine(dst, v)
		}
	}
	dst = append(dst, `},"outliers":`...)
	dst = r.appendNames(dst, r.outliers(reps, field))
	return append(dst, '}')
}

// outliers are the participants outside the largest group that agrees with one
// common value; on a tie those unlike the primary, without one nobody.
func (r *rule) outliers(reps []representative, field int) set {
	cmp := &r.comparers[field]
	var all, largest, likePrimary set
	tie, hasPrimary := false, false
	for i := range reps {
		all |= 1 << reps[i].place
	}
	for i := range reps {
		isPrimary := reps[i].place == r.primary
		if reps[i].value(field) == nil && !isPrimary {
			continue
		}
		var group set
		for j := range reps {
			if cmp.agree(reps[i].value(field), reps[j].value(field)) {
				group |= 1 << reps[j].place
			}
		}
		if isPrimary {
			hasPrimary, likePrimary = true, group
		}
		if reps[i].value(field) == nil {
			continue
		}
		switch a, b := bits.OnesCount32(uint32(group)), bits.OnesCount32(uint32(largest)); {
		case a > b:
			largest, tie = group, false
		case a == b && group != largest:
			tie = true
		}
	}
	switch {
	case !tie:
		return all &^ largest
	case hasPrimary:
		return all &^ likePrimary
	}
	return 0
}

// unseenFacts is how many facts without a field make it suspicious.
const unseenFacts = 1000

// lookForFields counts the loaded fact for the compared fields that no fact had so
// far, and tells of those that too many lacked.
func (e *Engine) lookForFields(r *rule) {
	for i := range r.comparers {
		cmp := &r.comparers[i]
		if cmp.without < 0 {
			continue
		}
		cmp.without++
		for _, rep := range e.reps() {
			if i < len(rep.values) && rep.value(i) != nil {
				cmp.without = -1
			}
		}
		if cmp.without == unseenFacts {
			e.tell(r, cmp)
		}
		if cmp.without < 0 {
			r.unseen--
		}
	}
}

func (e *Engine) tell(r *rule, cmp *comparer) {
	e.cfg.Unseen(r.Name, cmp.field, cmp.without)
	cmp.without = -1
}

// TellUnseen tells Config.Unseen of the compared fields that no fact had so far,
// when there will be no more.
func (e *Engine) TellUnseen() {
	for _, r := range e.rules {
		for i := range r.comparers {
			if cmp := &r.comparers[i]; cmp.without > 0 {
				e.tell(r, cmp)
			}
		}
	}
}

// emit makes the next revision of a fact's verdict and hands it to the sink.
func (e *Engine) emit(c *cell, r *rule, by ClosedBy, wall int64) {
	c.revision++
	block := e.block(c)
	e.loadAll(block, r)
	e.judge(c, r, &e.verdict)
	if r.unseen > 0 && c.revision == 1 && e.cfg.Unseen != nil {
		e.lookForFields(r)
	}
	previous := c.status
	c.status = e.verdict.status
	if c.revision == 1 {
		previous = c.status
	}
	if r.expect&^c.present == 0 && c.sample != 0 {
		e.blocks.release(c.sample)
		c.sample = 0
	}
	route := &e.routes.list[c.route]
	v := e.verdicts.next()
	*v = Verdict{
		Identity: c.identity(), Revision: c.revision, Status: c.status, Previous: previous, ClosedBy: by,
		Tenant: route.tenant, Type: route.eventType, Labels: route.labels, Key: e.texts.String(keyOf(block)),
		Expectation: r.Name,
		LastEvent:   e.lastEvent(c, wall),
	}
	v.ID = event.FactID(v.Tenant, v.Type, v.Key)
	v.JSON = e.texts.Keep(e.appendVerdict(e.texts.Begin(e.lastJSON+e.lastJSON/4), v, c, r, route, wall))
	e.lastJSON = len(v.JSON)
	if e.cfg.State {
		v.State = e.appendState(nil, c, r, route)
	}
	v.Tokens = e.takeTokens(c)
	e.sink.Verdict(v)
}

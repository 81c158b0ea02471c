package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/helios-connect/helios/plugins/event"
)

// stateVersion is the first byte of an encoded state. The encoding:
//
//	u8 version | text tenant | text type | text key
//	u64 opened | u64 deadline | u64 last time | u64 first token | u64 last token | u32 revision | u8 status
//	list of text: compared fields | list of text: stalled participants
//	list of: text participant | u8 late | u64 time | text source | text id
//	         | uvarint duplicates | uvarint conflicts | per field: u8 present [text raw]
//
// text is a uvarint length and bytes, list a uvarint length and elements,
// integers are little-endian. Names instead of places make it independent of the
// expectations in force.
const stateVersion = 1

// ErrState is wrapped by the errors of RestoreClosed.
var ErrState = errors.New("unreadable state of a closed fact")

func appendText[T ~string | ~[]byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendState appends what judging a later event of a loaded fact needs.
func (e *Engine) appendState(dst []byte, c *cell, r *rule, route *route) []byte {
	dst = append(dst, stateVersion)
	dst = appendText(dst, route.tenant)
	dst = appendText(dst, route.eventType)
	dst = appendText(dst, keyOf(e.block(c)))
	for _, n := range [...]uint64{uint64(e.opened(c, r)), uint64(c.deadline), uint64(e.latest(c)), c.firstToken, c.firstToken + uint64(c.lastToken)} {
		dst = order.AppendUint64(dst, n)
	}
	dst = append(order.AppendUint32(dst, c.revision), byte(c.status))
	dst = binary.AppendUvarint(dst, uint64(len(r.comparers)))
	for i := range r.comparers {
		dst = appendText(dst, r.comparers[i].field)
	}
	stalled := r.namesIn(c.stalled)
	dst = binary.AppendUvarint(dst, uint64(len(stalled)))
	for _, n := range stalled {
		dst = appendText(dst, n)
	}
	sorted := e.sortedReps(r)
	dst = binary.AppendUvarint(dst, uint64(len(sorted)))
	for _, i := range sorted {
		n := &e.loaded[i]
		dst = appendText(dst, r.nameAt(n.place))
		late := byte(0)
		if n.late {
			late = 1
		}
		dst = append(dst, late)
		dst = order.AppendUint64(dst, uint64(n.time))
		dst = appendText(appendText(dst, e.sourceOf(n)), n.idText())
		dst = binary.AppendUvarint(dst, uint64(n.duplicate))
		dst = binary.AppendUvarint(dst, uint64(n.conflict))
		for i := range r.comparers {
			if i >= len(n.values) || n.value(i) == nil {
				dst = append(dst, 0)
				continue
			}
			dst = appendText(append(dst, 1), n.value(i))
		}
	}
	return dst
}

func (r *rule) namesIn(who set) (names []string) {
	for i, n := range r.names {
		if who&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// RestoreClosed puts a closed fact back. state is Verdict.State; verdict is the
// verdict's JSON, from which a sample is taken, or nil. Whatever the order of
// calls, the greatest (opened_at, revision) of a fact wins. A fact that no
// expectation matches any more is left out; its Identity is zero. Errors wrap
// ErrState.
func (e *Engine) RestoreClosed(state, verdict []byte) (Identity, error) {
	e.rebuilding = true
	d := decoder{rest: state}
	if v := d.byte(); v != stateVersion || d.bad {
		return Identity{}, fmt.Errorf("%w: version %d: this binary reads version %d", ErrState, v, stateVersion)
	}
	tenant, eventType, key := d.text(), d.text(), d.text()
	var c cell
	opened, deadline, last := int64(d.u64()), int64(d.u64()), int64(d.u64())
	c.firstToken = d.u64()
	c.touch(d.u64())
	c.revision = d.u32()
	c.status = Status(min(d.byte(), byte(Indeterminate)))
	if d.bad {
		return Identity{}, fmt.Errorf("%w: cut short", ErrState)
	}
	r := e.reader.rules.find(eventType, tenant)
	if r == nil {
		return Identity{}, nil
	}
	route := e.routes.find(r, eventType, tenant)
	c.hash1, c.hash2 = identify(maphash.Bytes(e.seed[0], key), maphash.Bytes(e.seed[1], key), route)
	c.route = uint32(route)
	old := e.table.find(&e.cells, c.hash1, c.hash2)
	if old != 0 {
		o := e.cells.at(old)
		if at := e.opened(o, r); at > opened || at == opened && o.revision >= c.revision {
			return c.identity(), nil
		}
	}
	content, err := e.restoreRecords(&d, r, &c, key)
	if err != nil {
		return Identity{}, err
	}
	if old != 0 {
		o := e.cells.at(old)
		e.unlink(old, o, r)
		e.drop(old, o)
		e.closedFacts--
	}
	ref, fact := e.cells.alloc()
	*fact = c
	e.setTimes(fact, r, deadline, times{opened, last})
	e.routes.list[route].facts++
	e.store(fact, content)
	e.restoreSample(fact, r, verdict)
	e.table.insert(c.hash1, ref)
	e.closedFacts++
	e.linkClosed(ref, fact, r)
	return c.identity(), nil
}

// restoreRecords decodes the lists of a state into a block's content and the
// sets of the cell.
func (e *Engine) restoreRecords(d *decoder, r *rule, c *cell, key []byte) ([]byte, error) {
	fields := make([][]byte, d.count())
	for i := range fields {
		fields[i] = d.text()
	}
	for range d.count() {
		if place := r.indexOf(d.text()); place >= 0 {
			c.stalled |= 1 << place & r.expect
		}
	}
	content := appendHead(nil, key)
	for range d.count() {
		name := d.text()
		h := recordHead{place: r.indexOf(name), escaped: true} // for all that is known
		var values [][]byte
		if h.place < 0 {
			h.place = r.stranger(name)
		} else {
			c.present |= 1 << h.place
			values = make([][]byte, len(r.comparers))
		}
		h.late = d.byte() == 1
		h.time = int64(d.u64())
		source, id := d.text(), d.text()
		h.duplicate, h.conflict = uint32(d.uvarint()), uint32(d.uvarint())
		for _, f := range fields {
			if d.byte() == 0 {
				continue
			}
			value := d.text()
			for i := range values {
				if r.comparers[i].field == string(f) {
					values[i] = value
				}
			}
		}
		if d.bad {
			return nil, fmt.Errorf("%w: cut short", ErrState)
		}
		if h.place < 0 {
			continue
		}
		rest := appendText(nil, id)
		for _, v := range values {
			rest = appendValue(rest, v)
		}
		h.named = e.sources.put(source, h.place)
		content = appendRecord(content, &h, source, rest)
	}
	c.stalled &^= c.present
	return content, nil
}

// restoreSample takes the sample out of a verdict that lacks a participant.
func (e *Engine) restoreSample(c *cell, r *rule, verdict []byte) {
	if !e.cfg.Sample || verdict == nil || r.expect&^c.present == 0 {
		return
	}
	out := make([][]byte, 1)
	if err := e.reader.scanner.Scan(verdict, samplePath, out); err != nil || !bytes.HasPrefix(out[0], []byte("{")) {
		return
	}
	var b []byte
	c.sample, b = e.blocks.alloc(4 + len(out[0]))
	order.PutUint32(b, uint32(len(out[0])))
	copy(b[4:], out[0])
}

var samplePath = event.MustCompilePaths("sample")

// decoder reads the encoding above; bad is set when it ends too soon.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.rest) {
		d.bad, d.rest = true, nil
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// count reads the length of a list; every element takes a byte at least.
func (d *decoder) count() int {
	if n := d.uvarint(); n <= uint64(len(d.rest)) {
		return int(n)
	}
	d.bad, d.rest = true, nil
	return 0
}

func (d *decoder) text() []byte {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.bad, d.rest = true, nil
		return nil
	}
	return d.take(int(n))
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.take(8); b != nil {
		return order.Uint64(b)
	}
	return 0
}

func (d *decoder) u32() uint32 {
	if b := d.take(4); b != nil {
		return order.Uint32(b)
	}
	return 0
}

package engine

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/helios-connect/helios/plugins/event"
)

// A fact's records stand in one block:
//
//	u32 used | uvarint key length | key | record …
//
// and a record, one a participant, is
//
//	uvarint size of what follows | u8 flags | i64 time
//	[u32 duplicates | u32 conflicts]          with flagCounted
//	uvarint place | uvarint source
//	[uvarint length | source]                 with source 0
//	[uvarint token]                           with flagHeld or flagGiven
//	uvarint id length | id
//	per compared field: uvarint length+1 (0: absent) | raw value
//
// or, with flagToken, for the token of a repeated event,
//
//	uvarint size of what follows | u8 flags | u64 token | u32 times
//
// place is the participant's place in rule.names, or behind it in
// rule.strangers; source a name that interned gave.
const (
	fixedBytes  = 9 // of a record: flags and time
	countsBytes = 8
	tokenBytes  = 1 + 12 // without its size
	flagLate    = 1 << 0 // an event that counted came after a verdict
	flagCounted = 1 << 1
	flagToken   = 1 << 2 // no participant: a token to hand on with the verdict
	flagHeld    = 1 << 3 // the token of the participant's first event is to be handed on
	flagGiven   = 1 << 4 // it has been
	flagEscaped = 1 << 5 // the id may need escapes as a JSON string
)

var order = binary.LittleEndian

// record is a view of one record, without its size.
type record []byte

func (r record) flags() byte { return r[0] }
func (r record) time() int64 { return int64(order.Uint64(r[1:])) }

func (r record) counts() (duplicates, conflicts uint32) {
	if r.flags()&flagCounted == 0 {
		return 0, 0
	}
	return order.Uint32(r[fixedBytes:]), order.Uint32(r[fixedBytes+4:])
}

// names returns where the record's place begins.
func (r record) names() int {
	if r.flags()&flagCounted == 0 {
		return fixedBytes
	}
	return fixedBytes + countsBytes
}

func (r record) place() int {
	place, _ := uvarint(r, r.names())
	return int(place)
}

func (r record) token() (token uint64, times uint32) {
	return order.Uint64(r[1:]), order.Uint32(r[9:])
}

// setTimes changes how often a token is held.
func (r record) setTimes(times uint32) { order.PutUint32(r[9:], times) }

// uvarint returns the number at b[i] and the offset behind it: binary.Uvarint
// with a short way for what takes one byte, which nearly every size, place,
// source and length does.
func uvarint(b []byte, i int) (v uint64, end int) {
	v, end = uint64(b[i]), i+1 // in this form the compiler inlines it
	if v >= 0x80 {
		v, end = longUvarint(b, i)
	}
	return v, end
}

func longUvarint(b []byte, i int) (v uint64, end int) {
	if c := b[i+1]; c < 0x80 {
		return uint64(b[i]&0x7f) | uint64(c)<<7, i + 2
	}
	v, w := binary.Uvarint(b[i:])
	return v, i + w
}

// appendUvarint is binary.AppendUvarint with the same short way.
func appendUvarint(dst []byte, v uint64) []byte {
	if v < 0x80 {
		return append(dst, byte(v))
	}
	return binary.AppendUvarint(dst, v)
}

// recordHead is what a record says beside its texts.
type recordHead struct {
	place     int
	time      int64
	late      bool
	escaped   bool   // the id may need escapes as a JSON string
	named     uint32 // the source's interned name, or 0
	duplicate uint32
	conflict  uint32
	token     uint64 // of the participant's first event, if held
	held      bool   // the token is to be handed on
}

// representative is what a record says of a participant's chosen event. Its
// extents are places in the record; see incoming for why.
type representative struct {
	recordHead
	record record
	source event.Extent // if it has no name
	id     event.Extent
	rest   int            // where the record's end begins: id and values
	values []event.Extent // in the order of compare, zero when absent
}

// value returns a compared value, raw, or nil when it is absent.
func (rep *representative) value(field int) []byte {
	x := rep.values[field]
	if x.To == 0 {
		return nil
	}
	return rep.record[x.From:x.To:x.To]
}

func (rep *representative) idText() []byte { return rep.record[rep.id.From:rep.id.To:rep.id.To] }

// load decodes a record into rep, reusing its slice; everything in it is a view
// of the record.
func (e *Engine) load(r record, rule *rule, rep *representative) {
	flags := r.flags()
	rep.record = r
	rep.late, rep.escaped, rep.held = flags&flagLate != 0, flags&flagEscaped != 0, flags&flagHeld != 0
	rep.time = r.time()
	rep.duplicate, rep.conflict = r.counts()
	place, at := uvarint(r, r.names())
	source, at := uvarint(r, at)
	rep.place, rep.named = int(place), uint32(source)
	if source == 0 {
		rep.source, at = textAt(r, at)
	}
	if flags&(flagHeld|flagGiven) != 0 {
		rep.token, at = uvarint(r, at)
	}
	rep.rest = at
	rep.id, at = textAt(r, at)
	fields := rule.fields(rep.place)
	if cap(rep.values) < fields {
		rep.values = make([]event.Extent, fields)
	}
	rep.values = rep.values[:fields]
	for i := range rep.values {
		n, from := uvarint(r, at)
		if at = from; n > 0 {
			at += int(n) - 1
			rep.values[i] = event.Extent{From: from, To: at}
		} else {
			rep.values[i] = event.Extent{}
		}
	}
}

// textAt returns where the text at b[i] stands, behind its length, and the offset
// behind it.
func textAt(b []byte, i int) (text event.Extent, end int) {
	n, from := uvarint(b, i)
	end = from + int(n)
	return event.Extent{From: from, To: end}, end
}

// sourceOf returns the source of a loaded record.
func (e *Engine) sourceOf(rep *representative) []byte {
	if rep.named != 0 {
		return e.sources.get(rep.named)
	}
	return rep.record[rep.source.From:rep.source.To]
}

// appendEvent appends the record of a participant's first event of a fact, which
// holds its token until the verdict.
func (e *Engine) appendEvent(dst []byte, in *incoming, token uint64, late bool) []byte {
	source := in.of(in.source)
	h := recordHead{place: in.place, time: in.time, late: late, escaped: in.escaped, named: e.sources.put(source, in.place)}
	if e.cfg.Tokens {
		h.token, h.held = token, true
	}
	end := in.record.To
	if in.place >= len(in.rule.names) {
		end = in.values
	}
	return appendRecord(dst, &h, source, e.records[in.record.From:end])
}

// represent loads e.fresh with what the record of an event would be, without a
// token.
func (e *Engine) represent(in *incoming) {
	e.freshRecord = e.appendEvent(e.freshRecord[:0], in, 0, false)
	r, _ := recordAt(e.freshRecord, 0)
	e.load(r, in.rule, &e.fresh)
	e.fresh.held = false
}

// appendRecord appends a record; rest are its id and values, encoded.
func appendRecord(dst []byte, h *recordHead, source, rest []byte) []byte {
	start := len(dst)
	flags := byte(0)
	if h.held {
		flags |= flagHeld
	}
	if h.late {
		flags |= flagLate
	}
	if h.escaped {
		flags |= flagEscaped
	}
	if h.duplicate|h.conflict != 0 {
		flags |= flagCounted
	}
	dst = append(dst, 0, flags) // the size is found out below
	dst = order.AppendUint64(dst, uint64(h.time))
	if flags&flagCounted != 0 {
		dst = order.AppendUint32(dst, h.duplicate)
		dst = order.AppendUint32(dst, h.conflict)
	}
	dst = appendUvarint(dst, uint64(h.place))
	if dst = appendUvarint(dst, uint64(h.named)); h.named == 0 {
		dst = appendText(dst, source)
	}
	if h.held {
		dst = appendUvarint(dst, h.token)
	}
	return sized(append(dst, rest...), start)
}

// appendValue appends a raw value, or that it is absent.
func appendValue(dst, raw []byte) []byte {
	if raw == nil {
		return append(dst, 0)
	}
	return append(appendUvarint(dst, uint64(len(raw))+1), raw...)
}

// sized writes the size of the record that was appended at start, where one
// byte is left for it; a longer size moves the record.
func sized(dst []byte, start int) []byte {
	n := len(dst) - start - 1
	if n < 0x80 {
		dst[start] = byte(n)
		return dst
	}
	var size [binary.MaxVarintLen64]byte
	w := binary.PutUvarint(size[:], uint64(n))
	return slices.Replace(dst, start, start+1, size[:w]...)
}

func appendToken(dst []byte, token uint64, times uint32) []byte {
	dst = append(dst, tokenBytes, flagToken)
	return order.AppendUint32(order.AppendUint64(dst, token), times)
}

// outranks reports whether a is to represent the participant rather than b: the
// greatest (time, source, id, bytes of the compared fields) does, whatever the
// order of arrival.
func (e *Engine) outranks(a, b *representative) bool {
	if c := cmp.Compare(a.time, b.time); c != 0 {
		return c > 0
	}
	if c := bytes.Compare(e.sourceOf(a), e.sourceOf(b)); c != 0 {
		return c > 0
	}
	if c := bytes.Compare(a.idText(), b.idText()); c != 0 {
		return c > 0
	}
	for i := range a.values {
		x, y := a.value(i), b.value(i)
		if (x == nil) != (y == nil) {
			return x != nil
		}
		if c := bytes.Compare(x, y); c != 0 {
			return c > 0
		}
	}
	return false
}

// block returns the used part of a fact's block.
func (e *Engine) block(c *cell) []byte {
	b := e.blocks.get(c.records)
	return b[:order.Uint32(b)]
}

// appendHead appends the head of a block: room for its size, and the key.
func appendHead(dst, key []byte) []byte {
	return appendText(append(dst, 0, 0, 0, 0), key)
}

// keyBounds returns where the key of a block begins and ends.
func keyBounds(block []byte) (start, end int) {
	n, start := uvarint(block, 4)
	return start, start + int(n)
}

func keyOf(block []byte) []byte {
	start, end := keyBounds(block)
	return block[start:end]
}

// recordsAt returns where the records of a block begin.
func recordsAt(block []byte) int {
	_, end := keyBounds(block)
	return end
}

// recordAt returns the record at an offset of a block and the offset behind it.
func recordAt(block []byte, at int) (r record, end int) {
	n, at := uvarint(block, at)
	end = at + int(n)
	return record(block[at:end:end]), end
}

// findRecord returns a participant's record in a block and the offset of its
// size, or nil.
func findRecord(block []byte, place int) (at int, found record) {
	for next := recordsAt(block); next < len(block); {
		at = next
		var r record
		r, next = recordAt(block, at)
		if r.flags()&flagToken == 0 && r.place() == place {
			return at, r
		}
	}
	return 0, nil
}

// store replaces a fact's block by content, whose head it writes.
func (e *Engine) store(c *cell, content []byte) {
	order.PutUint32(content, uint32(len(content)))
	if c.records != 0 {
		if b := e.blocks.get(c.records); len(b) >= len(content) {
			copy(b, content)
			return
		}
		e.blocks.release(c.records)
	}
	var b []byte
	c.records, b = e.blocks.alloc(len(content))
	copy(b, content)
}

// addRecord appends a record to a fact's block, in place when there is room.
func (e *Engine) addRecord(c *cell, encoded []byte) {
	b := e.blocks.get(c.records)
	used := int(order.Uint32(b))
	size := used + len(encoded)
	if size > len(b) {
		old := c.records
		var larger []byte
		c.records, larger = e.blocks.alloc(size)
		copy(larger, b[:used])
		e.blocks.release(old)
		b = larger
	}
	copy(b[used:], encoded)
	order.PutUint32(b, uint32(size))
}

// replaceRecord puts what rep says in the place of the record at offset at.
func (e *Engine) replaceRecord(c *cell, at int, rep *representative) {
	e.scratchRecord = appendRecord(e.scratchRecord[:0], &rep.recordHead, e.sourceOf(rep), rep.record[rep.rest:])
	block := e.block(c)
	_, end := recordAt(block, at)
	if end-at == len(e.scratchRecord) {
		copy(block[at:], e.scratchRecord)
		return
	}
	e.content = append(e.content[:0], block[:at]...)
	e.content = append(e.content, e.scratchRecord...)
	e.content = append(e.content, block[end:]...)
	e.store(c, e.content)
}

// holdToken remembers the token of a repeated event until the fact's verdict.
func (e *Engine) holdToken(c *cell, token uint64) {
	var last record
	block := e.block(c)
	for at := recordsAt(block); at < len(block); {
		last, at = recordAt(block, at)
	}
	if last.flags()&flagToken != 0 {
		if held, times := last.token(); held == token {
			last.setTimes(times + 1)
			return
		}
	}
	e.scratchRecord = appendToken(e.scratchRecord[:0], token, 1)
	e.addRecord(c, e.scratchRecord)
}

// takeTokens returns the tokens that a loaded fact holds. Those in records of
// participants are marked as given, the others dropped.
func (e *Engine) takeTokens(c *cell) []uint64 {
	if !e.cfg.Tokens {
		return nil
	}
	tokens := e.tokens.begin()
	for i := range e.reps() {
		if rep := &e.loaded[i]; rep.held {
			tokens = append(tokens, rep.token)
			rep.record[0] = rep.record.flags()&^flagHeld | flagGiven
		}
	}
	if e.repeats {
		tokens = e.takeRepeats(c, tokens)
	}
	return e.tokens.keep(tokens)
}

// takeRepeats appends the tokens in records that hold nothing else, and takes
// those records out.
func (e *Engine) takeRepeats(c *cell, tokens []uint64) []uint64 {
	block := e.block(c)
	start := recordsAt(block)
	e.content = append(e.content[:0], block[:start]...)
	for at := start; at < len(block); {
		r, end := recordAt(block, at)
		if r.flags()&flagToken == 0 {
			e.content = append(e.content, block[at:end]...)
		} else {
			token, times := r.token()
			for range times {
				tokens = append(tokens, token)
			}
		}
		at = end
	}
	order.PutUint32(e.content, uint32(len(e.content)))
	copy(block, e.content)
	return tokens
}

// interned gives short names to strings that come again and again. Beyond its
// bound strings get none.
type interned struct {
	ids     map[string]uint32
	strings [][]byte
	quoted  [][]byte  // the strings in JSON
	recent  [8]uint32 // the names last given, by the low bits of their participant's place
}

const maxInterned = 1<<16 - 1

// put returns the name of s, or 0. A participant mostly has one source, or a
// few that come in runs: near says which participant's it is.
func (t *interned) put(s []byte, near int) uint32 {
	recent := &t.recent[near&7]
	if *recent != 0 && bytes.Equal(t.strings[*recent-1], s) {
		return *recent
	}
	id, ok := t.ids[string(s)]
	if !ok {
		if len(t.strings) >= maxInterned || len(s) > 1024 {
			return 0
		}
		if t.ids == nil {
			t.ids = make(map[string]uint32)
		}
		own := bytes.Clone(s)
		if own == nil {
			own = []byte{}
		}
		t.strings = append(t.strings, own)
		t.quoted = append(t.quoted, event.AppendQuoted(nil, own))
		id = uint32(len(t.strings))
		t.ids[string(own)] = id
	}
	*recent = id
	return id
}

func (t *interned) get(id uint32) []byte { return t.strings[id-1] }

package engine

import (
	"bytes"
	"cmp"
	"encoding/binary"
)

// A fact's records stand in one block:
//
//	u32 used | u16 key length, or 65535 and u32 key length | key | record …
//
// and a record, one a participant, is
//
//	u32 size | i64 time | u16 place | u16 source | u8 flags
//	[u32 duplicates | u32 conflicts]          with flagCounted
//	[u64 token | u32 times]                   with flagToken, then nothing else
//	uvarint id length | id | [uvarint length | source]        with source 0
//	per compared field: uvarint length+1 (0: absent) | raw value
//
// place is the participant's place in rule.names, or behind it in
// rule.strangers; source a name that interned gave.
const (
	recordBytes = 17
	tokenBytes  = recordBytes + 12
	longKey     = 1<<16 - 1
	flagLate    = 1 << 0 // an event that counted came after a verdict
	flagCounted = 1 << 1
	flagToken   = 1 << 2 // no participant: a token to hand on with the verdict
)

var order = binary.LittleEndian

// record is a view of one record.
type record []byte

func (r record) size() int      { return int(order.Uint32(r)) }
func (r record) time() int64    { return int64(order.Uint64(r[4:])) }
func (r record) place() int     { return int(order.Uint16(r[12:])) }
func (r record) source() uint32 { return uint32(order.Uint16(r[14:])) }
func (r record) flags() byte    { return r[16] }

func (r record) counts() (duplicates, conflicts uint32) {
	if r.flags()&flagCounted == 0 {
		return 0, 0
	}
	return order.Uint32(r[recordBytes:]), order.Uint32(r[recordBytes+4:])
}

func (r record) token() (token uint64, times uint32) {
	return order.Uint64(r[recordBytes:]), order.Uint32(r[recordBytes+8:])
}

// body returns the id and what stands behind it.
func (r record) body() (id, rest []byte) {
	rest = r[recordBytes:]
	if r.flags()&flagCounted != 0 {
		rest = rest[8:]
	}
	return cutText(rest)
}

// cutText splits a text with its length before it off.
func cutText(b []byte) (text, rest []byte) {
	n, w := binary.Uvarint(b)
	end := w + int(n)
	return b[w:end:end], b[end:]
}

// representative is what a record says of a participant's chosen event.
type representative struct {
	place     int
	late      bool
	time      int64
	source    []byte
	id        []byte
	values    [][]byte // raw, nil when absent, in the order of compare
	duplicate uint32
	conflict  uint32
}

// load decodes a record into rep, reusing its slices; everything in it is a
// view of the record.
func (e *Engine) load(r record, fields int, rep *representative) {
	rep.place = r.place()
	rep.late = r.flags()&flagLate != 0
	rep.time = r.time()
	rep.duplicate, rep.conflict = r.counts()
	id, rest := r.body()
	rep.id = id
	if s := r.source(); s != 0 {
		rep.source = e.sources.get(s)
	} else {
		rep.source, rest = cutText(rest)
	}
	rep.values = rep.values[:0]
	for range fields {
		n, w := binary.Uvarint(rest)
		rest = rest[w:]
		if n == 0 {
			rep.values = append(rep.values, nil)
			continue
		}
		rep.values = append(rep.values, rest[:n-1:n-1])
		rest = rest[n-1:]
	}
}

// appendRecord appends the encoding of rep.
func (e *Engine) appendRecord(dst []byte, rep *representative) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, recordBytes)...)
	flags := byte(0)
	if rep.late {
		flags |= flagLate
	}
	if rep.duplicate|rep.conflict != 0 {
		flags |= flagCounted
		dst = order.AppendUint32(dst, rep.duplicate)
		dst = order.AppendUint32(dst, rep.conflict)
	}
	source := e.sources.put(rep.source)
	dst = appendText(dst, rep.id)
	if source == 0 {
		dst = appendText(dst, rep.source)
	}
	for _, v := range rep.values {
		if v == nil {
			dst = append(dst, 0)
			continue
		}
		dst = binary.AppendUvarint(dst, uint64(len(v))+1)
		dst = append(dst, v...)
	}
	r := dst[start:]
	order.PutUint32(r, uint32(len(r)))
	order.PutUint64(r[4:], uint64(rep.time))
	order.PutUint16(r[12:], uint16(rep.place))
	order.PutUint16(r[14:], uint16(source))
	r[16] = flags
	return dst
}

func appendToken(dst []byte, token uint64, times uint32) []byte {
	var r [tokenBytes]byte
	order.PutUint32(r[:], tokenBytes)
	r[16] = flagToken
	order.PutUint64(r[recordBytes:], token)
	order.PutUint32(r[recordBytes+8:], times)
	return append(dst, r[:]...)
}

// outranks reports whether a is to represent the participant rather than b: the
// greatest (time, source, id, bytes of the compared fields) does, whatever the
// order of arrival.
func (a *representative) outranks(b *representative) bool {
	if c := cmp.Compare(a.time, b.time); c != 0 {
		return c > 0
	}
	if c := bytes.Compare(a.source, b.source); c != 0 {
		return c > 0
	}
	if c := bytes.Compare(a.id, b.id); c != 0 {
		return c > 0
	}
	for i := range a.values {
		x, y := a.values[i], b.values[i]
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
	dst = append(dst, 0, 0, 0, 0)
	if len(key) < longKey {
		dst = order.AppendUint16(dst, uint16(len(key)))
	} else {
		dst = order.AppendUint32(order.AppendUint16(dst, longKey), uint32(len(key)))
	}
	return append(dst, key...)
}

// keyBounds returns where the key of a block begins and ends.
func keyBounds(block []byte) (start, end int) {
	if n := int(order.Uint16(block[4:])); n < longKey {
		return 6, 6 + n
	}
	return 10, 10 + int(order.Uint32(block[6:]))
}

func keyOf(block []byte) []byte {
	start, end := keyBounds(block)
	return block[start:end]
}

// recordsOf returns the records of a block.
func recordsOf(block []byte) []byte {
	_, end := keyBounds(block)
	return block[end:]
}

// nextRecord splits the first record off.
func nextRecord(records []byte) (record, []byte) {
	n := record(records).size()
	return record(records[:n:n]), records[n:]
}

// findRecord returns the offset of a participant's record in a block, or -1.
func findRecord(block []byte, place int) int {
	for _, at := keyBounds(block); at < len(block); {
		r := record(block[at:])
		if r.flags()&flagToken == 0 && r.place() == place {
			return at
		}
		at += r.size()
	}
	return -1
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

// addRecord appends a record to a fact's block in place when there is room.
func (e *Engine) addRecord(c *cell, encoded []byte) {
	b := e.blocks.get(c.records)
	used := int(order.Uint32(b))
	if used+len(encoded) <= len(b) {
		copy(b[used:], encoded)
		order.PutUint32(b, uint32(used+len(encoded)))
		return
	}
	e.content = append(append(e.content[:0], b[:used]...), encoded...)
	e.store(c, e.content)
}

// replaceRecord puts encoded in the place of the record at offset at.
func (e *Engine) replaceRecord(c *cell, at int, encoded []byte) {
	block := e.block(c)
	old := record(block[at:]).size()
	if old == len(encoded) {
		copy(block[at:], encoded)
		return
	}
	e.content = append(e.content[:0], block[:at]...)
	e.content = append(e.content, encoded...)
	e.content = append(e.content, block[at+old:]...)
	e.store(c, e.content)
}

// holdToken remembers one more token of a fact until its verdict.
func (e *Engine) holdToken(c *cell, token uint64) {
	block := e.block(c)
	if e.lastIsToken(recordsOf(block)) {
		last := record(block[len(block)-tokenBytes:])
		if held, times := last.token(); held == token {
			order.PutUint32(last[recordBytes+8:], times+1)
			return
		}
	}
	e.scratchRecord = appendToken(e.scratchRecord[:0], token, 1)
	e.addRecord(c, e.scratchRecord)
}

// lastIsToken reports whether the last record is a token; the bytes alone can't
// tell, since a value may look like one.
func (e *Engine) lastIsToken(records []byte) bool {
	token := false
	for len(records) > 0 {
		var r record
		r, records = nextRecord(records)
		token = r.flags()&flagToken != 0
	}
	return token
}

// takeTokens returns the tokens that the fact holds and drops them.
func (e *Engine) takeTokens(c *cell) (tokens []uint64) {
	switch e.cfg.Tokens {
	case TokensNone:
		return nil
	case TokensFirst:
		if c.revision == 0 {
			return []uint64{c.firstToken}
		}
		return nil
	}
	block := e.block(c)
	_, head := keyBounds(block)
	e.content = append(e.content[:0], block[:head]...)
	for records := recordsOf(block); len(records) > 0; {
		var r record
		r, records = nextRecord(records)
		if r.flags()&flagToken == 0 {
			e.content = append(e.content, r...)
			continue
		}
		token, times := r.token()
		for range times {
			tokens = append(tokens, token)
		}
	}
	if tokens != nil {
		order.PutUint32(e.content, uint32(len(e.content)))
		copy(block, e.content)
	}
	return tokens
}

// interned gives short names to strings that come again and again. Beyond its
// bound strings get none.
type interned struct {
	ids     map[string]uint32
	strings [][]byte
	last    []byte
	lastID  uint32
}

const maxInterned = 1<<16 - 1

// put returns the name of s, or 0.
func (t *interned) put(s []byte) uint32 {
	if t.lastID != 0 && bytes.Equal(t.last, s) {
		return t.lastID
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
		id = uint32(len(t.strings))
		t.ids[string(own)] = id
	}
	t.last, t.lastID = t.strings[id-1], id
	return id
}

func (t *interned) get(id uint32) []byte { return t.strings[id-1] }

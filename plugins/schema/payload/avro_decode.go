package payload

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/helios-connect/helios/plugins/event"
)

// avroReader reads one payload and writes its JSON (Avro specification 1.12,
// "Binary Encoding").
type avroReader struct {
	in      []byte
	pos     int
	out     []byte
	start   int // where this payload's JSON begins in out
	records int

	members []avroMember // of the maps that are open
	scratch []byte       // a map's members while they are put in order
}

var avroReaders = sync.Pool{New: func() any { return new(avroReader) }}

// maxKeptScratch is what a reader in the pool keeps, in bytes and in members.
const maxKeptScratch = 64 << 10

func (r *avroReader) release() {
	r.in, r.out, r.records = nil, nil, 0
	clear(r.members) // keys point into the payload
	r.members = r.members[:0]
	if cap(r.members) > maxKeptScratch/32 {
		r.members = nil
	}
	if cap(r.scratch) > maxKeptScratch {
		r.scratch = nil
	}
	avroReaders.Put(r)
}

func (r *avroReader) fail(format string, args ...any) *Error {
	return &Error{Offset: r.pos, Reason: fmt.Sprintf(format, args...)}
}

func (r *avroReader) left() int { return len(r.in) - r.pos }

// value reads a value of type n within depth containers.
func (r *avroReader) value(n *avroNode, depth int) *Error {
	switch n.kind {
	case avroNull:
		r.out = append(r.out, "null"...)
		return nil
	case avroBoolean:
		return r.boolean()
	case avroInt, avroLong, avroDate, avroTime, avroTimestamp, avroLocalTimestamp:
		return r.number(n)
	case avroFloat, avroDouble:
		return r.float(n.kind)
	case avroBytes, avroString, avroDecimalBytes:
		return r.text(n)
	case avroFixed, avroDecimalFixed, avroUUIDFixed, avroDuration:
		return r.fixed(n)
	case avroEnum:
		return r.enum(n)
	case avroUnion:
		return r.union(n, depth)
	}
	if depth >= MaxDepth {
		return r.fail("nests deeper than %d", MaxDepth)
	}
	if n.kind == avroRecord {
		return r.record(n, depth+1)
	}
	return r.blocks(n, depth+1)
}

func (r *avroReader) boolean() *Error {
	if r.left() < 1 {
		return r.fail("the payload ends before a boolean")
	}
	switch b := r.in[r.pos]; b {
	case 0:
		r.out = append(r.out, "false"...)
	case 1:
		r.out = append(r.out, "true"...)
	default:
		return r.fail("a boolean is byte 0 or 1, not %d", b)
	}
	r.pos++
	return nil
}

// long reads a zigzag varint of at most 64 bits.
func (r *avroReader) long(what string) (int64, *Error) {
	v, size := binary.Varint(r.in[r.pos:])
	if size == 0 {
		return 0, r.fail("the payload ends within %s", what)
	}
	if size < 0 {
		return 0, r.fail("%s has more than 64 bits", what)
	}
	r.pos += size
	return v, nil
}

func (r *avroReader) number(n *avroNode) *Error {
	at := r.pos
	v, err := r.long("a number")
	if err != nil {
		return err
	}
	narrow := n.kind == avroInt || n.kind == avroDate || n.kind == avroTime && !n.wide
	if narrow && (v < math.MinInt32 || v > math.MaxInt32) {
		r.pos = at
		return r.fail("%d is no int of 32 bits", v)
	}
	if n.kind == avroInt || n.kind == avroLong {
		r.out = strconv.AppendInt(r.out, v, 10)
		return nil
	}
	out, reason := appendAvroTime(r.out, n, v)
	if reason != "" {
		r.pos = at
		return r.fail("%s", reason)
	}
	r.out = out
	return nil
}

func (r *avroReader) float(kind avroKind) *Error {
	size, bits := 4, 32
	if kind == avroDouble {
		size, bits = 8, 64
	}
	if r.left() < size {
		return r.fail("a number of %d bytes, but %d are left", size, r.left())
	}
	var v float64
	if kind == avroFloat {
		v = float64(math.Float32frombits(binary.LittleEndian.Uint32(r.in[r.pos:])))
	} else {
		v = math.Float64frombits(binary.LittleEndian.Uint64(r.in[r.pos:]))
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return r.fail("%v can't be written in JSON", v)
	}
	r.pos += size
	r.out = appendFloat(r.out, v, bits)
	return nil
}

// appendFloat writes the shortest number that reads back as v, with an exponent
// where encoding/json would use one.
func appendFloat(dst []byte, v float64, bits int) []byte {
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, v, format, -1, bits)
}

// bytes reads a length and as many bytes, which stay in the payload.
func (r *avroReader) bytes(what string) ([]byte, *Error) {
	at := r.pos
	n, err := r.long(what)
	if err != nil {
		return nil, err
	}
	if n < 0 || n > int64(r.left()) {
		left := r.left()
		r.pos = at
		return nil, r.fail("%s claims %d bytes, but %d are left", what, n, left)
	}
	r.pos += int(n)
	return r.in[r.pos-int(n) : r.pos], nil
}

func (r *avroReader) text(n *avroNode) *Error {
	at := r.pos
	if n.kind == avroString {
		b, err := r.bytes("a string")
		if err != nil {
			return err
		}
		if !utf8.Valid(b) {
			r.pos = at
			return r.fail("a string is not valid UTF-8")
		}
		r.out = event.AppendQuoted(r.out, b)
		return nil
	}
	b, err := r.bytes("a bytes value")
	if err != nil {
		return err
	}
	if n.kind == avroBytes {
		r.out = appendBase64(r.out, b)
		return nil
	}
	return r.decimal(n, b, at)
}

func (r *avroReader) decimal(n *avroNode, b []byte, at int) *Error {
	if len(b) > maxDecimalBytes {
		r.pos = at
		return r.fail("a decimal has %d bytes; at most %d are read", len(b), maxDecimalBytes)
	}
	r.out = appendDecimal(r.out, b, n.scale)
	return nil
}

func (r *avroReader) fixed(n *avroNode) *Error {
	if r.left() < n.size {
		return r.fail("a fixed of %d bytes, but %d are left", n.size, r.left())
	}
	at := r.pos
	b := r.in[at : at+n.size]
	r.pos += n.size
	switch n.kind {
	case avroDecimalFixed:
		return r.decimal(n, b, at)
	case avroUUIDFixed:
		r.out = appendUUID(r.out, b)
	case avroDuration:
		r.out = appendAvroDuration(r.out, b)
	default:
		r.out = appendBase64(r.out, b)
	}
	return nil
}

func (r *avroReader) enum(n *avroNode) *Error {
	at := r.pos
	i, err := r.long("an enum")
	if err != nil {
		return err
	}
	if i < 0 || i >= int64(len(n.symbols)) {
		r.pos = at
		return r.fail("enum symbol %d of %d", i, len(n.symbols))
	}
	r.out = append(r.out, n.symbols[i]...)
	return nil
}

func (r *avroReader) union(n *avroNode, depth int) *Error {
	at := r.pos
	i, err := r.long("a union")
	if err != nil {
		return err
	}
	if i < 0 || i >= int64(len(n.branches)) {
		r.pos = at
		return r.fail("union branch %d of %d", i, len(n.branches))
	}
	return r.value(n.branches[i], depth)
}

func appendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

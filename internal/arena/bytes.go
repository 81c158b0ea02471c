// Package arena hands out memory of large chunks: what is given away stays its
// receiver's, and the garbage collector frees a chunk when nobody uses any of
// it. It is for what is handed on event by event, and let go of soon.
package arena

import (
	"strings"
	"unsafe"
)

// Bytes hands out bytes. The zero value is ready; it is not safe for concurrent
// use. One allocation serves about a hundred verdicts or events.
type Bytes struct{ rest []byte }

const (
	chunkBytes = 64 << 10
	chunkMost  = chunkBytes / 8 // larger texts get memory of their own
)

// Begin returns an empty slice to append to, with room for size bytes at least;
// Keep makes what was appended its receiver's. One at a time.
func (a *Bytes) Begin(size int) []byte {
	if size > chunkMost {
		return make([]byte, 0, size)
	}
	if size > len(a.rest) {
		a.rest = newChunk()
	}
	return a.rest[:0]
}

// newChunk returns memory that isn't cleared, as only a strings.Builder gives it:
// clearing costs a tenth of what is done with it.
func newChunk() []byte {
	var b strings.Builder
	b.Grow(chunkBytes)
	b.WriteByte(0)
	return unsafe.Slice(unsafe.StringData(b.String()), chunkBytes)
}

// Keep gives away what was appended to what Begin returned.
func (a *Bytes) Keep(b []byte) []byte {
	if len(b) == 0 || len(a.rest) == 0 || &b[0] != &a.rest[0] {
		return b // it has outgrown the chunk, and has memory of its own
	}
	a.rest = a.rest[len(b):]
	return b[:len(b):len(b)]
}

// Copy returns a copy of b that its receiver owns.
func (a *Bytes) Copy(b []byte) []byte {
	if len(b) > chunkMost {
		return append([]byte(nil), b...)
	}
	if len(b) > len(a.rest) {
		a.rest = newChunk()
	}
	out := a.rest[:len(b):len(b)]
	a.rest = a.rest[len(b):]
	copy(out, b)
	return out
}

// String returns a copy of b as a string.
func (a *Bytes) String(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	own := a.Copy(b)
	return unsafe.String(&own[0], len(own)) // nobody else refers to own
}

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
type Bytes struct {
	chunk []byte
	used  int // of chunk
}

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
	a.reserve(size)
	return a.chunk[a.used:a.used]
}

// Keep gives away what was appended to what Begin returned.
func (a *Bytes) Keep(b []byte) []byte {
	if len(b) == 0 || a.used == len(a.chunk) || &b[0] != &a.chunk[a.used] {
		return b // it has outgrown the chunk, and has memory of its own
	}
	a.used += len(b)
	return b[:len(b):len(b)]
}

// Copy returns a copy of b that its receiver owns.
func (a *Bytes) Copy(b []byte) []byte {
	if len(b) > chunkMost {
		return append([]byte(nil), b...)
	}
	a.reserve(len(b))
	out := a.chunk[a.used : a.used+len(b) : a.used+len(b)]
	a.used += len(b)
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

// reserve makes room for size bytes.
func (a *Bytes) reserve(size int) {
	if size > len(a.chunk)-a.used {
		a.chunk, a.used = newChunk(), 0
	}
}

// newChunk returns memory that isn't cleared, as only a strings.Builder gives it.
func newChunk() []byte {
	var b strings.Builder
	b.Grow(chunkBytes)
	b.WriteByte(0)
	return unsafe.Slice(unsafe.StringData(b.String()), chunkBytes)
}

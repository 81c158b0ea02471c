package engine

import "unsafe"

// arena hands out bytes of large chunks: what is given away stays its
// receiver's, and the garbage collector frees a chunk when nobody uses any of
// it. One allocation serves about a hundred verdicts.
type arena struct{ rest []byte }

const (
	arenaBytes = 64 << 10
	arenaMost  = arenaBytes / 8 // larger texts get memory of their own
)

// begin returns an empty slice to append to, with room for about size bytes;
// keep makes what was appended its receiver's. One at a time.
func (a *arena) begin(size int) []byte {
	if size > arenaMost {
		return make([]byte, 0, size)
	}
	if size > len(a.rest) {
		a.rest = make([]byte, arenaBytes)
	}
	return a.rest[:0]
}

// keep gives away what was appended to what begin returned.
func (a *arena) keep(b []byte) []byte {
	if len(b) == 0 || len(a.rest) == 0 || &b[0] != &a.rest[0] {
		return b // it has outgrown the chunk, and has memory of its own
	}
	a.rest = a.rest[len(b):]
	return b[:len(b):len(b)]
}

// copy returns a copy of b that its receiver owns.
func (a *arena) copy(b []byte) []byte {
	if len(b) > arenaMost {
		return append([]byte(nil), b...)
	}
	if len(b) > len(a.rest) {
		a.rest = make([]byte, arenaBytes)
	}
	out := a.rest[:len(b):len(b)]
	a.rest = a.rest[len(b):]
	copy(out, b)
	return out
}

// string returns a copy of b as a string.
func (a *arena) string(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	own := a.copy(b)
	return unsafe.String(&own[0], len(own)) // nobody else refers to own
}

// tokenSlab hands out lists of tokens of chunks, as arena does bytes.
type tokenSlab struct{ rest []uint64 }

const slabTokens = 512

// begin returns an empty list to append to; keep makes it its receiver's. One at
// a time.
func (s *tokenSlab) begin() []uint64 {
	if len(s.rest) < slabTokens/8 {
		s.rest = make([]uint64, slabTokens)
	}
	return s.rest[:0]
}

// keep gives away what was appended to what begin returned.
func (s *tokenSlab) keep(tokens []uint64) []uint64 {
	n := len(tokens)
	if n == 0 {
		return nil
	}
	if n <= len(s.rest) { // else append has moved it to memory of its own
		s.rest = s.rest[n:]
	}
	return tokens[:n:n]
}

// verdictPool hands out verdicts of chunks, as arena does bytes.
type verdictPool struct{ rest []Verdict }

func (p *verdictPool) next() *Verdict {
	if len(p.rest) == 0 {
		p.rest = make([]Verdict, 64)
	}
	v := &p.rest[0]
	p.rest = p.rest[1:]
	return v
}

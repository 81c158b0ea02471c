package engine

// tokenSlab hands out lists of tokens of chunks, as arena.Bytes does bytes.
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

// verdictPool hands out verdicts of chunks, as arena.Bytes does bytes.
type verdictPool struct{ rest []Verdict }

func (p *verdictPool) next() *Verdict {
	if len(p.rest) == 0 {
		p.rest = make([]Verdict, 64)
	}
	v := &p.rest[0]
	p.rest = p.rest[1:]
	return v
}

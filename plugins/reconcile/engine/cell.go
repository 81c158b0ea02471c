package engine

import "unsafe"

// factRef names a fact's cell; 0 is none.
type factRef uint32

type factState uint8

const (
	stateFree    factState = iota
	stateOpen              // no verdict yet
	stateWatched           // closed, with participants that may still pass
	stateClosed            // closed
	stateParked            // as watched, but its deadline is behind the horizon already, its end not
)

// set is a set of an expectation's participants, by their place in rule.names.
type set uint32

// cell is the fixed part of a fact: 88 bytes without a pointer, so that a
// million of them cost the garbage collector nothing. When a fact was opened and
// when it ends mostly follow from its deadline; see times for when they don't.
type cell struct {
	hash1, hash2 uint64  // seeded hash of (tenant, type, key): the identity
	deadline     int64   // opened + window until revision 1, fixed by it; Unix nanoseconds
	firstToken   uint64  // token of the event that opened the fact
	lastToken    uint32  // token of the last event that changed it, minus firstToken, at most all ones
	lastWall     uint32  // wall clock when that event was applied, milliseconds since Engine.base, modulo 2^32
	present      set     // participants with a record
	stalled      set     // absent and not passed, as of the last verdict
	records      handle  // key and one record a participant
	sample       handle  // a whole event
	prev, next   factRef // in the bucket
	older, newer factRef // while open, in order of opening; while parked, among the parked
	bucket       bucketRef
	revision     uint32
	route        uint32
	state        factState
	status       Status // of the last revision
	apart        bool   // Engine.apart has times of its own for it
}

const (
	cellsPerPage = 1 << 10 // pages of 88 KiB, which the Go runtime doesn't round up
	cellBytes    = int(unsafe.Sizeof(cell{}))
	bucketBytes  = int(unsafe.Sizeof(bucket{}))
)

// cells is a slab of cells with stable addresses.
type cells struct {
	pages [][]cell
	free  []factRef
	next  factRef
}

func (s *cells) alloc() (factRef, *cell) {
	if n := len(s.free); n > 0 {
		ref := s.free[n-1]
		s.free = s.free[:n-1]
		c := s.at(ref)
		*c = cell{}
		return ref, c
	}
	if s.next == 0 {
		s.next = 1
	}
	ref := s.next
	s.next++
	if int(ref/cellsPerPage) >= len(s.pages) {
		s.pages = append(s.pages, make([]cell, cellsPerPage))
	}
	return ref, s.at(ref)
}

func (s *cells) at(ref factRef) *cell {
	return &s.pages[ref/cellsPerPage][ref%cellsPerPage]
}

func (s *cells) release(ref factRef) {
	s.at(ref).state = stateFree
	s.free = append(s.free, ref)
}

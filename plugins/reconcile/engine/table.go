package engine

// table finds facts by hash. It is split into shards that grow one by one, so
// that no single event waits while millions of entries move. Each shard is open
// addressing with linear probing; a slot holds 32 bits of the hash and the
// fact, and the cell decides.
type table struct {
	shards [256]shard
}

type shard struct {
	slots []uint64 // hash bits << 32 | factRef; 0 is empty
	used  int
}

const minSlots = 8

// home is where the search for a slot begins: the hash bits in a slot, scaled to
// the number of slots. So the table grows and closes gaps without a look at the
// facts, and may have any number of slots.
func (s *shard) home(slot uint64) int {
	return int(slot >> 32 * uint64(len(s.slots)) >> 32)
}

// next is the place behind i.
func (s *shard) next(i int) int {
	if i++; i < len(s.slots) {
		return i
	}
	return 0
}

func slotOf(hash1 uint64, ref factRef) uint64 { return hash1>>32<<32 | uint64(ref) }

// find returns the fact of that identity, or 0.
func (t *table) find(cells *cells, hash1, hash2 uint64) factRef {
	s := &t.shards[hash1&255]
	if s.used == 0 {
		return 0
	}
	for i := s.home(hash1); ; i = s.next(i) {
		slot := s.slots[i]
		if slot == 0 {
			return 0
		}
		if slot>>32 == hash1>>32 {
			ref := factRef(slot)
			if c := cells.at(ref); c.hash1 == hash1 && c.hash2 == hash2 {
				return ref
			}
		}
	}
}

// guess returns the fact that the first slot of a hash holds, which is mostly
// the one of that hash, or 0.
func (t *table) guess(hash1 uint64) factRef {
	s := &t.shards[hash1&255]
	if s.used == 0 {
		return 0
	}
	return factRef(s.slots[s.home(hash1)])
}

// insert adds a fact that is not in the table.
func (t *table) insert(hash1 uint64, ref factRef) {
	s := &t.shards[hash1&255]
	if (s.used+1)*4 > len(s.slots)*3 {
		s.grow()
	}
	s.put(slotOf(hash1, ref))
	s.used++
}

func (s *shard) put(slot uint64) {
	i := s.home(slot)
	for s.slots[i] != 0 {
		i = s.next(i)
	}
	s.slots[i] = slot
}

// grow adds a quarter: on average two thirds of the slots are used.
func (s *shard) grow() {
	old := s.slots
	s.slots = make([]uint64, max(minSlots, len(old)*5/4))
	for _, slot := range old {
		if slot != 0 {
			s.put(slot)
		}
	}
}

// remove takes a fact out and closes the gap, so that no tombstones remain.
func (t *table) remove(hash1 uint64, ref factRef) {
	s := &t.shards[hash1&255]
	i := s.home(hash1)
	for factRef(s.slots[i]) != ref {
		i = s.next(i)
	}
	s.used--
	for j := i; ; {
		j = s.next(j)
		slot := s.slots[j]
		if slot == 0 {
			break
		}
		// The entry at j may fill the gap at i unless its home lies behind i.
		if s.distance(s.home(slot), j) >= s.distance(i, j) {
			s.slots[i] = slot
			i = j
		}
	}
	s.slots[i] = 0
}

// distance is how many places j lies behind i, around the end.
func (s *shard) distance(i, j int) int {
	if j >= i {
		return j - i
	}
	return j - i + len(s.slots)
}

func (t *table) bytes() (n int) {
	for i := range t.shards {
		n += 8 * cap(t.shards[i].slots)
	}
	return n
}

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

func slotOf(hash1 uint64, ref factRef) uint64 { return hash1>>32<<32 | uint64(ref) }

// find returns the fact of that identity, or 0.
func (t *table) find(cells *cells, hash1, hash2 uint64) factRef {
	s := &t.shards[hash1&255]
	if s.used == 0 {
		return 0
	}
	mask := uint64(len(s.slots) - 1)
	for i := hash1 >> 8 & mask; ; i = (i + 1) & mask {
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
	return factRef(s.slots[hash1>>8&uint64(len(s.slots)-1)])
}

// insert adds a fact that is not in the table.
func (t *table) insert(cells *cells, hash1 uint64, ref factRef) {
	s := &t.shards[hash1&255]
	if (s.used+1)*4 > len(s.slots)*3 {
		s.grow(cells)
	}
	s.put(hash1, ref)
	s.used++
}

func (s *shard) put(hash1 uint64, ref factRef) {
	mask := uint64(len(s.slots) - 1)
	i := hash1 >> 8 & mask
	for s.slots[i] != 0 {
		i = (i + 1) & mask
	}
	s.slots[i] = slotOf(hash1, ref)
}

func (s *shard) grow(cells *cells) {
	old := s.slots
	s.slots = make([]uint64, max(minSlots, 2*len(old)))
	for _, slot := range old {
		if slot != 0 {
			ref := factRef(slot)
			s.put(cells.at(ref).hash1, ref)
		}
	}
}

// remove takes a fact out and closes the gap, so that no tombstones remain.
func (t *table) remove(cells *cells, hash1 uint64, ref factRef) {
	s := &t.shards[hash1&255]
	mask := uint64(len(s.slots) - 1)
	i := hash1 >> 8 & mask
	for factRef(s.slots[i]) != ref {
		i = (i + 1) & mask
	}
	s.used--
	for j := i; ; {
		j = (j + 1) & mask
		slot := s.slots[j]
		if slot == 0 {
			break
		}
		home := cells.at(factRef(slot)).hash1 >> 8 & mask
		// The entry at j may fill the gap at i unless its home lies behind i.
		if (j-home)&mask >= (j-i)&mask {
			s.slots[i] = slot
			i = j
		}
	}
	s.slots[i] = 0
}

func (t *table) bytes() (n int) {
	for i := range t.shards {
		n += 8 * cap(t.shards[i].slots)
	}
	return n
}

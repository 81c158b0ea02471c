package contract

// nameTable finds a member's place by its name: open addressing, at most half
// full, with a hash of the length and three bytes, which is all it takes to tell
// the members of one object apart.
type nameTable struct {
	names []string
	slots []int16 // place + 1
	mask  uint32
}

// noName is the place of a name that isn't in the table.
const noName = -1

func newNameTable(names []string) nameTable {
	size := 4
	for size < 2*len(names) {
		size *= 2
	}
	t := nameTable{names: names, slots: make([]int16, size), mask: uint32(size - 1)}
	for i, name := range names {
		at := hashName([]byte(name)) & t.mask
		for t.slots[at] != 0 {
			at = (at + 1) & t.mask
		}
		t.slots[at] = int16(i + 1)
	}
	return t
}

func (t *nameTable) find(name []byte) int {
	for at := hashName(name) & t.mask; ; at = (at + 1) & t.mask {
		place := int(t.slots[at]) - 1
		if place < 0 {
			return noName
		}
		if t.names[place] == string(name) {
			return place
		}
	}
}

func hashName(name []byte) uint32 {
	n := len(name)
	if n == 0 {
		return 0
	}
	h := uint32(n) + uint32(name[0])<<5 + uint32(name[n/2])<<10 + uint32(name[n-1])<<15
	h *= 0x9e3779b1
	return h >> 16
}

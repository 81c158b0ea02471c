package engine

// blocks is an allocator of byte blocks without pointers: the garbage collector
// sees one object per page of 32 KiB or more instead of one per fact. Freed
// blocks are used again and never given back; the most that was needed at once
// is what it costs.
//
// A block is named by a handle: its size class in the upper 6 bits, its index
// in that class in the others. The zero handle is no block.
type blocks struct {
	classes [len(classSizes)]blockClass
	large   map[uint32][]byte // blocks above the largest class
	freed   []uint32          // unused names of large blocks
	next    uint32            // first never used name of a large block
	bytes   int               // allocated, used or not
}

type handle uint32

const (
	handleIndexBits = 26
	handleIndexMask = 1<<handleIndexBits - 1
	largeClass      = 63
	pageBytes       = 32 << 10
)

// classSizes go in steps of 8 bytes where most facts are, of 16 where most
// events are, then by a third at most: a block wastes 4 or 8 bytes, or a sixth,
// on average.
var classSizes = [...]int{
	48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128, 136, 144, 152, 160, 168,
	176, 184, 192, 200, 208, 216, 224, 232, 240, 248, 256, 272, 288, 304, 320, 336,
	352, 368, 384, 400, 416, 432, 448, 464, 480, 496, 512, 544, 576, 640, 704, 768,
	896, 1024, 1280, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768,
}

// classOf maps a size, in units of 8 bytes rounded up, to its class.
var classOf = func() (t [32768/8 + 1]uint8) {
	c := 0
	for i := range t {
		for classSizes[c] < i*8 {
			c++
		}
		t[i] = uint8(c)
	}
	return t
}()

type blockClass struct {
	pages   [][]byte
	free    []uint32
	next    uint32 // first never used index
	perPage uint32
}

// full reports whether a class has no name left for another block.
func (c *blockClass) full() bool { return len(c.free) == 0 && c.next > handleIndexMask }

// alloc returns a block of at least size bytes; its content is undefined.
func (b *blocks) alloc(size int) (handle, []byte) {
	if size > classSizes[len(classSizes)-1] {
		return b.allocLarge(size)
	}
	class := classOf[(size+7)/8]
	for b.classes[class].full() {
		if class++; int(class) == len(classSizes) {
			return b.allocLarge(size)
		}
	}
	c := &b.classes[class]
	var idx uint32
	if n := len(c.free); n > 0 {
		idx, c.free = c.free[n-1], c.free[:n-1]
	} else {
		idx = b.grow(c, classSizes[class])
	}
	h := handle(uint32(class)<<handleIndexBits | idx)
	return h, b.get(h)
}

func (b *blocks) grow(c *blockClass, size int) uint32 {
	if c.perPage == 0 {
		c.perPage = uint32(max(pageBytes/size, 8))
		c.next = 1 // so that no handle is zero
	}
	idx := c.next
	c.next++
	if int(idx/c.perPage) >= len(c.pages) {
		page := make([]byte, int(c.perPage)*size)
		c.pages = append(c.pages, page)
		b.bytes += len(page)
	}
	return idx
}

func (b *blocks) allocLarge(size int) (handle, []byte) {
	if b.large == nil {
		b.large = make(map[uint32][]byte)
	}
	var idx uint32
	if n := len(b.freed); n > 0 {
		idx, b.freed = b.freed[n-1], b.freed[:n-1]
	} else {
		idx = b.next
		b.next++
	}
	block := make([]byte, size)
	b.large[idx] = block
	b.bytes += size
	return handle(uint32(largeClass)<<handleIndexBits | idx), block
}

// get returns the block of h with its full capacity.
func (b *blocks) get(h handle) []byte {
	class, idx := uint32(h)>>handleIndexBits, uint32(h)&handleIndexMask
	if class == largeClass {
		return b.large[idx]
	}
	c := &b.classes[class]
	size := uint32(classSizes[class])
	page := c.pages[idx/c.perPage]
	at := idx % c.perPage * size
	return page[at : at+size : at+size]
}

// release gives the block of h back. The zero handle is ignored.
func (b *blocks) release(h handle) {
	if h == 0 {
		return
	}
	class, idx := uint32(h)>>handleIndexBits, uint32(h)&handleIndexMask
	if class == largeClass {
		b.bytes -= len(b.large[idx])
		delete(b.large, idx)
		b.freed = append(b.freed, idx)
		return
	}
	c := &b.classes[class]
	c.free = append(c.free, idx)
}

package engine

import "sort"

// wheel holds facts in buckets of equal width by an instant (a deadline or an
// end), in order. Facts of a bucket form a list in order of arrival.
//
// The buckets' keys stand in a sorted list of sorted chunks: appending, the
// usual case, costs nothing, and history that jumps by years costs a binary
// search and a move of at most one chunk.
type wheel struct {
	width   int64
	cells   *cells
	pool    *bucketPool
	chunks  [][]bucketKey
	count   int
	last    bucketKey // the bucket used last
	scan    bucketRef // the bucket being walked through, see startScan
	scanPos factRef
}

type bucketRef uint32

type bucketKey struct {
	key    int64 // instant / width, rounded down
	bucket bucketRef
}

type bucket struct {
	key        int64
	head, tail factRef
	inUse      bool
}

// bucketPool is shared by the wheels of one engine.
type bucketPool struct {
	buckets []bucket
	free    []bucketRef
}

func (p *bucketPool) alloc(key int64) bucketRef {
	if len(p.buckets) == 0 {
		p.buckets = append(p.buckets, bucket{})
	}
	var ref bucketRef
	if n := len(p.free); n > 0 {
		ref, p.free = p.free[n-1], p.free[:n-1]
	} else {
		ref = bucketRef(len(p.buckets))
		p.buckets = append(p.buckets, bucket{})
	}
	p.buckets[ref] = bucket{key: key, inUse: true}
	return ref
}

const chunkMax = 512

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// keyOf returns the bucket key of an instant.
func (w *wheel) keyOf(at int64) int64 { return floorDiv(at, w.width) }

// fullKey returns the highest key all of whose instants are ≤ at.
func (w *wheel) fullKey(at int64) int64 {
	if at == maxInstant {
		return maxInstant
	}
	return floorDiv(at+1, w.width) - 1
}

// position returns the chunk and the place in it of the first key ≥ key.
func (w *wheel) position(key int64) (int, int) {
	if len(w.chunks) == 0 {
		return 0, 0
	}
	ci := sort.Search(len(w.chunks), func(i int) bool {
		c := w.chunks[i]
		return c[len(c)-1].key >= key
	})
	if ci == len(w.chunks) {
		return ci, 0
	}
	c := w.chunks[ci]
	return ci, sort.Search(len(c), func(i int) bool { return c[i].key >= key })
}

func (w *wheel) bucketFor(key int64) bucketRef {
	if w.count > 0 && w.last.key == key && w.last.bucket != 0 {
		return w.last.bucket
	}
	ci, i := w.position(key)
	if ci < len(w.chunks) && w.chunks[ci][i].key == key {
		w.last = w.chunks[ci][i]
		return w.last.bucket
	}
	w.last = bucketKey{key, w.pool.alloc(key)}
	w.insert(ci, i, w.last)
	w.count++
	return w.last.bucket
}

func (w *wheel) insert(ci, i int, k bucketKey) {
	if ci == len(w.chunks) {
		if ci > 0 && len(w.chunks[ci-1]) < chunkMax {
			w.chunks[ci-1] = append(w.chunks[ci-1], k)
			return
		}
		w.chunks = append(w.chunks, append(make([]bucketKey, 0, 8), k))
		return
	}
	c := append(w.chunks[ci], bucketKey{})
	copy(c[i+1:], c[i:])
	c[i] = k
	w.chunks[ci] = c
	if len(c) > chunkMax {
		half := len(c) / 2
		right := append(make([]bucketKey, 0, chunkMax), c[half:]...)
		w.chunks[ci] = c[:half:half]
		w.chunks = append(w.chunks, nil)
		copy(w.chunks[ci+2:], w.chunks[ci+1:])
		w.chunks[ci+1] = right
	}
}

// drop removes an empty bucket.
func (w *wheel) drop(ref bucketRef) {
	b := &w.pool.buckets[ref]
	ci, i := w.position(b.key)
	c := w.chunks[ci]
	if i == 0 {
		c = c[1:] // the usual case: the oldest bucket goes first
	} else {
		c = append(c[:i], c[i+1:]...)
	}
	w.chunks[ci] = c
	if len(c) == 0 {
		if ci == 0 {
			w.chunks = w.chunks[1:]
		} else {
			w.chunks = append(w.chunks[:ci], w.chunks[ci+1:]...)
		}
	}
	w.count--
	if w.last.bucket == ref {
		w.last = bucketKey{}
	}
	if w.scan == ref {
		w.scan, w.scanPos = 0, 0
	}
	*b = bucket{}
	w.pool.free = append(w.pool.free, ref)
}

// add puts a fact into the bucket of an instant.
func (w *wheel) add(ref factRef, at int64) {
	br := w.bucketFor(w.keyOf(at))
	b := &w.pool.buckets[br]
	c := w.cells.at(ref)
	c.bucket, c.prev, c.next = br, b.tail, 0
	if b.tail != 0 {
		w.cells.at(b.tail).next = ref
	} else {
		b.head = ref
	}
	b.tail = ref
}

// remove takes a fact out of its bucket.
func (w *wheel) remove(ref factRef) {
	c := w.cells.at(ref)
	b := &w.pool.buckets[c.bucket]
	if w.scanPos == ref {
		w.scanPos = c.next
	}
	if c.prev != 0 {
		w.cells.at(c.prev).next = c.next
	} else {
		b.head = c.next
	}
	if c.next != 0 {
		w.cells.at(c.next).prev = c.prev
	} else {
		b.tail = c.prev
	}
	if b.head == 0 {
		w.drop(c.bucket)
	}
	c.bucket, c.prev, c.next = 0, 0, 0
}

// move puts a fact into the bucket of another instant, if that is another.
func (w *wheel) move(ref factRef, at int64) {
	if w.pool.buckets[w.cells.at(ref).bucket].key == w.keyOf(at) {
		return
	}
	w.remove(ref)
	w.add(ref, at)
}

// first returns the oldest bucket, or 0.
func (w *wheel) first() bucketRef {
	if w.count == 0 {
		return 0
	}
	return w.chunks[0][0].bucket
}

// oldest returns the fact that was put first into the oldest bucket, or 0.
func (w *wheel) oldest() factRef {
	if b := w.first(); b != 0 {
		return w.pool.buckets[b].head
	}
	return 0
}

// from returns the first bucket with a key in [from, to], or 0.
func (w *wheel) from(from, to int64) bucketRef {
	ci, i := w.position(from)
	if ci == len(w.chunks) || w.chunks[ci][i].key > to {
		return 0
	}
	return w.chunks[ci][i].bucket
}

// exact returns the bucket of that key, or 0.
func (w *wheel) exact(key int64) bucketRef { return w.from(key, key) }

// startScan begins a walk through a bucket that may span several calls, however
// many facts come and go between them. One walk at a time.
func (w *wheel) startScan(b bucketRef) { w.scan, w.scanPos = b, w.pool.buckets[b].head }

// scanNext returns the next fact of the walk, or 0 at its end.
func (w *wheel) scanNext() factRef {
	ref := w.scanPos
	if ref == 0 {
		w.scan = 0
		return 0
	}
	w.scanPos = w.cells.at(ref).next
	return ref
}

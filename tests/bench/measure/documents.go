//go:build unix

package measure

import "syscall"

// Documents is a list of documents in one piece of memory: many small ones would
// be work for the garbage collector in every round, which what is measured would
// be charged with. The zero value is empty, and grows on the heap.
type Documents struct {
	text []byte
	ends []int // of each document in text
}

// OffHeap returns an empty list with room for so many bytes outside of Go's heap,
// so that the size of the heap, and with it how often garbage is collected and
// its memory used again, is that of what is measured. Only pages that are written
// to are taken.
func OffHeap(room int) (Documents, error) {
	text, err := syscall.Mmap(-1, 0, room, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	return Documents{text: text[:0]}, err
}

// Free gives the memory of a list that OffHeap made back.
func (d *Documents) Free() error {
	text := d.text[:cap(d.text)]
	*d = Documents{}
	return syscall.Munmap(text)
}

// Add appends a document.
func (d *Documents) Add(doc []byte) {
	d.text = append(d.text, doc...)
	d.ends = append(d.ends, len(d.text))
}

// Len is the number of documents.
func (d Documents) Len() int { return len(d.ends) }

// At returns a view of a document.
func (d Documents) At(i int) []byte {
	start := 0
	if i > 0 {
		start = d.ends[i-1]
	}
	return d.text[start:d.ends[i]:d.ends[i]]
}

//go:build unix

package measure

import (
	"syscall"
	"testing"
)

// Documents is a list of documents in one piece of memory: many small ones would
// be work for the garbage collector in every round, which what is measured would
// be charged with. The zero value is empty, and grows on the heap.
type Documents struct {
	text []byte
	ends []int // of each document in text
}

// OffHeap returns an empty list with room for so many bytes outside of Go's heap,
// until the test ends; a list that outgrows it moves to the heap. Documents kept on the heap would be ballast: garbage would
// be collected more rarely than in a program that does what is measured and
// nothing else, and every allocation would find memory that no cache holds.
func OffHeap(t testing.TB, room int) Documents {
	t.Helper()
	text, err := syscall.Mmap(-1, 0, room, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(text); err != nil {
			t.Error(err)
		}
	})
	return Documents{text: text[:0]}
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

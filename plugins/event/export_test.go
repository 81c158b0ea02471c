package event

import "unsafe"

// What a Scanner needs before it remembers shapes, and what it takes at most.
const (
	FirstScans     = firstScans
	Patience       = patience
	MaxRest        = maxRest
	MaxShapes      = maxShapes
	MaxShapesBytes = 700 << 10 // each
)

// Recognised returns how many documents had a known shape.
func (s *Scanner) Recognised() (n int) {
	for _, t := range s.shapes {
		n += t.hits
	}
	return n
}

// Full tells whether s had no room for a shape.
func (s *Scanner) Full() bool {
	for _, t := range s.shapes {
		if t.full {
			return true
		}
	}
	return false
}

// ShapesBytes returns what the shapes take.
func (s *Scanner) ShapesBytes() (n int) {
	for _, t := range s.shapes {
		n += int(unsafe.Sizeof(*t)) + cap(t.text) + cap(t.steps)*int(unsafe.Sizeof(step{})) +
			cap(t.spans)*int(unsafe.Sizeof(span{})) + cap(t.cuts)*int(unsafe.Sizeof(cut{})) +
			cap(t.named)*int(unsafe.Sizeof(t.named[0])) + len(t.named)*int(unsafe.Sizeof(Shape{}))
	}
	return n
}

// StepBytes is the size of a step.
const StepBytes = int(unsafe.Sizeof(step{}))

package simulator

import "time"

// field is a compared field that a fault can change.
type field uint8

const (
	amount field = iota
	currency
	status
	items
	fieldCount
)

var fieldPaths = [fieldCount]string{"data.amount", "data.currency", "data.status", "data.items"}

// recordPaths are the same fields in the flat records of files, which have the
// sum of the items' quantities instead of the items.
var recordPaths = [fieldCount]string{"data.amount", "data.currency", "data.status", "data.quantity"}

// everyCopy in fact.alteredCopy: all events of the cloud carry the other value.
const everyCopy = 0xff

// fact is one business fact and all that was decided about it. After it was
// made it is only read, by several goroutines.
type fact struct {
	at    int64 // event time, nanoseconds of virtual time
	ahead int64 // added to the event time of a fact that moves the clocks
	order *order
	typ   uint8
	class Class
	// clouds that get at least one good event.
	clouds cloudSet
	// skew of the clouds' event times, nanoseconds.
	skew [cloudCount]int32

	// How the clouds spell the same values.
	lower   cloudSet // currency in lower case
	quoted  cloudSet // amount as a string
	rounded cloudSet // amount one cent higher, which the tolerance allows
	turned  [cloudCount]uint8

	// What one cloud says otherwise.
	altered      bool
	alteredField field
	alteredCloud Cloud
	alteredCopy  uint8
	alteredBy    int32

	// secondAfter is the event time of a second event after the first,
	// nanoseconds; negative: before it.
	secondAfter int64
	secondCloud Cloud

	// Repeats, second events and defects, for the ledger.
	duplicates [cloudCount]uint8
	conflicts  [cloudCount]uint8
	late       cloudSet
	missing    cloudSet
	defects    [cloudCount]defect
	mismatched bool
}

// eventTime of a cloud's event, nanoseconds of virtual time.
func (f *fact) eventTime(c Cloud, second bool) int64 {
	t := f.at + f.ahead + int64(f.skew[c])
	if second {
		t += f.secondAfter
	}
	return t
}

// status that the last revision of the fact's verdict must have.
func (f *fact) status() string {
	switch {
	case f.missing != 0:
		return "missing"
	case f.mismatched:
		return "mismatched"
	default:
		return "matched"
	}
}

// events is the number of good events that the cloud gets.
func (f *fact) events(c Cloud) int {
	if !f.clouds.has(c) {
		return 0
	}
	return 1 + int(f.duplicates[c]) + int(f.conflicts[c])
}

// total number of events sent to all clouds, defective ones included.
func (f *fact) total() int {
	n := 0
	for c := AWS; c < cloudCount; c++ {
		n += f.events(c)
		if f.defects[c] != sound {
			n++
		}
	}
	return n
}

const (
	maxEventSkew   = 20 * time.Millisecond
	maxArrivalSkew = 300 * time.Millisecond
)

package simulator

// defect is what makes an event unusable.
type defect uint8

const (
	sound defect = iota
	// truncated: the body ends in the middle.
	truncated
	// noKey: id, subject and order number are empty.
	noKey
	// yearOne: the event's time is in the year 1.
	yearOne
	// yearFar: the event's time is in the year 2099.
	yearFar
	// hugeExponent: the amount is 1e1001.
	hugeExponent
	// tooDeep: the payload nests deeper than any reader accepts.
	tooDeep
	defectCount
)

var defectNames = [defectCount]string{"", "truncated", "no_key", "year_one", "year_far", "huge_exponent", "too_deep"}

// String returns the name that the ledger uses.
func (d defect) String() string { return defectNames[d] }

// nestingDepth of a payload that is too deep: beyond what an event may have,
// yet far from what costs anybody memory.
const nestingDepth = 1000

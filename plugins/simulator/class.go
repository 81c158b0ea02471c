package simulator

import (
	"fmt"
	"strings"
)

// Class says what is wrong with a fact. Every fact has exactly one.
type Class uint8

// The classes. docs/simulator.md says what each sends and what must come of it.
const (
	Healthy Class = iota
	Missing
	Mismatched
	Duplicate
	Conflicting
	Late
	OutOfOrder
	Malformed
	Stalled
	classCount
)

var classNames = [classCount]string{
	"healthy", "missing", "mismatched", "duplicate", "conflicting", "late", "out_of_order", "malformed", "stalled",
}

// String returns the name that the configuration and the ledger use.
func (c Class) String() string { return classNames[c] }

// FaultClasses returns the names of all classes but Healthy.
func FaultClasses() []string { return append([]string(nil), classNames[Missing:]...) }

func parseClass(name string) (Class, error) {
	for c := Missing; c < classCount; c++ {
		if classNames[c] == name {
			return c, nil
		}
	}
	return 0, fmt.Errorf("%q is no fault class; allowed are %s", name, strings.Join(FaultClasses(), ", "))
}

// Mix is the fraction of all facts that is of each class. What the others leave
// is healthy.
type Mix [classCount]float64

// Faults is how a user says what goes wrong.
type Faults struct {
	// Total fraction of facts that are faulty, 0 to 0.9.
	Total float64
	// Classes that are enabled; nil: all.
	Classes []string
	// Fractions of single classes. What they leave of Total is shared equally
	// by the other enabled classes.
	Fractions map[string]float64
}

const (
	maxFaults  = 0.9
	maxStalled = 0.45
)

// Mix turns the settings into fractions by class.
func (f Faults) Mix() (Mix, error) {
	var mix Mix
	if !(f.Total >= 0 && f.Total <= maxFaults) {
		return mix, fmt.Errorf("faults.total: %v is outside the allowed range 0 to %v, for example 0.05", f.Total, maxFaults)
	}
	var enabled, fixed [classCount]bool
	names := f.Classes
	if names == nil {
		names = FaultClasses()
	}
	for _, name := range names {
		c, err := parseClass(name)
		if err != nil {
			return mix, fmt.Errorf("faults.classes: %w", err)
		}
		enabled[c] = true
	}
	left := f.Total
	for name, fraction := range f.Fractions {
		c, err := parseClass(name)
		if err != nil {
			return mix, fmt.Errorf("faults.fractions: %w", err)
		}
		if !enabled[c] {
			return mix, fmt.Errorf("faults.fractions.%s: the class is not among faults.classes %v", name, names)
		}
		if !(fraction >= 0 && fraction <= f.Total) {
			return mix, fmt.Errorf("faults.fractions.%s: %v is outside 0 to faults.total, which is %v", name, fraction, f.Total)
		}
		fixed[c], mix[c] = true, fraction
		left -= fraction
	}
	const rounding = 1e-9
	if left < -rounding {
		return mix, fmt.Errorf("faults.fractions: they add up to more than faults.total, which is %v", f.Total)
	}
	open := 0
	for c := Missing; c < classCount; c++ {
		if enabled[c] && !fixed[c] {
			open++
		}
	}
	for c := Missing; c < classCount && open > 0; c++ {
		if enabled[c] && !fixed[c] && left > rounding {
			mix[c] = left / float64(open)
		}
	}
	if mix[Stalled] > maxStalled {
		return mix, fmt.Errorf("faults: a stalled fraction of %v is more than the allowed %v", mix[Stalled], maxStalled)
	}
	return mix, nil
}

// enabled lists the fault classes with a fraction above zero.
func (m Mix) enabled() []Class {
	var out []Class
	for c := Missing; c < classCount; c++ {
		if m[c] > 0 {
			out = append(out, c)
		}
	}
	return out
}

package simulator

import (
	"fmt"
	"strings"
)

// Cloud is one of the three clouds that the simulated business runs on.
type Cloud uint8

// The clouds.
const (
	AWS Cloud = iota
	GCP
	Azure
	cloudCount = 3
)

var cloudNames = [cloudCount]string{"aws", "gcp", "azure"}

// allClouds in the order of their names, which is how lists of participants are
// written in verdicts and in the ledger.
var allClouds = [cloudCount]Cloud{AWS, Azure, GCP}

// String returns the participant's name.
func (c Cloud) String() string { return cloudNames[c] }

// ParseCloud returns the cloud of that name.
func ParseCloud(name string) (Cloud, error) {
	for i, n := range cloudNames {
		if n == name {
			return Cloud(i), nil
		}
	}
	return 0, fmt.Errorf("clouds: %q is no cloud; allowed are %s", name, strings.Join(cloudNames[:], ", "))
}

// cloudSet is a set of clouds.
type cloudSet uint8

func setOf(clouds ...Cloud) (s cloudSet) {
	for _, c := range clouds {
		s |= 1 << c
	}
	return s
}

func (s cloudSet) has(c Cloud) bool { return s&(1<<c) != 0 }

// names returns the members, sorted by name.
func (s cloudSet) names() []string {
	var out []string
	for _, c := range allClouds {
		if s.has(c) {
			out = append(out, c.String())
		}
	}
	return out
}

const everyCloud cloudSet = 1<<cloudCount - 1

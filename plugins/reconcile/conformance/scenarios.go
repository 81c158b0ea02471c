package conformance

import "testing"

// Scenarios runs what a business runs into.
func Scenarios(t *testing.T, newHost NewHost, traits Traits) {
}

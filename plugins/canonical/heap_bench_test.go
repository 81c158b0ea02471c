//go:build bench

package canonical_test

// All that the program has: its idle heap decides how often garbage is collected in
// benchmarks. A tag keeps it out of tests, where it would be linked each time.
import _ "github.com/helios-connect/helios/plugins/all"

package program

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Find finds a program in PATH or where a distribution puts it. Without it the test
// is skipped, unless HELIOS_REQUIRE_SERVERS=1 makes that a failure.
func Find(t testing.TB, name string, patterns ...string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, pattern := range patterns {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	if os.Getenv("HELIOS_REQUIRE_SERVERS") == "1" {
		t.Fatalf("%s is not installed, and HELIOS_REQUIRE_SERVERS=1 asks for it", name)
	}
	t.Skipf("%s is not installed: skipped; HELIOS_REQUIRE_SERVERS=1 makes this a failure", name)
	return ""
}

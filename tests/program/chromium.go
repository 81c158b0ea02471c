package program

import (
	"os"
	"os/exec"
	"testing"
)

// Chromium is the path of the browser. Without one the test is skipped, or fails
// where HELIOS_REQUIRE_SERVERS is set.
func Chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("HELIOS_REQUIRE_SERVERS") != "" {
		t.Fatal("Chromium is not installed, and HELIOS_REQUIRE_SERVERS is set")
	}
	t.Skip("Chromium is not installed: skipped; HELIOS_REQUIRE_SERVERS=1 makes this a failure")
	return ""
}

// Package npmtest installs what tests take from npm into the user's cache folder,
// where it stays: the first test that needs it installs it. A test is skipped where
// npm isn't installed, unless the environment says HELIOS_REQUIRE_SERVERS=1: then
// it fails.
package npmtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// Install returns the path of a file of a package in a version, which it installs
// if need be.
func Install(t testing.TB, name, version, file string) (path string) {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		if os.Getenv("HELIOS_REQUIRE_SERVERS") == "1" {
			t.Fatalf("npm is not installed, %s comes from it, and HELIOS_REQUIRE_SERVERS=1 asks for it", name)
		}
		t.Skipf("npm is not installed, and %s comes from it: skipped; HELIOS_REQUIRE_SERVERS=1 makes this a failure", name)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "helios")
	installed := filepath.Join(cache, name+"-"+version)
	path = filepath.Join(installed, "node_modules", name, filepath.FromSlash(file))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatalf("making a place for %s: %v", name, err)
	}
	// Beside its place and then moved there at once: what is there is complete.
	began, err := os.MkdirTemp(cache, name+"-"+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		t.Fatalf("making a place for %s: %v", name, err)
	}
	defer os.RemoveAll(began)
	cmd := exec.Command(npm, "install", "--prefix", began, "--no-audit", "--no-fund", "--ignore-scripts", name+"@"+version)
	cmd.Dir = began
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("installing %s %s with npm: %v\n%s", name, version, err, out)
	}
	if err := os.Rename(began, installed); err != nil {
		if _, there := os.Stat(path); there != nil { // another test was not faster either
			t.Fatalf("putting %s into its place: %v", name, err)
		}
	}
	return path
}

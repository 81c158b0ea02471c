// Package program finds or builds the real helios-connect for tests that run it.
package program

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Main runs the tests of a package below tests/ with the binary that HELIOS_BIN
// names, or one built for them, whose path it puts into binary.
func Main(m *testing.M, binary *string) {
	code, err := with(binary, m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func with(binary *string, run func() int) (int, error) {
	if *binary = os.Getenv("HELIOS_BIN"); *binary != "" {
		if _, err := os.Stat(*binary); err != nil {
			return 1, fmt.Errorf("HELIOS_BIN names no binary: %w", err)
		}
		return run(), nil
	}
	dir, err := os.MkdirTemp("", "helios-test-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	*binary = filepath.Join(dir, "helios-connect")
	build := exec.Command("go", "build", "-o", *binary, "../../cmd/helios-connect")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("building the binary: %w\n%s", err, out)
	}
	return run(), nil
}

// FreeAddress is one on the loopback that nobody listens on.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("finding a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().String()
}

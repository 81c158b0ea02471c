//go:build unix

// Package azuritetest starts Azurite, Microsoft's own emulator of Azure Storage,
// with its Queue service for tests: on a free port, in memory only.
//
// Azurite comes from npm. The first test that needs it installs it into the
// user's cache folder, where it stays. A test is skipped where npm isn't
// installed, unless the environment says HELIOS_REQUIRE_SERVERS=1: then it fails.
package azuritetest

import (
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

const (
	version = "3.35.0"
	// patience is how long the server may take to start or to stop.
	patience = 60 * time.Second
	account  = "helios"
)

// key is what requests are signed with; Azurite is told it at its start.
var key = base64.StdEncoding.EncodeToString([]byte("of tests only, on the loopback"))

// Server is Azurite's Queue service for the time of a test.
type Server struct {
	addr string
}

// Start installs Azurite if need be and starts it.
func Start(t testing.TB) *Server {
	t.Helper()
	service := install(t)
	s := &Server{addr: freeAddress(t)}
	_, port, _ := net.SplitHostPort(s.addr)
	cmd := exec.Command("/bin/sh", "-c", guarded, "sh", "node", service, "--queueHost", "127.0.0.1", "--queuePort", port,
		"--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck")
	cmd.Dir = t.TempDir() // it leaves a log there
	cmd.Env = append(os.Environ(), "AZURITE_ACCOUNTS="+account+":"+key)
	log := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = log, log
	guard, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("starting Azurite: %v", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	t.Cleanup(func() { end(t, guard, exited) })
	s.awaitAnswer(t, exited, log)
	return s
}

// guarded kills a program when standard input ends, that is, at the latest, when
// the test's process is gone: no server outlives its test.
const guarded = `exec 3<&0; "$@" </dev/null 3<&- & pid=$!; (cat <&3; kill -KILL $pid) >/dev/null 2>&1 & wait $pid`

func end(t testing.TB, guard io.Closer, exited <-chan struct{}) {
	_ = guard.Close()
	select {
	case <-exited:
	case <-time.After(patience):
		t.Errorf("Azurite did not end within %v", patience)
	}
}

func (s *Server) awaitAnswer(t testing.TB, exited <-chan struct{}, log *bytes.Buffer) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.DialTimeout("tcp", s.addr, time.Second); err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-exited:
			t.Fatalf("Azurite ended at its start:\n%s", log)
		case <-deadline:
			t.Fatalf("Azurite did not answer within %v", patience)
		case <-tick.C:
		}
	}
}

// Addr is the service's address as host:port.
func (s *Server) Addr() string { return s.addr }

// ConnectionString is what clients of Azure Storage take, for an address at which
// the service is reached: its own, or that of a proxy.
func ConnectionString(addr string) string {
	return "DefaultEndpointsProtocol=http;AccountName=" + account + ";AccountKey=" + key +
		";QueueEndpoint=http://" + addr + "/" + account + ";"
}

// install returns the script of the Queue service.
func install(t testing.TB) string {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		if os.Getenv("HELIOS_REQUIRE_SERVERS") == "1" {
			t.Fatal("npm is not installed, Azurite comes from it, and HELIOS_REQUIRE_SERVERS=1 asks for it")
		}
		t.Skip("npm is not installed, and Azurite comes from it: skipped; HELIOS_REQUIRE_SERVERS=1 makes this a failure")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "helios")
	installed := filepath.Join(cache, "azurite-"+version)
	service := filepath.Join(installed, "node_modules", "azurite", "dist", "src", "queue", "main.js")
	if _, err := os.Stat(service); err == nil {
		return service
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatalf("making a place for Azurite: %v", err)
	}
	// Beside its place and then moved there at once: what is there is complete.
	began, err := os.MkdirTemp(cache, "azurite-"+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		t.Fatalf("making a place for Azurite: %v", err)
	}
	defer os.RemoveAll(began)
	cmd := exec.Command(npm, "install", "--prefix", began, "--no-audit", "--no-fund", "--ignore-scripts", "azurite@"+version)
	cmd.Dir = began
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("installing Azurite %s with npm: %v\n%s", version, err, out)
	}
	if err := os.Rename(began, installed); err != nil {
		if _, there := os.Stat(service); there != nil { // another test was not faster either
			t.Fatalf("putting Azurite into its place: %v", err)
		}
	}
	return service
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("finding a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().String()
}

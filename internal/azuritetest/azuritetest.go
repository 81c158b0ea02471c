//go:build unix

// Package azuritetest starts Azurite, Microsoft's own emulator of Azure Storage,
// with its Queue service for tests: on a free port, in memory only.
//
// Azurite comes from npm; package npmtest says what happens where that is not
// installed.
package azuritetest

import (
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/helios-connect/helios/internal/npmtest"
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
	service := npmtest.Install(t, "azurite", version, "dist/src/queue/main.js")
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

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("finding a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().String()
}

//go:build unix

// Package redistest starts real Redis servers for tests: on a free port, in
// memory only.
//
// A test is skipped where Redis isn't installed, unless the environment says
// HELIOS_REQUIRE_SERVERS=1: then it fails.
package redistest

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// patience is how long a server may take to start or to stop.
const patience = 30 * time.Second

// Server is a Redis server of one test.
type Server struct {
	program, dir string
	port         int

	guard  io.Closer // closing it ends the server
	exited chan struct{}
	log    *bytes.Buffer
}

// Start starts a server for the time of a test.
func Start(t testing.TB) *Server {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("HELIOS_REQUIRE_SERVERS") == "1" {
			t.Fatal("Redis is not installed (no redis-server), and HELIOS_REQUIRE_SERVERS=1 asks for it")
		}
		t.Skip("Redis is not installed (no redis-server): skipped; HELIOS_REQUIRE_SERVERS=1 makes this a failure")
	}
	s := &Server{program: program, dir: t.TempDir(), port: freePort(t)}
	s.Restart(t)
	t.Cleanup(func() { s.Kill(t) })
	return s
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("finding a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Addr is the server's address as host:port. It stays the same over restarts.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL is the server's address as Redis clients take it.
func (s *Server) URL() string { return "redis://" + s.Addr() }

// guarded kills a program when standard input ends, that is, at the latest, when
// the test's process is gone: no server outlives its test.
const guarded = `exec 3<&0; "$@" </dev/null 3<&- & pid=$!; (cat <&3; kill -KILL $pid) >/dev/null 2>&1 & wait $pid`

// Restart starts the server again after Kill, empty, on the same port, and
// returns when it answers.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", guarded, "sh", s.program, "--port", strconv.Itoa(s.port),
		"--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", s.dir)
	s.log = new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	guard, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("starting Redis: %v", err)
	}
	s.guard, s.exited = guard, make(chan struct{})
	go func(exited chan struct{}) {
		_ = cmd.Wait()
		close(exited)
	}(s.exited)
	s.awaitAnswer(t)
}

func (s *Server) awaitAnswer(t testing.TB) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !s.answers() {
		select {
		case <-s.exited:
			t.Fatalf("Redis ended at its start:\n%s", s.log)
		case <-deadline:
			t.Fatalf("Redis did not answer within %v", patience)
		case <-tick.C:
		}
	}
}

func (s *Server) answers() bool {
	conn, err := net.DialTimeout("tcp", s.Addr(), time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err = io.WriteString(conn, "PING\r\n"); err != nil {
		return false
	}
	answer := make([]byte, 7)
	_, err = io.ReadFull(conn, answer)
	return err == nil && string(answer) == "+PONG\r\n"
}

// Kill ends the server at once, with all that it holds, and waits until it is
// gone. Killing it twice is fine.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	_ = s.guard.Close()
	select {
	case <-s.exited:
	case <-time.After(patience):
		t.Errorf("Redis did not end within %v", patience)
	}
}

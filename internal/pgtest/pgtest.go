//go:build unix

// Package pgtest starts real PostgreSQL servers for tests: on a free port, with
// their data in a folder of their own, which is gone afterwards.
//
// A test is skipped where PostgreSQL isn't installed, unless the environment
// says HELIOS_REQUIRE_SERVERS=1: then it fails.
package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience is how long a server may take to start or to stop.
const patience = 30 * time.Second

// Server is a PostgreSQL server of one test.
type Server struct {
	programs string // folder of initdb and postgres
	dir      string
	port     int
	settings []string
	account  *account

	guard  io.Closer // closing it ends the server
	exited chan struct{}
	log    *bytes.Buffer
}

// Password of the server's superuser, for tests that look for it in errors.
const Password = "pg-test-s3cret"

var databases atomic.Int64

// Start starts a server for the time of a test and returns the DSN of an empty
// database on it.
func Start(t testing.TB) (dsn string) {
	t.Helper()
	return StartServer(t).Database(t)
}

// StartServer starts a server for the time of a test. Settings such as
// "fsync=on" replace the server's; by default nothing is synced, which is safe
// as long as only the server is killed and not the machine.
func StartServer(t testing.TB, settings ...string) *Server {
	t.Helper()
	s := &Server{programs: findPrograms(t), account: serverAccount(t), settings: settings}
	var err error
	if s.dir, err = os.MkdirTemp("", "helios-postgres-"); err != nil {
		t.Fatalf("creating folder for PostgreSQL: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(s.dir) })
	if err = s.account.own(s.dir); err != nil {
		t.Fatalf("handing %s over to the server's account: %v", s.dir, err)
	}
	s.port = freePort(t)
	s.initialise(t)
	s.Restart(t)
	t.Cleanup(func() { s.Kill(t) })
	return s
}

// findPrograms looks in PATH and where Debian and Red Hat put the servers.
func findPrograms(t testing.TB) string {
	t.Helper()
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/initdb", "/usr/pgsql-*/bin/initdb"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return filepath.Dir(found[len(found)-1])
		}
	}
	if os.Getenv("HELIOS_REQUIRE_SERVERS") == "1" {
		t.Fatal("PostgreSQL is not installed (no initdb), and HELIOS_REQUIRE_SERVERS=1 asks for it")
	}
	t.Skip("PostgreSQL is not installed (no initdb): skipped; HELIOS_REQUIRE_SERVERS=1 makes this a failure")
	return ""
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

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) initialise(t testing.TB) {
	t.Helper()
	password := filepath.Join(s.dir, "password")
	if err := os.WriteFile(password, []byte(Password), 0o644); err != nil {
		t.Fatalf("writing the superuser's password: %v", err)
	}
	cmd := exec.Command(filepath.Join(s.programs, "initdb"), "--pgdata", s.data(), "--username", "helios",
		"--pwfile", password, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	cmd.Dir = s.dir
	s.account.apply(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("running initdb: %v\n%s", err, out)
	}
}

// guarded runs a program until standard input ends, that is, at the latest, when
// the test's process is gone: no server outlives its test.
//
// The shell gives programs in the background no standard input of its own: hence
// the copy.
const guarded = `exec 3<&0; "$@" </dev/null 3<&- & pid=$!; (cat <&3; kill -QUIT $pid) >/dev/null 2>&1 & wait $pid`

// Restart starts the server again after Kill, on the same port, and returns when
// it answers.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	args := []string{"-c", guarded, "sh", filepath.Join(s.programs, "postgres"), "-D", s.data(), "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + s.dir, "-c", "fsync=off", "-c", "log_min_messages=warning"}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	cmd := exec.Command("/bin/sh", args...)
	cmd.Dir = s.dir
	s.log = new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	s.account.apply(cmd)
	guard, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
	if err = cmd.Start(); err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
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
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.url("postgres"))
		if err == nil {
			_ = conn.Close(ctx)
			return
		}
		select {
		case <-s.exited:
			t.Fatalf("PostgreSQL ended at its start:\n%s", s.log)
		case <-ctx.Done():
			t.Fatalf("waiting for PostgreSQL: %v", err)
		case <-tick.C:
		}
	}
}

// Kill ends the server at once, without a checkpoint and without a word to its
// clients' transactions, and waits until it is gone. Killing it twice is fine.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	_ = s.guard.Close()
	select {
	case <-s.exited:
	case <-time.After(patience):
		t.Errorf("PostgreSQL did not end within %v", patience)
	}
}

// Database creates an empty database and returns its DSN.
func (s *Server) Database(t testing.TB) (dsn string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		t.Fatalf("connecting to PostgreSQL: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if _, err = conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("creating database: %v", err)
	}
	return s.url(name)
}

func (s *Server) url(database string) string {
	return fmt.Sprintf("postgres://helios:%s@127.0.0.1:%d/%s?sslmode=disable", Password, s.port, strings.ToLower(database))
}

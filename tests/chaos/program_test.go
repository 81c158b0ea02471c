//go:build unix

package chaos

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// binary is helios-connect: the one that HELIOS_BIN names, or one built for
// these tests.
var binary string

func TestMain(m *testing.M) {
	code, err := withBinary(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withBinary(run func() int) (int, error) {
	if binary = os.Getenv("HELIOS_BIN"); binary != "" {
		return run(), nil
	}
	dir, err := os.MkdirTemp("", "helios-chaos-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "helios-connect")
	build := exec.Command("go", "build", "-o", binary, "../../cmd/helios-connect")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("building the binary: %w\n%s", err, out)
	}
	return run(), nil
}

// program is helios-connect with one config, started again after each kill.
type program struct {
	t      *testing.T
	config string
	env    []string
	ready  string // URL that answers 200 when everything is connected

	mu    sync.Mutex
	cmd   *exec.Cmd
	gone  chan struct{}
	kills int
	log   bytes.Buffer // of the process that runs now
}

func (p *program) start() {
	p.t.Helper()
	p.mu.Lock()
	p.log.Reset()
	cmd := exec.Command(binary, "run", p.config)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	gone := make(chan struct{})
	require.NoError(p.t, cmd.Start())
	p.cmd, p.gone = cmd, gone
	p.mu.Unlock()
	go func() {
		_ = cmd.Wait() // the status is of no interest: it is killed
		close(gone)
	}()
	p.awaitReady(gone)
}

func (p *program) awaitReady(gone chan struct{}) {
	p.t.Helper()
	deadline := time.After(time.Minute)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		if resp, err := http.Get(p.ready); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-gone:
			p.t.Fatalf("the program ended at its start:\n%s", p.log.String())
		case <-deadline:
			p.t.Fatal("the program was not ready within a minute")
		case <-poll.C:
		}
	}
}

// kill ends the process with -9 and returns when it is gone.
func (p *program) kill() {
	p.mu.Lock()
	cmd, gone := p.cmd, p.gone
	p.kills++
	p.mu.Unlock()
	_ = cmd.Process.Kill()
	<-gone
}

// freeAddress is an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

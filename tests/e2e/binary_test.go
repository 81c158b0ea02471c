// Package e2e runs the binary as a user does, and looks only at what a user
// sees: its output, its exit status, its files and its HTTP endpoints.
package e2e

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/tests/program"
)

var binary string // the real helios-connect

func TestMain(m *testing.M) { program.Main(m, &binary) }

// process is a running helios-connect.
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	out, err program.Output
	done     chan struct{}
}

// start runs the binary in a folder of its own. It is killed with the test.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary, args...), done: make(chan struct{})}
	p.cmd.Dir = t.TempDir()
	p.cmd.Env = append(append(os.Environ(), "TMPDIR="+t.TempDir()), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	require.NoError(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // the status is in ProcessState
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.done
		if t.Failed() {
			t.Logf("%s\nstdout:\n%s\nstderr:\n%s", strings.Join(args, " "), p.out.String(), p.err.String())
		}
	})
	return p
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
}

// exit waits for the end and returns the exit status.
func (p *process) exit(patience time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("the process did not end within %v", patience)
		return -1
	}
}

// await polls until the condition holds.
func (p *process) await(patience time.Duration, what string, condition func() bool) {
	p.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for !condition() {
		select {
		case <-poll.C:
		case <-p.done:
			p.t.Fatalf("the process ended before %s", what)
		case <-deadline.C:
			p.t.Fatalf("%s did not come within %v", what, patience)
		}
	}
}

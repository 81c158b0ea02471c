package stack

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/tests/program"
)

// patience is how long something may take that takes seconds.
const patience = 90 * time.Second

func free(t *testing.T) string { return program.FreeAddress(t) }

// process is a service's program. It ends with the test.
type process struct {
	cmd    *exec.Cmd
	log    *program.Output
	exited chan struct{}
	err    error
}

// guarded becomes the program, beside a shell that kills it when standard input ends,
// that is, at the latest, when the test's process is gone: no server outlives its test.
const guarded = `exec 3<&0; (cat <&3; kill -KILL $$) >/dev/null 2>&1 & exec "$@" </dev/null 3<&-`

// start starts a program with variables beside those of the test.
func start(t *testing.T, cmd *exec.Cmd, env ...string) *process {
	t.Helper()
	p := &process{cmd: cmd, log: &program.Output{}, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, env...)
	cmd.Args = append([]string{"sh", "-c", guarded, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	guard, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = guard.Close()
		<-p.exited
	})
	return p
}

// await is until what a container's check asks is true.
func (p *process) await(t *testing.T, what string, healthy func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !healthy() {
		select {
		case <-p.exited:
			t.Fatalf("it ended before %s: %v\n%s", what, p.err, p.log)
		case <-deadline:
			t.Fatalf("%s: not within %v\n%s", what, patience, p.log)
		case <-tick.C:
		}
	}
}

func (p *process) awaitURL(t *testing.T, url string) {
	t.Helper()
	p.await(t, url, func() bool { return fetch(url) != "" })
}

// fetch is what a URL answers with success, or nothing.
func fetch(url string) string {
	resp, err := http.Get(url)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return string(body) + "\n"
}

// awaitEnd is until the program has ended by itself, with success.
func (p *process) awaitEnd(t *testing.T, within time.Duration) {
	t.Helper()
	select {
	case <-p.exited:
		require.NoError(t, p.err, "%s", p.log)
	case <-time.After(within):
		t.Fatalf("it did not end within %v\n%s", within, p.log)
	}
}

// stop asks as Docker does.
func (p *process) stop(t *testing.T, grace time.Duration) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	p.awaitEnd(t, grace)
}

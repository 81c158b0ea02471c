package program

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a process may take to be ready: it connects to all that
// it reads and writes.
const patience = time.Minute

// Process is helios-connect with one set of arguments, which is killed and
// started again.
type Process struct {
	Binary string
	Args   []string
	Env    []string // beside that of the test
	Ready  string   // URL that answers 200 when everything is connected

	mu    sync.Mutex
	cmd   *exec.Cmd
	gone  chan struct{}
	kills int
	log   *Output // of the process that runs now
}

// Output is what a process printed so far.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// LastLine is the last line that is not empty.
func (o *Output) LastLine() string {
	lines := strings.Split(strings.TrimSpace(o.String()), "\n")
	return lines[len(lines)-1]
}

// Start starts the process and returns when it is ready.
func (p *Process) Start(t testing.TB) {
	t.Helper()
	cmd := exec.Command(p.Binary, p.Args...)
	cmd.Env = append(os.Environ(), p.Env...)
	log, gone := &Output{}, make(chan struct{})
	cmd.Stdout, cmd.Stderr = log, log
	p.mu.Lock()
	err := cmd.Start()
	p.cmd, p.gone, p.log = cmd, gone, log
	p.mu.Unlock()
	if err != nil {
		t.Fatalf("starting %s: %v", p.Binary, err)
	}
	go func() {
		_ = cmd.Wait() // the status is of no interest: it is killed
		close(gone)
	}()
	p.awaitReady(t, gone)
}

func (p *Process) awaitReady(t testing.TB, gone chan struct{}) {
	t.Helper()
	deadline := time.After(patience)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		if resp, err := http.Get(p.Ready); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-gone:
			t.Fatalf("the program ended at its start:\n%s", p.Log())
		case <-deadline:
			t.Fatalf("the program was not ready within %v:\n%s", patience, p.Log())
		case <-poll.C:
		}
	}
}

// Kill ends the process with -9 and returns when it is gone.
func (p *Process) Kill() {
	p.mu.Lock()
	cmd, gone := p.cmd, p.gone
	p.kills++
	p.mu.Unlock()
	_ = cmd.Process.Kill()
	<-gone
}

// Kills counts the calls of Kill.
func (p *Process) Kills() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kills
}

// Log is what the process that runs now, or ran last, has printed.
func (p *Process) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

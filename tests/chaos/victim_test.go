//go:build unix

package chaos

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/tests/program"
)

var binary string // the real helios-connect

func TestMain(m *testing.M) { program.Main(m, &binary) }

// victim is helios-connect with one config, started again after each kill.
type victim struct {
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

func (p *victim) start() {
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

func (p *victim) awaitReady(gone chan struct{}) {
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
func (p *victim) kill() {
	p.mu.Lock()
	cmd, gone := p.cmd, p.gone
	p.kills++
	p.mu.Unlock()
	_ = cmd.Process.Kill()
	<-gone
}

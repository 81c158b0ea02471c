package browser

import (
	"bufio"
	"os/exec"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/tests/program"
)

var binary string // the real helios-connect

func TestMain(m *testing.M) { program.Main(m, &binary) }

var consoleAddress = regexp.MustCompile(`Console: (http://127\.0\.0\.1:\d+/)`)

// startDemo runs the demo until the end of the test and returns the console's URL.
func startDemo(t *testing.T, arguments ...string) (url string) {
	t.Helper()
	program.Chromium(t) // no demo without a browser
	cmd := exec.Command(binary, append([]string{"demo", "--port", "0", "--api-port", "0", "--data-dir", t.TempDir()}, arguments...)...)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	found, gone := make(chan string, 1), make(chan struct{})
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if at := consoleAddress.FindStringSubmatch(lines.Text()); at != nil {
				found <- at[1]
			}
		}
		_ = cmd.Wait()
		close(gone)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-gone:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-gone
		}
	})
	select {
	case url = <-found:
	case <-gone:
		t.Fatal("the demo ended at its start")
	case <-time.After(2 * patience):
		t.Fatal("the demo did not name its console")
	}
	return url
}

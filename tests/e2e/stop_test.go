package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/tests/program"
)

// oneEvent is an event that only one of two expected participants reports.
const oneEvent = `{"specversion":"1.0","id":"1","source":"s","type":"order","time":"2026-01-01T00:00:00Z","cloud":"aws","correlationid":"ord-1","data":{}}`

// halfFact is a stream that holds an open fact: one participant has reported,
// the other never will, and the window is long. Its input goes on without an
// end unless it is told to have one.
func halfFact(t *testing.T, holdAcks bool, input string) (config, verdicts string) {
	t.Helper()
	verdicts = filepath.Join(t.TempDir(), "verdicts.jsonl")
	return fmt.Sprintf(`
input: %s
buffer:
  helios_reconcile:
    hold_acks: %t
    idle_timeout: 1h
    expectations:
      - {name: x, expect: [aws, gcp], window: 1h}
output:
  file: {path: %q, codec: lines}
`, input, holdAcks, verdicts), verdicts
}

func endless() string {
	return fmt.Sprintf(`{generate: {interval: 1h, mapping: 'root = if counter() == 1 { %s } else { deleted() }'}}`, oneEvent)
}

func finite() string {
	return fmt.Sprintf(`{generate: {interval: "", count: 1, mapping: 'root = %s'}}`, oneEvent)
}

// runOne runs the config as the only stream and waits until its fact is open.
func runOne(t *testing.T, config string) *process {
	t.Helper()
	address := program.FreeAddress(t)
	path := filepath.Join(t.TempDir(), "stream.yaml")
	config += fmt.Sprintf("http: {address: %q}\nshutdown_timeout: 2s\n", address)
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
	p := start(t, nil, "run", path)
	p.awaitOpenFact(address)
	return p
}

func (p *process) awaitOpenFact(address string) {
	p.t.Helper()
	p.await(time.Minute, "the open fact", func() bool {
		for _, line := range strings.Split(get(address, "/metrics"), "\n") {
			if strings.HasPrefix(line, "helios_reconcile_facts_open") && strings.HasSuffix(line, " 1") {
				return true
			}
		}
		return false
	})
}

// get returns the body, or nothing while the server is not there yet.
func get(address, path string) string {
	resp, err := http.Get("http://" + address + path)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return ""
	}
	return string(body)
}

func requireNoVerdict(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	require.Empty(t, string(text), "a stop is not the end of input")
}

func TestAnInputThatEndsClosesItsOpenFacts(t *testing.T) {
	t.Parallel()
	config, verdicts := halfFact(t, false, finite())
	path := filepath.Join(t.TempDir(), "stream.yaml")
	require.NoError(t, os.WriteFile(path, []byte(config+"http: {enabled: false}\n"), 0o600))
	p := start(t, nil, "run", path)
	require.Zero(t, p.exit(time.Minute))
	text, err := os.ReadFile(verdicts)
	require.NoError(t, err)
	require.Contains(t, string(text), `"status":"missing"`)
	require.Contains(t, string(text), `"closed_by":"end_of_input"`)
}

func TestASignalClosesNoOpenFact(t *testing.T) {
	t.Parallel()
	for _, holdAcks := range []bool{true, false} {
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(fmt.Sprintf("hold_acks %t, %v", holdAcks, signal), func(t *testing.T) {
				t.Parallel()
				config, verdicts := halfFact(t, holdAcks, endless())
				p := runOne(t, config)
				p.signal(signal)
				p.exit(time.Minute)
				requireNoVerdict(t, verdicts)
			})
		}
	}
}

// TestADeletedOrReplacedStreamClosesNoOpenFact stops one stream of a process
// that goes on.
func TestADeletedOrReplacedStreamClosesNoOpenFact(t *testing.T) {
	t.Parallel()
	address := program.FreeAddress(t)
	service := filepath.Join(t.TempDir(), "service.yaml")
	require.NoError(t, os.WriteFile(service, fmt.Appendf(nil, "http: {address: %q}\nshutdown_timeout: 2s\n", address), 0o600))
	p := start(t, nil, "streams", "-o", service)
	p.await(time.Minute, "the API", func() bool { return get(address, "/ready") != "" })

	for _, method := range []string{http.MethodDelete, http.MethodPut} {
		for _, holdAcks := range []bool{true, false} {
			config, verdicts := halfFact(t, holdAcks, endless())
			call(t, http.MethodPost, address, config)
			p.awaitOpenFact(address)
			replacement, _ := halfFact(t, holdAcks, endless())
			call(t, method, address, replacement)
			requireNoVerdict(t, verdicts)
			if method == http.MethodPut {
				call(t, http.MethodDelete, address, "")
			}
		}
	}
	p.signal(syscall.SIGTERM)
	require.Zero(t, p.exit(time.Minute))
}

func call(t *testing.T, method, address, body string) {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+address+"/streams/x?timeout=2s", strings.NewReader(body))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s: %s", method, answer)
}

package e2e

import (
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/tests/program"
)

// rendered is what a page has become after some seconds of its own clock, which
// runs as fast as it can and stands still while something is fetched.
func rendered(t *testing.T, chromium, url string) string {
	t.Helper()
	cmd := exec.Command(chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=4000", "--dump-dom", url)
	cmd.WaitDelay = time.Second
	page, err := cmd.Output()
	require.NoError(t, err)
	return string(page)
}

var (
	consoleAddress = regexp.MustCompile(`Console: (http://127\.0\.0\.1:\d+/)`)
	matchedCount   = regexp.MustCompile(`data-status="matched" data-count="(\d+)"`)
	storeUp        = "<b><bdi>store</bdi></b><span>up"
	eventRow       = regexp.MustCompile(`<td><bdi[^>]*>com\.example\.[a-z.]+</bdi></td>`)
)

func TestTheConsoleOfTheDemoShowsVerdictsAndEvents(t *testing.T) {
	t.Parallel()
	chromium := program.Chromium(t)
	p := start(t, nil, "demo", "--direct", "--rate", "300", "--port", "0", "--api-port", "0")
	p.await(time.Minute, "the address of the console", func() bool { return consoleAddress.MatchString(p.out.String()) })
	address := consoleAddress.FindStringSubmatch(p.out.String())[1]
	var page string
	p.await(2*time.Minute, "verdicts, events and a healthy store on the page", func() bool {
		page = rendered(t, chromium, address)
		found := matchedCount.FindStringSubmatch(page)
		if found == nil {
			return false
		}
		matched, err := strconv.Atoi(found[1])
		return err == nil && matched > 0 && eventRow.MatchString(page) && strings.Contains(page, storeUp)
	})
	require.False(t, strings.Contains(page, "connection lost"))
}

func TestServeRefusesWhatWouldExposeIt(t *testing.T) {
	t.Parallel()
	p := start(t, []string{"HELIOS_API_ADDRESS=0.0.0.0:0", "HELIOS_API_TOKEN="}, "serve")
	require.NotZero(t, p.exit(30*time.Second))
	require.Contains(t, p.err.String(), "HELIOS_API_TOKEN must be set")
}

func TestServeStopsWhenItIsTold(t *testing.T) {
	t.Parallel()
	p := start(t, []string{"HELIOS_API_ADDRESS=127.0.0.1:0", "HELIOS_STORE_DSN=sqlite://none.db", "HELIOS_KAFKA_BROKERS=127.0.0.1:1"}, "serve")
	p.await(30*time.Second, "its address", func() bool { return strings.Contains(p.out.String(), "Console http://127.0.0.1:") })
	p.signal(syscall.SIGTERM)
	require.Zero(t, p.exit(30*time.Second))
}

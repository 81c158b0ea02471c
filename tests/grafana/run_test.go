// Package grafana runs every query of every dashboard and alert against the
// real programs: Prometheus over the metrics of a real demo, and PostgreSQL
// filled by the store plugin with what that demo stored.
package grafana

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/helios-connect/helios/grafana/dashboards"
	"github.com/helios-connect/helios/grafana/panels"
	"github.com/helios-connect/helios/tests/program"
)

var binary string

func TestMain(m *testing.M) { program.Main(m, &binary) }

// seconds that the demo sends for, long enough for a verdict on a missing event
// (5 s of window, 2 s of lateness) and for several scrapes of it.
const seconds = 25

func boards(t testing.TB) []panels.Board {
	t.Helper()
	raw, err := os.ReadFile("../../config/prices.yaml")
	require.NoError(t, err)
	prices, err := dashboards.ParsePrices(raw)
	require.NoError(t, err)
	return dashboards.All(prices)
}

// startDemo runs the real demo and keeps its run in a folder.
func startDemo(t testing.TB) (metrics, folder string, wait func()) {
	t.Helper()
	address, folder := program.FreeAddress(t), t.TempDir()
	port := address[strings.LastIndex(address, ":")+1:]
	cmd := exec.Command(binary, "demo", "--duration", strconv.Itoa(seconds)+"s", "--rate", "300", "--port", port, "--faults", "0.1", "--data-dir", folder)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	wait = func() {
		select {
		case err := <-ended:
			require.NoError(t, err, out.String())
		case <-time.After((seconds + 90) * time.Second):
			t.Fatalf("the demo does not end:\n%s", out.String())
		}
	}
	return address, folder, wait
}

// prometheus is the real program, scraping one address.
type prometheus struct{ address string }

func startPrometheus(t testing.TB, target string) *prometheus {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		if os.Getenv("HELIOS_REQUIRE_SERVERS") == "1" {
			t.Fatal("Prometheus is not installed, and HELIOS_REQUIRE_SERVERS=1 asks for it")
		}
		t.Skip("Prometheus is not installed (no prometheus): skipped; HELIOS_REQUIRE_SERVERS=1 makes this a failure")
	}
	rules, err := filepath.Abs("../../deploy/prometheus/helios.rules.yml")
	require.NoError(t, err)
	raw, err := os.ReadFile(rules)
	require.NoError(t, err)
	dir, p := t.TempDir(), &prometheus{address: program.FreeAddress(t)}
	// Recorded every second here: the demo lasts seconds and not hours.
	fast := strings.ReplaceAll(string(raw), "interval: 30s", "interval: 1s")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(fast), 0o600))
	config := fmt.Sprintf("global: {scrape_interval: 1s}\nrule_files: [rules.yml]\nscrape_configs:\n- job_name: helios\n  static_configs: [{targets: [%q]}]\n", target)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.yml"), []byte(config), 0o600))
	cmd := exec.Command(path, "--config.file="+filepath.Join(dir, "p.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+p.address)
	var log bytes.Buffer
	cmd.Stderr = &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return p
}

type answer struct {
	Status string
	Error  string
	Data   struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
}

// ask evaluates an instant query now. Grafana's variables get the values that
// they would have over the last minute.
func (p *prometheus) ask(t testing.TB, expr string) answer {
	t.Helper()
	expr = strings.NewReplacer("$__rate_interval", "15s", "$__range", "60s", `"$stream"`, `".*"`, `"$tenant"`, `".*"`).Replace(expr)
	resp, err := http.Get("http://" + p.address + "/api/v1/query?query=" + url.QueryEscape(expr))
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var a answer
	require.NoError(t, json.Unmarshal(raw, &a), "%s", raw)
	require.Equal(t, "success", a.Status, "%s\n%s", expr, a.Error)
	return a
}

// awaitData waits until a query has an answer.
func (p *prometheus) awaitData(t testing.TB, expr string) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		resp, err := http.Get("http://" + p.address + "/api/v1/query?query=" + url.QueryEscape(expr))
		if err == nil {
			var a answer
			err = json.NewDecoder(resp.Body).Decode(&a)
			resp.Body.Close()
			if err == nil && len(a.Data.Result) > 0 {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no data of %s: %v", expr, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// openRun opens the store of a finished demo.
func openRun(t testing.TB, folder string) *sql.DB {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "run-*", "store.db"))
	require.NoError(t, err)
	require.Len(t, found, 1, "stores below %s", folder)
	db, err := sql.Open("sqlite", "file:"+found[0])
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func textColumn(t testing.TB, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), query)
	require.NoError(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		require.NoError(t, rows.Scan(&s))
		all = append(all, s)
	}
	require.NoError(t, rows.Err())
	require.NotEmpty(t, all, query)
	return all
}

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
	"regexp"
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

// demoRun is a demo under way.
type demoRun struct {
	address, folder   string
	brokers, registry string
	out               *program.Output
	process           *os.Process
	ended             chan error
}

var settings = regexp.MustCompile(`HELIOS_KAFKA_BROKERS=(\S+) HELIOS_SCHEMA_REGISTRY_URL=(\S+)`)

// runDemo runs the real demo and keeps its run in a folder. It returns when the
// demo says how others reach its log.
func runDemo(t testing.TB, args ...string) *demoRun {
	t.Helper()
	d := &demoRun{address: program.FreeAddress(t), folder: t.TempDir(), out: new(program.Output), ended: make(chan error, 1)}
	port := d.address[strings.LastIndex(d.address, ":")+1:]
	args = append([]string{"demo", "--port", port, "--api-port", "0", "--data-dir", d.folder}, args...)
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr = d.out, d.out
	require.NoError(t, cmd.Start())
	d.process = cmd.Process
	go func() { d.ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	require.Eventually(t, func() bool { return settings.MatchString(d.out.String()) }, time.Minute, 50*time.Millisecond)
	found := settings.FindStringSubmatch(d.out.String())
	d.brokers, d.registry = found[1], found[2]
	return d
}

// end lets the clouds stop, and returns how the demo ended.
func (d *demoRun) end(t testing.TB) error {
	t.Helper()
	require.NoError(t, d.process.Signal(os.Interrupt))
	return d.wait(t)
}

// wait returns how the demo ended.
func (d *demoRun) wait(t testing.TB) error {
	t.Helper()
	select {
	case err := <-d.ended:
		return err
	case <-time.After((seconds + 90) * time.Second):
		t.Fatalf("the demo does not end:\n%s", d.out)
		return nil
	}
}

// startDemo runs a demo that has every kind of fault, and is right about all.
func startDemo(t testing.TB) (metrics, folder string, wait func()) {
	t.Helper()
	d := runDemo(t, "--duration", strconv.Itoa(seconds)+"s", "--rate", "300", "--faults", "0.1")
	return d.address, d.folder, func() { require.NoError(t, d.wait(t), d.out.String()) }
}

// prometheus is the real program.
type prometheus struct{ address string }

// startPrometheus runs one that scrapes the targets every second.
func startPrometheus(t testing.TB, targets ...string) *prometheus {
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
	config := fmt.Sprintf("global: {scrape_interval: 1s}\nrule_files: [rules.yml]\nscrape_configs:\n- job_name: helios\n  static_configs: [{targets: [%s]}]\n", strings.Join(targets, ", "))
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

// variables get the values that they have in Grafana over the last minute, with
// a scrape every second.
var variables = strings.NewReplacer("$__rate_interval", "15s", "$__range", "60s", `"$stream"`, `".*"`, `"$tenant"`, `".*"`)

// ask evaluates an instant query now.
func (p *prometheus) ask(t testing.TB, expr string) answer {
	t.Helper()
	expr = variables.Replace(expr)
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
	deadline := time.Now().Add(2 * time.Minute)
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

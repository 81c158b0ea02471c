package grafana

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/grafana/queries"
	"github.com/helios-connect/helios/plugins/telemetry"
	"github.com/helios-connect/helios/tests/program"
)

const naughtyStrings = "../../../shared/data/bad-input/big-list-of-naughty-strings/blns.json"

// naughty are strings that break programs, and attempts to get out of a string of
// PromQL, SQL, Influx's line protocol and HTML.
func naughty(t testing.TB) []string {
	raw, err := os.ReadFile(naughtyStrings)
	if os.IsNotExist(err) {
		t.Skipf("the list of naughty strings is not there: %s", naughtyStrings)
	}
	require.NoError(t, err)
	var all []string
	require.NoError(t, json.Unmarshal(raw, &all))
	return append(all, injections...)
}

var injections = []string{
	`x"} or helios_reconcile_verdicts_total or a{b="`, `"}) or vector(1) #`, `.*`, `acme|.*`, `(`, `[`, `\`, `\"`, `a\.b`, `{{tenant}}`, "${__all_variables}", `$stream`, `'`,
	`x' OR '1'='1`, `x'; DROP TABLE helios_events; --`, `x\'; SELECT pg_sleep(9); --`, `x" OR "1"="1`, `$$ OR TRUE $$`, `x' UNION SELECT usename, passwd, '', '' FROM pg_shadow --`, `/* */`,
	"a,b=c d=1i\nhelios,x=y z=1i", `<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, strings.Repeat("x", 5000), "acme\u202e", "ünï",
}

const hostileEvents = 100_000

// hostile writes events of that many tenants, types, sources and clouds, each a
// name of its own.
func hostile(t *testing.T, path string) {
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	out, names := bufio.NewWriter(file), naughty(t)
	for i := range hostileEvents {
		name := fmt.Sprintf("%s %d", names[i%len(names)], i)
		raw, err := json.Marshal(map[string]any{"specversion": "1.0", "id": fmt.Sprint(i), "source": name, "type": name, "subject": name,
			"time": time.Now().UTC().Format(time.RFC3339Nano), "datacontenttype": "application/json", "data": map[string]any{"tenant": name, "cloud": "cloud " + name}})
		require.NoError(t, err)
		_, err = out.Write(append(raw, '\n'))
		require.NoError(t, err)
	}
	require.NoError(t, out.Flush())
}

const hostileStream = `
input:
  helios_dedupe:
    backend: memory
    memory: { max_keys: 200000 }
    input:
      file: { paths: [ %q ], scanner: { lines: { max_buffer_size: 1000000 } } }
      processors:
        - helios_canonical:
            cloud: ${! json("data.cloud").string() }
            correlation: [ { paths: [ id ] } ]
            tenant: [ { paths: [ data.tenant ] } ]
buffer:
  helios_reconcile:
    hold_acks: false
    idle_timeout: 10m
    expectations: [ { name: all, expect: [ aws, gcp ], window: 10m, allowed_lateness: 1s } ]
pipeline:
  processors:
    - helios_schema: { folder: %q, rules: [ { mode: tag } ] }
output: { drop: {} }
`

// The documented bounds (docs/dashboards.md), for each metric of a component.
var bounds = map[string]int{
	telemetry.CanonicalReceived.Name:     pairs,
	telemetry.CanonicalConverted.Name:    pairs,
	telemetry.CanonicalRefused.Name:      3 * pairs,
	telemetry.ReconcileReceived.Name:     pairs,
	telemetry.ReconcileDuplicates.Name:   pairs,
	telemetry.ReconcileFlagged.Name:      6*pairs + 6,
	telemetry.ReconcileVerdicts.Name:     5 * 1,
	telemetry.ReconcileStalled.Name:      1002,
	telemetry.ReconcileWatermark.Name:    1002,
	telemetry.ReconcileWatermarkLag.Name: 1002,
	telemetry.SchemaEvents.Name:          5 * 5001,
	telemetry.DedupeReceived.Name:        1002,
}

// pairs of a participant and a tenant, 2,000, and one for each participant's other
// tenants.
const pairs = 2000 + 1001

func TestNoNameFromOutsideMakesSeriesWithoutEnd(t *testing.T) {
	dir := t.TempDir()
	events, contracts, config := filepath.Join(dir, "events"), filepath.Join(dir, "contracts"), filepath.Join(dir, "stream.yaml")
	hostile(t, events)
	require.NoError(t, os.Mkdir(contracts, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(contracts, "some.type.json"), []byte(`{"type": "object"}`), 0o600))
	address := program.FreeAddress(t)
	service := filepath.Join(dir, "service")
	require.NoError(t, os.WriteFile(service, []byte("http: { address: "+address+" }\nmetrics: { prometheus: { use_histogram_timing: true } }\nlogger: { level: ERROR }\n"), 0o600))
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, hostileStream, events, contracts), 0o600))
	p := &program.Process{Binary: binary, Args: []string{"streams", "-o", service, config}, Ready: "http://" + address + "/metrics"}
	p.Start(t)
	t.Cleanup(p.Kill)
	var families map[string]*dto.MetricFamily
	require.Eventually(t, func() bool {
		families = scrape(t, address)
		return total(families[telemetry.CanonicalReceived.Name]) >= hostileEvents && total(families[telemetry.ReconcileReceived.Name]) >= hostileEvents/2
	}, 3*time.Minute, 300*time.Millisecond, "%s", p.Log())

	series := 0
	for name, family := range families {
		if !strings.HasPrefix(name, "helios_") {
			continue
		}
		series += len(family.Metric)
		if bound, ok := bounds[name]; ok {
			require.LessOrEqual(t, len(family.Metric), bound, name)
		} else {
			require.LessOrEqual(t, len(family.Metric), 20, "%s has no bound", name)
		}
		for _, m := range family.Metric {
			for _, l := range m.Label {
				require.Equal(t, l.GetValue(), telemetry.Label(l.GetValue()), name)
			}
		}
	}
	t.Logf("%d events of as many tenants, types, sources and clouds: %d series", hostileEvents, series)
	require.EqualValues(t, hostileEvents, total(families[telemetry.CanonicalReceived.Name]), "everything is counted, under one name or the other")
	require.Positive(t, total(families[telemetry.LabelOverflow.Name]), "what overflows is counted")

	server := startPrometheus(t, address)
	server.awaitData(t, telemetry.SchemaEvents.Name+" > 0")
	t.Run("a variable's value is only a value", func(t *testing.T) { variablesAreValues(t, server, families) })
}

func scrape(t *testing.T, address string) map[string]*dto.MetricFamily {
	resp, err := http.Get("http://" + address + "/metrics")
	require.NoError(t, err)
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	require.NoError(t, err)
	return families
}

func total(family *dto.MetricFamily) (sum float64) {
	for _, m := range family.GetMetric() {
		sum += m.GetCounter().GetValue()
	}
	return sum
}

var (
	asteriskAndSo = regexp.MustCompile(`[$^*{}\[\]+?.()|]`)
	quotesToo     = regexp.MustCompile(`[$^*{}\[\]'+?.()|]`)
	byVariable    = regexp.MustCompile(`[\w:]+\{[^{}]*"\$(?:tenant|stream)"[^{}]*\}`)
)

// interpolated is what Grafana 12.4 puts in place of a variable with several
// values, in PromQL: as it comes, and as it is with the feature
// prometheusSpecialCharsInLabelValues, which deploy/compose switches on.
func interpolated(value string, special bool) string {
	value = strings.ReplaceAll(value, `\`, `\\\\`)
	if !special {
		return asteriskAndSo.ReplaceAllString(value, `\\$0`)
	}
	return quotesToo.ReplaceAllString(strings.ReplaceAll(value, `"`, `\\\"`), `\\$0`)
}

// variablesAreValues asks every selector of ours that has a variable, with each
// tenant that there is, and with what an attacker's link says.
func variablesAreValues(t *testing.T, server *prometheus, families map[string]*dto.MetricFamily) {
	tenants := map[string]bool{}
	for _, m := range families[telemetry.SchemaEvents.Name].Metric {
		for _, l := range m.Label {
			if l.GetName() == telemetry.LabelTenant {
				tenants[l.GetValue()] = true
			}
		}
	}
	selectors := map[string]bool{}
	for _, b := range boards(t) {
		for _, row := range b.Rows {
			for _, p := range row.Panels {
				for _, q := range p.Queries {
					if q.Source == queries.Prometheus {
						for _, s := range byVariable.FindAllString(q.Text, -1) {
							selectors[s] = true
						}
					}
				}
			}
		}
	}
	require.NotEmpty(t, selectors)
	ask := func(selector, value string, special bool) {
		expr := strings.NewReplacer("$tenant", interpolated(value, special), "$stream", interpolated(value, special)).Replace(selector)
		label := telemetry.LabelTenant
		if strings.Contains(selector, "$stream") {
			label = telemetry.LabelStream
		}
		for _, r := range server.ask(t, expr).Data.Result {
			require.Equal(t, value, r.Metric[label], "%s", expr)
		}
	}
	asked := 0
	for selector := range selectors {
		n := 0
		for tenant := range tenants {
			if n++; n > 60 {
				break
			}
			ask(selector, tenant, false)
			ask(selector, tenant, true)
			asked += 2
		}
		for _, value := range injections {
			if !strings.ContainsAny(value, "\n") {
				ask(selector, value, true)
				asked++
			}
		}
	}
	t.Logf("%d selectors, %d tenants, %d questions", len(selectors), len(tenants), asked)
}

// sqlString is what Grafana 12.4 makes of ${name:sqlstring}.
func sqlString(value string) string {
	return "'" + strings.NewReplacer("'", "''", `"`, `\"`).Replace(value) + "'"
}

// factsAreOnlyText asks every query with a fact, with names that try to get out.
func factsAreOnlyText(t *testing.T, conn *pgx.Conn) {
	var before, after int
	require.NoError(t, conn.QueryRow(context.Background(), "SELECT count(*) FROM helios_events").Scan(&before))
	asked := 0
	for _, b := range boards(t) {
		for _, row := range b.Rows {
			for _, p := range row.Panels {
				for _, q := range p.Queries {
					if q.Source != queries.PostgreSQL || !strings.Contains(q.Text, "${fact:sqlstring}") {
						continue
					}
					for _, value := range naughty(t) {
						if !strings.ContainsAny(value, `'"\;$%`) || strings.ContainsRune(value, 0) {
							continue // nothing that SQL knows, or no text for PostgreSQL
						}
						asked++
						require.Zero(t, count(t, conn, p.Title, macros(strings.ReplaceAll(q.Text, "${fact:sqlstring}", sqlString(value)), "")), "%s: rows of %q", p.Title, value)
					}
				}
			}
		}
	}
	require.Greater(t, asked, 300)
	require.NoError(t, conn.QueryRow(context.Background(), "SELECT count(*) FROM helios_events").Scan(&after))
	require.Equal(t, before, after)
}

package grafana

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/helios-connect/helios/grafana/alerts"
	"github.com/helios-connect/helios/tests/program"
)

// healthy is a Helios of which nothing is wrong, a sample a minute.
var healthy = map[string]string{
	`helios_reconcile_participant_stalled{participant="aws",clock="default"}`:                            "0x300",
	`helios_reconcile_participant_stalled{participant="gcp",clock="default"}`:                            "0x300",
	`helios_canonical_received_total{participant="aws",tenant="acme"}`:                                   "0+100x300",
	`helios_canonical_converted_total{participant="aws",tenant="acme"}`:                                  "0+100x300",
	`helios_canonical_refused_total{participant="aws",tenant="acme",reason="unreadable"}`:                "0x300",
	`helios_reconcile_verdicts_total{verdict_status="matched",expectation="orders"}`:                     "0+100x300",
	`helios_reconcile_corrections_total{verdict_status="matched"}`:                                       "0x300",
	`helios_reconcile_verdict_delay_seconds_count`:                                                       "0+100x300",
	`helios_reconcile_verdict_delay_seconds_bucket{le="300"}`:                                            "0+100x300",
	`helios_reconcile_verdict_delay_seconds_bucket{le="0.5"}`:                                            "0+99x300",
	`helios_store_rows_stored_total{table="helios_events"}`:                                              "0+100x300",
	`helios_store_rows_refused_total{table="helios_events"}`:                                             "0x300",
	`helios_store_unavailable_total{table="helios_events"}`:                                              "0x300",
	`helios_schema_events_total{tenant="acme",type="order",version="1",source="shop",outcome="valid"}`:   "0+100x300",
	`helios_schema_events_total{tenant="acme",type="order",version="1",source="shop",outcome="invalid"}`: "0x300",
	`helios_schema_registry_age_seconds`:                                                                 "30x300",
	`helios_reconcile_input_lag_events{partition="0"}`:                                                   "100x300",
	`kafka_lag{stream="store-events",topic="helios.events",partition="0"}`:                               "100x300",
	`helios_webhook_certificate_loads_total{result="failed"}`:                                            "0x300",
	`helios_webhook_certificate_loads_total{result="loaded"}`:                                            "0+1x300",
	`helios_webhook_certificate_expiry_timestamp_seconds{path="a"}`:                                      "7776000x300", // 90 days after the test's beginning
	`helios_webhook_certificate_expiry_timestamp_seconds{path="plain"}`:                                  "0x300",
	`up{job="helios"}`:  "1x300",
	`up{job="grafana"}`: "0x300",
}

const certificateEnd = `helios_webhook_certificate_expiry_timestamp_seconds{path="a"}`

// scenarios change one thing each, and say exactly which alerts fire.
var scenarios = []struct {
	name   string
	change map[string]string
	fires  []string
}{
	{"nothing is wrong", nil, nil},
	{"a cloud is stalled", map[string]string{`helios_reconcile_participant_stalled{participant="gcp",clock="default"}`: "1x300"},
		[]string{"HeliosCloudStalled", "HeliosIngestAvailabilityBurnsFast", "HeliosIngestAvailabilityBurnsSlow"}},
	{"a cloud was silent for a minute", map[string]string{`helios_reconcile_participant_stalled{participant="gcp",clock="default"}`: "0x280 1 0x20"}, nil},
	{"events vanish", map[string]string{`helios_canonical_converted_total{participant="aws",tenant="acme"}`: "0+90x300"}, []string{"HeliosEventsUnaccounted"}},
	{"a batch is half counted at one scrape", map[string]string{`helios_canonical_received_total{participant="aws",tenant="acme"}`: "0+100x298 29950 30000"}, nil},
	{"one in twenty is refused", map[string]string{`helios_canonical_converted_total{participant="aws",tenant="acme"}`: "0+95x300",
		`helios_canonical_refused_total{participant="aws",tenant="acme",reason="unreadable"}`: "0+5x300"}, []string{"HeliosDeadLettersGrow"}},
	{"one of two is refused at night", map[string]string{`helios_canonical_received_total{participant="aws",tenant="acme"}`: "0+2x300",
		`helios_canonical_converted_total{participant="aws",tenant="acme"}`:                   "0+1x300",
		`helios_canonical_refused_total{participant="aws",tenant="acme",reason="unreadable"}`: "0+1x300"}, nil},
	{"a producer breaks its contract", map[string]string{`helios_schema_events_total{tenant="acme",type="order",version="1",source="shop",outcome="invalid"}`: "0+5x300"},
		[]string{"HeliosComplianceFalls"}},
	{"a type has no contract yet", map[string]string{`helios_schema_events_total{tenant="acme",type="refund",source="shop",outcome="unregistered"}`: "0+100x300",
		`helios_schema_events_total{tenant="acme",type="order",source="shop",outcome="unregistered"}`: "0+100x300"}, nil},
	{"reconciliation is behind", map[string]string{`helios_reconcile_input_lag_events{partition="0"}`: "20000x300"}, []string{"HeliosReconcileLags"}},
	{"the store is behind", map[string]string{`kafka_lag{stream="store-events",topic="helios.events",partition="0"}`: "60000x300"}, []string{"HeliosConsumerLags"}},
	{"three processes tell of the same lag", map[string]string{`kafka_lag{stream="store-events",topic="helios.events",partition="0",instance="a"}`: "20000x300",
		`kafka_lag{stream="store-events",topic="helios.events",partition="0",instance="b"}`: "20000x300",
		`kafka_lag{stream="store-events",topic="helios.events",partition="0",instance="c"}`: "20000x300"}, nil},
	{"the store is behind in all of its partitions", map[string]string{`kafka_lag{stream="store-events",topic="helios.events",partition="0"}`: "30000x300",
		`kafka_lag{stream="store-events",topic="helios.events",partition="1"}`: "30000x300"}, []string{"HeliosConsumerLags"}},
	{"the registry is away", map[string]string{`helios_schema_registry_age_seconds`: "0+60x300"}, []string{"HeliosRegistryStale"}},
	{"the database is away", map[string]string{`helios_store_unavailable_total{table="helios_events"}`: "0+1x300"}, []string{"HeliosStoreUnavailable"}},
	{"a certificate is broken", map[string]string{`helios_webhook_certificate_loads_total{result="failed"}`: "0x290 1x10"}, []string{"HeliosCertificateNotLoaded"}},
	{"a certificate expires in ten days", map[string]string{certificateEnd: "882000x300"}, []string{"HeliosCertificateExpiring"}},
	{"a certificate expires in two days", map[string]string{certificateEnd: "190800x300"}, []string{"HeliosCertificateExpiring", "HeliosCertificateExpiresNow"}},
	{"a certificate has expired", map[string]string{certificateEnd: "60x300"}, []string{"HeliosCertificateExpiring", "HeliosCertificateExpiresNow"}},
	{"a certificate was renewed just now", map[string]string{certificateEnd: "882000x299 7776000"}, nil},
	{"no webhook has a certificate", map[string]string{certificateEnd: ""}, nil},
	{"the process is away", map[string]string{`up{job="helios"}`: "0x300"}, []string{"HeliosDown"}},
	{"the process was never there", map[string]string{`up{job="helios"}`: ""}, []string{"HeliosDown"}},
	{"one scrape takes too long", map[string]string{`up{job="helios"}`: "1x298 0 1"}, nil},
	{"one verdict in ten is corrected", map[string]string{`helios_reconcile_corrections_total{verdict_status="matched"}`: "0+10x300"},
		[]string{"HeliosVerdictAccuracyBurnsFast", "HeliosVerdictAccuracyBurnsSlow"}},
	{"one of two is corrected, of ten an hour", map[string]string{`helios_reconcile_verdicts_total{verdict_status="matched",expectation="orders"}`: "0+0.16x300",
		`helios_reconcile_corrections_total{verdict_status="matched"}`: "0+0.08x300"}, nil},
	{"verdicts take longer than five minutes", map[string]string{`helios_reconcile_verdict_delay_seconds_bucket{le="300"}`: "0+97x300",
		`helios_reconcile_verdict_delay_seconds_bucket{le="0.5"}`: "0+97x300"}, []string{"HeliosEventLatencyBurnsFast", "HeliosEventLatencyBurnsSlow"}},
	{"verdicts are slow", map[string]string{`helios_reconcile_verdict_delay_seconds_bucket{le="0.5"}`: "0+20x300"},
		[]string{"HeliosOwnLatencyBurnsFast", "HeliosOwnLatencyBurnsSlow"}},
	{"Prometheus 3 writes ends of buckets in another way", map[string]string{`helios_reconcile_verdict_delay_seconds_bucket{le="300"}`: "",
		`helios_reconcile_verdict_delay_seconds_bucket{le="300.0"}`: "0+100x300"}, nil},
	{"one row of five hundred an hour is refused", map[string]string{`helios_store_rows_stored_total{table="helios_events"}`: "0+8x300",
		`helios_store_rows_refused_total{table="helios_events"}`: "0x297 1x3"}, nil},
	{"one verdict of sixty an hour is corrected", map[string]string{`helios_reconcile_verdicts_total{verdict_status="matched",expectation="orders"}`: "0+1x300",
		`helios_reconcile_corrections_total{verdict_status="matched"}`: "0x297 1x3"}, nil},
	{"a process that began just now has heard of nobody yet", map[string]string{`helios_reconcile_participant_stalled{participant="gcp",clock="default",instance="b"}`: "_x298 1 0"}, nil},
	{"nothing but refused rows", map[string]string{`helios_store_rows_stored_total{table="helios_events"}`: "",
		`helios_store_rows_refused_total{table="helios_events"}`: "0+10x300"}, []string{"HeliosDeliveryBurnsFast", "HeliosDeliveryBurnsSlow"}},
	{"counters begin anew", map[string]string{`helios_store_rows_refused_total{table="helios_events"}`: "0x290 0x10", `helios_store_rows_stored_total{table="helios_events"}`: "0+100x290 0+100x10",
		`helios_reconcile_verdict_delay_seconds_count`: "0+100x290 0+100x10", `helios_reconcile_verdict_delay_seconds_bucket{le="300"}`: "0+100x290 0+100x10", `helios_reconcile_verdict_delay_seconds_bucket{le="0.5"}`: "0+99x290 0+99x10",
		`helios_canonical_received_total{participant="aws",tenant="acme"}`: "0+100x290 0+100x10", `helios_canonical_converted_total{participant="aws",tenant="acme"}`: "0+100x290 0+100x10"}, nil},
	{"rows are refused", map[string]string{`helios_store_rows_refused_total{table="helios_events"}`: "0+10x300"},
		[]string{"HeliosDeliveryBurnsFast", "HeliosDeliveryBurnsSlow"}},
}

type (
	series struct{ Series, Values string }
	sample struct {
		Labels string
		Value  float64
	}
	exprTest struct {
		Expr       string   `yaml:"expr"`
		EvalTime   string   `yaml:"eval_time"`
		ExpSamples []sample `yaml:"exp_samples"`
	}
	ruleTest struct {
		Name     string     `yaml:"name"`
		Interval string     `yaml:"interval"`
		Input    []series   `yaml:"input_series"`
		Tests    []exprTest `yaml:"promql_expr_test"`
	}
)

func TestAlertsFireForTheirFaultAndAreSilentOtherwise(t *testing.T) {
	text, err := os.ReadFile("../../deploy/prometheus/helios.rules.yml")
	require.NoError(t, err)
	// Evaluated every two minutes instead of every half: five hours in seconds.
	text = bytes.ReplaceAll(text, []byte("interval: 30s"), []byte("interval: 2m"))
	fired := map[string]bool{}
	var tests []ruleTest
	for _, s := range scenarios {
		values := maps.Clone(healthy)
		maps.Copy(values, s.change)
		test := ruleTest{Name: s.name, Interval: "1m"}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if values[name] != "" {
				test.Input = append(test.Input, series{name, values[name]})
			}
		}
		expect := exprTest{Expr: `max by (alertname) (ALERTS{alertstate="firing"})`, EvalTime: "300m", ExpSamples: []sample{}}
		for _, name := range s.fires {
			fired[name] = true
			expect.ExpSamples = append(expect.ExpSamples, sample{`{alertname="` + name + `"}`, 1})
		}
		test.Tests = []exprTest{expect}
		tests = append(tests, test)
	}
	for _, a := range alerts.Alerts() {
		require.True(t, fired[a.Name], "no scenario makes %s fire", a.Name)
	}
	raw, err := yaml.Marshal(map[string]any{"rule_files": []string{"rules.yml"}, "evaluation_interval": "2m", "tests": tests})
	require.NoError(t, err)
	promtool(t, raw, text)
}

// promtool runs tests of rules.yml, which has that text.
func promtool(t *testing.T, tests, rules []byte) {
	t.Helper()
	tool, dir := program.Find(t, "promtool"), t.TempDir()
	path := filepath.Join(dir, "test.yml")
	require.NoError(t, os.WriteFile(path, tests, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yml"), rules, 0o600))
	out, err := exec.Command(tool, "test", "rules", path).CombinedOutput()
	require.NoError(t, err, string(out))
}

package doctor

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type env map[string]string

// nobody is an address at which nothing listens: the port of a listener that was
// closed may be another process's a moment later, this one is never handed out.
const nobody = "127.0.0.1:1"

// ask makes the checks of some dependencies in an environment.
func ask(t *testing.T, e env, o Options, names ...string) []Finding {
	t.Helper()
	o.Getenv = func(name string) string { return e[name] }
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	var some []check
	for _, c := range checks {
		if slices.Contains(names, c.name) {
			some = append(some, c)
		}
	}
	require.Len(t, some, len(names), "each name is that of a check")
	found := examine(context.Background(), o, some)
	for _, f := range found {
		if f.Status == Failed || f.Status == Warned {
			require.NotEmpty(t, f.Advice, "%s %s says what to do", f.Dependency, f.What)
		}
	}
	return found
}

// finding returns the one of that name.
func finding(t *testing.T, all []Finding, what string) Finding {
	t.Helper()
	for _, f := range all {
		if f.What == what {
			return f
		}
	}
	require.Failf(t, "no such finding", "%q among %+v", what, all)
	return Finding{}
}

// want compares a finding with what it must say.
func want(t *testing.T, all []Finding, what string, status Status, says string) {
	t.Helper()
	f := finding(t, all, what)
	require.Equal(t, status.String(), f.Status.String(), "%+v", f)
	require.Contains(t, f.Detail+" → "+f.Advice, says)
}

func TestWithoutSettingsCloudsAreSkippedAndSaySo(t *testing.T) {
	found := ask(t, env{}, Options{}, "Redis", "AWS", "AWS SQS", "AWS Kinesis", "GCP Pub/Sub", "Azure Storage queue", "Azure Event Hubs", "Azure Service Bus", "webhook", "traces")
	require.Len(t, found, 10)
	for _, f := range found {
		require.Equal(t, Skipped, f.Status)
		require.Contains(t, f.Detail, "not configured: ")
	}
	require.False(t, AnyFailed(found))
}

// notConnections are settings of local.env.example that name no server and no
// file of one, or are of another command.
var notConnections = regexp.MustCompile(`^(HELIOS_(INSTANCE|PARTITIONS|REPLICAS|DISK_BYTES|SIMULATOR_WEBHOOK|SCHEMA_REFRESH|CONTRACT_RULES|UNREGISTERED|EXPECTATIONS|IDLE_TIMEOUT|STORE_PERIOD|COMMIT_INTERVAL|CORRECTION_HORIZON|HTTP_ADDRESS|LOG_.*|SHUTDOWN_TIMEOUT|DEMO_.*|AZURE_EVENTGRID_KEY|API_ADDRESS|API_TOKEN|LIVE_LINES|TRACES_PER_SECOND|EXEMPLARS_ADDRESS)|OTEL_(SERVICE_NAME|RESOURCE_ATTRIBUTES|TRACES_SAMPLER|TRACES_SAMPLER_ARG)|DEPLOYMENT_MODE)$`)

func TestTheTableHasEverySettingOfTheExample(t *testing.T) {
	file, err := os.Open("../../config/local.env.example")
	require.NoError(t, err)
	defer file.Close()
	known := map[string]bool{}
	for _, s := range settings {
		known[s.name] = true
	}
	line := regexp.MustCompile(`^(?:# )?([A-Z][A-Z0-9_]+)=`)
	lines, n := bufio.NewScanner(file), 0
	for lines.Scan() {
		if m := line.FindStringSubmatch(lines.Text()); m != nil {
			n++
			require.True(t, known[m[1]] || notConnections.MatchString(m[1]), "%s is in local.env.example and in no table of the doctor", m[1])
		}
	}
	require.NoError(t, lines.Err())
	require.Greater(t, n, 40)
}

func TestTheExampleHasEverySettingOfTheConfigs(t *testing.T) {
	example, err := os.ReadFile("../../config/local.env.example")
	require.NoError(t, err)
	setting := regexp.MustCompile(`\$\{((?:HELIOS|OTEL|AWS|AZURE)_[A-Z0-9_]+)`)
	n := 0
	for _, glob := range []string{"../../config/*.yaml", "../../pipelines/*.yaml", "../../pipelines/demo/*.yaml"} {
		files, err := filepath.Glob(glob)
		require.NoError(t, err)
		for _, f := range files {
			raw, err := os.ReadFile(f)
			require.NoError(t, err)
			for _, m := range setting.FindAllSubmatch(raw, -1) {
				n++
				require.Regexp(t, `(?m)^(# )?`+string(m[1])+`=`, string(example), "%s of %s is not in local.env.example", m[1], f)
			}
		}
	}
	require.Greater(t, n, 100)
}

func TestTheTableHasTheDefaultsOfTheConfigs(t *testing.T) {
	files, err := filepath.Glob("../../config/*.yaml")
	require.NoError(t, err)
	pipelines, err := filepath.Glob("../../pipelines/*.yaml")
	require.NoError(t, err)
	var text strings.Builder
	for _, f := range append(files, pipelines...) {
		raw, err := os.ReadFile(f)
		require.NoError(t, err)
		text.Write(raw)
	}
	for _, s := range settings {
		seen := false
		for _, m := range regexp.MustCompile(`\$\{`+s.name+`:([^}]*)\}`).FindAllStringSubmatch(text.String(), -1) {
			seen = seen || m[1] == s.otherwise
		}
		if seen || !strings.Contains(text.String(), "${"+s.name+":") {
			continue
		}
		t.Errorf("%s: the default %q is nowhere in config or pipelines", s.name, s.otherwise)
	}
}

func TestSecretsAreTakenOutOfWhateverIsSaid(t *testing.T) {
	e := env{
		"HELIOS_STORE_DSN":                        "postgres://helios:p%40ssw0rd-db@db:5432/x",
		"HELIOS_KAFKA_SASL":                       "[{mechanism: PLAIN, username: helios, password: kafka-secret}]",
		"HELIOS_REDIS_URL":                        "redis://:redis-secret@r:6379",
		"AWS_SECRET_ACCESS_KEY":                   "aws/secret+key",
		"HELIOS_AZURE_STORAGE_CONNECTION_STRING":  "AccountName=a;AccountKey=c3RvcmFnZS1rZXk=;EndpointSuffix=core.windows.net",
		"HELIOS_AZURE_EVENTHUB_CONNECTION_STRING": "Endpoint=sb://n/;SharedAccessKeyName=k;SharedAccessKey=aHViLWtleQ==",
		"HELIOS_GCP_CREDENTIALS_JSON":             `{"type":"service_account","private_key":"-----BEGIN-----gcp-secret"}`,
		"HELIOS_WEBHOOK_PATHS":                    "[{path: /a, auth: {api_key: {query: code, keys: [hook-secret]}}}]",
		"OTEL_EXPORTER_OTLP_HEADERS":              "authorization=Basic%20b3RlbC1rZXk=,x-key=other-key",
	}
	s := newScrubber(Options{Getenv: func(n string) string { return e[n] }, Token: "eyJ.token.sig"})
	for _, secret := range []string{
		"p@ssw0rd-db", "p%40ssw0rd-db", "kafka-secret", "redis-secret", "aws/secret+key", "aws%2Fsecret%2Bkey", "c3RvcmFnZS1rZXk=",
		"aHViLWtleQ==", "-----BEGIN-----gcp-secret", "hook-secret", "eyJ.token.sig", "b3RlbC1rZXk=", "Basic b3RlbC1rZXk=", "other-key",
	} {
		require.Equal(t, "it says "+hidden+".", s.clean("it says "+secret+"."), secret)
	}
	require.Equal(t, "a b", s.clean("a\nb"), "what a server says can't move the terminal's cursor")
}

// A finding that hides the address it is about, or the example in its advice, helps nobody.
func TestAddressesWithoutSecretsAreShown(t *testing.T) {
	for value, shown := range map[string]bool{
		"http://registry:8081": true, "https://grafana.example.com/": true, "localhost:3000": true,
		"redis://localhost:6379": true, "sqlite://helios.db": true,
		"http://grafana:3000/hooks/T0/secret": false, "http://grafana:3000/?key=secret": false, "glsa_secret": false, "c0ffee:secret": false,
	} {
		e := env{"HELIOS_GRAFANA_URL": value}
		s := newScrubber(Options{Getenv: func(n string) string { return e[n] }})
		text := "the form is http://localhost:3000, not " + value
		require.Equal(t, shown, s.clean(text) == text, "%s", s.clean(text))
	}
}

func TestFindingsAreWrittenForPeopleAndAsJSON(t *testing.T) {
	found := []Finding{
		{Dependency: "Kafka", What: "topics", Status: Failed, Detail: "none", Advice: "make them"},
		{Dependency: "store", What: "file", Status: OK, Detail: "fine"},
	}
	var b strings.Builder
	require.NoError(t, Write(&b, found))
	require.Equal(t, "failed  Kafka  topics  none\n                       → make them\nok      store  file    fine\n1 ok, 0 warning, 1 failed, 0 skipped\n", b.String())
	raw, err := json.Marshal(found[1])
	require.NoError(t, err)
	require.JSONEq(t, `{"dependency":"store","check":"file","status":"ok","detail":"fine"}`, string(raw))
	require.True(t, AnyFailed(found))
}

package all_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/internal/docsgen"

	_ "github.com/helios-connect/helios/plugins/all"
)

// The tests of this file walk the registry: a component is tested by having
// been registered, and can't be forgotten.

// minimal holds the least config with which a component starts, by kind and
// name. $DIR stands for a fresh folder. Servers that are named do not exist: a
// component must start, stop and start again without them.
var minimal = map[string]string{
	"input/helios_choice":        `{name: x, choices: [{as: a, when: "yes", input: {generate: {mapping: 'root = "x"', interval: 1ms}}}]}`,
	"input/helios_contracts":     `{folder: ../../config/schemas}`,
	"input/helios_dedupe":        `{backend: memory, input: {generate: {mapping: 'root = ""', interval: 1ms}}}`,
	"input/helios_files":         `{paths: [../../config/schemas/*.json]}`,
	"input/helios_reconcile":     `{seed_brokers: ["127.0.0.1:1"], expectations: [{name: x, expect: [a, b], window: 1s}]}`,
	"input/helios_simulator":     `{world: conformance, rate: 100, ledger: $DIR/truth.jsonl}`,
	"input/helios_webhook":       `{address: "127.0.0.1:0", paths: [{path: /e, sender: hmac, auth: {hmac: {header: X-Sig, secrets: [x]}}}]}`,
	"buffer/helios_reconcile":    `{expectations: [{name: x, expect: [a, b], window: 1s}]}`,
	"processor/helios_canonical": `{}`,
	"processor/helios_schema":    `{folder: $DIR}`,
	"output/helios_store":        `{dsn: "sqlite://$DIR/store.db", kind: events}`,
	"tracer/helios_otlp":         `{endpoint: "http://127.0.0.1:1", sampler: always_on, exemplars_address: "127.0.0.1:0"}`,
}

func components() []docsgen.Component { return docsgen.Components(service.GlobalEnvironment()) }

func forEach(t *testing.T, test func(t *testing.T, c docsgen.Component)) {
	t.Helper()
	all := components()
	require.NotEmpty(t, all)
	for _, c := range all {
		t.Run(c.Kind+"/"+c.Name, func(t *testing.T) { test(t, c) })
	}
}

func TestEveryComponentExplainsItselfAndEachOfItsFields(t *testing.T) {
	forEach(t, func(t *testing.T, c docsgen.Component) {
		data, err := c.View.TemplateData()
		require.NoError(t, err)
		require.NotEmpty(t, strings.TrimSpace(data.Summary), "summary")
		require.NotEmpty(t, strings.TrimSpace(data.Description), "description")
		require.NotEmpty(t, data.Examples, "examples")
		for _, f := range data.Fields {
			require.NotEqual(t, docsgen.MissingDescription, f.Description, "description of %s", f.FullName)
		}
	})
}

func TestEveryExampleLints(t *testing.T) {
	linter := service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigLinter().SetSkipEnvVarCheck(true)
	forEach(t, func(t *testing.T, c docsgen.Component) {
		data, err := c.View.TemplateData()
		require.NoError(t, err)
		linted := 0
		for _, example := range data.Examples {
			if example.Config == "" {
				continue
			}
			require.Contains(t, example.Config, c.Name, "the example %q shows another component", example.Title)
			lints, err := linter.LintYAML([]byte(example.Config))
			require.NoError(t, err, example.Title)
			require.Empty(t, lints, example.Title)
			linted++
		}
		require.NotZero(t, linted, "no example has a config")
	})
}

func TestThePagesAreFresh(t *testing.T) {
	pages, err := docsgen.Pages(service.GlobalEnvironment())
	require.NoError(t, err)
	stale, err := docsgen.Stale(filepath.Join("..", "..", "docs", "components"), pages)
	require.NoError(t, err)
	require.Empty(t, stale, "run `make generate`")
}

// streamOf builds a stream around the component.
func streamOf(t *testing.T, c docsgen.Component, recorder *metricNames) *service.Stream {
	t.Helper()
	config, ok := minimal[c.Kind+"/"+c.Name]
	require.True(t, ok, "the least config of the component is to be entered into the table `minimal` of this test")
	config = strings.ReplaceAll(config, "$DIR", t.TempDir())
	parts := map[string]string{
		"input":  `{generate: {mapping: 'root = ""', interval: 1ms, batch_size: 3}}`,
		"output": `{drop: {}}`,
		"buffer": `{none: {}}`,
		"tracer": `{none: {}}`,
	}
	part := "{" + c.Name + ": " + config + "}"
	pipeline := "{processors: []}"
	if c.Kind == "processor" {
		pipeline = "{processors: [" + part + "]}"
	} else {
		require.Contains(t, parts, c.Kind, "this test does not know how to run the kind")
		parts[c.Kind] = part
	}
	env := service.GlobalEnvironment().Clone()
	require.NoError(t, env.RegisterMetricsExporter("recorded", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Logger) (service.MetricsExporter, error) { return recorder, nil }))
	builder := env.NewStreamBuilder()
	require.NoError(t, builder.SetYAML(strings.Join([]string{
		"input: " + parts["input"], "buffer: " + parts["buffer"], "pipeline: " + pipeline, "output: " + parts["output"], "tracer: " + parts["tracer"],
		"logger: {level: 'OFF'}", "http: {enabled: false}", "metrics: {recorded: {}}", "shutdown_timeout: 5s",
	}, "\n")))
	stream, err := builder.Build()
	require.NoError(t, err)
	return stream
}

// TestEveryComponentStartsStopsAndStartsAgain feeds it empty messages, which are
// the worst that other components can pass on.
func TestEveryComponentStartsStopsAndStartsAgain(t *testing.T) {
	defined := definedMetrics(t)
	forEach(t, func(t *testing.T, c docsgen.Component) {
		for range 2 {
			recorder := newMetricNames()
			stream := streamOf(t, c, recorder)
			ended := make(chan error, 1)
			go func() { ended <- stream.Run(context.Background()) }()
			recorder.awaitTraffic(t)
			stop(t, stream)
			select {
			case err := <-ended:
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					require.NoError(t, err)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("the stream did not end")
			}
			for _, name := range recorder.ours() {
				require.Contains(t, defined, name, "a metric is defined in plugins/telemetry, once")
			}
		}
	})
}

// stop stops a stream that may be on its way up.
func stop(t *testing.T, stream *service.Stream) {
	t.Helper()
	require.Eventually(t, func() bool {
		err := stream.StopWithin(5 * time.Second)
		return err == nil || errors.Is(err, context.DeadlineExceeded)
	}, 20*time.Second, 10*time.Millisecond)
}

// TestEveryComponentEndsWithItsContext cancels the context on the way up. Run
// then returns at once and leaves the components running, so the stream is
// stopped as well: what goes on behind the test's back would still write files.
func TestEveryComponentEndsWithItsContext(t *testing.T) {
	forEach(t, func(t *testing.T, c docsgen.Component) {
		stream := streamOf(t, c, newMetricNames())
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		ended := make(chan error, 1)
		go func() { ended <- stream.Run(ctx) }()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("the stream did not end with its context")
		}
		stop(t, stream)
	})
}

// definedMetrics reads the names of all metrics from the source of
// plugins/telemetry.
func definedMetrics(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "telemetry", "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	names := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			if kv, ok := n.(*ast.KeyValueExpr); ok {
				if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "Name" {
					if value, ok := kv.Value.(*ast.BasicLit); ok {
						if s, err := strconv.Unquote(value.Value); err == nil {
							names[s] = true
						}
					}
				}
			}
			return true
		})
	}
	return names
}

// metricNames is a metrics exporter that notes which metrics there are, and
// that something moves.
type metricNames struct {
	mu      sync.Mutex
	names   map[string]bool
	traffic chan struct{}
}

func newMetricNames() *metricNames {
	return &metricNames{names: map[string]bool{}, traffic: make(chan struct{}, 1)}
}

func (m *metricNames) note(name string) *metricNames {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names[name] = true
	return m
}

// ours returns the names of our own metrics.
func (m *metricNames) ours() (names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.names {
		if strings.HasPrefix(name, docsgen.Prefix) {
			names = append(names, name)
		}
	}
	return names
}

// awaitTraffic waits until a counter has moved: something was received, or an
// input has failed to connect.
func (m *metricNames) awaitTraffic(t *testing.T) {
	t.Helper()
	select {
	case <-m.traffic:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing moved within ten seconds")
	}
}

func (m *metricNames) NewCounterCtor(name string, _ ...string) service.MetricsExporterCounterCtor {
	m.note(name)
	return func(...string) service.MetricsExporterCounter { return moving{m} }
}

func (m *metricNames) NewTimerCtor(name string, _ ...string) service.MetricsExporterTimerCtor {
	m.note(name)
	return func(...string) service.MetricsExporterTimer { return still{} }
}

func (m *metricNames) NewGaugeCtor(name string, _ ...string) service.MetricsExporterGaugeCtor {
	m.note(name)
	return func(...string) service.MetricsExporterGauge { return still{} }
}

func (*metricNames) Close(context.Context) error { return nil }

type moving struct{ m *metricNames }

func (c moving) Incr(n int64) {
	if n == 0 {
		return
	}
	select {
	case c.m.traffic <- struct{}{}:
	default:
	}
}

func (c moving) IncrFloat64(n float64) { c.Incr(int64(n)) }

type still struct{}

func (still) Timing(int64)       {}
func (still) Set(int64)          {}
func (still) SetFloat64(float64) {}

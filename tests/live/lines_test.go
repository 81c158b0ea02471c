package live

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	influx "github.com/influxdata/line-protocol"
	"github.com/redpanda-data/benthos/v4/public/bloblang"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"
)

// lines is the mapping of pipelines/live.yaml that writes what Grafana reads.
func lines(t testing.TB) *bloblang.Executor {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash("../../pipelines/live.yaml"))
	require.NoError(t, err)
	var conf struct {
		Pipeline struct {
			Processors []struct {
				Label   string `yaml:"label"`
				Mapping string `yaml:"mapping"`
			} `yaml:"processors"`
		} `yaml:"pipeline"`
	}
	require.NoError(t, yaml.Unmarshal(text, &conf))
	for _, p := range conf.Pipeline.Processors {
		if p.Label == "live_lines" {
			mapping := strings.ReplaceAll(p.Mapping, "${HELIOS_TOPIC_EVENTS:helios.events}", "helios.events")
			exe, err := bloblang.GlobalEnvironment().Parse(mapping)
			require.NoError(t, err)
			return exe
		}
	}
	t.Fatal("pipelines/live.yaml has no processor live_lines")
	return nil
}

// shown is what a table may show of a text: its first 200 characters, and a space
// for each that is none to look at.
func shown(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.C, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200])
	}
	return s
}

type parser interface {
	Fatalf(format string, args ...any)
}

// parsed reads one push as Grafana does, with its parser.
func parsed(t parser, push string) []influx.Metric {
	metrics, err := influx.NewParser(influx.NewMetricHandler()).Parse([]byte(push))
	if err != nil {
		t.Fatalf("Grafana can't read this push: %v\n%s", err, push)
	}
	return metrics
}

// fields of a line, whose tags have to be none.
func fields(t parser, m influx.Metric) map[string]any {
	if len(m.TagList()) != 0 {
		t.Fatalf("the line has tags: %v", m.TagList())
	}
	all := map[string]any{}
	for _, f := range m.FieldList() {
		if _, twice := all[f.Key]; twice {
			t.Fatalf("field %s is there twice", f.Key)
		}
		all[f.Key] = f.Value
	}
	return all
}

// Whatever events and verdicts hold, each becomes one line of its measurement with the
// columns of its table, and every text stays in its column.
func TestWhateverAnEventHoldsItIsOneLineAndEveryTextStaysInItsColumn(t *testing.T) {
	exe := lines(t)
	hostile := append(naughty(t),
		"x\",admin=\"yes", "x\\", "\\\"", "a\nevents cloud=\"aws\" 1", "a\r\nb", "x\x00y", "\u202etxt.exe", "a\u2028b", "\ufeff", strings.Repeat("\\", 401),
		strings.Repeat("é", 300), "events,cloud=aws fact=1i 1", "#comment", "", " ", "${HELIOS_GRAFANA_TOKEN}", "${! env(\"PATH\") }", "<script>alert(1)</script>")
	text := rapid.OneOf(rapid.SampledFrom(hostile), rapid.String(), rapid.StringMatching(`[\\",= \n\x00a-c]{0,20}`))
	rapid.Check(t, func(t *rapid.T) {
		var batch service.MessageBatch
		var want []map[string]any
		for range rapid.IntRange(1, 30).Draw(t, "messages") {
			a, b, c, d := text.Draw(t, "a"), text.Draw(t, "b"), text.Draw(t, "c"), text.Draw(t, "d")
			document, topic := map[string]any{"cloud": a, "tenant": b, "type": c, "correlationid": d, "source": b, "id": a, "ingesttime": "2026-01-02T03:04:05Z"}, "helios.events"
			columns := map[string]any{"cloud": shown(a), "tenant": shown(b), "type": shown(c), "key": shown(d), "source": shown(b), "id": shown(a)}
			if rapid.Bool().Draw(t, "verdict") {
				document, topic = map[string]any{"status": a, "tenant": b, "type": c, "key": d, "id": b, "revision": 7, "missing": []string{a}, "stalled": []string{b}, "diffs": []any{map[string]any{"field": c}}}, "helios.verdicts"
				columns = map[string]any{"status": shown(a), "tenant": shown(b), "type": shown(c), "key": shown(d), "fact": shown(b), "missing": shown(a + ", " + b), "differs": shown(c), "revision": int64(7)}
			}
			bytes, err := json.Marshal(document)
			if err != nil {
				t.Fatal(err)
			}
			m := service.NewMessage(bytes)
			m.MetaSetMut("kafka_topic", topic)
			batch, want = append(batch, m), append(want, columns)
		}
		var push []string
		for i := range batch {
			m, err := batch.BloblangExecutor(exe).Query(i)
			if err != nil {
				t.Fatalf("mapping message %d: %v", i, err)
			}
			line, err := m.AsBytes()
			if err != nil {
				t.Fatal(err)
			}
			push = append(push, string(line))
		}
		metrics, stamps := parsed(t, strings.Join(push, "\n")), map[string]bool{}
		if len(metrics) != len(want) {
			t.Fatalf("%d messages became %d lines:\n%s", len(want), len(metrics), strings.Join(push, "\n"))
		}
		for i, m := range metrics {
			got := fields(t, m)
			if m.Name() == "events" {
				delete(got, "delay_ms")
			}
			if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want[i]) {
				t.Fatalf("line %d:\n got %#v\nwant %#v", i, got, want[i])
			}
			stamp := fmt.Sprint(m.Name(), m.Time().UnixMilli())
			if stamps[stamp] {
				t.Fatalf("two lines of one millisecond: Grafana shows one")
			}
			stamps[stamp] = true
		}
	})
}

// naughty reads the strings that break what is not careful.
func naughty(t testing.TB) (all []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash("../../../shared/data/bad-input/big-list-of-naughty-strings/blns.json"))
	if err != nil {
		t.Logf("the big list of naughty strings is not there (%v); going on with our own", err)
		return nil
	}
	require.NoError(t, json.Unmarshal(text, &all))
	return all
}

func TestTheHeartbeatOpensBothTables(t *testing.T) {
	m := service.NewMessage(nil)
	m.MetaSetMut("live_stream", "heartbeat")
	got, err := service.MessageBatch{m}.BloblangExecutor(lines(t)).Query(0)
	require.NoError(t, err)
	push, err := got.AsBytes()
	require.NoError(t, err)
	metrics := parsed(t, string(push))
	require.Len(t, metrics, 2)
	require.Equal(t, "events", metrics[0].Name())
	require.Equal(t, "verdicts", metrics[1].Name())
	require.Len(t, fields(t, metrics[0]), 7)
	require.Len(t, fields(t, metrics[1]), 8)
}

func TestAnUnreadableDocumentIsAnErrorAndNoLine(t *testing.T) {
	for _, text := range []string{`no JSON`, `[1]`, `{"revision":"x\ny"}`, `{"cloud":{"a":1}}`, `{"cloud":"aws","tenant":7}`} {
		m := service.NewMessage([]byte(text))
		m.MetaSetMut("kafka_topic", "helios.events")
		got, err := service.MessageBatch{m}.BloblangExecutor(lines(t)).Query(0)
		if err == nil {
			line, err := got.AsBytes()
			require.NoError(t, err)
			require.Len(t, parsed(t, string(line)), 1, text)
		}
	}
}

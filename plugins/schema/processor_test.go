package schema

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	orderV1 = `{"type":"object","required":["id","amount"],"properties":{"id":{"type":"string","x-helios-sensitive":true},"amount":{"type":"number"}},"additionalProperties":false}`
	orderV2 = `{"type":"object","required":["key","amount"],"properties":{"key":{"type":"string"},"amount":{"type":"number"},"note":{"type":"string"}},"additionalProperties":false,
		"x-helios-upgrade":"root = this.without(\"id\")\nroot.key = this.id"}`
)

// eventOf is a canonical event with that payload and further attributes.
func eventOf(kind, data string, extra ...string) string {
	more := ""
	for i := 0; i < len(extra); i += 2 {
		more += `"` + extra[i] + `":"` + extra[i+1] + `",`
	}
	return `{"specversion":"1.0","id":"1","source":"/shop","type":"` + kind + `","time":"2026-01-01T00:00:00Z","cloud":"aws","tenant":"acme","correlationid":"k",` + more + `"data":` + data + `}`
}

func startRegistry(t *testing.T) *srfake.Registry {
	t.Helper()
	reg := srfake.New()
	t.Cleanup(reg.Close)
	return reg
}

func startProcessor(t *testing.T, yaml string) *processor {
	t.Helper()
	conf, err := processorSpec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	p, err := newProcessorFromConfig(conf, service.MockResources())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close(context.Background())) })
	return p.(*processor)
}

func ask(t *testing.T, p *processor, docs ...string) service.MessageBatch {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var batch service.MessageBatch
	for _, d := range docs {
		batch = append(batch, service.NewMessage([]byte(d)))
	}
	out, err := p.ProcessBatch(ctx, batch)
	require.NoError(t, err)
	require.Len(t, out, 1)
	require.Len(t, out[0], len(docs))
	return out[0]
}

func text(t *testing.T, m *service.Message) string {
	t.Helper()
	b, err := m.AsBytes()
	require.NoError(t, err)
	return string(b)
}

func meta(m *service.Message, name string) string {
	v, _ := m.MetaGet(name)
	return v
}

func TestEachModeDealsWithABreachInItsWay(t *testing.T) {
	reg := startRegistry(t)
	_, _, err := reg.RegisterSchema("order", sr.Schema{Schema: orderV1, Type: sr.TypeJSON})
	require.NoError(t, err)
	good, bad := eventOf("order", `{"id":"a","amount":1.50}`), eventOf("order", `{"id":77,"amount":"1.50"}`)
	config := func(mode string) string {
		return "registry: {url: '" + reg.URL() + "'}\nrules: [{mode: " + mode + "}]"
	}
	t.Run("enforce", func(t *testing.T) {
		out := ask(t, startProcessor(t, config("enforce")), good, bad)
		require.NoError(t, out[0].GetError())
		require.Equal(t, strings.Replace(good, `"data":`, `"heliosschema":"order/1","data":`, 1), text(t, out[0]))
		require.ErrorContains(t, out[1].GetError(), `order version 1: `)
		require.Equal(t, bad, text(t, out[1]), "byte for byte")
		require.Equal(t, "contract", meta(out[1], "helios_reason"))
		require.Equal(t, "validate", meta(out[1], "helios_stage"))
		require.Equal(t, "order/1", meta(out[1], "helios_schema"))
		require.ElementsMatch(t, []string{"type /id", "type /amount"}, strings.Split(meta(out[1], "helios_violations"), "; "))
		detail := meta(out[1], "helios_detail")
		require.Contains(t, detail, `/amount is "1.50", a string; the contract asks for number`)
		require.Contains(t, detail, `/id is (sensitive), a number; the contract asks for string`)
		require.NotContains(t, detail, "77")
	})
	t.Run("tag", func(t *testing.T) {
		out := ask(t, startProcessor(t, config("tag")), good, bad)
		require.NoError(t, out[1].GetError())
		var e map[string]any
		require.NoError(t, json.Unmarshal([]byte(text(t, out[1])), &e))
		require.ElementsMatch(t, []string{"type /id", "type /amount"}, strings.Split(e["heliosviolations"].(string), "; "))
		require.Equal(t, "order/1", e["heliosschema"])
		require.NotContains(t, text(t, out[0]), "heliosviolations")
	})
	t.Run("observe", func(t *testing.T) {
		out := ask(t, startProcessor(t, config("observe")), bad)
		require.NoError(t, out[0].GetError())
		require.Equal(t, bad, text(t, out[0]))
	})
	t.Run("a replayed event loses what an earlier judgement said", func(t *testing.T) {
		out := ask(t, startProcessor(t, config("enforce")), eventOf("order", `{"id":"a","amount":1}`, "heliosschema", "order/9", "heliosviolations", "type /id"))
		require.Equal(t, eventOf("order", `{"id":"a","amount":1}`, "heliosschema", "order/1"), text(t, out[0]))
	})
	t.Run("names of attributes are written as they must be", func(t *testing.T) {
		out := ask(t, startProcessor(t, config("enforce")), eventOf("order", `{"id":"a","amount":1}`, `a\"b`, "c"))
		require.NoError(t, out[0].GetError())
		var e map[string]any
		require.NoError(t, json.Unmarshal([]byte(text(t, out[0])), &e))
		require.Equal(t, "c", e[`a"b`])
	})
	t.Run("what was refused before stays as it is", func(t *testing.T) {
		m := service.NewMessage([]byte("x"))
		m.SetError(context.Canceled)
		out, err := startProcessor(t, config("enforce")).ProcessBatch(t.Context(), service.MessageBatch{m})
		require.NoError(t, err)
		require.Equal(t, context.Canceled, out[0][0].GetError())
		require.Empty(t, meta(out[0][0], "helios_reason"))
	})
}

func TestTheVersionIsNamedOrTheNewestThatAccepts(t *testing.T) {
	reg := startRegistry(t)
	for _, s := range []string{orderV1, orderV2} {
		_, _, err := reg.RegisterSchema("order", sr.Schema{Schema: s, Type: sr.TypeJSON})
		require.NoError(t, err)
	}
	p := startProcessor(t, "registry: {url: '"+reg.URL()+"'}\nrules: [{types: [order], version: 1}]")
	one, two := `{"id":"a","amount":1}`, `{"key":"a","amount":1}`
	for _, test := range []struct{ name, doc, schema, detail string }{
		{"old", eventOf("order", one), "order/1", ""},
		{"new", eventOf("order", two), "order/2", ""},
		{"named", eventOf("order", two, "dataschema", "https://registry.example.com/subjects/order/versions/2"), "order/2", ""},
		{"named otherwise", eventOf("order", one, "dataschema", "https://schemas.example.com/order/v1.json"), "order/1", ""},
		{"named, but not kept", eventOf("order", one, "dataschema", "urn:example:order:2"), "order/2", `order version 2: the payload lacks "key"`},
		{"named, but not there", eventOf("order", one, "dataschema", "https://schemas.example.com/order?version=7"), "", `dataschema names version 7 of order; registered are 1 to 2`},
		{"neither: judged by the configured one", eventOf("order", `{"amount":1}`), "order/1", `order version 1: the payload lacks "id"`},
		{"a dataschema that names no version", eventOf("order", two, "dataschema", "https://schemas.example.com:8081/order"), "order/2", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := ask(t, p, test.doc)[0]
			if test.detail == "" {
				require.NoError(t, out.GetError())
				require.Contains(t, text(t, out), `"heliosschema":"`+test.schema+`"`)
				return
			}
			require.ErrorContains(t, out.GetError(), test.detail)
			require.Equal(t, test.schema, meta(out, "helios_schema"))
		})
	}
}

func TestUpgradedEventsAreOfTheLatestVersion(t *testing.T) {
	reg := startRegistry(t)
	for _, s := range []string{orderV1, orderV2} {
		_, _, err := reg.RegisterSchema("order", sr.Schema{Schema: s, Type: sr.TypeJSON})
		require.NoError(t, err)
	}
	p := startProcessor(t, "registry: {url: '"+reg.URL()+"'}\nrules: [{mode: upgrade}]")
	out := ask(t, p, eventOf("order", `{"id":"a","amount":9007199254740993.10}`), eventOf("order", `{"key":"b","amount":2}`), eventOf("order", `{"amount":3}`))
	require.Equal(t, eventOf("order", `{"amount":9007199254740993.10,"key":"a"}`, "heliosschema", "order/2"), text(t, out[0]), "and numbers stay as they are")
	require.Equal(t, eventOf("order", `{"key":"b","amount":2}`, "heliosschema", "order/2"), text(t, out[1]))
	require.Error(t, out[2].GetError())

	broken := strings.Replace(orderV2, `root.key = this.id`, `root.key = 5`, 1)
	_, _, err := reg.RegisterSchema("broken", sr.Schema{Schema: orderV1, Type: sr.TypeJSON})
	require.NoError(t, err)
	_, _, err = reg.RegisterSchema("broken", sr.Schema{Schema: broken, Type: sr.TypeJSON})
	require.NoError(t, err)
	require.NoError(t, p.catalog.Refresh(t.Context()))
	refused := ask(t, p, eventOf("broken", `{"id":"a","amount":1}`))[0]
	require.ErrorContains(t, refused.GetError(), `upgraded to version 2: /key is 5, a number; the contract asks for string`)
	require.Equal(t, eventOf("broken", `{"id":"a","amount":1}`), text(t, refused), "it is refused as it came")
}

func TestUnregisteredTypesPassOrNotAsConfigured(t *testing.T) {
	reg := startRegistry(t)
	doc := eventOf("stranger", `{}`)
	config := "registry: {url: '" + reg.URL() + "'}\nunregistered: "
	require.Equal(t, doc, text(t, ask(t, startProcessor(t, config+"pass"), doc)[0]))
	require.Equal(t, eventOf("stranger", `{}`)[:len(doc)-1]+`,"heliosviolations":"no_contract"}`, text(t, ask(t, startProcessor(t, config+"tag"), doc)[0]))
	out := ask(t, startProcessor(t, config+"reject"), doc)[0]
	require.EqualError(t, out.GetError(), `no contract is registered for the type "stranger" of tenant "acme"`)
	require.Equal(t, "no_contract", meta(out, "helios_reason"))
}

func TestATenantMayHaveAContractOfItsOwn(t *testing.T) {
	reg := startRegistry(t)
	for subject, s := range map[string]string{"order": orderV1, "acme:order": `{"required":["vat"]}`} {
		_, _, err := reg.RegisterSchema(subject, sr.Schema{Schema: s, Type: sr.TypeJSON})
		require.NoError(t, err)
	}
	p := startProcessor(t, "registry: {url: '"+reg.URL()+"'}")
	out := ask(t, p, eventOf("order", `{"id":"a","amount":1}`), strings.Replace(eventOf("order", `{"id":"a","amount":1}`), "acme", "globex", 1))
	require.ErrorContains(t, out[0].GetError(), `acme:order version 1: the payload lacks "vat"`)
	require.NoError(t, out[1].GetError())
}

func TestBinaryPayloadsAreDecodedIntoData(t *testing.T) {
	reg := startRegistry(t)
	avro := `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}`
	id, _, err := reg.RegisterSchema("order", sr.Schema{Schema: avro, Type: sr.TypeAvro})
	require.NoError(t, err)
	_, _, err = reg.RegisterSchema("ping", sr.Schema{Schema: `syntax = "proto3"; message Other { } message Ping { int64 n = 1; string who = 2; }`, Type: sr.TypeProtobuf})
	require.NoError(t, err)
	jsonID, _, err := reg.RegisterSchema("plain", sr.Schema{Schema: orderV1, Type: sr.TypeJSON})
	require.NoError(t, err)
	p := startProcessor(t, "registry: {url: '"+reg.URL()+"'}")
	binary := func(kind string, b ...byte) string {
		return eventOf(kind, `{"base64":"`+base64.StdEncoding.EncodeToString(b)+`"}`, "heliosdataform", "base64")
	}
	order := []byte{2, 'a', 4, 0x04, 0xD2} // "a", 1234 cents
	frame := func(id int, rest ...byte) []byte {
		return append([]byte{0, 0, 0, byte(id >> 8), byte(id)}, rest...)
	}
	pingID := 0
	subject, err := p.catalog.Source().Schema(t.Context(), "ping", 1)
	require.NoError(t, err)
	pingID = subject.ID
	for _, test := range []struct{ name, doc, want string }{
		{"Avro", binary("order", order...), eventOf("order", `{"id":"a","amount":12.34}`, "heliosschema", "order/1")},
		{"Avro in a frame", binary("order", frame(id, order...)...), eventOf("order", `{"id":"a","amount":12.34}`, "heliosschema", "order/1")},
		{"Protobuf in a frame", binary("ping", frame(pingID, 2, 2, 8, 5, 18, 1, 'x')...), eventOf("ping", `{"n":"5","who":"x"}`, "heliosschema", "ping/1")},
		{"JSON in a frame", binary("plain", frame(jsonID, []byte(`{"id":"a","amount":1}`)...)...), eventOf("plain", `{"id":"a","amount":1}`, "heliosschema", "plain/1")},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := ask(t, p, test.doc)[0]
			require.NoError(t, out.GetError())
			require.Equal(t, test.want, text(t, out))
		})
	}
	for name, doc := range map[string]string{
		"cut off": binary("order", 2), "something after": binary("order", append(order, 9)...), "JSON for Avro": eventOf("order", `{"id":"a"}`), "no JSON": binary("plain", 0xff),
	} {
		t.Run(name, func(t *testing.T) {
			out := ask(t, p, doc)[0]
			require.Error(t, out.GetError())
			require.Equal(t, doc, text(t, out))
		})
	}
}

// The registry is known to answer, to answer nothing, wrongly, and late.
func TestAnOutageOfTheRegistryStopsNobody(t *testing.T) {
	var mode atomic.Int32
	reg := startRegistry(t)
	reg.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		switch mode.Load() {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
			return true
		case 2:
			_, _ = w.Write([]byte(`<html>welcome`))
			return true
		}
		return false
	})
	for _, subject := range []string{"order", "later"} {
		_, _, err := reg.RegisterSchema(subject, sr.Schema{Schema: orderV1, Type: sr.TypeJSON})
		require.NoError(t, err)
	}
	mode.Store(1)
	p := startProcessor(t, "registry: {url: '"+reg.URL()+"', refresh: 100ms}")
	waiting, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	batch := service.MessageBatch{service.NewMessage([]byte(eventOf("order", `{}`)))}
	_, err := p.ProcessBatch(waiting, batch)
	require.ErrorIs(t, err, context.DeadlineExceeded, "before the registry has answered once nothing passes")

	mode.Store(0)
	require.Error(t, ask(t, p, eventOf("order", `{}`))[0].GetError())
	for _, m := range []int32{1, 2} {
		mode.Store(m)
		require.Error(t, p.catalog.Refresh(t.Context()))
		require.Error(t, ask(t, p, eventOf("order", `{}`))[0].GetError(), "what is known judges on")
		require.NoError(t, ask(t, p, eventOf("order", `{"id":"a","amount":1}`))[0].GetError())
	}
	age, ok := p.catalog.Age()
	require.True(t, ok)
	require.Positive(t, age)

	held := make(chan error, 1)
	go func() {
		out, err := p.ProcessBatch(t.Context(), service.MessageBatch{service.NewMessage([]byte(eventOf("later", `{}`)))})
		if err == nil {
			err = out[0][0].GetError()
		}
		held <- err
	}()
	select {
	case err := <-held:
		t.Fatalf("an event of a contract that can't be read passed: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	mode.Store(0)
	require.ErrorContains(t, <-held, "later version 1")
}

func TestANewVersionIsSeenWithoutARestart(t *testing.T) {
	reg := startRegistry(t)
	_, _, err := reg.RegisterSchema("order", sr.Schema{Schema: orderV1, Type: sr.TypeJSON})
	require.NoError(t, err)
	p := startProcessor(t, "registry: {url: '"+reg.URL()+"', refresh: 100ms}")
	two := eventOf("order", `{"key":"a","amount":1}`)
	require.Error(t, ask(t, p, two)[0].GetError())
	_, _, err = reg.RegisterSchema("order", sr.Schema{Schema: orderV2, Type: sr.TypeJSON})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return ask(t, p, two)[0].GetError() == nil }, 10*time.Second, 50*time.Millisecond)
}

func TestSettingsAreCheckedInWords(t *testing.T) {
	for config, want := range map[string]string{
		"registry: {url: 'localhost:8081'}":                     `"localhost:8081" begins neither with http:// nor with https://`,
		"registry: {url: 'http://user:hunter2@localhost:8081'}": "fields of their own",
		"registry: {url: 'http://x'}\nfolder: ./y":              "one is allowed",
		"registry: {refresh: 1ms}":                              "registry.refresh: 1ms is below 100ms",
		"subjects: []":                                          "at least one template",
		"subjects: ['{tenant}']":                                "lacks {type}",
		"subjects: ['{type}-{cloud}']":                          "another placeholder",
		"rules: [{version: -1}]":                                "rules[0].version: -1 is negative",
	} {
		conf, err := processorSpec().ParseYAML(config, nil)
		if err == nil {
			_, err = newProcessorFromConfig(conf, service.MockResources())
		}
		require.ErrorContains(t, err, want, config)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestWithoutARegistryEventsPassUntouched(t *testing.T) {
	require.Equal(t, "no event", text(t, ask(t, startProcessor(t, "{}"), "no event")[0]))
}

func TestWhatIsNoEventIsFlagged(t *testing.T) {
	reg := startRegistry(t)
	out := ask(t, startProcessor(t, "registry: {url: '"+reg.URL()+"'}"), `{"type":`, `{"type":"x"}`, ``)
	for _, m := range out {
		require.Error(t, m.GetError())
		require.Equal(t, "unreadable", meta(m, "helios_reason"))
	}
}

// A mistyped folder at the start is no outage of something that was known.
func TestContractsThatWereNeverReadAreToldToBeWaitedFor(t *testing.T) {
	for age, want := range map[time.Duration]string{
		0:         "none is known yet: events wait until they can: open /nowhere",
		time.Hour: "what is known is used on: open /nowhere",
	} {
		var out bytes.Buffer
		p := &processor{log: service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(&out, nil))), metrics: newMetrics(service.MockResources().Metrics())}
		for range 2 {
			p.registryFailed(errors.New("open /nowhere"), age)
		}
		require.Equal(t, 1, strings.Count(out.String(), want), out.String())
		require.Equal(t, 1, strings.Count(out.String(), "\n"), "of a row of failures only the first")
	}
}

package canonical

import (
	"encoding/json"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/canonical/convert"
)

// mapping is the same job as helios_canonical does for these four formats, as a
// good Bloblang mapping would do it. It knows the envelopes' documented members
// only; finding a place for others would cost it more.
const mapping = `
map eventbridge {
  root = this.without("id", "source", "detail-type", "time", "detail", "resources")
  root.id = this.id
  root.source = this.source
  root.type = this."detail-type"
  root.time = this.time
  root.cloud = "aws"
  root.data = this.detail
  root.heliosformat = "eventbridge"
  root.heliosenvelope = {"eventbridge": {"resources": this.resources}}.format_json(no_indent: true).string()
}

map eventgrid {
  root.id = this.id
  root.source = this.topic
  root.type = this.eventType
  root.time = this.eventTime
  root.subject = this.subject
  root.cloud = "azure"
  root.data = this.data
  root.heliosformat = "eventgrid"
  root.heliosenvelope = {"eventgrid": {"dataVersion": this.dataVersion, "metadataVersion": this.metadataVersion}}.format_json(no_indent: true).string()
}

map pubsub {
  let attributes = this.message.attributes
  root.id = $attributes."ce-id"
  root.source = $attributes."ce-source"
  root.type = $attributes."ce-type"
  root.time = $attributes."ce-time"
  root.subject = $attributes."ce-subject"
  root.cloud = "gcp"
  root.data = this.message.data.decode("base64").parse_json()
  root.heliosformat = "pubsub"
  root.heliosenvelope = {"pubsub": this.without("message"), "pubsub.message": this.message.without("data", "attributes")}.format_json(no_indent: true).string()
}

map cloudevent {
  root = this
  root.cloud = "unknown"
}

let event = match {
  this.exists("specversion") => this.apply("cloudevent")
  this.exists("detail-type") => this.apply("eventbridge")
  this.exists("eventType") => this.apply("eventgrid")
  this.exists("message") => this.apply("pubsub")
  _ => throw("no envelope")
}
let key = $event.subject | $event.data.order_id | $event.id

root = $event
root.specversion = "1.0"
root.tenant = $event.tenant | "default"
root.correlationid = $key
root.ingesttime = now()
meta helios_tenant = $event.tenant | "default"
meta helios_type = $event.type
meta helios_key = $key
meta helios_cloud = $event.cloud
`

var formats = []struct{ name, body string }{
	{"eventbridge", eventBridge}, {"eventgrid", eventGrid}, {"pubsub", pubSub}, {"cloudevent", cloudEvent},
}

// byMapping is what the processor mapping does with a message.
func byMapping(t testing.TB, exe *bloblang.Executor, in string) *service.Message {
	m, err := service.NewMessage([]byte(in)).BloblangQuery(exe)
	require.NoError(t, err)
	_, err = m.AsBytes() // what an output needs
	require.NoError(t, err)
	return m
}

func TestTheMappingGivesTheSameResult(t *testing.T) {
	exe, err := bloblang.Parse(mapping)
	require.NoError(t, err)
	p := open(t, ``)
	for _, f := range formats {
		want, got := process(t, p, service.NewMessage([]byte(f.body)))[0], byMapping(t, exe, f.body)
		require.NoError(t, want.GetError())
		require.Equal(t, document(t, want), document(t, got), f.name)
		for _, name := range []string{metaTenant, metaType, metaKey, metaCloud} {
			require.Equal(t, meta(t, want, name), meta(t, got, name), f.name)
		}
	}
}

// document is an event without its ingesttime, and with its envelope opened:
// the mapping sorts its members.
func document(t testing.TB, m *service.Message) map[string]any {
	var e map[string]any
	require.NoError(t, json.Unmarshal([]byte(body(t, m)), &e))
	require.NotEmpty(t, e["ingesttime"])
	delete(e, "ingesttime")
	if text, ok := e[convert.AttrEnvelope].(string); ok {
		var envelope any
		require.NoError(t, json.Unmarshal([]byte(text), &envelope))
		e[convert.AttrEnvelope] = envelope
	}
	return e
}

// BenchmarkConvert is the engine alone.
func BenchmarkConvert(b *testing.B) {
	for _, f := range formats {
		b.Run(f.name, func(b *testing.B) {
			c, err := convert.New(convert.Options{})
			require.NoError(b, err)
			in := convert.Input{Body: []byte(f.body), Now: received.UnixNano()}
			b.ReportAllocs()
			for b.Loop() {
				if r := c.Convert(in); r[0].Err != nil {
					b.Fatal(r[0].Err)
				}
			}
		})
	}
}

package canonical

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
)

const (
	payload     = `{"order_id":"ord-000012345","amount":129.95,"currency":"EUR","items":[{"sku":"A-1","qty":2},{"sku":"B-2","qty":1}]}`
	eventBridge = `{"version":"0","id":"6f1c2b7e-92a4-4b6e-9d35-0a1b2c3d4e5f","detail-type":"com.example.order.paid","source":"shop.orders","account":"123456789012","time":"2026-11-23T18:28:01Z","region":"eu-west-1","resources":[],"detail":` + payload + `}`
	cloudEvent  = `{"specversion":"1.0","id":"6f1c2b7e-92a4-4b6e-9d35-0a1b2c3d4e5f","source":"/shop/orders","type":"com.example.order.paid","time":"2026-11-23T18:28:01.123Z","subject":"ord-000012345","datacontenttype":"application/json","data":` + payload + `}`
	eventGrid   = `{"id":"6f1c2b7e-92a4-4b6e-9d35-0a1b2c3d4e5f","topic":"/subscriptions/1/topics/orders","subject":"ord-000012345","eventType":"com.example.order.paid","eventTime":"2026-11-23T18:28:01.1234567Z","data":` + payload + `,"dataVersion":"1.0","metadataVersion":"1"}`
	pubSub      = `{"message":{"attributes":{"ce-specversion":"1.0","ce-id":"6f1c2b7e-92a4-4b6e-9d35-0a1b2c3d4e5f","ce-source":"/shop/orders","ce-type":"com.example.order.paid","ce-time":"2026-11-23T18:28:01.123Z","ce-subject":"ord-000012345"},"data":"eyJvcmRlcl9pZCI6Im9yZC0wMDAwMTIzNDUiLCJhbW91bnQiOjEyOS45NSwiY3VycmVuY3kiOiJFVVIiLCJpdGVtcyI6W3sic2t1IjoiQS0xIiwicXR5IjoyfSx7InNrdSI6IkItMiIsInF0eSI6MX1dfQ==","messageId":"2070443601311540","publishTime":"2026-11-23T18:28:01.5Z"},"subscription":"projects/p/subscriptions/s"}`
)

var received = time.Date(2026, 11, 23, 18, 28, 2, 456000000, time.UTC)

// open makes a processor of a YAML config, with a clock that stands still.
func open(t testing.TB, yaml string) *processor {
	t.Helper()
	conf, err := processorSpec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	p, err := newProcessorFromConfig(conf, service.MockResources())
	require.NoError(t, err)
	p.(*processor).now = func() time.Time { return received }
	return p.(*processor)
}

func process(t testing.TB, p *processor, batch ...*service.Message) service.MessageBatch {
	t.Helper()
	out, err := p.ProcessBatch(context.Background(), batch)
	require.NoError(t, err)
	require.Len(t, out, 1)
	return out[0]
}

func meta(t testing.TB, m *service.Message, name string) string {
	t.Helper()
	v, ok := m.MetaGet(name)
	require.True(t, ok, "metadata %s is absent", name)
	return v
}

func body(t testing.TB, m *service.Message) string {
	t.Helper()
	b, err := m.AsBytes()
	require.NoError(t, err)
	return string(b)
}

func TestEventsCarryTheirMetadata(t *testing.T) {
	in := service.NewMessage([]byte(eventBridge))
	in.MetaSet("kafka_key", "kept")
	before := in.Copy()
	out := process(t, open(t, `tenant: [ { paths: [ data.currency ] } ]`), in)
	require.Len(t, out, 1)
	require.NoError(t, out[0].GetError())
	require.Equal(t, "EUR", meta(t, out[0], metaTenant))
	require.Equal(t, "com.example.order.paid", meta(t, out[0], metaType))
	require.Equal(t, "ord-000012345", meta(t, out[0], metaKey))
	require.Equal(t, "aws", meta(t, out[0], metaCloud))
	require.Equal(t, "kept", meta(t, out[0], "kafka_key"))
	require.Contains(t, body(t, out[0]), `"ingesttime":"2026-11-23T18:28:02.456Z"`)
	require.Equal(t, eventBridge, body(t, before), "whoever has a copy keeps it")
	_, ok := before.MetaGet(metaKey)
	require.False(t, ok)
}

func TestRefusalsPassUnchangedAndFlagged(t *testing.T) {
	out := process(t, open(t, ``), service.NewMessage([]byte(`{"hello":"world"}`)), service.NewMessage([]byte(eventGrid)), service.NewMessage([]byte(eventBridge[:100])))
	require.Len(t, out, 3)
	require.Equal(t, `{"hello":"world"}`, body(t, out[0]))
	require.Error(t, out[0].GetError())
	require.Equal(t, "not_an_event", meta(t, out[0], metaReason))
	require.Contains(t, meta(t, out[0], metaDetail), `"hello"`)
	require.NoError(t, out[1].GetError())
	require.Equal(t, eventBridge[:100], body(t, out[2]))
	require.Equal(t, "unreadable", meta(t, out[2], metaReason))
	out = process(t, open(t, `correlation: [ { paths: [ data.nothing ] } ]`), service.NewMessage([]byte(eventBridge)))
	require.Equal(t, "unkeyed", meta(t, out[0], metaReason))
}

func TestABatchInOneMessageBecomesMessages(t *testing.T) {
	out := process(t, open(t, ``), service.NewMessage([]byte(`[`+eventGrid+`,{"a":1},`+eventGrid+`]`)), service.NewMessage([]byte(cloudEvent)))
	require.Len(t, out, 4)
	require.Contains(t, body(t, out[0]), `"cloud":"azure"`)
	require.Equal(t, "azure", meta(t, out[0], metaCloud))
	require.Equal(t, `{"a":1}`, body(t, out[1]))
	require.Equal(t, "azure", meta(t, out[2], metaCloud))
	require.Equal(t, "unknown", meta(t, out[3], metaCloud))
}

func TestTheCloudMayComeFromMetadata(t *testing.T) {
	p := open(t, `cloud: ${! metadata("cloud").or("auto") }`)
	in := service.NewMessage([]byte(cloudEvent))
	in.MetaSet("cloud", "edge")
	out := process(t, p, in, service.NewMessage([]byte(eventBridge)))
	require.Equal(t, "edge", meta(t, out[0], metaCloud))
	require.Equal(t, "aws", meta(t, out[1], metaCloud))

	out = process(t, open(t, `cloud: ${! metadata("cloud").uppercase() }`), service.NewMessage([]byte(cloudEvent)))
	require.Equal(t, "unreadable", meta(t, out[0], metaReason))
	require.Contains(t, meta(t, out[0], metaDetail), "finding the cloud")
	require.Equal(t, cloudEvent, body(t, out[0]))
}

func TestBinaryModeReadsMetadata(t *testing.T) {
	in := service.NewMessage([]byte(payload))
	for name, value := range map[string]string{"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/s", "ce_type": "t", "ce_time": "2026-11-23T18:28:01Z", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"} {
		in.MetaSet(name, value)
	}
	out := process(t, open(t, `cloud: edge`), in)
	require.NoError(t, out[0].GetError())
	var e map[string]any
	require.NoError(t, json.Unmarshal([]byte(body(t, out[0])), &e))
	require.Equal(t, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", e["traceparent"])
	require.Equal(t, "ord-000012345", e["correlationid"])
}

func TestMistakesInTheConfigAreNamed(t *testing.T) {
	for yaml, want := range map[string]string{
		`correlation: [ { paths: [] } ]`:            "a rule without paths",
		`correlation: [ { paths: [ "data." ] } ]`:   "a segment is empty",
		`tenant: [ { paths: [ "Data.x" ] } ]`:       `path "Data.x"`,
		`attributes: { kind: "Type" }`:              `attributes "kind": "Type"`,
		`{ format: records, correlation: [ { } ] }`: "paths",
	} {
		conf, err := processorSpec().ParseYAML(yaml, nil)
		if err == nil {
			_, err = newProcessorFromConfig(conf, service.MockResources())
		}
		require.ErrorContains(t, err, want, yaml)
	}
}

func TestWorkersAreSafeForConcurrentUse(t *testing.T) {
	p := open(t, `tenant: [ { paths: [ data.currency ] } ]`)
	done := make(chan error)
	for range 4 {
		go func() {
			for range 200 {
				out, err := p.ProcessBatch(context.Background(), service.MessageBatch{service.NewMessage([]byte(eventBridge)), service.NewMessage([]byte(pubSub))})
				if err == nil {
					err = out[0][1].GetError()
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		require.NoError(t, <-done)
	}
}

// TestInAPipeline runs the processor the way a user does.
func TestInAPipeline(t *testing.T) {
	b := service.NewStreamBuilder()
	require.NoError(t, b.SetYAML(`
logger: { level: none }
input:
  generate:
    count: 2
    interval: ""
    mapping: |
      root = if counter() == 1 { """`+eventBridge+`""" } else { "no event" }
pipeline:
  processors:
    - helios_canonical: { cloud: aws }
    - mapping: |
        root = if errored() { "DLQ " + metadata("helios_reason") } else { metadata("helios_key") }
`))
	var mu sync.Mutex
	var got []string
	require.NoError(t, b.AddConsumerFunc(func(_ context.Context, m *service.Message) error {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, body(t, m))
		return nil
	}))
	s, err := b.Build()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	require.NoError(t, s.Run(ctx))
	require.ElementsMatch(t, []string{"ord-000012345", "DLQ unreadable"}, got)
}

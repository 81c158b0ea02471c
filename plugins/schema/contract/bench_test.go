package contract_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	_ "github.com/redpanda-data/connect/v4/public/components/pure"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/schema/contract"
	"github.com/helios-connect/helios/tests/bench/measure"
)

const paid = `{"order_id":"ord-mm7p6yo0-000006","tenant":"acme","customer":{"id":"cus-12927"},"amount":1560.20,"currency":"PLN","status":"paid","items":[{"sku":"SKU-3989","qty":4,"price":177.48},{"sku":"SKU-0064","qty":4,"price":190.49},{"sku":"SKU-0607","qty":3,"price":29.44}]}`

func demoSchema(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("../../../config/schemas/" + name + ".json")
	require.NoError(t, err)
	return text
}

// BenchmarkAccepts judges a payload of the demo, which has three items.
func BenchmarkAccepts(b *testing.B) {
	c, err := contract.Compile("paid", demoSchema(b, "com.example.order.paid"), contract.Options{AssertFormat: true})
	require.NoError(b, err)
	yes, why := c.Planned()
	require.True(b, yes, why)
	payload := []byte(paid)
	b.Run("plan, valid JSON", func(b *testing.B) {
		var j contract.Judge
		b.ReportAllocs()
		for b.Loop() {
			if !j.Accepts(c, payload) {
				b.Fatal("refused")
			}
		}
	})
	b.Run("plan, any bytes", func(b *testing.B) {
		var j contract.Judge
		b.ReportAllocs()
		for b.Loop() {
			if j.Failures(c, payload) != nil {
				b.Fatal("refused")
			}
		}
	})
}

// BenchmarkAgainstJSONSchema judges the same payload by the same rules in turns
// with Redpanda Connect's json_schema, 100 at a time, from the bytes on.
func BenchmarkAgainstJSONSchema(b *testing.B) {
	text := demoSchema(b, "com.example.order.paid")
	c, err := contract.Compile("paid", text, contract.Options{AssertFormat: true})
	require.NoError(b, err)
	theirs, payload := connectProcessor(b, text), []byte(paid)
	broken := bytes.Replace(payload, []byte(`"qty":4`), []byte(`"qty":"4"`), 1)
	out, err := theirs(service.NewMessage(broken))
	require.NoError(b, err)
	require.Error(b, out.GetError(), "the contender sees what is wrong")
	var j contract.Judge
	require.Len(b, j.Failures(c, broken), 1)
	const batch = 100
	var ratios, costs measure.Series
	for b.Loop() {
		mine := measure.Of(func() {
			for range batch * 20 {
				if j.Failures(c, payload) != nil {
					b.Fatal("refused")
				}
			}
		})
		other := measure.Of(func() {
			for range batch {
				if out, err := theirs(service.NewMessage(payload)); err != nil || out.GetError() != nil {
					b.Fatal(err, out.GetError())
				}
			}
		})
		costs = append(costs, mine.PerEvent(batch*20))
		ratios = append(ratios, other.PerEvent(batch)/mine.PerEvent(batch*20))
	}
	costs.Report(b, "contract-ns/event")
	ratios.Report(b, "x-faster")
	b.ReportMetric(0, "ns/op")
}

// connectProcessor is Connect's own json_schema with the same rules; it knows
// draft 7, in which the demo's contracts say the same.
func connectProcessor(b *testing.B, schema []byte) func(*service.Message) (*service.Message, error) {
	schema = bytes.Replace(schema, []byte("https://json-schema.org/draft/2020-12/schema"), []byte("http://json-schema.org/draft-07/schema#"), 1)
	quoted, err := json.Marshal(string(schema))
	require.NoError(b, err)
	spec := service.NewConfigSpec().Field(service.NewProcessorField("p"))
	conf, err := spec.ParseYAML(fmt.Sprintf("p: {json_schema: {schema: %s}}", quoted), nil)
	require.NoError(b, err)
	p, err := conf.FieldProcessor("p")
	require.NoError(b, err)
	return func(m *service.Message) (*service.Message, error) {
		out, err := p.Process(context.Background(), m)
		if err != nil || len(out) != 1 {
			return m, err
		}
		return out[0], nil
	}
}

// BenchmarkTenThousandContracts reports what they take in memory, and what judging
// costs by a single contract, by one of the many, and by each of them in turn, for
// which they must come from memory each time.
func BenchmarkTenThousandContracts(b *testing.B) {
	text := demoSchema(b, "com.example.order.paid")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	contracts := make([]*contract.Contract, 10_000)
	patterns := new(contract.Patterns)
	for i := range contracts {
		c, err := contract.Compile(fmt.Sprint(i), bytes.Replace(text, []byte("An order"), fmt.Appendf(nil, "Order %d", i), 1), contract.Options{AssertFormat: true, Patterns: patterns})
		require.NoError(b, err)
		contracts[i] = c
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	payload := []byte(paid)
	var j contract.Judge
	var alone, among, each measure.Series
	judge := func(at func(i int) *contract.Contract) float64 {
		const events = 10_000
		return measure.Of(func() {
			for i := range events {
				if !j.Accepts(at(i), payload) {
					b.Fatal("refused")
				}
			}
		}).PerEvent(events)
	}
	single, err := contract.Compile("single", text, contract.Options{AssertFormat: true})
	require.NoError(b, err)
	for b.Loop() {
		alone = append(alone, judge(func(int) *contract.Contract { return single }))
		among = append(among, judge(func(int) *contract.Contract { return contracts[7] }))
		each = append(each, judge(func(i int) *contract.Contract { return contracts[i] }))
	}
	among.Report(b, "one-of-them-ns/event")
	alone.Report(b, "alone-ns/event")
	each.Report(b, "each-in-turn-ns/event")
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
	runtime.KeepAlive(contracts)
}

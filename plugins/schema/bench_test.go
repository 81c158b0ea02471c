package schema

import (
	"os"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// BenchmarkProcessor judges whole canonical events of the demo, and writes them
// with what it found.
func BenchmarkProcessor(b *testing.B) {
	const kind, batchSize = "com.example.order.paid", 100
	dir := b.TempDir()
	text, err := os.ReadFile("../../config/schemas/" + kind + ".json")
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(dir+"/"+kind+".json", text, 0o600))
	conf, err := processorSpec().ParseYAML("folder: "+dir, nil)
	require.NoError(b, err)
	p, err := newProcessorFromConfig(conf, service.MockResources())
	require.NoError(b, err)
	defer func() { require.NoError(b, p.Close(b.Context())) }()
	doc := []byte(eventOf(kind, `{"order_id":"ord-mm7p6yo0-000006","tenant":"acme","customer":{"id":"cus-12927"},"amount":1560.20,"currency":"PLN","status":"paid","items":[{"sku":"SKU-3989","qty":4,"price":177.48},{"sku":"SKU-0064","qty":4,"price":190.49},{"sku":"SKU-0607","qty":3,"price":29.44}]}`))
	batch := make(service.MessageBatch, batchSize)
	for i := range batch {
		batch[i] = service.NewMessage(doc)
	}
	out, err := p.ProcessBatch(b.Context(), batch)
	require.NoError(b, err)
	require.NoError(b, out[0][0].GetError())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.ProcessBatch(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batchSize), "processor-ns/event")
}

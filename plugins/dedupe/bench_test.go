package dedupe

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/internal/redistest"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/connect/v4/public/components/redis"
)

// fresh yields batches of 100 events never seen before, and then ends.
type fresh struct {
	name    string
	mu      sync.Mutex
	batches int
}

func (*fresh) Connect(context.Context) error { return nil }
func (*fresh) Close(context.Context) error   { return nil }

func (f *fresh) ReadBatch(context.Context) (service.MessageBatch, service.AckFunc, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.batches--; f.batches < 0 {
		return nil, nil, service.ErrEndOfInput
	}
	b := make(service.MessageBatch, 100)
	for i := range b {
		b[i] = service.NewMessage(fmt.Appendf(nil, `{"specversion":"1.0","source":"/%s","id":"%d-%d","cloud":"aws","type":"com.example.order.placed","data":{"amount":10.5,"currency":"EUR"}}`, f.name, f.batches, i))
	}
	return b, func(context.Context, error) error { return nil }, nil
}

// BenchmarkAgainstConnectsDedupe runs the same events through whole streams with
// the same Redis, in turns. Its processor is not two-phase and asks Redis once an
// event; its figure is "ratio".
func BenchmarkAgainstConnectsDedupe(b *testing.B) {
	server := redistest.Start(b)
	env := service.NewEnvironment()
	rounds := 0
	const batches = 300
	require.NoError(b, env.RegisterBatchInput("fresh", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.BatchInput, error) {
		rounds++
		return &fresh{name: fmt.Sprint(rounds), batches: batches}, nil
	}))
	run := func(config string) time.Duration {
		builder := env.NewStreamBuilder()
		require.NoError(b, builder.SetYAML(config+"\noutput: {drop: {}}\nlogger: {level: 'OFF'}\nhttp: {enabled: false}\n"))
		stream, err := builder.Build()
		require.NoError(b, err)
		began := time.Now()
		require.NoError(b, stream.Run(context.Background()))
		return time.Since(began)
	}
	ours := fmt.Sprintf("input: {helios_dedupe: {redis: {url: %q}, input: {fresh: {}}}}", server.URL())
	theirs := fmt.Sprintf(`
input: {fresh: {}}
pipeline: {threads: 2, processors: [{dedupe: {cache: seen, key: '${! json("source") }/${! json("id") }'}}]}
cache_resources: [{label: seen, redis: {url: %q, default_ttl: 24h}}]`, server.URL())
	var a, c time.Duration
	for b.Loop() {
		a += run(ours)
		c += run(theirs)
	}
	events := float64(b.N * batches * 100)
	b.ReportMetric(events/a.Seconds(), "events/s")
	b.ReportMetric(events/c.Seconds(), "connect-events/s")
	b.ReportMetric(c.Seconds()/a.Seconds(), "ratio")
}

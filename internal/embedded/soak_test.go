package embedded_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
)

// TestAnHourOfTheDemoStaysInItsBounds writes what the demo writes in an hour
// (1,000 events/s of 500 bytes, a verdict per three events, a transaction per
// 100 events) as fast as it goes, with a reader behind. It takes minutes:
// HELIOS_SOAK_EVENTS=3600000 runs it, unset it runs a hundredth.
func TestAnHourOfTheDemoStaysInItsBounds(t *testing.T) {
	events := 36_000
	if v := os.Getenv("HELIOS_SOAK_EVENTS"); v != "" {
		n, err := strconv.Atoi(v)
		require.NoError(t, err, "HELIOS_SOAK_EVENTS is a number")
		events = n
	}
	dir := t.TempDir()
	const diskBytes = 512 << 20
	k := start(t, embedded.KafkaConfig{Dir: dir, DiskBytes: diskBytes, CleanEvery: time.Second})

	begun := time.Now()
	var read atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	go countEvents(ctx, client(t, k, kgo.ConsumeTopics(embedded.TopicEvents)), &read)

	var peakRSS, peakDisk int64
	producer := newSoakProducer(t, k)
	for n := 0; n < events; n += 100 {
		producer.transaction(t, n)
		if n%20_000 == 0 {
			peakRSS, peakDisk = max(peakRSS, residentBytes(t)), max(peakDisk, diskUsed(t, dir))
		}
	}
	require.Eventually(t, func() bool { return read.Load() >= int64(events) }, time.Minute, 10*time.Millisecond,
		"the reader saw %d of %d events", read.Load(), events)
	stop()
	took := time.Since(begun)
	t.Logf("%d events and %d verdicts in %s (%.0f events/s): peak RSS %d MB, peak disk %d MB",
		events, events/3, took.Round(time.Millisecond), float64(events)/took.Seconds(), peakRSS>>20, peakDisk>>20)

	// Retention deletes whole files and runs once a second, so that what one
	// second writes at full speed comes on top.
	require.Less(t, peakDisk, int64(diskBytes*2), "disk")
	require.Less(t, peakRSS, int64(400<<20), "memory")
}

type soakProducer struct {
	events, verdicts *kgo.Client
	filler           string
}

func newSoakProducer(t *testing.T, k *embedded.Kafka) *soakProducer {
	return &soakProducer{
		events:   client(t, k, kgo.DefaultProduceTopic(embedded.TopicEvents)),
		verdicts: client(t, k, kgo.DefaultProduceTopic(embedded.TopicVerdicts), kgo.TransactionalID("soak")),
		filler:   strings.Repeat("0123456789", 100),
	}
}

// transaction writes the 100 events from n on and the verdicts on them. The
// padding differs from record to record, so that compression doesn't make the
// logs smaller than those of real events.
func (p *soakProducer) transaction(t *testing.T, n int) {
	ctx := context.Background()
	failed := make(chan error, 200)
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			failed <- err
		}
	}
	for i := n; i < n+100; i++ {
		key := strconv.Itoa(i / 3)
		p.events.Produce(ctx, &kgo.Record{Key: []byte(key), Value: p.value(i, 500)}, promise)
	}
	require.NoError(t, p.verdicts.BeginTransaction())
	for i := n; i < n+100; i += 3 {
		key := strconv.Itoa(i / 3)
		p.verdicts.Produce(ctx, &kgo.Record{Key: []byte(key), Value: p.value(i, 900)}, promise)
	}
	require.NoError(t, p.verdicts.Flush(ctx))
	require.NoError(t, p.verdicts.EndTransaction(ctx, kgo.TryCommit))
	require.NoError(t, p.events.Flush(ctx))
	require.Empty(t, failed)
}

func (p *soakProducer) value(i, size int) []byte {
	v := fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"soak","data":{"pad":"`, i)
	state := uint64(i) | 1
	for len(v) < size-3 {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		v = append(v, p.filler[state%900:][:8]...)
		v = strconv.AppendUint(v, state, 36)
	}
	return append(v[:size-3], `"}}`...)
}

func countEvents(ctx context.Context, c *kgo.Client, n *atomic.Int64) {
	for {
		fetches := c.PollFetches(ctx)
		if fetches.IsClientClosed() || ctx.Err() != nil {
			return
		}
		n.Add(int64(fetches.NumRecords()))
	}
}

func diskUsed(t *testing.T, dir string) (bytes int64) {
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // files vanish while the cleaner runs
		}
		if info, err := entry.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	require.NoError(t, err)
	return bytes
}

// residentBytes reads VmRSS where there is a /proc, else it is 0.
func residentBytes(t *testing.T) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			require.NoError(t, err)
			return kb << 10
		}
	}
	return 0
}

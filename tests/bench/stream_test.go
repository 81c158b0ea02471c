//go:build unix

// Package bench measures whole streams of Redpanda Connect with and without
// Helios's parts. See README.md for how to run it and what each row means.
package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	// All that the program has: its heap decides how often garbage is collected.
	_ "github.com/helios-connect/helios/plugins/all"
)

const patience = 2 * time.Minute

// feed is the input of a stream: it hands out batches that were put into it and
// knows when all of them have been acknowledged.
type feed struct {
	batches chan part
	pending atomic.Int64
	idle    chan struct{} // all batches are acknowledged
}

func newFeed() *feed {
	f := &feed{batches: make(chan part), idle: make(chan struct{}, 1)}
	f.pending.Add(1) // until everything has been handed on, so that 0 is reached once
	return f
}

func (*feed) Connect(context.Context) error { return nil }
func (*feed) Close(context.Context) error   { return nil }

func (f *feed) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	select {
	case docs, ok := <-f.batches:
		if !ok {
			return nil, nil, service.ErrEndOfInput
		}
		batch := make(service.MessageBatch, docs.len())
		for i := range batch {
			batch[i] = service.NewMessage(docs.of.At(docs.from + i))
		}
		return batch, f.acknowledged, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func (f *feed) acknowledged(context.Context, error) error {
	if f.pending.Add(-1) == 0 {
		f.idle <- struct{}{}
	}
	return nil
}

// put hands documents on in batches of batchSize.
func (f *feed) put(docs part) {
	for from := docs.from; from < docs.to; from += batchSize {
		f.pending.Add(1)
		f.batches <- part{docs.of, from, min(from+batchSize, docs.to)}
	}
}

// run hands documents on and waits until all of them are acknowledged and so
// many messages have come out.
func (s *stream) run(docs part, messages int) error {
	s.feed.put(docs)
	s.sink.await(int64(messages))
	_ = s.feed.acknowledged(context.Background(), nil) // of newFeed
	timeout := time.After(patience)
	for _, done := range []chan struct{}{s.feed.idle, s.sink.full} {
		select {
		case <-done:
		case <-timeout:
			return fmt.Errorf("after %s %d batches are not acknowledged and %d of %d messages have come out",
				patience, s.feed.pending.Load(), s.sink.messages.Load(), messages)
		}
	}
	return nil
}

// settle waits until nothing comes out any more.
func (s *stream) settle() {
	for before := int64(-1); before != s.messages.Load(); time.Sleep(20 * time.Millisecond) {
		before = s.messages.Load()
	}
}

// sink is the output of a stream. Like every real one it asks for the bytes.
type sink struct {
	messages, awaited atomic.Int64
	full              chan struct{}          // as many messages as awaited have come out
	seen              func(*service.Message) // may be nil
}

func (*sink) Connect(context.Context) error { return nil }
func (*sink) Close(context.Context) error   { return nil }

func (s *sink) WriteBatch(_ context.Context, batch service.MessageBatch) error {
	for _, m := range batch {
		if _, err := m.AsBytes(); err != nil {
			return err
		}
		if s.seen != nil {
			s.seen(m)
		}
	}
	s.messages.Add(int64(len(batch)))
	s.check()
	return nil
}

func (s *sink) await(messages int64) {
	s.awaited.Store(messages)
	s.check()
}

// check tells once that all that is awaited has come out.
func (s *sink) check() {
	if n := s.awaited.Load(); n > 0 && s.messages.Load() >= n && s.awaited.CompareAndSwap(n, 0) {
		s.full <- struct{}{}
	}
}

// contender is what stands between the input and the output.
type contender struct {
	name       string
	buffer     string // YAML
	processors string // YAML of one or more processors; may be empty
}

// stream is a running stream between a feed and a sink.
type stream struct {
	*feed
	*sink
	stop func()
}

func startStream(t testing.TB, c contender, seen func(*service.Message)) *stream {
	t.Helper()
	s := &stream{feed: newFeed(), sink: &sink{seen: seen, full: make(chan struct{}, 1)}}
	env := service.GlobalEnvironment().Clone()
	require.NoError(t, env.RegisterBatchInput("bench_feed", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Resources) (service.BatchInput, error) { return s.feed, nil }))
	require.NoError(t, env.RegisterBatchOutput("bench_sink", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			return s.sink, service.BatchPolicy{}, 1, nil
		}))
	b := env.NewStreamBuilder()
	config := "logger: { level: error }\nmetrics: { none: {} }\ninput: { bench_feed: {} }\noutput: { bench_sink: {} }\n" + c.buffer
	if c.processors != "" {
		config += "pipeline:\n  processors:\n" + c.processors
	}
	require.NoError(t, b.SetYAML(config))
	built, err := b.Build()
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- built.Run(context.Background()) }()
	// No Cleanup calls it: that would keep the memory of every stream until the
	// benchmark ends, and whoever runs then would pay for its collection.
	s.stop = func() {
		close(s.feed.batches)
		require.NoError(t, built.StopWithin(20*time.Second))
		<-done
	}
	return s
}

// verdicts runs the documents through a contender and returns the status of
// each fact.
func verdicts(t testing.TB, c contender, docs part, facts int) map[string]string {
	t.Helper()
	var mu sync.Mutex
	status := map[string]string{}
	s := startStream(t, c, func(m *service.Message) {
		key, _ := m.MetaGet("helios_key")
		text, _ := m.MetaGet("helios_status")
		mu.Lock()
		defer mu.Unlock()
		if before, ok := status[key]; ok {
			text = before + " and again " + text
		}
		status[key] = text
	})
	require.NoError(t, s.run(docs, facts), c.name)
	s.stop()
	return status
}

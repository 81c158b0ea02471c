package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// runningBuffer makes a buffer as a stream does: with its own goroutines.
func runningBuffer(t *testing.T, config string) *buffer {
	t.Helper()
	conf, err := bufferConfig().ParseYAML(config, nil)
	require.NoError(t, err)
	b, err := newBuffer(conf, service.MockResources())
	require.NoError(t, err)
	return b.(*buffer)
}

// singleConfig makes every event a fact of its own with a verdict at once.
const singleConfig = `
hold_acks: %t
expectations: [ { name: orders, expect: [ aws ], window: 10s } ]
`

// pairConfig keeps every fact of one event open.
const pairConfig = `
hold_acks: %t
expectations: [ { name: orders, expect: [ aws, gcp ], window: 10s } ]
`

// answered counts how often a batch was acknowledged and given back.
type answered struct{ acks, nacks atomic.Int32 }

func (a *answered) fn(_ context.Context, err error) error {
	if err != nil {
		a.nacks.Add(1)
	} else {
		a.acks.Add(1)
	}
	return nil
}

// numbered is a batch of events, each of a fact of its own.
func numbered(batch, size int) (docs service.MessageBatch) {
	for i := range size {
		docs = append(docs, service.NewMessage(orderEvent(fmt.Sprint("k", batch, "-", i), "aws", 1, 5)))
	}
	return docs
}

// reading delivers what comes out of a buffer until it ends, and counts it.
func reading(b *buffer) (delivered *atomic.Int64, ended chan error) {
	delivered, ended = new(atomic.Int64), make(chan error, 1)
	go func() {
		for {
			batch, ack, err := b.ReadBatch(context.Background())
			if err != nil {
				ended <- err
				return
			}
			delivered.Add(int64(len(batch)))
			_ = ack(context.Background(), nil)
		}
	}()
	return delivered, ended
}

func TestTheEndOfInputComesBehindAllThatWasWritten(t *testing.T) {
	for _, hold := range []bool{true, false} {
		for range 20 {
			b := runningBuffer(t, fmt.Sprintf(pairConfig, hold))
			var all [30]answered
			for i := range all {
				require.NoError(t, b.WriteBatch(context.Background(), numbered(i, 7), all[i].fn))
			}
			b.EndOfInput()
			b.EndOfInput()
			delivered, ended := reading(b)
			require.ErrorIs(t, <-ended, service.ErrEndOfBuffer)
			require.EqualValues(t, 7*len(all), delivered.Load())
			require.ErrorIs(t, b.WriteBatch(context.Background(), numbered(99, 1), all[0].fn), service.ErrEndOfBuffer)
			require.NoError(t, b.Close(context.Background()))
			for i := range all {
				require.EqualValues(t, 1, all[i].acks.Load())
				require.Zero(t, all[i].nacks.Load())
			}
		}
	}
}

// TestEveryWrittenBatchIsAnsweredOnce closes a buffer at any moment of writing
// and reading: a batch that WriteBatch took is acknowledged or given back, once,
// and one that it refused is neither.
func TestEveryWrittenBatchIsAnsweredOnce(t *testing.T) {
	for _, config := range []string{singleConfig, pairConfig} {
		for _, hold := range []bool{true, false} {
			for round := range 60 {
				b := runningBuffer(t, fmt.Sprintf(config, hold))
				delivered, ended := reading(b)
				var (
					writers          sync.WaitGroup
					taken, refused   []*answered
					ctx, stopWriting = context.WithCancel(context.Background())
				)
				writers.Go(func() {
					for i := 0; ; i++ {
						a := new(answered)
						if err := b.WriteBatch(ctx, numbered(i, 50), a.fn); err != nil {
							refused = append(refused, a)
							return
						}
						taken = append(taken, a)
					}
				})
				require.Eventually(t, func() bool {
					b.mu.Lock()
					defer b.mu.Unlock()
					return !b.lastIn.IsZero() && b.engine.Stats().Open+int(delivered.Load()) > 50*round
				}, time.Minute, 50*time.Microsecond)
				if round%2 == 0 {
					stopWriting()
					writers.Wait()
					b.EndOfInput()
				}
				require.NoError(t, b.Close(context.Background()))
				stopWriting()
				writers.Wait()
				require.ErrorIs(t, <-ended, service.ErrEndOfBuffer)
				for i, a := range taken {
					require.EqualValues(t, 1, a.acks.Load()+a.nacks.Load(), "batch %d of %d", i, len(taken))
				}
				for _, a := range refused {
					require.Zero(t, a.acks.Load()+a.nacks.Load())
				}
			}
		}
	}
}

func TestWriteBatchGivesUpWithItsContextWhileTheOutputIsBehind(t *testing.T) {
	b := runningBuffer(t, fmt.Sprintf(singleConfig, true))
	ctx, cancel := context.WithCancel(context.Background())
	var taken []*answered
	failed := make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			a := new(answered)
			if err := b.WriteBatch(ctx, numbered(i, 100), a.fn); err != nil {
				failed <- err
				return
			}
			taken = append(taken, a)
		}
	}()
	awaitWaiting(t, b)
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	require.GreaterOrEqual(t, len(taken), queueLimit/100)
	require.NoError(t, b.Close(context.Background()))
	for _, a := range taken {
		require.Zero(t, a.acks.Load())
		require.EqualValues(t, 1, a.nacks.Load())
	}
}

func TestABatchGivenBackSaysWhy(t *testing.T) {
	b := runningBuffer(t, fmt.Sprintf(pairConfig, true))
	var got error
	require.NoError(t, b.WriteBatch(context.Background(), numbered(0, 1), func(_ context.Context, err error) error { got = err; return nil }))
	require.NoError(t, b.Close(context.Background()))
	require.True(t, errors.Is(got, errStopped), "%v", got)
}

// TestABatchIsReadWhileAnotherIsApplied: intake has two stages. While the engine is
// held up, as by a batch that it judges, two more are taken in and read.
func TestABatchIsReadWhileAnotherIsApplied(t *testing.T) {
	b := runningBuffer(t, fmt.Sprintf(pairConfig, true))
	defer func() { require.NoError(t, b.Close(t.Context())) }()
	b.mu.Lock()
	written := make(chan error, 2)
	go func() {
		for i := range cap(written) {
			written <- b.WriteBatch(t.Context(), numbered(i, 10), new(answered).fn)
		}
	}()
	for i := range cap(written) {
		select {
		case err := <-written:
			require.NoError(t, err)
		case <-time.After(time.Minute):
			b.mu.Unlock()
			t.Fatalf("batch %d waits for the engine", i)
		}
	}
	require.Zero(t, b.held.inUse, "none of them was applied")
	b.mu.Unlock()
	require.Eventually(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.held.inUse == cap(written)
	}, time.Minute, time.Millisecond)
}

//go:build unix

package bench

import (
	"context"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// passThroughBuffer hands each batch on as it came, with its acknowledgement.
type passThroughBuffer struct {
	batches chan passing
	end     chan struct{}
	once    sync.Once
}

type passing struct {
	batch service.MessageBatch
	ack   service.AckFunc
}

func init() {
	service.MustRegisterBatchBuffer("bench_pass_through", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Resources) (service.BatchBuffer, error) {
			return &passThroughBuffer{batches: make(chan passing, 64), end: make(chan struct{})}, nil
		})
}

func (b *passThroughBuffer) WriteBatch(ctx context.Context, batch service.MessageBatch, ack service.AckFunc) error {
	select {
	case b.batches <- passing{batch, ack}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *passThroughBuffer) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	select {
	case p := <-b.batches:
		return p.batch, p.ack, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	case <-b.end:
	}
	select {
	case p := <-b.batches:
		return p.batch, p.ack, nil
	default:
		return nil, nil, service.ErrEndOfBuffer
	}
}

func (b *passThroughBuffer) EndOfInput() { b.once.Do(func() { close(b.end) }) }

func (*passThroughBuffer) Close(context.Context) error { return nil }

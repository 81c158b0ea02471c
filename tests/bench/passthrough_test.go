//go:build unix

package bench

import (
	"context"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// pipe takes what a buffer's intake hands on to its reader, in order.
type pipe[T any] struct {
	items chan T
	end   chan struct{}
	once  sync.Once
}

func newPipe[T any]() *pipe[T] {
	return &pipe[T]{items: make(chan T, 64), end: make(chan struct{})}
}

func (p *pipe[T]) send(ctx context.Context, item T) error {
	select {
	case p.items <- item:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// receive returns service.ErrEndOfBuffer when nothing is left after the end.
func (p *pipe[T]) receive(ctx context.Context) (item T, err error) {
	select {
	case item = <-p.items:
		return item, nil
	case <-ctx.Done():
		return item, ctx.Err()
	case <-p.end:
	}
	select {
	case item = <-p.items:
		return item, nil
	default:
		return item, service.ErrEndOfBuffer
	}
}

func (p *pipe[T]) EndOfInput() { p.once.Do(func() { close(p.end) }) }

func (*pipe[T]) Close(context.Context) error { return nil }

// passThroughBuffer hands each batch on as it came, with its acknowledgement.
type passThroughBuffer struct{ *pipe[passing] }

type passing struct {
	batch service.MessageBatch
	ack   service.AckFunc
}

func init() {
	service.MustRegisterBatchBuffer("bench_pass_through", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Resources) (service.BatchBuffer, error) {
			return passThroughBuffer{newPipe[passing]()}, nil
		})
}

func (b passThroughBuffer) WriteBatch(ctx context.Context, batch service.MessageBatch, ack service.AckFunc) error {
	return b.send(ctx, passing{batch, ack})
}

func (b passThroughBuffer) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	p, err := b.receive(ctx)
	return p.batch, p.ack, err
}

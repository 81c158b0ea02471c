package tracing

import (
	"context"
	"errors"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/tracing/spans"
)

// Passing returns an input that ends the passages of what another one reads when
// it is acknowledged. Without a tracer it is that other one.
func Passing(child service.BatchInput, tracer *spans.Tracer) service.BatchInput {
	if tracer == nil {
		return child
	}
	return passing{child}
}

type passing struct{ service.BatchInput }

// traced is a message that is on its way.
type traced struct {
	index   int // in its batch
	passage *spans.Passage
}

// ReadBatch implements service.BatchInput.
func (p passing) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	batch, ack, err := p.BatchInput.ReadBatch(ctx)
	if err != nil {
		return batch, ack, err
	}
	var some []traced
	for i, msg := range batch {
		if passage := Of(msg); passage != nil {
			batch[i] = Within(msg, passage)
			some = append(some, traced{i, passage})
		}
	}
	if some == nil {
		return batch, ack, nil
	}
	index := batch.Index()
	return batch, func(ctx context.Context, err error) error {
		settle(some, index, err)
		return ack(ctx, err)
	}, nil
}

// settle ends passages: an error is about all of a batch, unless it names
// messages.
func settle(some []traced, index *service.Indexer, err error) {
	refused := map[int]bool{}
	var each *service.BatchError
	named := errors.As(err, &each) && each.IndexedErrors() > 0
	if named {
		each.WalkMessagesIndexedBy(index, func(n int, _ *service.Message, err error) bool {
			refused[n] = refused[n] || err != nil
			return true
		})
	}
	now := time.Now()
	for _, t := range some {
		t.passage.Settled(err == nil || named && !refused[t.index], now)
	}
}

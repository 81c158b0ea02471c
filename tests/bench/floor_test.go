//go:build unix

package bench

import (
	"context"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/event"
)

// floor is the least that a reconciling buffer costs.
var floor = contender{name: "floor", buffer: `
buffer:
  bench_floor: {}
`}

// floorBuffer does what no reconciling buffer can do without, and nothing else:
// it reads from every event what judging needs, holds acknowledgements for as
// many events as ours does, and emits for every third event a message with a
// text as long as a verdict and with a verdict's metadata. It remembers no fact,
// compares nothing and writes no verdict: what lies between it and a buffer that
// judges is the cost of judging.
type floorBuffer struct {
	*pipe[floorBatch]
	scanner event.Scanner
	out     [][]byte
	events  int
	held    []service.AckFunc // of the batches last taken in
}

type floorBatch struct {
	keys []string // of the facts that get a message
	due  []service.AckFunc
}

const (
	floorHeld = 2 * streamOpen / batchSize // batches; an open fact has two events, on average
	floorText = 795                        // bytes, as verdicts of this workload have on average
	floorKey  = 6                          // place of the key in floorPaths
)

var floorPaths = event.MustCompilePaths("id", "source", "type", "time", "cloud", "tenant", "correlationid", "ingesttime", "data.amount", "data.currency")

func init() {
	service.MustRegisterBatchBuffer("bench_floor", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Resources) (service.BatchBuffer, error) {
			return &floorBuffer{pipe: newPipe[floorBatch](), out: make([][]byte, floorPaths.Len())}, nil
		})
}

// floorMessages is how many messages come out for so many events.
func floorMessages(events int) int { return events / len(clouds) }

func (b *floorBuffer) WriteBatch(ctx context.Context, batch service.MessageBatch, ack service.AckFunc) error {
	b.held = append(b.held, ack)
	keep, keys := floorHeld, make([]string, 0, len(batch)/len(clouds)+1)
	for _, m := range batch {
		doc, err := m.AsBytes()
		if err != nil {
			return err
		}
		if err := b.scanner.Scan(doc, floorPaths, b.out); err != nil {
			return err
		}
		key := b.out[floorKey][1 : len(b.out[floorKey])-1]
		if b.events++; b.events%len(clouds) == 0 {
			keys = append(keys, string(key))
		}
		if string(key) == closerKey {
			keep = 0 // the end
		}
	}
	due := max(len(b.held)-keep, 0)
	out := floorBatch{keys, slices.Clone(b.held[:due])}
	b.held = b.held[due:]
	return b.send(ctx, out)
}

func (b *floorBuffer) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	out, err := b.receive(ctx)
	if err != nil {
		return nil, nil, err
	}
	return out.messages(), out.answer, nil
}

func (f *floorBatch) answer(ctx context.Context, err error) (first error) {
	for _, ack := range f.due {
		if e := ack(ctx, err); first == nil {
			first = e
		}
	}
	return first
}

func (f *floorBatch) messages() service.MessageBatch {
	batch := make(service.MessageBatch, len(f.keys))
	texts := make([]byte, floorText*len(f.keys))
	for i, key := range f.keys {
		m := service.NewMessage(texts[i*floorText : (i+1)*floorText])
		m.MetaSetMut("helios_tenant", "acme")
		m.MetaSetMut("helios_type", eventType)
		m.MetaSetMut("helios_key", key)
		m.MetaSetMut("helios_status", "matched")
		m.MetaSetMut("helios_revision", "1")
		batch[i] = m
	}
	return batch
}

package simulator

import (
	"context"
	"errors"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// MetaCloud is the metadata that names the cloud a message comes from.
const MetaCloud = "simulator_cloud"

// bytesPerEvent is a first guess at what an event takes in its envelope.
const bytesPerEvent = 720

// deliver renders a batch and returns it with its acknowledgement.
func (i *input) deliver(l *lane, b *batch) (service.MessageBatch, service.AckFunc) {
	msgs := i.world.render(b)
	i.meter.handedOut(l.cloud, b)
	indexer := msgs.Index()
	return msgs, func(_ context.Context, err error) error {
		var refused *batch
		if err != nil {
			refused = b.refusedBy(err, indexer)
		}
		if l.settle(b, refused) {
			i.meter.settled(l.cloud, b, refused)
		}
		return nil
	}
}

// render writes all messages of a batch into one piece of memory.
func (w *World) render(b *batch) service.MessageBatch {
	r := w.gen.renderer
	msgs := make(service.MessageBatch, 0, b.messages)
	buf := make([]byte, 0, bytesPerEvent*len(b.events))
	for events := b.events; len(events) > 0; {
		n, begin := messageLength(events), len(buf)
		buf = r.appendMessage(buf, events[:n])
		m := service.NewMessage(buf[begin:len(buf):len(buf)])
		m.MetaSetMut(MetaCloud, events[0].cloud.String())
		if events[0].cloud == GCP {
			for _, a := range r.attributes(&events[0]) {
				m.MetaSetMut(a.name, a.value)
			}
		}
		msgs = append(msgs, m)
		events = events[n:]
	}
	return msgs
}

// refusedBy returns the messages that the error concerns: those it names, or
// all.
func (b *batch) refusedBy(err error, indexer *service.Indexer) *batch {
	all := &batch{events: b.events, messages: b.messages, attempt: b.attempt + 1}
	var batchErr *service.BatchError
	if !errors.As(err, &batchErr) || batchErr.IndexedErrors() == 0 {
		return all
	}
	failed := make([]bool, b.messages)
	known := true
	batchErr.WalkMessagesIndexedBy(indexer, func(n int, _ *service.Message, err error) bool {
		if n < 0 || n >= len(failed) {
			known = known && err == nil
			return true
		}
		failed[n] = failed[n] || err != nil
		return true
	})
	if !known {
		return all
	}
	some := &batch{attempt: all.attempt}
	for n, events := 0, b.events; len(events) > 0; n++ {
		k := messageLength(events)
		if failed[n] {
			some.events = append(some.events, events[:k]...)
			some.messages++
		}
		events = events[k:]
	}
	if some.messages == 0 {
		return all
	}
	return some
}

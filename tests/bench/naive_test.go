//go:build unix

package bench

import (
	"container/heap"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// naiveBuffer is a reconciler as one writes it in an afternoon: each event is
// parsed into a Go map, facts are a Go map by key, acknowledgements are
// closures, deadlines are a heap. It is correct for one expectation without
// corrections: matched or mismatched at once, missing when every cloud is past
// the deadline. Nothing in it is slow on purpose.
type naiveBuffer struct {
	mu      sync.Mutex
	changed *sync.Cond
	facts   map[string]*naiveFact
	waiting naiveDeadlines
	marks   map[string]time.Time
	queue   []naiveVerdict
	ended   bool
}

type naiveFact struct {
	tenant, eventType, key string
	deadline               time.Time
	events                 map[string]map[string]any // by cloud
	closed                 bool
	acks                   []func()
}

type naiveVerdict struct {
	message *service.Message
	acks    []func()
}

// naiveDeadlines is a heap of facts by their deadline.
type naiveDeadlines []*naiveFact

func (h naiveDeadlines) Len() int           { return len(h) }
func (h naiveDeadlines) Less(i, j int) bool { return h[i].deadline.Before(h[j].deadline) }
func (h naiveDeadlines) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *naiveDeadlines) Push(x any)        { *h = append(*h, x.(*naiveFact)) }
func (h *naiveDeadlines) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}

func init() {
	service.MustRegisterBatchBuffer("bench_naive", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Resources) (service.BatchBuffer, error) {
			b := &naiveBuffer{facts: map[string]*naiveFact{}, marks: map[string]time.Time{}}
			b.changed = sync.NewCond(&b.mu)
			return b, nil
		})
}

func (b *naiveBuffer) WriteBatch(ctx context.Context, batch service.MessageBatch, ack service.AckFunc) error {
	pending := len(batch)
	release := func() {
		if pending--; pending == 0 {
			_ = ack(ctx, nil)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range batch {
		if err := b.apply(m, release); err != nil {
			return err
		}
	}
	b.changed.Broadcast()
	return nil
}

func (b *naiveBuffer) apply(m *service.Message, release func()) error {
	doc, err := m.AsStructured()
	if err != nil {
		return err
	}
	event, ok := doc.(map[string]any)
	if !ok {
		return fmt.Errorf("an event is an object, not %T", doc)
	}
	cloud, _ := event["cloud"].(string)
	tenant, _ := event["tenant"].(string)
	eventType, _ := event["type"].(string)
	key, _ := event["correlationid"].(string)
	text, _ := event["time"].(string)
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return err
	}
	id := tenant + "/" + eventType + "/" + key
	fact := b.facts[id]
	if fact == nil {
		fact = &naiveFact{tenant: tenant, eventType: eventType, key: key, deadline: at.Add(window), events: map[string]map[string]any{}}
		b.facts[id] = fact
		heap.Push(&b.waiting, fact)
	}
	if fact.closed {
		release()
	} else {
		if fact.events[cloud] == nil {
			fact.events[cloud] = event
		}
		fact.acks = append(fact.acks, release)
		if len(fact.events) == len(clouds) {
			b.close(fact)
		}
	}
	if at.After(b.marks[cloud]) {
		b.marks[cloud] = at
		b.expire()
	}
	return nil
}

// expire closes the facts that every cloud has passed, and forgets them.
func (b *naiveBuffer) expire() {
	watermark := b.marks[clouds[0]]
	for _, c := range clouds[1:] {
		if b.marks[c].Before(watermark) {
			watermark = b.marks[c]
		}
	}
	for len(b.waiting) > 0 && !watermark.Before(b.waiting[0].deadline.Add(lateness)) {
		fact := heap.Pop(&b.waiting).(*naiveFact)
		if !fact.closed {
			b.close(fact)
		}
		delete(b.facts, fact.tenant+"/"+fact.eventType+"/"+fact.key)
	}
}

func (b *naiveBuffer) close(fact *naiveFact) {
	fact.closed = true
	present, missing, diffs := []any{}, []any{}, []any{}
	var amounts []float64
	currencies := map[string]bool{}
	for _, c := range clouds {
		event := fact.events[c]
		if event == nil {
			missing = append(missing, c)
			continue
		}
		present = append(present, c)
		data, _ := event["data"].(map[string]any)
		amount, _ := data["amount"].(json.Number)
		f, _ := amount.Float64()
		amounts = append(amounts, f)
		currency, _ := data["currency"].(string)
		currencies[strings.ToUpper(currency)] = true
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, a := range amounts {
		low, high = min(low, a), max(high, a)
	}
	if high-low > 0.01 {
		diffs = append(diffs, "data.amount")
	}
	if len(currencies) > 1 {
		diffs = append(diffs, "data.currency")
	}
	status := "matched"
	switch {
	case len(missing) > 0:
		status = "missing"
	case len(diffs) > 0:
		status = "mismatched"
	}
	m := service.NewMessage(nil)
	m.SetStructuredMut(map[string]any{
		"status": status, "tenant": fact.tenant, "type": fact.eventType, "key": fact.key,
		"present": present, "missing": missing, "diffs": diffs, "deadline": fact.deadline.Format(time.RFC3339Nano),
	})
	m.MetaSetMut("helios_status", status)
	m.MetaSetMut("helios_key", fact.key)
	b.queue = append(b.queue, naiveVerdict{m, fact.acks})
	fact.events, fact.acks = nil, nil
}

func (b *naiveBuffer) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer context.AfterFunc(ctx, b.changed.Broadcast)()
	for len(b.queue) == 0 {
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case b.ended:
			return nil, nil, service.ErrEndOfBuffer
		}
		b.changed.Wait()
	}
	out := b.queue[:min(len(b.queue), 256)]
	b.queue = b.queue[len(out):]
	batch := make(service.MessageBatch, len(out))
	for i, v := range out {
		batch[i] = v.message
	}
	return batch, func(context.Context, error) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, v := range out {
			for _, release := range v.acks {
				release()
			}
		}
		return nil
	}, nil
}

func (b *naiveBuffer) EndOfInput() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	b.changed.Broadcast()
}

func (*naiveBuffer) Close(context.Context) error { return nil }

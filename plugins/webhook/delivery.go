package webhook

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// delivery is one request's event on its way downstream.
type delivery struct {
	msg     *service.Message
	settled chan error // takes the one answer of the pipeline
	memory  *held
	once    sync.Once
}

// settle is the batch's service.AckFunc. The body's memory is given back here
// and not with the answer to the request, which may have come before.
func (d *delivery) settle(_ context.Context, err error) error {
	d.once.Do(func() {
		d.memory.release()
		d.settled <- err
	})
	return nil
}

// exchange hands deliveries from requests to whoever reads the input. Nothing
// lies between the two: what was not read was not taken.
type exchange struct {
	handed   chan *delivery
	stopping chan struct{} // closed: nothing new is taken
	abandon  chan struct{} // closed: acknowledgements are no longer awaited
}

func newExchange() *exchange {
	return &exchange{handed: make(chan *delivery), stopping: make(chan struct{}), abandon: make(chan struct{})}
}

// deliver hands d over and waits until the pipeline has settled it, as long as
// ctx allows. Only after nil is the event durable. Errors are *refusal.
func (e *exchange) deliver(ctx context.Context, d *delivery) error {
	if ctx.Err() != nil { // a sender that has given up already sends again
		d.memory.release()
		return outOfTime(ctx, busy, "the request itself took all the time there was")
	}
	select {
	case e.handed <- d:
	case <-e.stopping:
		d.memory.release()
		return refuse(http.StatusServiceUnavailable, stoppingDown, "the input is stopping")
	case <-ctx.Done():
		d.memory.release()
		return outOfTime(ctx, busy, "the pipeline took no event in time")
	}
	select {
	case err := <-d.settled:
		return nacked(err)
	case <-ctx.Done():
	case <-e.abandon:
	}
	select {
	case err := <-d.settled: // at the last moment
		return nacked(err)
	default:
	}
	if ctx.Err() == nil {
		return refuse(http.StatusServiceUnavailable, stoppingDown, "the input was stopped before the event was durable")
	}
	return outOfTime(ctx, notDurableInTime, "the event was not durable in time; it may become so yet, and come again")
}

func nacked(err error) error {
	if err == nil {
		return nil
	}
	return refuse(http.StatusServiceUnavailable, notDurable, "the pipeline refused the event: %v", err)
}

func outOfTime(ctx context.Context, why reason, detail string) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return refuse(http.StatusServiceUnavailable, senderGone, "the sender closed the connection before the answer")
	}
	return refuse(http.StatusServiceUnavailable, why, "%s", detail)
}

// read returns the next delivery, or service.ErrNotConnected once lost is closed.
func (e *exchange) read(ctx context.Context, lost <-chan struct{}) (*delivery, error) {
	select {
	case d := <-e.handed:
		return d, nil
	case <-e.stopping:
		return nil, service.ErrEndOfInput
	case <-lost:
		return nil, service.ErrNotConnected
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

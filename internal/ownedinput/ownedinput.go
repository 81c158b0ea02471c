// Package ownedinput does for an input that a plugin owns what Redpanda Connect
// does for its own: whether it is connected, and closing it at once. The public
// package has no call for either, and the type that has them can't be named from
// outside.
package ownedinput

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	firstLook = time.Millisecond       // at whether the owned input is connected now,
	lastLook  = 100 * time.Millisecond // at most that long after the look before
	watchEach = time.Second
)

// CloseNow makes an input give up waiting for acknowledgements.
func CloseNow(owned *service.OwnedInput) {
	if stoppable, ok := unwrap(owned).(interface{ TriggerCloseNow() }); ok {
		stoppable.TriggerCloseNow()
	}
}

// Connected reports whether all that an input reads from is connected.
func Connected(owned *service.OwnedInput) bool {
	status := reflect.ValueOf(unwrap(owned)).MethodByName("ConnectionStatus")
	if !status.IsValid() {
		return true
	}
	all, ok := status.Call(nil)[0].Interface().(interface{ AllActive() bool })
	return !ok || all.AllActive()
}

// unwrap returns Redpanda Connect's own view of an input.
func unwrap(owned *service.OwnedInput) any {
	method := reflect.ValueOf(owned.XUnwrapper()).MethodByName("Unwrap")
	if !method.IsValid() {
		return nil
	}
	return method.Call(nil)[0].Interface()
}

// Follow makes child, which reads from owned, connected only while owned is: an
// OwnedInput connects by itself, and a stream that can't read would count as
// ready. What can be read is handed on in any case.
func Follow(child service.BatchInput, owned *service.OwnedInput) service.BatchInput {
	return &following{BatchInput: child, connected: func() bool { return Connected(owned) }, stop: func() {}}
}

type following struct {
	service.BatchInput
	connected func() bool
	first     *read // what came while the connection was awaited

	asked context.Context // of the last ReadBatch
	while context.Context // ends with asked, and with the connection
	stop  context.CancelFunc
}

// read is what ReadBatch returned.
type read struct {
	batch service.MessageBatch
	ack   service.AckFunc
	err   error
}

// Connect waits until the owned input is connected, or until there is something
// to read, if only its end. It is called again when ReadBatch has said that the
// connection is lost.
func (f *following) Connect(ctx context.Context) error {
	if err := f.BatchInput.Connect(ctx); err != nil {
		return err
	}
	for look := firstLook; ; look = min(2*look, lastLook) {
		// Only who is read from begins to connect.
		within, cancel := context.WithTimeout(ctx, look)
		batch, ack, err := f.BatchInput.ReadBatch(within)
		cancel()
		switch {
		case ctx.Err() != nil && err != nil:
			return ctx.Err()
		case !errors.Is(err, context.DeadlineExceeded):
			f.first = &read{batch, ack, err}
			return nil
		case f.connected():
			return nil
		}
	}
}

func (f *following) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	if r := f.first; r != nil {
		f.first = nil
		return r.batch, r.ack, r.err
	}
	if f.asked != ctx {
		f.stop()
		f.asked = ctx
		f.while, f.stop = context.WithCancel(ctx)
		go f.watch(f.while, f.stop)
	}
	batch, ack, err := f.BatchInput.ReadBatch(f.while)
	if err != nil && f.while.Err() != nil && ctx.Err() == nil {
		f.asked = nil
		return nil, nil, service.ErrNotConnected
	}
	return batch, ack, err
}

// watch ends the reading when the connection is lost. A part of the owned input
// that has never been connected, or that has ended, is no loss: the others are
// read on.
func (f *following) watch(while context.Context, stop context.CancelFunc) {
	ticker := time.NewTicker(watchEach)
	defer ticker.Stop()
	for before := f.connected(); ; {
		select {
		case <-while.Done():
			return
		case <-ticker.C:
		}
		now := f.connected()
		if before && !now {
			stop()
			return
		}
		before = now
	}
}

func (f *following) Close(ctx context.Context) error {
	f.stop()
	return f.BatchInput.Close(ctx)
}

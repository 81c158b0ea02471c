package dedupe

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	firstPoll = 10 * time.Millisecond // of a claim that another delivery holds
	lastPoll  = 250 * time.Millisecond
	downPause = time.Second // between attempts to reach a backend that is down
	askAhead  = 4           // batches whose claims are under way at once
)

// reader reads the wrapped input ahead of what is asked of it, so that claims
// are made while earlier batches are on their way.
type reader struct {
	child   service.BatchInput
	backend Backend
	set     settings
	meter   *meter
	log     *service.Logger
	traced  bool // messages may carry a passage

	process string // names this process's claims
	batches atomic.Uint64
	keyer   *keyer // of the reading goroutine

	out     chan outgoing
	start   sync.Once
	stopped context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
	waiting atomic.Int64
	room    chan struct{} // signals that fewer events wait
	downTil atomic.Int64  // wall clock, Unix nanoseconds

	mu   sync.Mutex
	open map[*batch]struct{}
}

type outgoing struct {
	messages service.MessageBatch
	ack      service.AckFunc
}

func newReader(child service.BatchInput, backend Backend, set settings, m *meter, log *service.Logger) *reader {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	r := &reader{
		child: child, backend: backend, set: set, meter: m, log: log, keyer: set.keyer, process: hex.EncodeToString(id[:]),
		out: make(chan outgoing), room: make(chan struct{}, 1), open: make(map[*batch]struct{}),
	}
	r.stopped, r.stop = context.WithCancel(context.Background())
	return r
}

func (r *reader) Connect(ctx context.Context) error {
	if err := r.child.Connect(ctx); err != nil {
		return err
	}
	r.start.Do(func() {
		r.running.Add(2)
		go r.read()
		go r.renew()
	})
	return nil
}

func (r *reader) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	select {
	case o, ok := <-r.out:
		if !ok {
			return nil, nil, service.ErrEndOfInput
		}
		return o.messages, o.ack, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// read takes batches from the wrapped input until it ends, which it does only
// when all that it gave is settled.
func (r *reader) read() {
	defer r.running.Done()
	defer close(r.out)
	var waiters sync.WaitGroup
	defer waiters.Wait()
	asked := make(chan *claim, askAhead)
	defer close(asked)
	waiters.Go(func() { // hands on in the order of reading
		for c := range asked {
			if <-c.done; c.advance() {
				waiters.Go(c.batch.wait)
			}
		}
	})
	var underWay []ahead
	for {
		for r.waiting.Load() >= int64(r.set.waiting) {
			select {
			case <-r.room:
			case <-r.stopped.Done():
				return
			}
		}
		messages, ack, err := r.child.ReadBatch(r.stopped)
		switch {
		case errors.Is(err, service.ErrEndOfInput) || r.stopped.Err() != nil:
			return
		case err != nil:
			if !r.pause(r.stopped, firstPoll) {
				return
			}
			continue
		}
		c := r.accept(messages, ack).newClaim()
		underWay = ask(underWay, c)
		select {
		case asked <- c:
		case <-r.stopped.Done():
			return
		}
	}
}

// ahead is a claim that is under way, with its keys.
type ahead struct {
	*claim
	keys map[Key]struct{}
}

// ask starts a claim beside those that are under way. It waits for one that asks
// for the same event: the delivery that was read first is to have it.
func ask(underWay []ahead, c *claim) []ahead {
	underWay = slices.DeleteFunc(underWay, func(a ahead) bool {
		select {
		case <-a.done:
			return true
		default:
			return false
		}
	})
	keys := make(map[Key]struct{}, len(c.batch.keys))
	for _, key := range c.batch.keys {
		keys[key] = struct{}{}
	}
	delete(keys, Key{})
	for _, a := range underWay {
		for key := range a.keys {
			if _, same := keys[key]; same {
				<-a.done
				break
			}
		}
	}
	go c.ask()
	return append(underWay, ahead{c, keys})
}

func (r *reader) accept(messages service.MessageBatch, ack service.AckFunc) *batch {
	b := &batch{
		reader: r, messages: messages, ack: ack, keys: make([]Key, len(messages)), names: make([]string, len(messages)),
		owner: r.process + "/" + strconv.FormatUint(r.batches.Add(1), 36), held: make([]bool, len(messages)), known: make([]bool, len(messages)), renewed: time.Now(),
	}
	b.accepted = b.renewed
	for i, m := range messages {
		b.names[i] = unknown
		if raw, err := m.AsBytes(); err == nil && m.GetError() == nil {
			var name []byte
			if b.keys[i], name = r.keyer.key(raw); len(name) > 0 {
				b.names[i] = r.meter.names.Value(string(name))
			}
		}
		if !b.keys[i].Valid() {
			r.meter.unprotected.Incr(1, "no_key")
		}
	}
	tally(r.meter.received, b.names)
	b.delivery = NewDelivery(b.keys)
	r.mu.Lock()
	r.open[b] = struct{}{}
	r.mu.Unlock()
	return b
}

// tally adds names to a counter, runs of one name at once.
func tally(counter *service.MetricCounter, names []string) {
	for i := 0; i < len(names); {
		j := i + 1
		for j < len(names) && names[j] == names[i] {
			j++
		}
		counter.Incr(int64(j-i), names[i])
		i = j
	}
}

func (r *reader) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// call asks the backend, and again until it answers where events are held for
// it. Otherwise a backend that is down is left alone for a while.
func (r *reader) call(ctx context.Context, operation string, f func(context.Context) error) error {
	for {
		if !r.set.hold && time.Now().UnixNano() < r.downTil.Load() {
			return errDown
		}
		began := time.Now()
		err := f(ctx)
		if err == nil {
			r.meter.latency.Timing(time.Since(began).Nanoseconds(), operation)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.meter.failures.Incr(1, operation)
		now := time.Now()
		if before := r.downTil.Swap(now.Add(downPause).UnixNano()); before < now.UnixNano()-int64(time.Minute) {
			r.log.Warnf("The backend does not answer; further failures are counted only: %v", err)
		}
		if !r.set.hold {
			return errDown
		}
		if !r.pause(ctx, downPause/4) {
			return ctx.Err()
		}
	}
}

var errDown = errors.New("the backend of helios_dedupe is down")

// renew keeps the claims of a living process alive, however long the rest of the
// pipeline takes.
func (r *reader) renew() {
	defer r.running.Done()
	every := r.set.terms.Claim / 3
	for r.pause(r.stopped, every) {
		r.mu.Lock()
		var old []*batch
		for b := range r.open {
			old = append(old, b)
		}
		r.mu.Unlock()
		for _, b := range old {
			if keys := b.claims(time.Now().Add(-every)); len(keys) > 0 {
				_ = r.call(r.stopped, "renew", func(ctx context.Context) error { return r.backend.Renew(ctx, b.owner, keys) })
			}
		}
	}
}

// Close gives up all claims, so that whoever gets the events next need not wait.
func (r *reader) Close(ctx context.Context) error {
	r.stop()
	r.running.Wait()
	err := r.child.Close(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	for b := range r.open {
		if keys := b.claims(time.Now()); len(keys) > 0 && r.backend.Release(ctx, b.owner, keys) != nil {
			break // they expire
		}
	}
	return errors.Join(err, r.backend.Close())
}

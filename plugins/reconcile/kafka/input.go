package kafka

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

// Input reads events and writes verdicts until it is closed. It joins the group
// again after every error, with the state that is in the log.
type Input struct {
	conf            Config
	shape           metadataShape
	transactionalID string

	repeats repeats

	// mu guards the arrivals and all engines: engines that share their
	// arrivals settle one another.
	mu       sync.Mutex
	arrivals *engine.Arrivals

	queued queueBound

	stop   context.CancelFunc // asks the loop to end
	abort  context.CancelFunc // ends it at once
	closed chan struct{}      // the loop has ended
	once   sync.Once
}

// New checks the config; errors wrap engine.ErrConfig where the judging is
// concerned. It connects to nothing.
func New(conf Config) (*Input, error) {
	conf.setDefaults()
	if err := conf.check(); err != nil {
		return nil, err
	}
	shape, err := shapeOf(conf.Engine.Expectations)
	if err != nil {
		return nil, err
	}
	in := &Input{
		conf: conf, shape: shape,
		transactionalID: "helios-reconcile-" + conf.Group + "-" + conf.Instance,
		arrivals:        engine.NewArrivals(conf.Engine.IdleTimeout),
		queued:          queueBound{max: conf.Queue, wake: make(chan struct{}, 1)},
		repeats:         repeats{log: conf.Log},
		closed:          make(chan struct{}),
	}
	if conf.Instance == "" {
		in.transactionalID += rand.Text()
	}
	return in, nil
}

// client is what every connection needs, and more.
func (in *Input) client(more ...kgo.Opt) []kgo.Opt {
	return append(in.conf.Client[:len(in.conf.Client):len(in.conf.Client)], more...)
}

// wall is the wall clock in Unix nanoseconds.
func (in *Input) wall() int64 { return in.conf.Now().UnixNano() }

// Start checks the topics and begins to read. It may be called again after an
// error, and not after it succeeded.
func (in *Input) Start(ctx context.Context) error {
	limits, err := in.checkTopics(ctx)
	if err != nil {
		return err
	}
	stop, cancelStop := context.WithCancel(context.Background())
	run, cancelRun := context.WithCancel(context.Background())
	in.stop, in.abort = cancelStop, cancelRun
	go in.loop(stop, run, limits)
	return nil
}

// Deliveries returns the committed outputs that nobody has taken yet, waiting
// for some. It fails with the context's error, or with ErrClosed.
func (in *Input) Deliveries(ctx context.Context) ([]Delivery, error) {
	for {
		if batch := in.queued.take(); len(batch) > 0 {
			return batch, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-in.closed:
			if batch := in.queued.take(); len(batch) > 0 {
				return batch, nil
			}
			return nil, ErrClosed
		case <-in.queued.wake:
		}
	}
}

// ErrClosed is returned by Deliveries after Close.
var ErrClosed = errors.New("the reconciling input is closed")

// Close lets the transaction under way end, leaves the group and waits, until
// ctx is done. No fact is closed by it: open facts are in the log.
func (in *Input) Close(ctx context.Context) error {
	if in.stop == nil {
		in.once.Do(func() { close(in.closed) })
		return nil
	}
	in.stop()
	select {
	case <-in.closed:
		return nil
	case <-ctx.Done():
		in.abort()
		return ctx.Err()
	}
}

// loop runs one session after the other.
func (in *Input) loop(stop, run context.Context, limits limits) {
	defer close(in.closed)
	defer in.abort()
	const shortest, longest = 100 * time.Millisecond, 10 * time.Second
	wait := shortest
	for stop.Err() == nil {
		begun := time.Now()
		err := in.session(stop, run, limits)
		if stop.Err() != nil {
			return
		}
		if time.Since(begun) > time.Minute {
			wait = shortest
		}
		in.conf.Log.Warn("Reconciling was interrupted and begins again with the state in the log", "error", err, "wait", wait)
		select {
		case <-stop.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, longest)
	}
}

func (in *Input) session(stop, run context.Context, limits limits) error {
	ctx, cancel := context.WithCancel(run)
	defer cancel()
	s, err := in.open(ctx, limits)
	if err != nil {
		return err
	}
	defer s.close()
	return s.run(stop)
}

// handOver queues committed outputs for Deliveries and tells the observer.
func (in *Input) handOver(partition int32, outputs []*output) {
	if len(outputs) == 0 {
		return
	}
	batch := make([]Delivery, len(outputs))
	for i, o := range outputs {
		batch[i] = Delivery{Partition: partition, Verdict: o.verdict, Flagged: o.flagged}
	}
	in.conf.Observer.Committed(batch)
	if dropped := in.queued.put(batch); dropped > 0 {
		in.conf.Observer.Overflowed(dropped)
	}
}

// queueBound is a queue that never blocks its writer: what is beyond max is
// dropped.
type queueBound struct {
	max   int
	wake  chan struct{}
	mu    sync.Mutex
	batch []Delivery
}

func (q *queueBound) put(batch []Delivery) (dropped int) {
	q.mu.Lock()
	room := q.max - len(q.batch)
	if len(batch) > room {
		dropped = len(batch) - room
		batch = batch[:room]
	}
	q.batch = append(q.batch, batch...)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return dropped
}

// maxDelivery is how many outputs are taken at once.
const maxDelivery = 1000

func (q *queueBound) take() []Delivery {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.batch), maxDelivery)
	batch := q.batch[:n:n]
	if q.batch = q.batch[n:]; len(q.batch) == 0 {
		q.batch = nil
	}
	return batch
}

package reconcile

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

const (
	rbFieldHoldAcks = "hold_acks"

	// bufferTick is how often the clocks advance.
	bufferTick = 100 * time.Millisecond
	// expireChunk is how many facts are closed in one go while intake waits.
	expireChunk = 64
	// expireEvery is how often, at most, intake itself looks for what is due.
	expireEvery = 5 * time.Millisecond
	// queueLimit is how many messages may wait for the output before intake and
	// closing pause.
	queueLimit = 8192
	// expireLimit is how many may wait before closing pauses: intake always has
	// the rest of the room, whatever falls due.
	expireLimit = queueLimit / 2
	// readLimit is how many messages one batch to the output holds.
	readLimit = 256
	// firstRetry and longestRetry bound the pause before a refused batch is
	// offered again.
	firstRetry   = 100 * time.Millisecond
	longestRetry = 5 * time.Second
)

func bufferConfig() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Categories("Reconciliation").
		Summary("Decides for each business fact whether the participants that report it agree, and emits one verdict per fact.").
		Description(bufferDescription).
		Fields(reconcileFields()...).
		Field(service.NewBoolField(rbFieldHoldAcks).
			Description("Whether an input's batch is acknowledged only when the verdicts of all its events have been delivered. With `false` it is acknowledged when it has been taken in: right for files and other inputs that can't deliver again, and the only way for the end of a finite input to be seen.").
			Default(true)).
		LintRule(expectationsLint).
		Example("Orders from three clouds",
			"Every order must be reported by three clouds within a minute, with the same amount and currency.", `
input:
  file:
    paths: [ ./events/*.jsonl ]
    scanner:
      lines: {}

buffer:
  helios_reconcile:
    hold_acks: false
    expectations:
      - name: orders
        types: [ "com.example.order.*" ]
        expect: [ aws, gcp, azure ]
        window: 60s
        allowed_lateness: 10s
        compare:
          - { field: data.amount, tolerance: 0.01 }
          - { field: data.currency, ignore_case: true }

output:
  file:
    path: ./verdicts.jsonl
    codec: lines
`)
}

const bufferDescription = `
One fact is one combination of ` + "`tenant`, `type` and `correlationid`" + ` of canonical events. An expectation says which participants must report it and which fields must agree. The buffer emits, for each fact, one JSON object: ` + "`matched`, `mismatched`, `partial`, `missing` or `indeterminate`" + `, with who is missing, which fields differ and who is the outlier. An event that comes after the verdict makes a correction: the same ` + "`id` with the next `revision`" + `.

Every participant has a clock of its own, its highest event time, so that one slow or silent cloud neither holds the others back nor is blamed: facts that only wait for a stalled participant close as ` + "`indeterminate`" + `.

### Events that can't be judged

They are emitted unchanged, flagged as an error, with the metadata ` + "`helios_reason`" + `: ` + "`unreadable`, `unkeyed`, `no_expectation`, `future`, `unexpected` or `too_late`" + `. Route them with ` + "`errored()`" + `.

### Metadata of verdicts

` + "`helios_tenant`, `helios_type`, `helios_key`, `helios_status`, `helios_revision`" + `, and of a correction ` + "`helios_previous_status`" + `, the status it replaces.

### Acknowledgement

With ` + "`hold_acks`" + ` a batch is acknowledged when all its verdicts have been delivered; the input must then allow as many unacknowledged messages as arrive within ` + "`window` + `allowed_lateness`" + `. When its limit is lower, intake stops until facts are given up; the buffer warns and names that cause. Facts that are open when the process stops are not closed; their batches are left unacknowledged and delivered again.

Held messages make Go's garbage collections expensive, so a process with such a buffer lets more garbage gather between two of them: a sixteenth of the memory of the machine or container, at most 192 MiB. It does not when the environment variable ` + "`GOMEMLIMIT`" + ` sets a limit.

The buffer forgets its facts when the process stops. The input of the same name keeps them in the log.`

// buffer puts the engine behind any input.
type buffer struct {
	log      *service.Logger
	now      func() time.Time
	holdAcks bool
	idle     time.Duration

	retryFirst, retryMost time.Duration // firstRetry and longestRetry, in tests less

	mu        sync.Mutex
	changed   *sync.Cond // something was queued or taken, or the state below changed
	engine    *engine.Engine
	metrics   *metrics
	held      held
	queue     []outgoing
	untold    bool // the queue has grown since its readers were told
	returning int  // messages that the output has refused and that wait to be offered again
	flying    int  // batches that the output has and has not delivered
	ended     bool // no more input
	drained   bool // ... and nothing more can be queued
	closed    bool
	waiting   int // intake calls that wait for the queue
	blocked   time.Duration
	since     time.Time // when waiting rose above 0
	lastIn    time.Time
	lastOut   time.Time // when the output last delivered, or began to have something to deliver
	looked    time.Time // when somebody last looked whether the stream is being stopped
	paused    bool      // it is
	warned    bool
	expired   time.Time
	due       bool          // closing has paused because the queue was full
	wake      chan struct{} // closing is to go on

	release func()        // the headroom
	done    chan struct{} // tickLoop has ended

	readMu   sync.Mutex // one batch is read at a time
	reader   *engine.Reader
	takings  chan *taking // read and to be applied; nil without takeLoop
	spare    chan *taking
	taken    chan struct{} // takeLoop has ended
	endOnce  sync.Once
	stopping bool // when the input ended

	writable   context.Context // until the input ends
	endWriting context.CancelFunc
	closing    context.Context // until the buffer is closed
	close      context.CancelFunc
}

// outgoing is a verdict or a flagged event on its way to the output.
type outgoing struct {
	verdict *engine.Verdict  // nil for a flagged event
	flagged *service.Message // nil for a verdict
	token   uint64           // of a flagged event
	refused int              // how often the output has refused it
}

func newBuffer(conf *service.ParsedConfig, res *service.Resources) (service.BatchBuffer, error) {
	b, err := newIdleBuffer(conf, res)
	if err != nil {
		return nil, err
	}
	b.takings, b.taken = make(chan *taking, 1), make(chan struct{})
	go b.tickLoop()
	go b.takeLoop()
	return b, nil
}

// newIdleBuffer makes a buffer whose clocks nobody advances, and in which
// WriteBatch does all that is to be done.
func newIdleBuffer(conf *service.ParsedConfig, res *service.Resources) (*buffer, error) {
	cfg, err := parseReconcileConfig(conf, res)
	if err != nil {
		return nil, err
	}
	b := &buffer{log: res.Logger(), now: time.Now, metrics: newMetrics(res), idle: cfg.IdleTimeout,
		retryFirst: firstRetry, retryMost: longestRetry,
		release: func() {}, spare: make(chan *taking, spareTakings), done: make(chan struct{}), wake: make(chan struct{}, 1), lastIn: time.Now()}
	b.closing, b.close = context.WithCancel(context.Background())
	b.writable, b.endWriting = context.WithCancel(b.closing)
	b.changed = sync.NewCond(&b.mu)
	if b.holdAcks, err = conf.FieldBool(rbFieldHoldAcks); err != nil {
		return nil, err
	}
	cfg.Tokens, cfg.Unseen = b.holdAcks, warnOfUnseen(b.log)
	if b.engine, err = engine.New(cfg, b); err != nil {
		return nil, err
	}
	b.reader = b.engine.NewReader()
	b.metrics.begin(cfg.Expectations)
	if b.holdAcks {
		b.release = sharedHeadroom.take()
	}
	return b, nil
}

func init() {
	service.MustRegisterBatchBuffer("helios_reconcile", bufferConfig(), newBuffer)
}

// Verdict implements engine.Sink; the engine is only called under the lock.
func (b *buffer) Verdict(v *engine.Verdict) {
	b.queue = append(b.queue, outgoing{verdict: v})
}

// ReadBatch hands verdicts and flagged events to the output.
func (b *buffer) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	out, err := b.next(ctx)
	if err != nil {
		return nil, nil, err
	}
	// Outside the lock: intake goes on meanwhile. A refused batch is made anew,
	// whatever became of its messages.
	batch := make(service.MessageBatch, len(out))
	for i := range out {
		batch[i] = out[i].message()
	}
	return batch, b.answer(out), nil
}

// message makes the message of a verdict or a flagged event.
func (o *outgoing) message() *service.Message {
	if o.verdict != nil {
		return verdictMessage(o.verdict)
	}
	return o.flagged.Copy()
}

// next takes what is first in the queue, and waits for it.
func (b *buffer) next(ctx context.Context) ([]outgoing, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.wakeWith(ctx)()
	for {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if len(b.queue) > 0 {
			break
		}
		if b.closed || b.ended && b.drained && b.flying == 0 {
			return nil, service.ErrEndOfBuffer
		}
		b.changed.Wait()
	}
	n := min(len(b.queue), readLimit)
	out := append([]outgoing(nil), b.queue[:n]...)
	clear(b.queue[:n])
	if n < len(b.queue) {
		b.queue = b.queue[n:]
	} else {
		b.queue = b.queue[:0] // its memory is used again
	}
	b.flying++
	now := b.now()
	for i := range out {
		if v := out[i].verdict; v != nil && out[i].refused == 0 {
			b.metrics.verdict(v, now)
		}
	}
	b.changed.Broadcast()
	if b.due && b.waitingOut() < expireLimit/2 {
		b.nudge()
	}
	return out, nil
}

// answer returns what the output calls when it has delivered or refused a
// batch. A refused one is offered again after a pause that doubles: nothing is
// nacked upstream while the process runs, since inputs exist that lose an event
// on a nack.
func (b *buffer) answer(out []outgoing) service.AckFunc {
	return func(ctx context.Context, err error) error {
		if err != nil {
			b.putBack(out)
			return nil
		}
		return callAll(ctx, b.delivered(out), nil)
	}
}

// putBack keeps a refused batch until it is offered again. Meanwhile it counts
// as waiting for the output: an output that refuses at once must not let the
// queue grow behind its back.
func (b *buffer) putBack(out []outgoing) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.returning += len(out)
	pause := min(b.retryFirst<<min(out[0].refused, 10), b.retryMost)
	time.AfterFunc(pause, func() { b.offerAgain(out) })
}

func (b *buffer) offerAgain(out []outgoing) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flying--
	b.returning -= len(out)
	if !b.closed {
		for i := range out {
			out[i].refused++
		}
		b.queue = append(out, b.queue...)
	}
	b.changed.Broadcast()
}

// delivered releases the tokens of what the output has taken and returns the
// acknowledgements that fall due.
func (b *buffer) delivered(out []outgoing) (acks []service.AckFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flying--
	b.lastOut = b.now()
	b.changed.Broadcast()
	if !b.holdAcks || b.closed {
		return nil
	}
	release := func(token uint64) {
		if ack := b.held.release(token); ack != nil {
			acks = append(acks, ack)
		}
	}
	for _, o := range out {
		if o.verdict == nil {
			release(o.token)
			continue
		}
		for _, token := range o.verdict.Tokens {
			release(token)
		}
	}
	return acks
}

// Close gives back what has not been acknowledged: the batches of open facts,
// and of verdicts that the output has not taken.
func (b *buffer) Close(ctx context.Context) error {
	b.close()
	<-b.done
	if b.takings != nil {
		<-b.taken
		b.readMu.Lock() // who has waited in WriteBatch may have handed its batch over
		b.takeRest()
		b.readMu.Unlock()
	}
	b.mu.Lock()
	b.closed = true
	acks := b.held.drain()
	b.engine.Close()
	b.changed.Broadcast()
	b.mu.Unlock()
	b.release()
	return callAll(ctx, acks, errStopped)
}

var errStopped = errors.New("stopped before the verdict: the events are to be delivered again")

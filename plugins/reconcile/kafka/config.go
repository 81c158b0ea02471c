// Package kafka reconciles events that lie in a Kafka topic, and keeps its
// state in the log: open facts are the uncommitted suffix of the events, closed
// facts are the verdicts, and everything else is in the metadata of the offset
// commit. Verdicts, flagged events and offsets are written in one transaction,
// so that a reader of committed data sees each verdict exactly once.
//
// The protocol builds on KIP-98 (transactions), KIP-447 (offset fencing by
// generation, stable offset fetches) and KIP-429 (cooperative rebalancing).
package kafka

import (
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
	"github.com/helios-connect/helios/plugins/tracing/spans"
)

// Defaults of a Config.
const (
	DefaultCommitInterval     = 100 * time.Millisecond
	DefaultSessionTimeout     = 45 * time.Second
	DefaultTransactionTimeout = 10 * time.Second
	DefaultMaxReread          = 1_000_000
)

// Config is what New takes. Durations and counts of zero take their default.
type Config struct {
	// Client holds what every connection needs: seed brokers, TLS, SASL, a
	// client id.
	Client []kgo.Opt
	// Topic holds the events, VerdictTopic gets the verdicts (same number of
	// partitions), DLQTopic the events that can't be judged.
	Topic, VerdictTopic, DLQTopic string
	// Group is the consumer group.
	Group string
	// Instance names this process for ever, so that after a restart it takes
	// over its partitions and fences its former self at once. Empty: random.
	Instance string
	// CommitInterval is how often a transaction is ended, and with it the
	// greatest time that a verdict waits.
	CommitInterval time.Duration
	// SessionTimeout is the silence after which the group gives an instance's
	// partitions to others. TransactionTimeout must be lower.
	SessionTimeout, TransactionTimeout time.Duration
	// MaxReread is how many events a partition may have to read again after a
	// crash. Beyond it the oldest facts close as pressure.
	MaxReread int64
	// Engine configures the judging. Tokens, State and Arrivals are set here.
	Engine engine.Config
	// LookInterval is how often the broker is asked where the logs end, which is
	// what idle time and lag are measured by [a twentieth of the idle timeout,
	// 20ms to 1s].
	LookInterval time.Duration
	// Now is the wall clock [time.Now]: verdicts carry it as decided_at, and
	// events without an ingesttime are of the future by it.
	Now func() time.Time
	// Running is the time that has passed since some moment, by a clock that is
	// never set: silence is measured by it [the process's monotonic clock].
	Running func() time.Duration
	// Queue is how many deliveries wait for a slow consumer of Deliveries
	// before they are dropped.
	Queue int
	// Observer is told what happens, for metrics. It must not block.
	Observer Observer
	Log      *slog.Logger
	// Tracer makes the spans of verdicts on traced events; nil: none.
	Tracer *spans.Tracer
}

func (c *Config) setDefaults() {
	setDefault(&c.CommitInterval, DefaultCommitInterval)
	setDefault(&c.SessionTimeout, DefaultSessionTimeout)
	setDefault(&c.TransactionTimeout, DefaultTransactionTimeout)
	setDefault(&c.MaxReread, DefaultMaxReread)
	setDefault(&c.Engine.CorrectionHorizon, 10*time.Minute)
	setDefault(&c.Engine.IdleTimeout, 30*time.Second)
	setDefault(&c.Engine.MaxOpen, 1_000_000)
	setDefault(&c.Engine.MaxClosed, 1_000_000)
	setDefault(&c.LookInterval, min(max(c.Engine.IdleTimeout/20, 20*time.Millisecond), time.Second))
	setDefault(&c.Queue, 100_000)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Running == nil {
		start := time.Now()
		c.Running = func() time.Duration { return time.Since(start) }
	}
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Engine.State = true
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Flagged is an event that can't be judged. Participant and Tenant are empty
// when it is unreadable.
type Flagged struct {
	Record              *kgo.Record
	Reason              engine.Reason
	Detail              string
	Participant, Tenant string
}

// Delivery is one committed output: either a verdict or a flagged event.
type Delivery struct {
	Partition int32
	Verdict   *engine.Verdict
	Flagged   *Flagged
}

// Observer is told what happens in an input, for metrics.
type Observer interface {
	// Received: count events of a participant and tenant were judged or
	// flagged; both are empty when the event is unreadable.
	Received(participant, tenant string, count int)
	// Repeated: count events came after their participant's first of the same
	// fact. What is rebuilt after a crash doesn't count again.
	Repeated(participant, tenant string, count int)
	// Restored: a partition's closed facts were read back.
	Restored(partition int32, verdicts int, took time.Duration)
	// Rebuilt: count events below the committed position were read again.
	Rebuilt(partition int32, count int)
	// Lost: count events were deleted by retention before they were read.
	Lost(partition int32, count int64)
	// Dropped: the state of a partition was given up; stale: although nobody
	// had said that the partition was revoked.
	Dropped(partition int32, stale bool)
	// Transaction: a transaction ended.
	Transaction(result TransactionResult, took time.Duration)
	// Committed: these outputs are committed.
	Committed(outputs []Delivery)
	// Overflowed: count deliveries were dropped because nobody took them.
	Overflowed(count int)
	// Observed: the state after a look at the log's ends.
	Observed(partitions []PartitionStats)
}

// PartitionStats is a snapshot of one partition.
type PartitionStats struct {
	Partition int32
	Phase     string
	// Committed is the position as of the last transaction.
	Committed int64
	// Lag is how many offsets of the log are not applied yet.
	Lag int64
	// Reread is how many offsets a restart would read again.
	Reread int64
	// Pending is how many outputs wait for a transaction.
	Pending int
	Engine  engine.Stats
}

// TransactionResult is how a transaction ended.
type TransactionResult uint8

const (
	// Committed as asked.
	Committed TransactionResult = iota
	// Confirmed: the answer was lost or negative, but the broker committed.
	Confirmed
	// Aborted: its outputs go into the next transaction.
	Aborted
	// Failed: all state is given up and read again.
	Failed
)

var resultNames = [...]string{"committed", "confirmed", "aborted", "failed"}

// String returns the result as metrics spell it.
func (r TransactionResult) String() string { return resultNames[r] }

// TransactionResults lists every result as metrics spell it.
func TransactionResults() []string { return append([]string(nil), resultNames[:]...) }

type nobody struct{}

func (nobody) Received(string, string, int)                 {}
func (nobody) Repeated(string, string, int)                 {}
func (nobody) Restored(int32, int, time.Duration)           {}
func (nobody) Rebuilt(int32, int)                           {}
func (nobody) Lost(int32, int64)                            {}
func (nobody) Dropped(int32, bool)                          {}
func (nobody) Transaction(TransactionResult, time.Duration) {}
func (nobody) Committed([]Delivery)                         {}
func (nobody) Overflowed(int)                               {}
func (nobody) Observed([]PartitionStats)                    {}

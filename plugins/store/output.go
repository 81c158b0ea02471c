package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/tracing"
	"github.com/helios-connect/helios/plugins/tracing/spans"
)

const (
	soFieldDSN           = "dsn"
	soFieldKind          = "kind"
	soFieldMaxPartitions = "max_partitions"
	soFieldMaxInFlight   = "max_in_flight"
	soFieldBatching      = "batching"
)

func outputSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Categories("Services").
		Version("1.0.0").
		Summary("Stores canonical events, verdicts, dead letters or contracts in PostgreSQL or SQLite, each once, however often it is delivered.").
		Description(`
The tables are created and brought up to date at the start, under a lock, so that any number of processes may start at once. PostgreSQL takes batches by `+"`COPY`"+` into a staging table and one merge from there; SQLite (in WAL mode) by prepared inserts. Either way a batch is one transaction.

Delivering a batch again, or batches in another order, changes nothing. Events are known by tenant, cloud, source, id and time; revisions of a verdict by id, opened_at and revision. The history of verdicts is append-only, and the current row of a fact never moves back in (opened_at, revision).

Sums by the hour of events, verdicts and dead letters (`+"`helios_events_hourly`"+` and so on) are kept in the same transaction and count each row once. They tell 100 sources apart for each hour, tenant and type; further ones count as `+"`other`"+`.

A message that doesn't parse, or whose row the database refuses, is rejected alone with an error that says why, while the rest of its batch is stored: put a `+"`fallback`"+` around this output to dead-letter it. When the database itself can't take anything (connection lost, disk full, permission missing) no message is rejected: the output waits, reconnects and writes the same batch again.

Performance comes from batches: set `+"`batching`"+` unless the messages arrive in batches already.`).
		Fields(
			service.NewStringField(soFieldDSN).
				Description("Where to store. The scheme selects the database: `sqlite:///absolute/path`, `sqlite://relative/path` or `file:path` for a SQLite file, which is created when absent; `postgres://user:password@host:5432/database?sslmode=verify-full` for PostgreSQL 12 or later with encoding UTF8. Errors never show it.").
				Secret().
				Default("sqlite://helios.db").
				Example("sqlite:///var/lib/helios/helios.db").
				Example("${HELIOS_STORE_DSN}"),
			service.NewStringAnnotatedEnumField(soFieldKind, map[string]string{
				kindEvents.String():      "Canonical events, into `helios_events`, partitioned by day in PostgreSQL.",
				kindVerdicts.String():    "Verdicts, every revision into `helios_verdict_history` and the latest of each fact into `helios_verdicts`.",
				kindDeadLetters.String(): "Anything, into `helios_dead_letters`, with the reason from the metadata `helios-reason` (or `helios_reason`), `helios-stage`, `helios-detail`, `helios-origin`, `helios-attempt`, and of a broken contract `helios-schema` and `helios-violations`. Tenant, cloud, type and key come from `helios_tenant`, `helios_cloud`, `helios_type` and `helios_key` (or `kafka_key`), else, behind ingest, from the event or verdict itself.",
				kindContracts.String():   "Registered contracts, as the input `helios_contracts` emits them, each version once, into `helios_contracts`.",
			}).Description("What the messages are."),
			service.NewIntField(soFieldMaxPartitions).
				Description("PostgreSQL only: how many days of events there may be, each being a partition. Events of a further day are rejected, so that a clock that is wrong every time can't fill the catalogue with tables. Days before 2000 and from 2100 share one partition each.").
				Default(defaultMaxPartitions).
				LintRule(`root = if this < 1 { [ "max_partitions is %v; it must be at least 1".format(this) ] }`).
				Advanced(),
			service.NewOutputMaxInFlightField().
				Description("How many batches may be written at the same time. PostgreSQL: also the number of connections, unless the DSN sets `pool_max_conns`. SQLite writes one batch after the other in any case.").
				Default(defaultConnections),
			service.NewBatchPolicyField(soFieldBatching),
		).
		Example("Verdicts into PostgreSQL",
			"What can't be stored goes to the dead letters, and everything else is stored.", `
output:
  fallback:
    - helios_store:
        dsn: ${HELIOS_STORE_DSN}
        kind: verdicts
        batching:
          count: 5000
          period: 200ms
    - drop: {}
`).
		Example("Events into a SQLite file", "No server is needed.", `
output:
  helios_store:
    dsn: sqlite:///var/lib/helios/helios.db
    kind: events
    batching:
      count: 1000
      period: 500ms
`)
}

func newOutput(conf *service.ParsedConfig, res *service.Resources) (out service.BatchOutput, policy service.BatchPolicy, maxInFlight int, err error) {
	if policy, err = conf.FieldBatchPolicy(soFieldBatching); err != nil {
		return nil, policy, 0, err
	}
	if maxInFlight, err = conf.FieldMaxInFlight(); err != nil {
		return nil, policy, 0, err
	}
	if maxInFlight < 1 {
		return nil, policy, 0, fmt.Errorf("%s is %d; it must be at least 1", soFieldMaxInFlight, maxInFlight)
	}
	dsn, err := conf.FieldString(soFieldDSN)
	if err != nil {
		return nil, policy, 0, err
	}
	if _, err = parseDSN(dsn); err != nil {
		return nil, policy, 0, err
	}
	name, err := conf.FieldString(soFieldKind)
	if err != nil {
		return nil, policy, 0, err
	}
	kind, err := parseKind(name)
	if err != nil {
		return nil, policy, 0, err
	}
	opt := options{connections: maxInFlight}
	if opt.maxPartitions, err = conf.FieldInt(soFieldMaxPartitions); err != nil {
		return nil, policy, 0, err
	}
	if opt.maxPartitions < 1 {
		return nil, policy, 0, fmt.Errorf("%s is %d; it must be at least 1", soFieldMaxPartitions, opt.maxPartitions)
	}
	return &output{dsn: dsn, kind: kind, opt: opt, log: res.Logger(), metrics: newMetrics(res.Metrics(), kind), tracer: tracing.From(res)}, policy, maxInFlight, nil
}

func init() {
	service.MustRegisterBatchOutput("helios_store", outputSpec(), newOutput)
}

// Waits between attempts while the store is unavailable.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 5 * time.Second
)

// output is the batch output. Connect calls it with up to max_in_flight batches
// at once.
type output struct {
	dsn     string
	kind    kind
	opt     options
	log     *service.Logger
	metrics *metrics
	tracer  *spans.Tracer // nil: tracing is off

	mu    sync.Mutex
	db    *DB           // nil until the first connection
	pause time.Duration // before the next attempt; 0 while the store is well
}

// Connect opens the store and migrates it. After an outage it first waits: a
// store whose disk is full can be connected to at once, and would be without end.
func (o *output) Connect(ctx context.Context) error {
	o.mu.Lock()
	pause, db := o.pause, o.db
	o.mu.Unlock()
	if pause > 0 {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if db != nil {
		if err := db.backend.migrate(ctx); err != nil {
			return fmt.Errorf("reconnecting: %w", err)
		}
		return nil
	}
	db, err := create(ctx, o.dsn, o.opt)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.db = db
	return nil
}

// WriteBatch stores a batch. Messages at fault are reported one by one in a
// *service.BatchError. ErrNotConnected means that nothing of the batch is at
// fault and that it is to be written again.
func (o *output) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	o.mu.Lock()
	db := o.db
	o.mu.Unlock()
	if db == nil {
		return service.ErrNotConnected
	}
	started := time.Now()
	refusals := refusals{batch: batch}
	counts, err := o.kind.write(ctx, db.backend, &refusals)
	o.metrics.rows(counts)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		o.unavailable(err)
		return service.ErrNotConnected
	}
	o.available()
	o.metrics.batch(o.kind, len(batch), time.Since(started), refusals.count)
	if o.tracer != nil {
		o.trace(batch, &refusals, started)
	}
	return refusals.err()
}

// trace records the writing of the messages that are traced.
func (o *output) trace(batch service.MessageBatch, r *refusals, started time.Time) {
	now := time.Now()
	for i, msg := range batch {
		if parent, ok := msg.MetaGet(tracing.MetaParent); ok {
			o.tracer.Stored(parent, o.kind.table(), len(batch), started, now, r.includes(i))
		}
	}
}

// unavailable lengthens the pause and logs the first error of an outage.
func (o *output) unavailable(err error) {
	o.mu.Lock()
	first := o.pause == 0
	o.pause = min(max(2*o.pause, firstPause), maxPause)
	o.mu.Unlock()
	o.metrics.unavailable.Incr(1, o.kind.table())
	if first {
		o.log.Errorf("Store unavailable, batches wait: %v", err)
	}
}

func (o *output) available() {
	o.mu.Lock()
	recovered := o.pause > 0
	o.pause = 0
	o.mu.Unlock()
	if recovered {
		o.log.Info("Store available again")
	}
}

// Close may be called more than once.
func (o *output) Close(context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.db == nil {
		return nil
	}
	db := o.db
	o.db = nil
	return db.Close()
}

// refusals gathers the messages of a batch that can't be stored.
type refusals struct {
	batch    service.MessageBatch
	rejected *service.BatchError
	count    int
	which    map[int]struct{}
}

func (r *refusals) add(i int, err error) {
	if r.rejected == nil {
		r.rejected = service.NewBatchError(r.batch, fmt.Errorf("%w: %w", errRefused, err))
	}
	r.rejected.Failed(i, err)
	r.count++
	if r.which == nil {
		r.which = make(map[int]struct{})
	}
	r.which[i] = struct{}{}
}

func (r *refusals) includes(i int) bool {
	_, ok := r.which[i]
	return ok
}

var errRefused = errors.New("messages can't be stored")

// err is nil when nothing was refused; a typed nil would count as an error.
func (r *refusals) err() error {
	if r.rejected == nil {
		return nil
	}
	return r.rejected
}

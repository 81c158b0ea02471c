package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/telemetry"
)

// kind is what an output's messages are.
type kind uint8

const (
	kindEvents kind = iota
	kindVerdicts
	kindDeadLetters
	kindContracts
)

var kindNames = [...]string{"events", "verdicts", "dead_letters", "contracts"}

// String returns the kind as configurations spell it.
func (k kind) String() string { return kindNames[k] }

// table is the kind's own table, which labels its metrics.
func (k kind) table() string {
	return [...]string{tableEvents, tableHistory, tableDeadLetters, tableContracts}[k]
}

func parseKind(name string) (kind, error) {
	for k, known := range kindNames {
		if name == known {
			return kind(k), nil
		}
	}
	return 0, fmt.Errorf("%s is %q; allowed are %s", soFieldKind, name, strings.Join(kindNames[:], ", "))
}

// numbered is a row and the place of its message in the batch.
type numbered[R any] struct {
	row     R
	message int
}

// write reads the messages of a batch and stores them.
func (k kind) write(ctx context.Context, b backend, refused *refusals) ([]tally, error) {
	switch k {
	case kindEvents:
		var reader eventReader
		return writeRows(ctx, refused, func(_ *service.Message, document []byte) (eventRow, error) {
			return reader.read(document)
		}, b.writeEvents, b.classify)
	case kindVerdicts:
		var reader verdictReader
		return writeRows(ctx, refused, func(_ *service.Message, document []byte) (verdictRow, error) {
			return reader.read(document)
		}, b.writeVerdicts, b.classify)
	case kindContracts:
		return writeRows(ctx, refused, func(_ *service.Message, document []byte) (contractRow, error) {
			return readContract(document)
		}, b.writeContracts, b.classify)
	default:
		var reader deadLetterReader
		now := time.Now()
		return writeRows(ctx, refused, func(msg *service.Message, payload []byte) (deadLetterRow, error) {
			return reader.read(msg, payload, now), nil
		}, b.writeDeadLetters, b.classify)
	}
}

func writeRows[R any](ctx context.Context, refused *refusals, read func(*service.Message, []byte) (R, error),
	write func(context.Context, []R) ([]tally, error), classify func(error) fault,
) ([]tally, error) {
	rows := make([]numbered[R], 0, len(refused.batch))
	for i, msg := range refused.batch {
		document, err := msg.AsBytes()
		if err != nil {
			refused.add(i, err)
			continue
		}
		row, err := read(msg, document)
		if err != nil {
			refused.add(i, err)
			continue
		}
		rows = append(rows, numbered[R]{row: row, message: i})
	}
	writeNumbered := func(ctx context.Context, part []numbered[R]) ([]tally, error) {
		plain := make([]R, len(part))
		for i := range part {
			plain[i] = part[i].row
		}
		return write(ctx, plain)
	}
	return isolate(ctx, rows, writeNumbered, classify, func(row numbered[R], err error) {
		refused.add(row.message, fmt.Errorf("the database refuses the row: %w", err))
	})
}

// metrics of one output.
type metrics struct {
	batches     *service.MetricCounter
	latency     *service.MetricTimer
	size        *service.MetricGauge
	stored      *service.MetricCounter
	present     *service.MetricCounter
	refused     *service.MetricCounter
	unavailable *service.MetricCounter
}

func newMetrics(m *service.Metrics, k kind) *metrics {
	counter := func(metric telemetry.Metric) *service.MetricCounter {
		return m.NewCounter(metric.Name, metric.Labels...)
	}
	created := &metrics{
		batches:     counter(telemetry.StoreBatches),
		latency:     m.NewTimer(telemetry.StoreBatchLatency.Name, telemetry.StoreBatchLatency.Labels...),
		size:        m.NewGauge(telemetry.StoreBatchRows.Name, telemetry.StoreBatchRows.Labels...),
		stored:      counter(telemetry.StoreRowsStored),
		present:     counter(telemetry.StoreRowsPresent),
		refused:     counter(telemetry.StoreRowsRefused),
		unavailable: counter(telemetry.StoreUnavailable),
	}
	// Series exist from the start, so that a rate over them sees the first one.
	created.unavailable.Incr(0, k.table())
	created.refused.Incr(0, k.table())
	created.present.Incr(0, k.table())
	return created
}

// rows counts what was written, also of a batch that has to be written again.
func (m *metrics) rows(counts []tally) {
	for _, c := range counts {
		m.stored.Incr(int64(c.stored), c.table)
		m.present.Incr(int64(c.present), c.table)
	}
}

// batch counts a batch that is done with.
func (m *metrics) batch(k kind, size int, took time.Duration, refused int) {
	m.batches.Incr(1, k.table())
	m.latency.Timing(took.Nanoseconds(), k.table())
	m.size.Set(int64(size), k.table())
	m.refused.Incr(int64(refused), k.table())
}

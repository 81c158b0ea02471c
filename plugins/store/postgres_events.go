package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	nanosPerDay = int64(24 * time.Hour)
	// daysPerWrite bounds the partitions that one transaction locks: each costs
	// one lock for itself and one for each index, out of a table that all
	// sessions share (max_locks_per_transaction).
	daysPerWrite = 100
	// daysPerLock bounds the partitions created by one transaction.
	daysPerLock = 25
)

// Events outside these days share two partitions, which the schema brings.
var (
	firstDay = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / 86400
	endDay   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / 86400
)

var errTooManyDays = errors.New("too many days of events")

var eventColumns = []string{"identity", "time", "time_ns", "tenant", "cloud", "source", "id", "type", "key",
	"ingest_time", "ingest_ns", "event"}

func fillEvent(v []any, r *eventRow) {
	v[0], v[1], v[2] = [16]byte(r.identity), r.time.time(), r.time.ns
	v[3], v[4], v[5], v[6], v[7], v[8] = r.tenant, r.cloud, r.source, r.id, r.typ, r.key
	v[9], v[10] = nullable(r.ingest)
	v[11] = r.document
}

var mergeEvents = &merging{stage: stageEvents, table: tableEvents, columns: eventColumns, key: "identity", order: "time, identity"}

// writeEvents stores rows in one transaction, or in several when they spread
// over more days than one should lock.
func (p *postgres) writeEvents(ctx context.Context, rows []eventRow) ([]tally, error) {
	var counts []tally
	for _, part := range splitByDays(rows) {
		if err := p.ensureDays(ctx, daysOf(part)); err != nil {
			return counts, err
		}
		distinct := distinctRows(part, func(r *eventRow) identity { return r.identity })
		stored, err := merge(ctx, p, mergeEvents, distinct, fillEvent, eventHours(distinct), nil)
		if err != nil {
			return counts, err
		}
		counts = addTally(counts, []tally{{table: tableEvents, stored: stored, present: len(part) - stored}})
	}
	return counts, nil
}

// splitByDays returns rows as they are when they lie in few days, else in parts
// that do.
func splitByDays(rows []eventRow) [][]eventRow {
	if len(daysOf(rows)) <= daysPerWrite {
		return [][]eventRow{rows}
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b eventRow) int { return int(a.day() - b.day()) })
	var parts [][]eventRow
	start, days := 0, 1
	for i := 1; i < len(rows); i++ {
		if rows[i].day() == rows[i-1].day() {
			continue
		}
		if days++; days > daysPerWrite {
			parts = append(parts, rows[start:i])
			start, days = i, 1
		}
	}
	return append(parts, rows[start:])
}

// day is the day of the event time in UTC, in days since 1970, also before it.
func (r *eventRow) day() int64 {
	day := r.time.ns / nanosPerDay
	if r.time.ns%nanosPerDay < 0 {
		day--
	}
	return day
}

// daysOf returns the days of rows that need a partition, sorted.
func daysOf(rows []eventRow) []int64 {
	seen := map[int64]struct{}{}
	var days []int64
	for i := range rows {
		day := rows[i].day()
		if _, ok := seen[day]; ok || day < firstDay || day >= endDay {
			continue
		}
		seen[day] = struct{}{}
		days = append(days, day)
	}
	slices.Sort(days)
	return days
}

func (p *postgres) forgetDays() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.days)
}

// ensureDays makes the partitions that are missing.
func (p *postgres) ensureDays(ctx context.Context, days []int64) error {
	p.mu.Lock()
	missing := slices.DeleteFunc(days, func(day int64) bool {
		_, ok := p.days[day]
		return ok
	})
	p.mu.Unlock()
	for part := range slices.Chunk(missing, daysPerLock) {
		if err := p.createDays(ctx, part); err != nil {
			return fmt.Errorf("creating partitions of %s: %w", tableEvents, err)
		}
		p.mu.Lock()
		for _, day := range part {
			p.days[day] = struct{}{}
		}
		p.mu.Unlock()
	}
	return nil
}

// createDays makes partitions under a lock, so that processes that need the same
// day at once wait for each other. A table is made first and attached then,
// which, unlike CREATE TABLE … PARTITION OF, blocks no reader and no writer.
func (p *postgres) createDays(ctx context.Context, days []int64) error {
	return pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(partitionLock)); err != nil {
			return err
		}
		attached, err := attachedPartitions(ctx, tx)
		if err != nil {
			return err
		}
		for _, day := range days {
			name := partitionName(day)
			if _, ok := attached[name]; ok {
				continue
			}
			if len(attached) >= p.opt.maxPartitions {
				return fmt.Errorf("%w: %s would be one more than the %d partitions that max_partitions allows", errTooManyDays, dayText(day), p.opt.maxPartitions)
			}
			if err = attachDay(ctx, tx, name, day); err != nil {
				return err
			}
			attached[name] = struct{}{}
		}
		return nil
	})
}

func attachDay(ctx context.Context, tx pgx.Tx, name string, day int64) error {
	_, err := tx.Exec(ctx, fmt.Sprintf(`CREATE TABLE IF NOT EXISTS %s (LIKE %s INCLUDING ALL)`, name, tableEvents))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, fmt.Sprintf(`ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM ('%s 00:00:00+00') TO ('%s 00:00:00+00')`,
		tableEvents, name, dayText(day), dayText(day+1)))
	return err
}

// attachedPartitions returns the names of the partitions, without the two that
// came with the schema.
func attachedPartitions(ctx context.Context, tx pgx.Tx) (map[string]struct{}, error) {
	rows, err := tx.Query(ctx, `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = $1::regclass AND c.relname ~ '^helios_events_[0-9]{8}$'`, tableEvents)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	attached := make(map[string]struct{}, len(names))
	for _, name := range names {
		attached[name] = struct{}{}
	}
	return attached, nil
}

func dayText(day int64) string { return time.Unix(day*86400, 0).UTC().Format(time.DateOnly) }

func partitionName(day int64) string {
	return tableEvents + "_" + time.Unix(day*86400, 0).UTC().Format("20060102")
}

// isPartitionMissing recognises the error for a row that no partition takes; it
// shares its code with violated checks, and has no constraint's name.
func isPartitionMissing(err *pgconn.PgError) bool {
	return err.Code == "23514" && err.ConstraintName == "" && err.TableName == tableEvents
}

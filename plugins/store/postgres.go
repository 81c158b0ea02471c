package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/pressly/goose/v3"
)

// postgres stores rows by COPY into a staging table of the session and one
// INSERT from there, which skips or updates what is there already.
type postgres struct {
	pool *pgxpool.Pool
	opt  options

	mu   sync.Mutex
	days map[int64]struct{} // days (since 1970) known to have a partition
}

const (
	stageEvents      = "helios_stage_events"
	stageVerdicts    = "helios_stage_verdicts"
	stageDeadLetters = "helios_stage_dead_letters"
)

func openPostgres(ctx context.Context, url string, mode access, opt options) (*postgres, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrDSN, parseComplaint(err))
	}
	p := &postgres{opt: opt, days: map[int64]struct{}{}}
	if p.opt.connections == 0 {
		p.opt.connections = defaultConnections
	}
	if p.opt.maxPartitions == 0 {
		p.opt.maxPartitions = defaultMaxPartitions
	}
	if !strings.Contains(url, "pool_max_conns=") {
		config.MaxConns = int32(p.opt.connections)
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	if _, named := config.ConnConfig.RuntimeParams["application_name"]; !named {
		config.ConnConfig.RuntimeParams["application_name"] = "helios_store"
	}
	if mode == readOnly {
		config.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
	}
	if p.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	if err = p.checkEncoding(ctx); err != nil {
		p.pool.Close()
		return nil, err
	}
	return p, nil
}

// parseComplaint says what pgx found wrong, as far as that can't hold a part of
// the password: pgx masks what it recognises, which is not everything.
func parseComplaint(err error) string {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) && errors.Unwrap(parse) == nil {
		return "not a PostgreSQL URL; " + dsnAllowed
	}
	return "a part of the PostgreSQL URL (host, port, sslmode or another parameter) is not valid; " + dsnAllowed
}

// checkEncoding refuses databases that can't hold every text.
func (p *postgres) checkEncoding(ctx context.Context) error {
	var encoding string
	if err := p.pool.QueryRow(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database has encoding %s; UTF8 is needed: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	return nil
}

func (p *postgres) migrate(ctx context.Context) error {
	// Connections from before an outage are of no use.
	p.pool.Reset()
	p.forgetDays()
	db := stdlib.OpenDBFromPool(p.pool)
	defer db.Close()
	return migrate(ctx, db, postgresDialect, goose.WithSessionLocker(advisoryLock{}))
}

func (p *postgres) close() error {
	p.pool.Close()
	return nil
}

// merging says how rows get from a staging table into their own.
type merging struct {
	stage, table string
	columns      []string
	key          string // columns that know a row again
	order        string // in which rows are inserted
}

// placeColumn of a staging table is the row's place in its batch.
const placeColumn = "batch_place"

// insert moves staged rows on. It returns how many were new and, unless that is
// all ($1), the places of those: mostly all are, and nothing has to be joined.
func (m *merging) insert() string {
	return fmt.Sprintf(`WITH inserted AS (INSERT INTO %[1]s (%[2]s) SELECT %[2]s FROM %[3]s ORDER BY %[4]s ON CONFLICT DO NOTHING RETURNING %[5]s)
SELECT (SELECT count(*) FROM inserted), CASE WHEN (SELECT count(*) FROM inserted) < $1::bigint
THEN (SELECT array_agg(%[6]s) FROM inserted JOIN %[3]s USING (%[5]s)) END`,
		m.table, strings.Join(m.columns, ", "), m.stage, m.order, m.key, placeColumn)
}

// merge copies rows, of which none may be there twice, into the staging table of
// a session, moves them on, does what follows from that, if anything, and adds
// the rows that were new to their hours, in one transaction. It returns how many
// were new.
func merge[R any](ctx context.Context, p *postgres, m *merging, rows []R, fill func([]any, *R), h *hours, then func(pgx.Tx) error) (stored int, err error) {
	err = pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		// Once a session; the notice that it exists costs one round trip.
		create := "CREATE TEMP TABLE IF NOT EXISTS " + m.stage + " (LIKE " + m.table +
			" INCLUDING DEFAULTS, " + placeColumn + " integer) ON COMMIT DELETE ROWS"
		if _, err := tx.Exec(ctx, create); err != nil {
			return fmt.Errorf("creating staging table: %w", err)
		}
		columns := append(slices.Clone(m.columns), placeColumn)
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{m.stage}, columns, newSource(rows, len(columns), fill)); err != nil {
			return fmt.Errorf("copying rows: %w", err)
		}
		if stored, err = insertStaged(ctx, tx, m, len(rows), h); err != nil {
			return fmt.Errorf("merging rows: %w", err)
		}
		if then != nil {
			if err := then(tx); err != nil {
				return fmt.Errorf("merging rows: %w", err)
			}
		}
		return addHours(ctx, tx, h)
	})
	return stored, err
}

func insertStaged(ctx context.Context, tx pgx.Tx, m *merging, rows int, h *hours) (stored int, err error) {
	var places []int32
	if err = tx.QueryRow(ctx, m.insert(), rows).Scan(&stored, &places); err != nil {
		return 0, err
	}
	if stored == rows {
		for row := range rows {
			h.inserted(row)
		}
	}
	for _, row := range places {
		h.inserted(int(row))
	}
	return stored, nil
}

// source feeds rows to COPY, reusing one slice of values.
type source[R any] struct {
	rows   []R
	next   int
	values []any
	fill   func(values []any, row *R)
}

// newSource gives the last column each row's place.
func newSource[R any](rows []R, columns int, fill func([]any, *R)) *source[R] {
	return &source[R]{rows: rows, values: make([]any, columns), fill: fill}
}

func (s *source[R]) Next() bool { return s.next < len(s.rows) }

func (s *source[R]) Values() ([]any, error) {
	s.fill(s.values, &s.rows[s.next])
	s.values[len(s.values)-1] = int32(s.next)
	s.next++
	return s.values, nil
}

func (s *source[R]) Err() error { return nil }

// nullable returns the time and its nanoseconds, or two nulls.
func nullable(t instant) (at, ns any) {
	if !t.known {
		return nil, nil
	}
	return t.time(), t.ns
}

var deadLetterColumns = []string{"identity", "recorded_at", "recorded_ns", "reason", "stage", "detail", "origin", "attempt",
	"tenant", "cloud", "type", "key", "source", "contract", "violations", "payload"}

func fillDeadLetter(v []any, r *deadLetterRow) {
	v[0], v[1], v[2] = [16]byte(r.identity), r.recorded.time(), r.recorded.ns
	v[3], v[4], v[5], v[6], v[7] = r.reason, r.stage, r.detail, r.origin, r.attempt
	v[8], v[9], v[10], v[11] = r.tenant, r.cloud, r.typ, r.key
	v[12], v[13], v[14], v[15] = r.source, r.contract, r.violations, r.payload
}

var mergeDeadLetters = &merging{
	stage: stageDeadLetters, table: tableDeadLetters, columns: deadLetterColumns, key: "identity", order: "identity",
}

func (p *postgres) writeDeadLetters(ctx context.Context, rows []deadLetterRow) ([]tally, error) {
	distinct := distinctRows(rows, func(r *deadLetterRow) identity { return r.identity })
	stored, err := merge(ctx, p, mergeDeadLetters, distinct, fillDeadLetter, deadLetterHours(distinct), nil)
	if err != nil {
		return nil, err
	}
	return []tally{{table: tableDeadLetters, stored: stored, present: len(rows) - stored}}, nil
}

// rowClasses are the classes of SQLSTATE that blame a row (PostgreSQL manual,
// appendix A): data exceptions, integrity constraints, program limits, and what
// a trigger raised.
var rowClasses = []string{"22", "23", "54", "P0"}

func (p *postgres) classify(err error) fault {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || len(refused.Code) != 5 {
		switch {
		case errors.Is(err, errTooManyDays):
			return faultRow
		case errors.Is(err, errDeleted):
			return faultConflict
		}
		return faultStore
	}
	switch {
	case isPartitionMissing(refused):
		// Somebody dropped the day: make it anew.
		p.forgetDays()
		return faultConflict
	case refused.Code[:2] == "40":
		return faultConflict
	case slices.Contains(rowClasses, refused.Code[:2]):
		return faultRow
	}
	return faultStore
}

func (p *postgres) currentVerdicts(ctx context.Context, each func(VerdictRow) error) error {
	rows, err := p.pool.Query(ctx, selectVerdicts)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		row, err := scanVerdict(rows)
		if err != nil {
			return err
		}
		if err = each(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (p *postgres) counts(ctx context.Context) (Counts, error) {
	return scanCounts(p.pool.QueryRow(ctx, selectCounts))
}

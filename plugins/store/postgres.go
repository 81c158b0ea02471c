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
	update       string // a further statement, or ""
}

// insert moves staged rows on and returns the groups of those that were new.
func (m *merging) insert() string {
	return fmt.Sprintf(`WITH inserted AS (INSERT INTO %[1]s (%[2]s) SELECT %[2]s FROM %[3]s ORDER BY %[4]s ON CONFLICT DO NOTHING RETURNING %[5]s)
SELECT hour_group, count(*), sum(hour_first)::bigint, sum(hour_second)::bigint FROM inserted JOIN %[3]s USING (%[5]s) GROUP BY hour_group`,
		m.table, strings.Join(m.columns, ", "), m.stage, m.order, m.key)
}

// hourColumns of a staging table say what a row adds to which group of hours.
var hourColumns = []string{"hour_group", "hour_first", "hour_second"}

// merge copies rows, of which none may be there twice, into the staging table of
// a session, moves them on, and adds those that were new to their hours, in one
// transaction. It returns how many were new, and how many rows the further
// statement affected.
func merge[R any](ctx context.Context, p *postgres, m *merging, rows []R, fill func([]any, *R), h *hours) (stored, updated int, err error) {
	err = pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		// Once a session; the notice that it exists costs one round trip.
		create := "CREATE TEMP TABLE IF NOT EXISTS " + m.stage + " (LIKE " + m.table +
			" INCLUDING DEFAULTS, hour_group integer, hour_first bigint, hour_second bigint) ON COMMIT DELETE ROWS"
		if _, err := tx.Exec(ctx, create); err != nil {
			return fmt.Errorf("creating staging table: %w", err)
		}
		columns := slices.Concat(m.columns, hourColumns)
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{m.stage}, columns, newSource(rows, len(columns), fill, h)); err != nil {
			return fmt.Errorf("copying rows: %w", err)
		}
		if stored, err = insertStaged(ctx, tx, m, h); err != nil {
			return fmt.Errorf("merging rows: %w", err)
		}
		if m.update != "" {
			tag, err := tx.Exec(ctx, m.update)
			if err != nil {
				return fmt.Errorf("merging rows: %w", err)
			}
			updated = int(tag.RowsAffected())
		}
		return addHours(ctx, tx, h)
	})
	return stored, updated, err
}

func insertStaged(ctx context.Context, tx pgx.Tx, m *merging, h *hours) (stored int, err error) {
	groups, err := tx.Query(ctx, m.insert())
	if err != nil {
		return 0, err
	}
	var group int32
	var rows, first, second int64
	_, err = pgx.ForEachRow(groups, []any{&group, &rows, &first, &second}, func() error {
		stored += int(rows)
		h.add(group, first, second)
		return nil
	})
	return stored, err
}

// source feeds rows to COPY, reusing one slice of values.
type source[R any] struct {
	rows   []R
	next   int
	values []any
	fill   func(values []any, row *R)
	hours  *hours
}

func newSource[R any](rows []R, columns int, fill func([]any, *R), h *hours) *source[R] {
	return &source[R]{rows: rows, values: make([]any, columns), fill: fill, hours: h}
}

func (s *source[R]) Next() bool { return s.next < len(s.rows) }

func (s *source[R]) Values() ([]any, error) {
	s.fill(s.values, &s.rows[s.next])
	h, last := &s.hours.rows[s.next], len(s.values)
	s.values[last-3], s.values[last-2], s.values[last-1] = h.group, h.adds[0], h.adds[1]
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

var verdictColumns = []string{"id", "opened_ns", "revision", "tenant", "type", "key", "status", "closed_by", "expectation",
	"missing", "stalled", "opened_at", "deadline", "deadline_ns", "decided_at", "decided_ns", "verdict"}

func fillVerdict(v []any, r *verdictRow) {
	v[0], v[1], v[2], v[3], v[4], v[5] = r.id, r.opened.ns, r.revision, r.tenant, r.typ, r.key
	v[6], v[7], v[8], v[9], v[10] = r.status, r.closedBy, r.expectation, r.missing, r.stalled
	v[11] = r.opened.time()
	v[12], v[13] = nullable(r.deadline)
	v[14], v[15], v[16] = r.decided.time(), r.decided.ns, r.document
}

// Rows are locked in the order of their keys in both tables, so that concurrent
// batches can't deadlock.
var mergeVerdicts = &merging{
	stage: stageVerdicts, table: tableHistory, columns: verdictColumns,
	key: "id, opened_ns, revision", order: "id, opened_ns, revision",
	update: fmt.Sprintf(`INSERT INTO %s (%s) SELECT DISTINCT ON (id) %[2]s FROM %[3]s ORDER BY id, opened_ns DESC, revision DESC
ON CONFLICT (id) DO UPDATE SET %[4]s, stored_at = now()
WHERE (%[1]s.opened_ns, %[1]s.revision) < (excluded.opened_ns, excluded.revision)`,
		tableVerdicts, strings.Join(verdictColumns, ", "), stageVerdicts, assignments(verdictColumns[1:])),
}

// assignments takes the columns over from the row that was to be inserted.
func assignments(columns []string) string {
	set := make([]string, len(columns))
	for i, c := range columns {
		set[i] = c + " = excluded." + c
	}
	return strings.Join(set, ", ")
}

func (p *postgres) writeVerdicts(ctx context.Context, rows []verdictRow) ([]tally, error) {
	tidy := tidyVerdicts(rows)
	stored, current, err := merge(ctx, p, mergeVerdicts, tidy, fillVerdict, verdictHours(tidy))
	if err != nil {
		return nil, err
	}
	return []tally{
		{table: tableHistory, stored: stored, present: len(rows) - stored},
		{table: tableVerdicts, stored: current, present: len(latestVerdicts(tidy)) - current},
	}, nil
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
	stored, _, err := merge(ctx, p, mergeDeadLetters, distinct, fillDeadLetter, deadLetterHours(distinct))
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
		if errors.Is(err, errTooManyDays) {
			return faultRow
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

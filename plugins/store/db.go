// Package store keeps canonical events, verdicts, dead letters and contracts in
// PostgreSQL or SQLite, with sums by the hour, and reads them back. Storing is idempotent: a batch that is
// delivered twice, or in another order, leaves the same rows.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrUnavailable is wrapped by errors that lie in the database and not in what
// was to be stored: trying again later helps.
var ErrUnavailable = errors.New("store unavailable")

// Tables, as both dialects name them.
const (
	tableEvents      = "helios_events"
	tableVerdicts    = "helios_verdicts"
	tableHistory     = "helios_verdict_history"
	tableDeadLetters = "helios_dead_letters"
	tableContracts   = "helios_contracts"
	tableMigrations  = "helios_schema_version"
)

// VerdictRow is the current verdict of one fact.
type VerdictRow struct {
	// ID of the fact: 32 hexadecimal digits.
	ID string
	// OpenedAt and DecidedAt are exact to the nanosecond, in UTC.
	OpenedAt, DecidedAt time.Time
	// Revision counts from 1.
	Revision int
	// Tenant, Type and Key name the fact. U+0000 in them is read as U+2400.
	Tenant, Type, Key string
	// Status as stored in its column, which is what queries see.
	Status string
	// ClosedBy and Expectation as in the verdict.
	ClosedBy, Expectation string
	// JSON is the verdict as it was delivered.
	JSON []byte
}

// Counts are numbers of rows.
type Counts struct {
	Events      int64
	Verdicts    int64 // current ones, one a fact
	History     int64 // all revisions
	DeadLetters int64
}

// DB is an open store. It is safe for concurrent use.
type DB struct {
	backend backend
}

// backend is what differs between the dialects. The write calls store all rows
// in one transaction.
type backend interface {
	migrate(ctx context.Context) error
	writeEvents(ctx context.Context, rows []eventRow) ([]tally, error)
	writeVerdicts(ctx context.Context, rows []verdictRow) ([]tally, error)
	writeDeadLetters(ctx context.Context, rows []deadLetterRow) ([]tally, error)
	writeContracts(ctx context.Context, rows []contractRow) ([]tally, error)
	classify(err error) fault
	currentVerdicts(ctx context.Context, each func(VerdictRow) error) error
	counts(ctx context.Context) (Counts, error)
	close() error
}

// options of a store that is opened for writing. Zero takes the default in
// brackets.
type options struct {
	connections   int // PostgreSQL: connections of the pool [4]
	maxPartitions int // PostgreSQL: days of events [4000]
}

const (
	defaultConnections   = 4
	defaultMaxPartitions = 4000
)

// Open opens a store for reading: it creates and migrates nothing. Errors wrap
// ErrDSN or say what could not be reached; none shows the DSN.
func Open(ctx context.Context, dsn string) (*DB, error) {
	at, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	var b backend
	if at.dialect == postgresDialect {
		b, err = openPostgres(ctx, at.url, readOnly, options{})
	} else {
		b, err = openSQLite(ctx, at.path, readOnly)
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s store: %w", at.dialect, err)
	}
	return &DB{backend: b}, nil
}

// Create opens a store for writing, creates its tables or brings them up to
// date, under a lock that lets any number of processes start at once.
func Create(ctx context.Context, dsn string) (*DB, error) {
	return create(ctx, dsn, options{})
}

func create(ctx context.Context, dsn string, opt options) (*DB, error) {
	at, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	var b backend
	if at.dialect == postgresDialect {
		b, err = openPostgres(ctx, at.url, readWrite, opt)
	} else {
		b, err = openSQLite(ctx, at.path, readWrite)
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s store: %w", at.dialect, err)
	}
	if err = b.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("migrating %s store: %w", at.dialect, err), b.close())
	}
	return &DB{backend: b}, nil
}

// access says what a store was opened for.
type access uint8

const (
	readOnly access = iota
	readWrite
)

// CurrentVerdicts calls each with the current verdict of every fact, in no
// particular order, until it returns an error. The rows are one snapshot of the
// database.
func (db *DB) CurrentVerdicts(ctx context.Context, each func(VerdictRow) error) error {
	if err := db.backend.currentVerdicts(ctx, each); err != nil {
		return fmt.Errorf("reading current verdicts: %w", err)
	}
	return nil
}

// Counts counts the rows of every table. It reads all of them.
func (db *DB) Counts(ctx context.Context) (Counts, error) {
	counts, err := db.backend.counts(ctx)
	if err != nil {
		return counts, fmt.Errorf("counting rows: %w", err)
	}
	return counts, nil
}

// Close closes the store's connections.
func (db *DB) Close() error { return db.backend.close() }

const (
	selectVerdicts = `SELECT id, opened_ns, decided_ns, revision, tenant, type, key, status, closed_by, expectation, verdict FROM ` + tableVerdicts
	selectCounts   = `SELECT (SELECT count(*) FROM ` + tableEvents + `), (SELECT count(*) FROM ` + tableVerdicts +
		`), (SELECT count(*) FROM ` + tableHistory + `), (SELECT count(*) FROM ` + tableDeadLetters + `)`
)

// rowScanner is what the rows of both drivers can do.
type rowScanner interface{ Scan(dest ...any) error }

func scanVerdict(rows rowScanner) (row VerdictRow, err error) {
	var opened, decided int64
	err = rows.Scan(&row.ID, &opened, &decided, &row.Revision, &row.Tenant, &row.Type, &row.Key,
		&row.Status, &row.ClosedBy, &row.Expectation, &row.JSON)
	row.OpenedAt, row.DecidedAt = time.Unix(0, opened).UTC(), time.Unix(0, decided).UTC()
	return row, err
}

func scanCounts(row rowScanner) (c Counts, err error) {
	err = row.Scan(&c.Events, &c.Verdicts, &c.History, &c.DeadLetters)
	return c, err
}

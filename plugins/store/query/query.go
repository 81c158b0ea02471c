// Package query reads the store for people and programs that look at it page by
// page: events, verdicts, the history of a fact, and figures over windows. It
// speaks both dialects and can change nothing.
package query

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/helios-connect/helios/plugins/store"
)

// ErrCursor is wrapped when a cursor is none that this package made, or was made
// for other pages.
var ErrCursor = errors.New("invalid cursor")

// ErrNotFound is returned for a fact that has no verdict.
var ErrNotFound = errors.New("no such fact")

// ErrUnavailable is wrapped when the store can't be read now: trying again later
// helps.
var ErrUnavailable = store.ErrUnavailable

// Tables, as both dialects name them.
const (
	tableEvents      = "helios_events"
	tableVerdicts    = "helios_verdicts"
	tableHistory     = "helios_verdict_history"
	tableDeadLetters = "helios_dead_letters"
)

// MaxLimit is the most rows of one page.
const MaxLimit = 500

// maxPageBytes is the size of the documents from which on a page ends early, so
// that large events don't add up.
const maxPageBytes = 4 << 20

// DB is a store that is opened when it is first asked, and again after it could
// not be. It is safe for concurrent use.
type DB struct {
	dsn string

	mu     sync.Mutex
	reader *store.Reader
	closed bool
}

// New returns the store of a DSN. It connects to nothing; the error is about the
// DSN, wraps store.ErrDSN, and does not show it.
func New(dsn string) (*DB, error) {
	if err := store.CheckDSN(dsn); err != nil {
		return nil, err
	}
	return &DB{dsn: dsn}, nil
}

// open returns the connections, which it makes where there are none.
func (db *DB) open(ctx context.Context) (*store.Reader, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return nil, fmt.Errorf("%w: it is closed", ErrUnavailable)
	}
	if db.reader == nil {
		reader, err := store.OpenReader(ctx, db.dsn)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		db.reader = reader
	}
	return db.reader, nil
}

// Close closes the connections for good.
func (db *DB) Close() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.closed = true
	if db.reader == nil {
		return nil
	}
	return db.reader.Close()
}

// Ping asks the store for its tables.
func (db *DB) Ping(ctx context.Context) error {
	reader, err := db.open(ctx)
	if err != nil {
		return err
	}
	var n int
	err = reader.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM "+tableVerdicts+" LIMIT 1) AS first").Scan(&n)
	return unavailable(err)
}

// unavailable marks what went wrong inside the database. What was asked is built
// here, from values that the columns can be compared with; so the fault is the
// database's.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// statement is SQL under construction. Values become parameters, never text.
type statement struct {
	reader *store.Reader
	text   strings.Builder
	values []any
	where  bool
}

// add appends text in which every ? stands for one value.
func (s *statement) add(text string, values ...any) {
	for _, value := range values {
		before, after, _ := strings.Cut(text, "?")
		s.text.WriteString(before)
		s.values = append(s.values, value)
		if s.reader.Postgres {
			s.text.WriteString("$" + strconv.Itoa(len(s.values)))
		} else {
			s.text.WriteString("?")
		}
		text = after
	}
	s.text.WriteString(text)
}

// and appends a condition.
func (s *statement) and(text string, values ...any) {
	if s.where {
		s.add(" AND ")
	} else {
		s.add(" WHERE ")
		s.where = true
	}
	s.add(text, values...)
}

// equal appends a condition unless the value is empty.
func (s *statement) equal(column, value string) {
	if value != "" {
		s.and(column+" = ?", text(value))
	}
}

// between appends the conditions of a range of time; zero times are no bounds.
func (s *statement) between(column string, since, until time.Time) {
	if !since.IsZero() {
		s.and(column+" >= ?", s.reader.Time(since))
	}
	if !until.IsZero() {
		s.and(column+" < ?", s.reader.Time(until))
	}
}

// text makes a value comparable with what the store keeps: the picture U+2400 for
// U+0000, and no bytes that are not UTF-8, which PostgreSQL refuses.
func text(value string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(value, "\ufffd"), "\x00", "\u2400")
}

// rows runs the statement and calls each for every row until it returns false.
func (s *statement) rows(ctx context.Context, each func(scan func(...any) error) (more bool, err error)) error {
	rows, err := s.reader.QueryContext(ctx, s.text.String(), s.values...)
	if err != nil {
		return unavailable(err)
	}
	defer rows.Close()
	for rows.Next() {
		more, err := each(rows.Scan)
		if err != nil {
			return unavailable(err)
		}
		if !more {
			return nil
		}
	}
	return unavailable(rows.Err())
}

// Page says which rows are wanted.
type Page struct {
	// Limit of rows, 1 to MaxLimit. A page of large documents ends earlier.
	Limit int
	// After is the cursor of the page before; empty for the first.
	After string
}

// Listing is one page, newest first.
type Listing[R any] struct {
	Rows []R
	// Next is the cursor of the next page; empty when this is the last.
	Next string
}

// list runs a statement that asks for one row more than wanted, and cuts the page
// by number and by size.
func list[R any](ctx context.Context, s *statement, limit int, scan func(func(...any) error) (R, int, error), next func(R) cursor) (Listing[R], error) {
	var page Listing[R]
	size := 0
	err := s.rows(ctx, func(values func(...any) error) (bool, error) {
		if len(page.Rows) == limit || size >= maxPageBytes {
			page.Next = next(page.Rows[len(page.Rows)-1]).String()
			return false, nil
		}
		row, bytes, err := scan(values)
		if err != nil {
			return false, err
		}
		page.Rows, size = append(page.Rows, row), size+bytes
		return true, nil
	})
	return page, err
}

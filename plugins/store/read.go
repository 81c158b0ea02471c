package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// Reader is a store opened for queries, which plugins/store/query writes. It can
// change nothing, and is safe for concurrent use.
type Reader struct {
	*sql.DB
	// Postgres says which dialect the queries have to speak: PostgreSQL's, or
	// SQLite's.
	Postgres bool

	backend backend
}

// OpenReader opens a store for queries: it creates and migrates nothing. Errors
// are those of Open.
func OpenReader(ctx context.Context, dsn string) (*Reader, error) {
	db, err := Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	switch b := db.backend.(type) {
	case *postgres:
		return &Reader{DB: stdlib.OpenDBFromPool(b.pool), Postgres: true, backend: b}, nil
	case *sqliteDB:
		// Each connection has a cache of its own, and pages are short reads.
		b.db.SetMaxOpenConns(2)
		return &Reader{DB: b.db, backend: b}, nil
	}
	return nil, errors.Join(errors.New("the store is of a dialect that has no reader"), db.Close())
}

// CheckDSN says what is wrong with a DSN without connecting to anything. Errors
// wrap ErrDSN and don't show it.
func CheckDSN(dsn string) error {
	_, err := parseDSN(dsn)
	return err
}

// Close closes the connections.
func (r *Reader) Close() error {
	if r.Postgres {
		return errors.Join(r.DB.Close(), r.backend.close())
	}
	return r.backend.close()
}

// Time returns a time as the columns of the dialect are compared with.
func (r *Reader) Time(at time.Time) any {
	if r.Postgres {
		// PostgreSQL would round to microseconds where the columns were cut.
		return at.UTC().Truncate(time.Microsecond)
	}
	if at = at.UTC(); at.Year() > 9999 {
		return latestText
	}
	return at.Format(textTime)
}

// latestText is the last time of textTime's width. Nothing is stored beyond it, and a
// year of five digits would sort before all others.
const latestText = "9999-12-31T23:59:59.999999999Z"

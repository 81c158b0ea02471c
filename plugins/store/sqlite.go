package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteDB stores rows in a SQLite file. SQLite takes one writer at a time:
// within the process all share one connection, between processes SQLite's own lock
// makes the others wait, for up to busyTimeout.
type sqliteDB struct {
	path string
	db   *sql.DB
	file *sqliteFile // nil when open for reading only

	closing sync.Once
}

// sqliteFile is the connection by which this process writes a file. A connection
// forgets the pages it has read when another one has written: with one for each
// kind of row, every batch would read the indices anew.
type sqliteFile struct {
	writer sync.Mutex
	db     *sql.DB
	users  int // guarded by sqliteFiles
}

// sqliteFiles are the files that this process writes, by their absolute path.
var sqliteFiles struct {
	sync.Mutex
	open map[string]*sqliteFile
}

// shareSQLite returns the connection that writes a file, opening it for the first
// user.
func shareSQLite(path string) (*sqliteFile, error) {
	sqliteFiles.Lock()
	defer sqliteFiles.Unlock()
	file := sqliteFiles.open[path]
	if file == nil {
		db, err := sql.Open("sqlite", sqliteURI(path, readWrite))
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(1)
		file = &sqliteFile{db: db}
		if sqliteFiles.open == nil {
			sqliteFiles.open = map[string]*sqliteFile{}
		}
		sqliteFiles.open[path] = file
	}
	file.users++
	return file, nil
}

// leave closes the connection after its last user.
func (f *sqliteFile) leave(path string) error {
	sqliteFiles.Lock()
	defer sqliteFiles.Unlock()
	if f.users--; f.users > 0 {
		return nil
	}
	delete(sqliteFiles.open, path)
	return f.db.Close()
}

// busyTimeout is how long SQLite waits for another process's lock before the
// write counts as a conflict and is tried again (milliseconds).
const busyTimeout = "10000"

func openSQLite(ctx context.Context, path string, mode access) (*sqliteDB, error) {
	s := &sqliteDB{path: path}
	var err error
	if mode == readWrite {
		if err = os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if s.file, err = shareSQLite(path); err == nil {
			s.db = s.file.db
		}
	} else {
		s.db, err = sql.Open("sqlite", sqliteURI(path, readOnly))
	}
	if err != nil {
		return nil, err
	}
	if err = s.db.PingContext(ctx); err != nil {
		if _, absent := os.Stat(path); mode == readOnly && errors.Is(absent, fs.ErrNotExist) {
			err = errors.New("the file is not there yet; whatever writes to the store makes it")
		}
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), s.close())
	}
	return s, nil
}

// What a writer tells SQLite. A new file has pages of 8 KiB, which are half as many
// to write and to copy as of the usual 4. Pages that a batch changes stay in memory
// until its commit, and those read for the next one; each takes twice its size
// there. The write-ahead log is copied into the file each 32 MiB, so that a page
// that many batches change is copied once.
const (
	pageSize   = "page_size(8192)"          // bytes
	pageCache  = "cache_size(-8192)"        // KiB
	checkpoint = "wal_autocheckpoint(4096)" // pages
)

// sqliteURI asks for a sync of every commit: an acknowledged batch must survive
// a loss of power, and batches make it cheap.
func sqliteURI(path string, mode access) string {
	query := url.Values{"_busy_timeout": {busyTimeout}, "_txlock": {"immediate"}, "_synchronous": {"FULL"}, "_pragma": {pageSize, pageCache, checkpoint}, "mode": {"rwc"}}
	if mode == readOnly {
		query = url.Values{"_busy_timeout": {busyTimeout}, "mode": {"ro"}}
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()
}

// migrate runs under an exclusive lock on a small file beside the database,
// since goose's migrations are several transactions, and since the change to
// write-ahead logging waits for nobody.
func (s *sqliteDB) migrate(ctx context.Context) error {
	locked, err := sql.Open("sqlite", "file:"+(&url.URL{Path: s.path + ".lock"}).EscapedPath()+"?_busy_timeout=60000&_txlock=exclusive")
	if err != nil {
		return err
	}
	defer locked.Close()
	tx, err := locked.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("locking %s.lock: %w", s.path, err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err = s.db.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return fmt.Errorf("switching %s to write-ahead logging: %w", s.path, err)
	}
	s.file.writer.Lock()
	defer s.file.writer.Unlock()
	return migrate(ctx, s.db, sqliteDialect)
}

func (s *sqliteDB) close() (err error) {
	s.closing.Do(func() {
		if s.file == nil {
			err = s.db.Close()
		} else {
			err = s.file.leave(s.path)
		}
	})
	return err
}

// inTransaction holds the write lock from the start (_txlock), so that no
// statement can find it taken half-way.
func (s *sqliteDB) inTransaction(ctx context.Context, do func(tx *sql.Tx) error) error {
	s.file.writer.Lock()
	defer s.file.writer.Unlock()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning transaction: %w", err)
	}
	if err = do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err = tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// insertEach runs a statement for each of n rows and tells which were affected.
//
// The context is looked at between the rows: the driver starts a goroutine and a
// progress handler for each statement whose context may end.
func insertEach(ctx context.Context, tx *sql.Tx, statement string, columns, n int, fill func(values []any, i int), affected func(i int)) error {
	prepared, err := tx.PrepareContext(ctx, statement)
	if err != nil {
		return fmt.Errorf("preparing insert: %w", err)
	}
	defer prepared.Close()
	values, endless := make([]any, columns), context.WithoutCancel(ctx)
	for i := range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		fill(values, i)
		result, err := prepared.ExecContext(endless, values...)
		if err != nil {
			return fmt.Errorf("inserting row: %w", err)
		}
		rows, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if rows > 0 {
			affected(i)
		}
	}
	return nil
}

// insertSQL returns the INSERT of columns into a table.
func insertSQL(table string, columns []string, onConflict string) string {
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (?%s) ON CONFLICT %s", table, strings.Join(columns, ", "),
		strings.Repeat(", ?", len(columns)-1), onConflict)
}

// What SQLite stores of a row: its columns and, last, when that was. The column's
// default would ask the clock and format it for each row.
var (
	sqliteEventColumns      = withStored(eventColumns)
	sqliteDeadLetterColumns = withStored(deadLetterColumns)

	sqliteInsertEvents      = insertSQL(tableEvents, sqliteEventColumns, "DO NOTHING")
	sqliteInsertDeadLetters = insertSQL(tableDeadLetters, sqliteDeadLetterColumns, "DO NOTHING")
)

func withStored(columns []string) []string { return append(slices.Clone(columns), "stored_at") }

// storedNow is the time of a batch as stored_at holds it, in milliseconds.
func storedNow() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000Z") }

func (s *sqliteDB) writeEvents(ctx context.Context, rows []eventRow) ([]tally, error) {
	stored, now := 0, storedNow()
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		h := eventHours(rows)
		err := insertEach(ctx, tx, sqliteInsertEvents, len(sqliteEventColumns), len(rows), func(v []any, i int) {
			r := &rows[i]
			v[0], v[1], v[2] = r.identity[:], r.time.text(), r.time.ns
			v[3], v[4], v[5], v[6], v[7], v[8] = string(r.tenant), string(r.cloud), string(r.source), string(r.id), string(r.typ), string(r.key)
			v[9], v[10] = nullableText(r.ingest)
			v[11], v[12] = string(r.document), now
		}, func(i int) {
			stored++
			h.inserted(i)
		})
		if err != nil {
			return err
		}
		return addSQLiteHours(ctx, tx, h)
	})
	if err != nil {
		return nil, err
	}
	return []tally{{table: tableEvents, stored: stored, present: len(rows) - stored}}, nil
}

func (s *sqliteDB) writeDeadLetters(ctx context.Context, rows []deadLetterRow) ([]tally, error) {
	stored, now := 0, storedNow()
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		h := deadLetterHours(rows)
		err := insertEach(ctx, tx, sqliteInsertDeadLetters, len(sqliteDeadLetterColumns), len(rows), func(v []any, i int) {
			r := &rows[i]
			fillDeadLetter(v, r)
			v[0], v[1] = r.identity[:], r.recorded.text()
			last := len(deadLetterColumns) - 1
			for at := 3; at < last; at++ { // all between are texts
				v[at] = string(v[at].([]byte))
			}
			v[last+1] = now
		}, func(i int) {
			stored++
			h.inserted(i)
		})
		if err != nil {
			return err
		}
		return addSQLiteHours(ctx, tx, h)
	})
	if err != nil {
		return nil, err
	}
	return []tally{{table: tableDeadLetters, stored: stored, present: len(rows) - stored}}, nil
}

func (t instant) text() string { return t.time().Format(textTime) }

func nullableText(t instant) (at, ns any) {
	if !t.known {
		return nil, nil
	}
	return t.text(), t.ns
}

func jsonList(names []string) string {
	list, err := json.Marshal(names)
	if err != nil { // strings always marshal
		return "[]"
	}
	return string(list)
}

// classify goes by the primary result code (sqlite.org/rescode.html).
func (s *sqliteDB) classify(err error) fault {
	var refused *sqlite.Error
	if !errors.As(err, &refused) {
		return faultStore
	}
	switch refused.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
		return faultRow
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return faultConflict
	}
	return faultStore
}

func (s *sqliteDB) currentVerdicts(ctx context.Context, each func(VerdictRow) error) error {
	rows, err := s.db.QueryContext(ctx, selectVerdicts)
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

func (s *sqliteDB) counts(ctx context.Context) (Counts, error) {
	return scanCounts(s.db.QueryRowContext(ctx, selectCounts))
}

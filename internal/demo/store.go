package demo

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/helios-connect/helios/internal/truth"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// storeReader reads what the pipelines stored, as a user would: with SQL.
type storeReader struct{ db *sql.DB }

func openStore(path string) (*storeReader, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return nil, fmt.Errorf("opening the store %q: %w", path, err)
	}
	return &storeReader{db: db}, nil
}

func (s *storeReader) close() error { return s.db.Close() }

// verdicts returns the current verdict of every fact.
func (s *storeReader) verdicts() iter.Seq2[truth.Verdict, error] {
	return each(s.db, "SELECT verdict FROM helios_verdicts", func(rows *sql.Rows) (v truth.Verdict, err error) {
		var document []byte
		if err = rows.Scan(&document); err == nil {
			err = json.Unmarshal(document, &v)
		}
		return v, err
	})
}

// accounted is how many events the current verdicts account for: the first of
// each participant, and those that repeat or contradict it.
func (s *storeReader) accounted() (present, repeated int64, err error) {
	type counts struct {
		Present    []string         `json:"present"`
		Duplicates map[string]int64 `json:"duplicates"`
		Conflicts  map[string]int64 `json:"conflicts"`
	}
	rows := each(s.db, "SELECT verdict FROM helios_verdicts", func(rows *sql.Rows) (c counts, err error) {
		var document []byte
		if err = rows.Scan(&document); err == nil {
			err = json.Unmarshal(document, &c)
		}
		return c, err
	})
	for c, err := range rows {
		if err != nil {
			return 0, 0, fmt.Errorf("reading verdicts: %w", err)
		}
		present += int64(len(c.Present))
		for _, n := range c.Duplicates {
			repeated += n
		}
		for _, n := range c.Conflicts {
			repeated += n
		}
	}
	return present, repeated, nil
}

// count returns the number of rows of a table.
func (s *storeReader) count(table string) (n int64, err error) {
	if err = s.db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting the rows of %s: %w", table, err)
	}
	return n, nil
}

// deadLetters counts the dead letters by the stage that refused them.
func (s *storeReader) deadLetters() (map[string]int64, error) {
	byStage := map[string]int64{}
	type row struct {
		stage string
		n     int64
	}
	rows := each(s.db, "SELECT stage, count(*) FROM helios_dead_letters GROUP BY stage", func(rows *sql.Rows) (r row, err error) {
		err = rows.Scan(&r.stage, &r.n)
		return r, err
	})
	for r, err := range rows {
		if err != nil {
			return nil, fmt.Errorf("counting dead letters: %w", err)
		}
		byStage[r.stage] = r.n
	}
	return byStage, nil
}

// each runs a query and yields its rows as scan reads them.
func each[T any](db *sql.DB, query string, scan func(*sql.Rows) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows, err := db.Query(query)
		if err != nil {
			yield(none, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			if v, err := scan(rows); !yield(v, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(none, err)
		}
	}
}

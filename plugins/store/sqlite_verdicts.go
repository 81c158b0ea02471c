package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

var (
	sqliteVerdictColumns = withStored(verdictColumns)
	sqliteInsertHistory  = insertSQL(tableHistory, sqliteVerdictColumns, "DO NOTHING")
	sqliteReplaceCurrent = insertSQL(tableVerdicts, sqliteVerdictColumns, "(id) DO UPDATE SET "+assignments(sqliteVerdictColumns[1:]))
)

const sqliteReadCurrent = `SELECT id, opened_ns, revision, decided_ns, tenant, type, status, expectation, missing,
CASE WHEN status = 'mismatched' THEN verdict ELSE '' END FROM ` + tableVerdicts + ` WHERE id IN (SELECT value FROM json_each(?))`

func (s *sqliteDB) writeVerdicts(ctx context.Context, rows []verdictRow) ([]tally, error) {
	tidy := tidyVerdicts(rows)
	latest := latestVerdicts(tidy)
	history, now, stored := 0, 0, storedNow()
	err := s.inTransaction(ctx, func(tx *sql.Tx) (err error) {
		h := verdictHours(tidy)
		c := newCurrent(h)
		fill := func(rows []verdictRow) func([]any, int) {
			return func(v []any, i int) { fillSQLiteVerdict(v, &rows[i], stored) }
		}
		err = insertEach(ctx, tx, sqliteInsertHistory, len(sqliteVerdictColumns), len(tidy), fill(tidy), func(i int) {
			history++
			h.inserted(i)
		})
		if err != nil {
			return err
		}
		follow, err := followSQLite(ctx, tx, latest, c)
		if err != nil {
			return fmt.Errorf("reading %s: %w", tableVerdicts, err)
		}
		now = len(follow)
		if err = insertEach(ctx, tx, sqliteReplaceCurrent, len(sqliteVerdictColumns), len(follow), fill(follow), func(int) {}); err != nil {
			return err
		}
		if err = addSQLiteHours(ctx, tx, c.findings); err != nil {
			return err
		}
		return addSQLiteHours(ctx, tx, h)
	})
	if err != nil {
		return nil, err
	}
	return []tally{
		{table: tableHistory, stored: history, present: len(rows) - history},
		{table: tableVerdicts, stored: now, present: len(latest) - now},
	}, nil
}

// followSQLite returns those verdicts that become current.
func followSQLite(ctx context.Context, tx *sql.Tx, latest []verdictRow, c *current) (follow []verdictRow, err error) {
	were, err := currentSQLite(ctx, tx, latest)
	if err != nil {
		return nil, err
	}
	for i := range latest {
		v := &latest[i]
		if was := were[v.id]; was != nil {
			if !v.follows(was) {
				continue
			}
			c.was(was)
		}
		c.became(v)
		follow = append(follow, *v)
	}
	return follow, nil
}

// currentSQLite reads what is current of the facts of a batch, by their id. Most
// facts are new, and one query finds that out for all of them.
func currentSQLite(ctx context.Context, tx *sql.Tx, latest []verdictRow) (were map[string]*verdictRow, err error) {
	ids := make([]string, len(latest))
	for i := range latest {
		ids[i] = latest[i].id
	}
	rows, err := tx.QueryContext(ctx, sqliteReadCurrent, jsonList(ids))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	were = map[string]*verdictRow{}
	for rows.Next() {
		was := &verdictRow{decided: instant{known: true}}
		var missing string
		if err = rows.Scan(&was.id, &was.opened.ns, &was.revision, &was.decided.ns, &was.tenant, &was.typ, &was.status,
			&was.expectation, &missing, &was.document); err != nil {
			return nil, err
		}
		if err = json.Unmarshal([]byte(missing), &was.missing); err != nil {
			return nil, err
		}
		were[was.id] = was
	}
	return were, rows.Err()
}

func fillSQLiteVerdict(v []any, r *verdictRow, stored string) {
	fillVerdict(v, r)
	for _, i := range []int{3, 4, 5, 7, 8, 16} {
		v[i] = string(v[i].([]byte))
	}
	v[9], v[10] = jsonList(r.missing), jsonList(r.stalled)
	v[11] = r.opened.text()
	v[12], v[13] = nullableText(r.deadline)
	v[14] = r.decided.text()
	v[len(verdictColumns)] = stored
}

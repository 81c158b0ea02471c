package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// addSQLiteHours adds to the rows of an hourly table. The transaction holds the
// one lock for writers.
func addSQLiteHours(ctx context.Context, tx *sql.Tx, h *hours) error {
	rows := h.changed()
	for _, column := range h.of.bounded {
		known, err := knownSQLite(ctx, tx, h.of, column, places(rows))
		if err != nil {
			return fmt.Errorf("reading %s: %w", h.of.table, err)
		}
		rows = bound(rows, column, known)
	}
	if len(rows) == 0 {
		return nil
	}
	columns := h.of.columns()
	key := append([]string{"hour"}, h.of.texts...)
	if h.of.flag != "" {
		key = append(key, h.of.flag)
	}
	statement := insertSQL(h.of.table, columns, "("+strings.Join(key, ", ")+") DO UPDATE SET "+h.of.adding())
	return insertEach(ctx, tx, statement, len(columns), len(rows), func(v []any, i int) {
		r := &rows[i]
		v[0] = r.time().text()
		at := 1
		for t := range h.of.texts {
			v[at] = r.text[t]
			at++
		}
		if h.of.flag != "" {
			v[at] = r.flag
			at++
		}
		for s := range h.of.sums {
			v[at] = r.sums[s]
			at++
		}
	}, func(int) {})
}

// knownSQLite reads the values of a bounded column that are told apart already.
func knownSQLite(ctx context.Context, tx *sql.Tx, h *hourly, column int, at []within) (values, error) {
	known := values{}
	query, err := tx.PrepareContext(ctx, fmt.Sprintf("SELECT DISTINCT %s FROM %s WHERE hour = ? AND tenant = ? AND type = ?", h.texts[column], h.table))
	if err != nil {
		return nil, err
	}
	defer query.Close()
	for _, w := range at {
		key := hourKey{hour: w.hour}
		rows, err := query.QueryContext(ctx, key.time().text(), w.tenant, w.kind)
		if err != nil {
			return nil, err
		}
		var value string
		for rows.Next() {
			if err = rows.Scan(&value); err != nil {
				break
			}
			known.note(w, value)
		}
		if err == nil {
			err = rows.Err()
		}
		if closed := rows.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return nil, err
		}
	}
	return known, nil
}

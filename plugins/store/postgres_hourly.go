package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// addHours adds to the rows of an hourly table. Its writers take turns from here
// to their commit, so that bounds hold exactly; batches of the same hours would
// wait for each other's rows anyway. The lock comes after every row of the other
// tables, and rows are locked in order, so no batches can deadlock.
func addHours(ctx context.Context, tx pgx.Tx, h *hours) error {
	rows := h.changed()
	if len(rows) == 0 {
		return nil
	}
	known, err := lockHours(ctx, tx, h.of, places(rows))
	if err != nil {
		return fmt.Errorf("reading %s: %w", h.of.table, err)
	}
	for i, column := range h.of.bounded {
		rows = bound(rows, column, known[i])
	}
	if _, err = tx.Exec(ctx, h.of.upsertPostgres(), h.of.arrays(rows)...); err != nil {
		return fmt.Errorf("adding to %s: %w", h.of.table, err)
	}
	return nil
}

// lockHours takes the lock and reads, for each bounded column, the values that
// are told apart already. The lock is a statement of its own: what its holder
// before committed is seen by statements that begin after it.
func lockHours(ctx context.Context, tx pgx.Tx, h *hourly, at []within) ([]values, error) {
	hours, tenants, types := make([]time.Time, len(at)), make([]string, len(at)), make([]string, len(at))
	for i, w := range at {
		hours[i], tenants[i], types[i] = time.Unix(w.hour, 0).UTC(), w.tenant, w.kind
	}
	var batch pgx.Batch
	batch.Queue("SELECT pg_advisory_xact_lock($1)", h.lock)
	for _, column := range h.bounded {
		batch.Queue(fmt.Sprintf(`SELECT DISTINCT hour, tenant, type, %[1]s
FROM unnest($1::timestamptz[], $2::text[], $3::text[]) AS here(hour, tenant, type) JOIN %[2]s USING (hour, tenant, type)`,
			h.texts[column], h.table), hours, tenants, types)
	}
	results := tx.SendBatch(ctx, &batch)
	defer results.Close()
	if _, err := results.Exec(); err != nil {
		return nil, err
	}
	known := make([]values, len(h.bounded))
	for i := range known {
		known[i] = values{}
		rows, err := results.Query()
		if err != nil {
			return nil, err
		}
		var hour time.Time
		var tenant, kind, value string
		_, err = pgx.ForEachRow(rows, []any{&hour, &tenant, &kind, &value}, func() error {
			known[i].note(within{hour: hour.Unix(), tenant: tenant, kind: kind}, value)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return known, results.Close()
}

// upsertPostgres inserts rows from one array for each column.
func (h *hourly) upsertPostgres() string {
	casts := []string{"$1::timestamptz[]"}
	add := func(kind string) { casts = append(casts, fmt.Sprintf("$%d::%s[]", len(casts)+1, kind)) }
	for range h.texts {
		add("text")
	}
	key := "hour, helios_row_key(" + strings.Join(h.texts, ", ") + ")"
	if h.flag != "" {
		add("boolean")
		key += ", " + h.flag
	}
	for range h.sums {
		add("bigint")
	}
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT * FROM unnest(%s) ON CONFLICT (%s) DO UPDATE SET %s",
		h.table, strings.Join(h.columns(), ", "), strings.Join(casts, ", "), key, h.adding())
}

// arrays turns rows into upsertPostgres's parameters.
func (h *hourly) arrays(rows []hourRow) []any {
	hours := make([]time.Time, len(rows))
	texts := make([][]string, len(h.texts))
	for t := range texts {
		texts[t] = make([]string, len(rows))
	}
	flags := make([]bool, len(rows))
	var added [maxSums][]int64
	for s := range h.sums {
		added[s] = make([]int64, len(rows))
	}
	for i := range rows {
		hours[i], flags[i] = time.Unix(rows[i].hour, 0).UTC(), rows[i].flag
		for t := range texts {
			texts[t][i] = rows[i].text[t]
		}
		for s := range h.sums {
			added[s][i] = rows[i].sums[s]
		}
	}
	arrays := []any{hours}
	for t := range texts {
		arrays = append(arrays, texts[t])
	}
	if h.flag != "" {
		arrays = append(arrays, flags)
	}
	for s := range h.sums {
		arrays = append(arrays, added[s])
	}
	return arrays
}

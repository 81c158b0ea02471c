package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// errDeleted says that somebody deleted a current verdict between two statements.
var errDeleted = errors.New("a current verdict was deleted meanwhile")

var verdictColumns = []string{"id", "opened_ns", "revision", "tenant", "type", "key", "status", "closed_by", "expectation",
	"missing", "stalled", "opened_at", "deadline", "deadline_ns", "decided_at", "decided_ns", "verdict"}

func fillVerdict(v []any, r *verdictRow) {
	v[0], v[1], v[2], v[3], v[4], v[5] = r.id, r.opened.ns, r.revision, r.tenant, r.typ, r.key
	v[6], v[7], v[8], v[9], v[10] = r.status, r.closedBy, r.expectation, r.missing, r.stalled
	v[11] = r.opened.time()
	v[12], v[13] = nullable(r.deadline)
	v[14], v[15], v[16] = r.decided.time(), r.decided.ns, r.document
}

// Rows are locked in the order of their keys, those that are inserted before
// those that are updated, so that concurrent batches can't deadlock.
var (
	mergeVerdicts = &merging{
		stage: stageVerdicts, table: tableHistory, columns: verdictColumns,
		key: "id, opened_ns, revision", order: "id, opened_ns, revision",
	}
	// insertCurrent returns how many facts are new and, unless all ($1) are, which.
	insertCurrent = fmt.Sprintf(`WITH inserted AS (INSERT INTO %s (%s) SELECT DISTINCT ON (id) %[2]s FROM %[3]s
ORDER BY id, opened_ns DESC, revision DESC ON CONFLICT DO NOTHING RETURNING id)
SELECT (SELECT count(*) FROM inserted), CASE WHEN (SELECT count(*) FROM inserted) < $1::bigint THEN (SELECT array_agg(id ORDER BY id) FROM inserted) END`,
		tableVerdicts, strings.Join(verdictColumns, ", "), stageVerdicts)
	lockCurrent = `SELECT v.id, v.opened_ns, v.revision, v.decided_ns, v.tenant, v.type, v.status, v.expectation, v.missing,
CASE WHEN v.status = 'mismatched' THEN v.verdict ELSE '' END
FROM ` + tableVerdicts + ` v JOIN unnest($1::text[]) AS here(id) ON v.id = here.id ORDER BY v.id FOR UPDATE OF v`
	updateCurrent = fmt.Sprintf(`UPDATE %s SET %s, stored_at = now()
FROM (SELECT DISTINCT ON (id) s.* FROM %s s JOIN unnest($1::text[]) AS here(id) USING (id) ORDER BY id, opened_ns DESC, revision DESC) AS excluded
WHERE %[1]s.id = excluded.id`, tableVerdicts, assignments(verdictColumns[1:]), stageVerdicts)
)

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
	latest, now, h := latestVerdicts(tidy), 0, verdictHours(tidy)
	stored, err := merge(ctx, p, mergeVerdicts, tidy, fillVerdict, h, func(tx pgx.Tx) (err error) {
		c := newCurrent(h)
		if now, err = mergeCurrent(ctx, tx, latest, c); err != nil {
			return err
		}
		return addHours(ctx, tx, c.findings)
	})
	if err != nil {
		return nil, err
	}
	return []tally{
		{table: tableHistory, stored: stored, present: len(rows) - stored},
		{table: tableVerdicts, stored: now, present: len(latest) - now},
	}, nil
}

// mergeCurrent makes the latest revisions of a batch current where they follow
// those that are, and returns how many did.
func mergeCurrent(ctx context.Context, tx pgx.Tx, latest []verdictRow, c *current) (now int, err error) {
	var inserted []string
	if err = tx.QueryRow(ctx, insertCurrent, len(latest)).Scan(&now, &inserted); err != nil {
		return 0, err
	}
	if now == len(latest) {
		for i := range latest {
			c.became(&latest[i])
		}
		return now, nil
	}
	for _, v := range wanted(latest, inserted, true) {
		c.became(&v)
	}
	known := wanted(latest, inserted, false)
	were, err := lockKnown(ctx, tx, known)
	if err != nil {
		return 0, err
	}
	var follow []string
	for i := range known {
		if known[i].follows(&were[i]) {
			follow = append(follow, known[i].id)
			c.was(&were[i])
			c.became(&known[i])
		}
	}
	if len(follow) == 0 {
		return now, nil
	}
	_, err = tx.Exec(ctx, updateCurrent, follow)
	return now + len(follow), err
}

// lockKnown locks the current verdicts of facts and reads what they count as, in
// the same order. The statement sees what others committed before it waited.
func lockKnown(ctx context.Context, tx pgx.Tx, known []verdictRow) ([]verdictRow, error) {
	ids := make([]string, len(known))
	for i := range known {
		ids[i] = known[i].id
	}
	rows, err := tx.Query(ctx, lockCurrent, ids)
	if err != nil {
		return nil, err
	}
	were, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (v verdictRow, err error) {
		v.decided.known = true
		err = row.Scan(&v.id, &v.opened.ns, &v.revision, &v.decided.ns, &v.tenant, &v.typ, &v.status, &v.expectation, &v.missing, &v.document)
		return v, err
	})
	if err == nil && len(were) != len(known) {
		err = errDeleted
	}
	return were, err
}

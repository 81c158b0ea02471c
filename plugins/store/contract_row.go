package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/helios-connect/helios/plugins/event"
)

// contractRow is a registered version of a contract on its way into
// helios_contracts.
type contractRow struct {
	subject  string
	version  int32
	id       int32
	language string
	text     string
	seen     instant
	changes  string // JSON array
	backward bool
	forward  bool
	upgrade  string
	problem  string
}

// languages of contracts, as registries spell them.
var languages = []string{"JSON", "AVRO", "PROTOBUF"}

// readContract reads what the input helios_contracts emits.
func readContract(document []byte) (row contractRow, err error) {
	var c struct {
		Subject  string          `json:"subject"`
		Version  int32           `json:"version"`
		ID       int32           `json:"id"`
		Language string          `json:"language"`
		Text     string          `json:"text"`
		SeenAt   string          `json:"seen_at"`
		Changes  json.RawMessage `json:"changes"`
		Backward bool            `json:"breaks_backward"`
		Forward  bool            `json:"breaks_forward"`
		Upgrade  string          `json:"upgrade"`
		Problem  string          `json:"problem"`
	}
	if err = json.Unmarshal(document, &c); err != nil {
		return row, fmt.Errorf("reading contract: %w", err)
	}
	text := func(s string) string { return string(column([]byte(s))) }
	row = contractRow{subject: text(c.Subject), version: c.Version, id: c.ID, language: c.Language, text: text(c.Text),
		changes: "[]", backward: c.Backward, forward: c.Forward, upgrade: text(c.Upgrade), problem: text(c.Problem)}
	switch {
	case row.subject == "" || len(row.subject) > maxIndexed:
		return row, fmt.Errorf("reading contract: subject is %d bytes long; 1 to %d are allowed", len(row.subject), maxIndexed)
	case row.version < 1:
		return row, fmt.Errorf("reading contract: version is %d; it must be at least 1", row.version)
	case !slices.Contains(languages, row.language):
		return row, fmt.Errorf("reading contract: language is %s; allowed are %s", excerpt([]byte(row.language)), strings.Join(languages, ", "))
	}
	if changes := bytes.TrimSpace(c.Changes); len(changes) > 0 && changes[0] == '[' {
		row.changes = string(changes)
	}
	ns, err := event.ParseTime([]byte(c.SeenAt))
	if err != nil {
		return row, fmt.Errorf("reading contract: seen_at is %s: %w", excerpt([]byte(c.SeenAt)), err)
	}
	row.seen = instant{ns: ns, known: true}
	return row, nil
}

var contractColumns = []string{"subject", "version", "id", "language", "text", "first_seen_at", "first_seen_ns", "changes",
	"breaks_backward", "breaks_forward", "upgrade", "problem"}

func (r *contractRow) values(seen any) []any {
	return []any{r.subject, r.version, r.id, r.language, r.text, seen, r.seen.ns, r.changes, r.backward, r.forward, r.upgrade, r.problem}
}

// sortContracts sorts rows, so that concurrent batches lock them in one order.
func sortContracts(rows []contractRow) []contractRow {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b contractRow) int {
		if c := strings.Compare(a.subject, b.subject); c != 0 {
			return c
		}
		return int(a.version) - int(b.version)
	})
	return rows
}

// writeContracts inserts them one by one: they are few, and seldom new.
func (p *postgres) writeContracts(ctx context.Context, rows []contractRow) ([]tally, error) {
	tx, err := p.pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	places := make([]string, len(contractColumns))
	for i := range places {
		places[i] = fmt.Sprintf("$%d", i+1)
	}
	insert := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s) ON CONFLICT DO NOTHING", tableContracts,
		strings.Join(contractColumns, ", "), strings.Join(places, ", "))
	stored := 0
	for _, row := range sortContracts(rows) {
		tag, err := tx.Exec(ctx, insert, row.values(row.seen.time())...)
		if err != nil {
			return nil, fmt.Errorf("inserting row: %w", err)
		}
		stored += int(tag.RowsAffected())
	}
	if err = tx.Commit(ctx); err != nil {
		return nil, err
	}
	return []tally{{table: tableContracts, stored: stored, present: len(rows) - stored}}, nil
}

var sqliteInsertContracts = insertSQL(tableContracts, contractColumns, "DO NOTHING")

func (s *sqliteDB) writeContracts(ctx context.Context, rows []contractRow) ([]tally, error) {
	stored := 0
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		return insertEach(ctx, tx, sqliteInsertContracts, len(contractColumns), len(rows), func(v []any, i int) {
			copy(v, rows[i].values(rows[i].seen.text()))
		}, func(int) { stored++ })
	})
	if err != nil {
		return nil, err
	}
	return []tally{{table: tableContracts, stored: stored, present: len(rows) - stored}}, nil
}

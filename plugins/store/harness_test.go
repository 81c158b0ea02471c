package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/pgtest"
)

// place makes empty stores of one dialect.
type place struct {
	dialect dialect
	server  *pgtest.Server
}

// dsn returns the DSN of an empty store.
func (p place) dsn(t testing.TB) string {
	if p.dialect == postgresDialect {
		return p.server.Database(t)
	}
	return "sqlite://" + filepath.Join(t.TempDir(), "helios.db")
}

// inBothDialects runs a test against SQLite and against a PostgreSQL server.
func inBothDialects(t *testing.T, test func(t *testing.T, p place)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, place{dialect: sqliteDialect}) })
	t.Run("postgres", func(t *testing.T) {
		test(t, place{dialect: postgresDialect, server: pgtest.StartServer(t)})
	})
}

// openSQL opens a store beside the plugin, to look at its tables.
func openSQL(t testing.TB, dsn string) (db *sql.DB, done func()) {
	t.Helper()
	driver, name := "pgx", dsn
	if path, ok := strings.CutPrefix(dsn, "sqlite://"); ok {
		driver, name = "sqlite", "file:"+path+"?_busy_timeout=10000"
	}
	db, err := sql.Open(driver, name)
	require.NoError(t, err)
	return db, func() { _ = db.Close() }
}

func execSQL(t testing.TB, dsn, statement string) {
	t.Helper()
	db, done := openSQL(t, dsn)
	defer done()
	_, err := db.Exec(statement)
	require.NoError(t, err)
}

// queryText returns the rows of a query as text, one line a row.
func queryText(t testing.TB, dsn, query string) []string {
	t.Helper()
	db, done := openSQL(t, dsn)
	defer done()
	rows, err := db.Query(query)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var lines []string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(sql.NullString)
		}
		require.NoError(t, rows.Scan(values...))
		cells := make([]string, len(columns))
		for i := range values {
			cells[i] = values[i].(*sql.NullString).String
		}
		lines = append(lines, strings.Join(cells, "|"))
	}
	require.NoError(t, rows.Err())
	return lines
}

// dump returns everything that a store holds.
func dump(t testing.TB, dsn string) []string {
	t.Helper()
	var all []string
	for _, query := range []string{
		"SELECT * FROM helios_events ORDER BY identity",
		"SELECT * FROM helios_verdict_history ORDER BY id, opened_ns, revision",
		"SELECT * FROM helios_verdicts ORDER BY id",
		"SELECT * FROM helios_dead_letters ORDER BY identity",
		"SELECT * FROM helios_events_hourly ORDER BY hour, tenant, type, cloud, source, contract, violated",
		"SELECT * FROM helios_dead_letters_hourly ORDER BY hour, tenant, type, reason, stage, cloud, source, contract, rule",
		"SELECT * FROM helios_verdicts_hourly ORDER BY hour, tenant, type, status, expectation",
		"SELECT * FROM helios_contracts ORDER BY subject, version",
	} {
		all = append(all, queryText(t, dsn, query)...)
	}
	return all
}

// newTestOutput builds the output as Connect would, and connects it.
func newTestOutput(t testing.TB, dsn string, k kind, extra ...string) *output {
	t.Helper()
	return newTestOutputWith(t, service.MockResources(), dsn, k, extra...)
}

func newTestOutputWith(t testing.TB, res *service.Resources, dsn string, k kind, extra ...string) *output {
	t.Helper()
	conf, err := outputSpec().ParseYAML(fmt.Sprintf("dsn: %q\nkind: %s\n%s", dsn, k, strings.Join(extra, "\n")), nil)
	require.NoError(t, err)
	built, _, _, err := newOutput(conf, res)
	require.NoError(t, err)
	out := built.(*output)
	require.NoError(t, out.Connect(context.Background()))
	t.Cleanup(func() { _ = out.Close(context.Background()) })
	return out
}

func batchOf(documents ...string) service.MessageBatch {
	batch := make(service.MessageBatch, len(documents))
	for i, d := range documents {
		batch[i] = service.NewMessage([]byte(d))
	}
	return batch
}

// eventJSON returns a canonical event.
func eventJSON(attributes map[string]any) string {
	all := map[string]any{
		"specversion": "1.0", "id": "e-1", "source": "/orders", "type": "com.example.order.paid",
		"time": "2026-03-01T10:00:00.123456789Z", "cloud": "aws", "tenant": "acme", "correlationid": "ord-1",
		"ingesttime": "2026-03-01T10:00:01.000000001Z", "data": map[string]any{"amount": 10},
	}
	for name, value := range attributes {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	return mustJSON(all)
}

var opened = time.Date(2026, 3, 1, 10, 0, 0, 123456789, time.UTC)

// verdictJSON returns a verdict of the fact with the given number.
func verdictJSON(fact int, openedAt time.Time, revision int, attributes map[string]any) string {
	all := map[string]any{
		"id": fmt.Sprintf("%032x", fact), "revision": revision, "tenant": "acme", "type": "com.example.order.paid",
		"key": fmt.Sprintf("ord-%d", fact), "status": statuses[revision%len(statuses)], "missing": []string{"azure"}, "stalled": []string{},
		"diffs":     []any{map[string]any{"field": "data.amount", "values": map[string]any{"aws": 10, "gcp": 12}, "outliers": []string{}}},
		"opened_at": openedAt.Format(time.RFC3339Nano), "deadline": openedAt.Add(time.Minute).Format(time.RFC3339Nano),
		"decided_at": openedAt.Add(time.Hour).Format(time.RFC3339Nano), "closed_by": "deadline", "expectation": "orders@3f2a91c0",
	}
	for name, value := range attributes {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	return mustJSON(all)
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func countsOf(t testing.TB, dsn string) Counts {
	t.Helper()
	db, err := Open(context.Background(), dsn)
	require.NoError(t, err)
	defer db.Close()
	counts, err := db.Counts(context.Background())
	require.NoError(t, err)
	return counts
}

// The test binary, started with these in its environment, is a process that
// creates a store and writes to it.
const (
	envChildDSN  = "HELIOS_STORE_TEST_DSN"
	envChildName = "HELIOS_STORE_TEST_NAME"
	envChildEnd  = "HELIOS_STORE_TEST_END" // "never": it writes until it is killed
)

func TestMain(m *testing.M) {
	if dsn := os.Getenv(envChildDSN); dsn != "" {
		if err := childProcess(dsn, os.Getenv(envChildName)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func childProcess(dsn, name string) error {
	ctx := context.Background()
	db, err := Create(ctx, dsn)
	if err != nil {
		return err
	}
	if os.Getenv(envChildEnd) == "never" {
		return writeForever(ctx, db, name)
	}
	var reader eventReader
	for i := range 20 {
		row, err := reader.read([]byte(eventJSON(map[string]any{"id": fmt.Sprintf("%s-%d", name, i)})))
		if err != nil {
			return err
		}
		if _, err = db.backend.writeEvents(ctx, []eventRow{row}); err != nil {
			return err
		}
	}
	return db.Close()
}

func startChild(t *testing.T, dsn, name string, extra ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), envChildDSN+"="+dsn, envChildName+"="+name), extra...)
	cmd.Stderr = new(strings.Builder)
	require.NoError(t, cmd.Start())
	return cmd
}

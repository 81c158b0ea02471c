package store

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/pgtest"
)

func eventAt(id string, at string) string {
	return eventJSON(map[string]any{"id": id, "time": at})
}

const partitionsQuery = `SELECT tableoid::regclass, id FROM helios_events ORDER BY time_ns`

func TestEachDayHasItsPartition(t *testing.T) {
	dsn := pgtest.Start(t)
	out := newTestOutput(t, dsn, kindEvents)
	require.NoError(t, out.WriteBatch(context.Background(), batchOf(
		eventAt("earliest", "1678-01-01T00:00:00Z"),
		eventAt("before 1970", "1969-12-31T23:59:59.999999999Z"),
		eventAt("end of 1999", "1999-12-31T23:59:59.999999999Z"),
		eventAt("2000", "2000-01-01T00:00:00Z"),
		eventAt("leap day", "2024-02-29T12:00:00Z"),
		// PostgreSQL must cut the last nanosecond of a day and not round it up.
		eventAt("end of day", "2024-02-29T23:59:59.999999999Z"),
		eventAt("next day", "2024-03-01T00:00:00Z"),
		eventAt("offset", "2024-03-01T23:30:00-01:00"),
		eventAt("end of 2099", "2099-12-31T23:59:59.999999999Z"),
		eventAt("2100", "2100-01-01T00:00:00Z"),
		eventAt("last", "2261-12-31T23:59:59.999999999Z"),
	)))
	require.Equal(t, []string{
		"helios_events_before_2000|earliest", "helios_events_before_2000|before 1970", "helios_events_before_2000|end of 1999",
		"helios_events_20000101|2000", "helios_events_20240229|leap day", "helios_events_20240229|end of day",
		"helios_events_20240301|next day", "helios_events_20240302|offset", "helios_events_20991231|end of 2099",
		"helios_events_from_2100|2100", "helios_events_from_2100|last",
	}, queryText(t, dsn, partitionsQuery))
}

func TestDroppedDaysAreMadeAnewWhenALateEventComes(t *testing.T) {
	dsn := pgtest.Start(t)
	out := newTestOutput(t, dsn, kindEvents)
	batch := batchOf(eventAt("a", "2026-01-01T00:00:00Z"), eventAt("b", "2026-01-02T00:00:00Z"))
	require.NoError(t, out.WriteBatch(context.Background(), batch))
	require.Equal(t, []string{"helios_events_20260101"}, queryText(t, dsn, "SELECT helios_drop_events_before('2026-01-02')"))
	require.Equal(t, []string{"helios_events_20260102|b"}, queryText(t, dsn, partitionsQuery))
	require.NoError(t, out.WriteBatch(context.Background(), batch))
	require.Equal(t, []string{"helios_events_20260101|a", "helios_events_20260102|b"}, queryText(t, dsn, partitionsQuery))
}

func TestABatchThatSpreadsOverYears(t *testing.T) {
	dsn := pgtest.Start(t)
	out := newTestOutput(t, dsn, kindEvents, "max_partitions: 250")
	var batch service.MessageBatch
	start := time.Date(2020, 1, 1, 12, 0, 0, 0, time.UTC)
	for day := range 252 {
		batch = append(batch, batchOf(eventAt(fmt.Sprint(day), start.AddDate(0, 0, (day*100)%252).Format(time.RFC3339)))...)
	}
	var distinct service.MessageBatch
	for day := range 252 {
		distinct = append(distinct, batchOf(eventAt(fmt.Sprintf("d%d", day), start.AddDate(0, 0, day).Format(time.RFC3339)))...)
	}
	require.NoError(t, out.WriteBatch(context.Background(), batch), "63 days")
	refused := refusedIn(t, distinct, func(b service.MessageBatch) error { return out.WriteBatch(context.Background(), b) })
	require.Len(t, refused, 2)
	require.Contains(t, refused[250], "250 partitions that max_partitions allows")
	require.Equal(t, []string{"250"}, queryText(t, dsn, "SELECT count(DISTINCT tableoid) FROM helios_events"))
	require.Equal(t, int64(252+250), countsOf(t, dsn).Events)
}

func TestManyWritersNeedingTheSameNewDays(t *testing.T) {
	dsn := pgtest.Start(t)
	var group sync.WaitGroup
	failures := make([]error, 4)
	for w := range failures {
		out := newTestOutput(t, dsn, kindEvents)
		group.Go(func() {
			for day := range 10 {
				at := opened.AddDate(0, 0, day).Format(time.RFC3339)
				if err := out.WriteBatch(context.Background(), batchOf(eventAt(fmt.Sprint(w), at), eventAt("shared", at))); err != nil {
					failures[w] = err
				}
			}
		})
	}
	group.Wait()
	require.Equal(t, make([]error, 4), failures)
	require.Equal(t, int64(10*5), countsOf(t, dsn).Events)
}

func TestDocumentsAsJSONNeverFailAQuery(t *testing.T) {
	dsn := pgtest.Start(t)
	out := newTestOutput(t, dsn, kindEvents)
	notes := []string{`"plain"`, `"nul \u0000 here"`, `"half \ud800 here"`, `"\\u0000"`, `"\ud83d\ude00"`, `1e999999`}
	var batch service.MessageBatch
	for i, note := range notes {
		batch = append(batch, batchOf(fmt.Sprintf(`{"id":"%d","source":"/","type":"t","time":"2026-01-01T00:00:00Z","cloud":"aws","correlationid":"k","data":{"note":%s}}`, i, note))...)
	}
	require.NoError(t, out.WriteBatch(context.Background(), batch))
	require.Equal(t, []string{"plain", "nul \uFFFD here", "half \uFFFD here", `\u0000`, "😀", ""},
		queryText(t, dsn, "SELECT helios_json(event)->'data'->>'note' FROM helios_events ORDER BY id"))
}

func TestAReaderNeedsNoMoreThanSelect(t *testing.T) {
	server := pgtest.StartServer(t)
	dsn := server.Database(t)
	require.NoError(t, newTestOutput(t, dsn, kindVerdicts).WriteBatch(context.Background(), batchOf(verdictJSON(1, opened, 1, nil))))
	require.NoError(t, newTestOutput(t, dsn, kindEvents).WriteBatch(context.Background(), batchOf(eventJSON(nil))))
	for _, statement := range readOnlyRole {
		execSQL(t, dsn, statement)
	}
	reader := asReader(dsn)
	require.Equal(t, Counts{Events: 1, Verdicts: 1, History: 1}, countsOf(t, reader))
	require.Equal(t, []string{"10"}, queryText(t, reader, "SELECT helios_json(event)->'data'->>'amount' FROM helios_events"))
	db, done := openSQL(t, reader)
	defer done()
	for _, statement := range []string{"DELETE FROM helios_verdicts", "SELECT helios_drop_events_before('2100-01-01')", "CREATE TEMP TABLE x (n int)"} {
		_, err := db.Exec(statement)
		require.Error(t, err, statement)
	}
}

func TestADatabaseOfAnotherEncodingIsRefused(t *testing.T) {
	dsn := pgtest.Start(t)
	execSQL(t, dsn, "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	_, err := Create(context.Background(), withDatabase(dsn, "latin"))
	require.ErrorContains(t, err, "encoding LATIN1; UTF8 is needed")
}

// An older process writes on while a newer one migrates: a writer that has its rows
// in the table gets to their sums, and the migration comes after it.
func TestAMigrationWaitsForWritersWithoutADeadlock(t *testing.T) {
	for _, tables := range [][]string{
		{"helios_events", "helios_events_hourly"},
		{"helios_verdict_history", "helios_verdicts", "helios_verdicts_hourly"},
	} {
		dsn := pgtest.StartServer(t).Database(t)
		require.NoError(t, newTestOutput(t, dsn, kindEvents).WriteBatch(t.Context(), batchOf(eventJSON(nil))))
		db, done := openSQL(t, dsn)
		defer done()
		steps, err := migrationsOf(db, postgresDialect)
		require.NoError(t, err)
		_, err = steps.DownTo(t.Context(), 5)
		require.NoError(t, err)

		writer, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		touch := func(table string) error {
			_, err := writer.Exec("LOCK TABLE " + table + " IN ROW EXCLUSIVE MODE")
			return err
		}
		require.NoError(t, touch(tables[0]))
		migrated := make(chan error, 1)
		go func() {
			_, err := steps.Up(context.Background())
			migrated <- err
		}()
		require.Eventually(t, func() bool {
			var waits bool
			require.NoError(t, db.QueryRow("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'relation')").Scan(&waits))
			return waits
		}, time.Minute, 5*time.Millisecond, "the migration waits for the writer")
		for _, table := range tables[1:] {
			require.NoError(t, touch(table))
		}
		require.NoError(t, writer.Commit())
		require.NoError(t, <-migrated)
	}
}

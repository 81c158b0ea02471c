package store

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/pgtest"
)

const (
	benchBatch   = 5000 // rows written by COPY and merge, and row by row in one transaction
	benchSingles = 500  // rows written row by row, each a transaction of its own
)

// BenchmarkPostgres writes the same events by COPY and merge and row by row with
// a prepared statement, taking turns on one server that syncs its log, and
// prints how many times faster COPY is a row. The row inserts get the same
// parsed rows, tables and indexes.
//
// Of a row's time by COPY and merge about two thirds are PostgreSQL writing the
// partition, its indexes and its log: COPY straight into the table, which can't
// skip what is there, took 33 ms for 5000 rows where COPY and merge took 41.
func BenchmarkPostgres(b *testing.B) {
	server := pgtest.StartServer(b, "fsync=on", "shared_buffers=128MB")
	ctx := context.Background()
	merged, single := server.Database(b), server.Database(b)
	out := newTestOutput(b, merged, kindEvents)
	plain, err := Create(ctx, single)
	require.NoError(b, err)
	defer plain.Close()
	conn, err := pgx.Connect(ctx, single)
	require.NoError(b, err)
	defer conn.Close(ctx)
	_, err = conn.Prepare(ctx, "insert_event", insertSQLPostgres)
	require.NoError(b, err)

	var took, together, apart []time.Duration
	round := 0
	// The first round makes the partition and warms up all three.
	measure := func() {
		batch := benchEvents(round)
		round++
		start := time.Now()
		require.NoError(b, out.WriteBatch(ctx, batchOf(batch...)))
		took = append(took, time.Since(start))
		rows := readEvents(b, batch)
		require.NoError(b, plain.backend.(*postgres).ensureDays(ctx, daysOf(rows)))

		start = time.Now()
		for i := range rows[:benchSingles] {
			require.NoError(b, insertEvent(ctx, conn, &rows[i]))
		}
		apart = append(apart, time.Since(start))

		start = time.Now()
		require.NoError(b, pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			for i := range rows {
				if err := insertEvent(ctx, conn, &rows[i]); err != nil {
					return err
				}
			}
			return nil
		}))
		together = append(together, time.Since(start))
	}
	measure()
	took, together, apart = nil, nil, nil
	for b.Loop() {
		measure()
	}
	require.Equal(b, queryText(b, merged, "SELECT count(*) FROM helios_events"), queryText(b, single, "SELECT count(*) FROM helios_events"))
	copyRow, togetherRow, apartRow := median(took)/benchBatch, median(together)/benchBatch, median(apart)/benchSingles
	b.ReportMetric(copyRow, "copy-ns/row")
	b.ReportMetric(togetherRow, "one-tx-ns/row")
	b.ReportMetric(apartRow, "tx-each-ns/row")
	b.ReportMetric(togetherRow/copyRow, "ratio-one-tx")
	b.ReportMetric(apartRow/copyRow, "ratio-tx-each")
}

// median in nanoseconds: a shared machine makes means of few rounds useless.
func median(rounds []time.Duration) float64 {
	slices.Sort(rounds)
	return float64(rounds[len(rounds)/2].Nanoseconds())
}

var insertSQLPostgres = `INSERT INTO helios_events (identity, time, time_ns, tenant, cloud, source, id, type, key, ingest_time, ingest_ns, event)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`

func insertEvent(ctx context.Context, conn *pgx.Conn, row *eventRow) error {
	values := make([]any, len(eventColumns))
	fillEvent(values, row)
	_, err := conn.Exec(ctx, "insert_event", values...)
	return err
}

func benchEvents(round int) []string {
	events := make([]string, benchBatch)
	for i := range events {
		events[i] = eventJSON(map[string]any{
			"id": fmt.Sprintf("%d-%d", round, i), "correlationid": fmt.Sprintf("ord-%d-%d", round, i/3),
			"time": opened.Add(time.Duration(i) * time.Millisecond).Format(time.RFC3339Nano),
		})
	}
	return events
}

func readEvents(b *testing.B, documents []string) []eventRow {
	var reader eventReader
	rows := make([]eventRow, len(documents))
	for i, d := range documents {
		var err error
		rows[i], err = reader.read([]byte(d))
		require.NoError(b, err)
	}
	return rows
}

// BenchmarkSQLite writes batches of events and of verdicts to a file.
func BenchmarkSQLite(b *testing.B) {
	p := place{dialect: sqliteDialect}
	out := newTestOutput(b, p.dsn(b), kindEvents)
	round := 0
	for b.Loop() {
		b.StopTimer()
		batch := batchOf(benchEvents(round)...)
		round++
		b.StartTimer()
		require.NoError(b, out.WriteBatch(context.Background(), batch))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchBatch, "ns/row")
}

// BenchmarkRead reads one event and one verdict into their rows.
func BenchmarkRead(b *testing.B) {
	event, verdict := []byte(eventJSON(nil)), []byte(verdictJSON(1, opened, 1, nil))
	b.Run("event", func(b *testing.B) {
		var reader eventReader
		b.ReportAllocs()
		for b.Loop() {
			_, _ = reader.read(event)
		}
	})
	b.Run("verdict", func(b *testing.B) {
		var reader verdictReader
		b.ReportAllocs()
		for b.Loop() {
			_, _ = reader.read(verdict)
		}
	})
}

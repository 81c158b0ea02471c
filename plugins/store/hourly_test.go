package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/helios-connect/helios/internal/pgtest"
)

// sameSums are pairs of queries that give the same whatever was written: the
// first counts rows, the second adds up an hourly table.
func sameSums(d dialect) [][2]string {
	hour := func(column string) string { return "substr(" + column + ", 1, 13)" }
	size := "length(CAST(event AS BLOB))"
	if d == postgresDialect {
		hour = func(column string) string { return "to_char(" + column + ` AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24')` }
		size = "octet_length(event)"
	}
	pair := func(counted, table, at, summed string, columns ...string) [2]string {
		group := strings.Join(columns, ", ")
		where := " GROUP BY 1, " + group + " ORDER BY 1, " + group
		return [2]string{
			"SELECT " + hour(at) + ", " + group + ", " + counted + " FROM " + table + where,
			"SELECT " + hour("hour") + ", " + group + ", " + summed + " FROM " + strings.Replace(table, "_history", "s", 1) + "_hourly" + where,
		}
	}
	pairs := [][2]string{
		pair("count(*), sum("+size+")", "helios_events", "time", "sum(events), sum(bytes)", "tenant", "cloud", "type"),
		pair("sum(("+size+" + 65535) / 65536), sum(CASE WHEN "+size+" > 1000 THEN "+size+" ELSE 1000 END)", "helios_events", "time", "sum(chunks), sum(padded)", "tenant", "cloud", "type"),
		pair("count(*)", "helios_dead_letters", "recorded_at", "sum(letters)", "reason", "stage", "tenant", "cloud", "type", "contract"),
		pair("count(CASE WHEN revision = 1 THEN 1 END), count(CASE WHEN revision > 1 THEN 1 END)", "helios_verdict_history", "decided_at",
			"sum(verdicts), sum(corrections)", "tenant", "type", "status", "expectation"),
	}
	// Rows of an hour in which no fact's current verdict lies any more stay, with 0.
	facts := pair("count(*)", "helios_verdicts", "decided_at", "sum(facts)", "tenant", "type", "status", "expectation")
	facts[1] = strings.Replace(facts[1], " ORDER BY", " HAVING sum(facts) <> 0 ORDER BY", 1)
	found := pair("count(*)", findingsOf(d), "decided_at", "sum(facts)", "tenant", "type", "finding", "cloud", "source", "field")
	found[1] = strings.Replace(pair("", "helios_findings", "", "sum(facts)", "tenant", "type", "finding", "cloud", "source", "field")[1], " ORDER BY", " HAVING sum(facts) <> 0 ORDER BY", 1)
	return append(pairs, facts, found)
}

// findingsOf is what current verdicts find wrong, read from the verdicts by the
// database and not by the plugin.
func findingsOf(d dialect) string {
	if d == postgresDialect {
		return "(SELECT v.*, f.* FROM helios_verdicts v CROSS JOIN LATERAL helios_findings(v.status, v.missing, v.verdict) AS f) AS found"
	}
	return `(SELECT v.*, 'missing' AS finding, m.value AS cloud, '' AS source, '' AS field FROM helios_verdicts v, json_each(v.missing) AS m WHERE v.status IN ('missing', 'partial')
UNION ALL SELECT v.*, 'outlier', o.value, substr(coalesce((SELECT e.value ->> '$.source' FROM json_each(v.verdict, '$.events') AS e WHERE e.key = o.value), ''), 1, 256), d.value ->> '$.field'
FROM helios_verdicts v, json_each(v.verdict, '$.diffs') AS d, json_each(d.value, '$.outliers') AS o WHERE v.status = 'mismatched') AS found`
}

func requireSameSums(t require.TestingT, d dialect, query func(string) []string) {
	for _, q := range sameSums(d) {
		require.Equal(t, query(q[0]), query(q[1]), q[1])
	}
}

func asksOf(t testing.TB, dsn string) func(string) []string {
	return func(query string) []string { return queryText(t, dsn, query) }
}

// letterOf is a dead letter as its topic gives it.
func letterOf(offset int, at time.Time, meta map[string]string) *service.Message {
	msg := service.NewMessage([]byte(eventJSON(map[string]any{"source": "/shop"})))
	for name, value := range map[string]string{
		"helios-reason": "contract", "helios-stage": "validate", "helios_tenant": "acme", "helios_type": "com.example.order.paid",
		"kafka_topic": "helios.dlq", "kafka_partition": "0", "kafka_offset": fmt.Sprint(offset), "kafka_timestamp_ms": fmt.Sprint(at.UnixMilli()),
	} {
		msg.MetaSetMut(name, value)
	}
	for name, value := range meta {
		msg.MetaSetMut(name, value)
	}
	return msg
}

func TestSumsAreThoseOfTheRowsAfterAnyBatches(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		events, verdicts, letters := newTestOutput(t, dsn, kindEvents), newTestOutput(t, dsn, kindVerdicts), newTestOutput(t, dsn, kindDeadLetters)
		db, done := openSQL(t, dsn)
		defer done()
		drawTime := rapid.Custom(func(rt *rapid.T) time.Time {
			return opened.Add(time.Duration(rapid.IntRange(0, 2).Draw(rt, "hour")) * time.Hour).Add(time.Duration(rapid.IntRange(0, 1).Draw(rt, "minute")) * time.Minute)
		})
		drawEvent := rapid.Custom(func(rt *rapid.T) *service.Message {
			attributes := map[string]any{
				"id": fmt.Sprint(rapid.IntRange(0, 9).Draw(rt, "id")), "cloud": rapid.SampledFrom([]string{"aws", "gcp"}).Draw(rt, "cloud"),
				"time": drawTime.Draw(rt, "time").Format(time.RFC3339Nano), "source": rapid.SampledFrom([]string{"/a", "/b", "other"}).Draw(rt, "source"),
				"data": rapid.SampledFrom([]string{"", "ä", strings.Repeat("long", 300), strings.Repeat("longer", 20_000)}).Draw(rt, "data"),
			}
			if rapid.Bool().Draw(rt, "judged") {
				attributes["heliosschema"] = "com.example.order.paid/1"
				attributes["heliosviolations"] = rapid.SampledFrom([]any{nil, "required /id", "no_contract"}).Draw(rt, "violations")
			}
			return service.NewMessage([]byte(eventJSON(attributes)))
		})
		drawVerdict := rapid.Custom(func(rt *rapid.T) *service.Message {
			cloud := rapid.SampledFrom([]string{"aws", "gcp"})
			return service.NewMessage([]byte(verdictJSON(rapid.IntRange(0, 5).Draw(rt, "fact"), drawTime.Draw(rt, "time"), rapid.IntRange(1, 3).Draw(rt, "revision"), map[string]any{
				"status":     rapid.SampledFrom(statuses).Draw(rt, "status"),
				"missing":    rapid.SliceOfNDistinct(cloud, 0, 2, rapid.ID).Draw(rt, "missing"),
				"decided_at": drawTime.Draw(rt, "decided").Format(time.RFC3339Nano),
				"events":     map[string]any{"aws": map[string]any{"source": "/a"}},
				"diffs":      []any{map[string]any{"field": rapid.SampledFrom([]string{"data.a", "other"}).Draw(rt, "field"), "outliers": rapid.SliceOfN(cloud, 0, 2).Draw(rt, "outliers")}},
			})))
		})
		drawLetter := rapid.Custom(func(rt *rapid.T) *service.Message {
			return letterOf(rapid.IntRange(0, 9).Draw(rt, "offset"), drawTime.Draw(rt, "time"), map[string]string{
				"helios-reason": rapid.SampledFrom([]string{"contract", "unreadable"}).Draw(rt, "reason"),
				"helios-schema": rapid.SampledFrom([]string{"", "x/1", "x/2"}).Draw(rt, "schema"),
			})
		})
		rapid.Check(t, func(rt *rapid.T) {
			for range rapid.IntRange(1, 3).Draw(rt, "batches") {
				for out, draw := range map[*output]*rapid.Generator[*service.Message]{events: drawEvent, verdicts: drawVerdict, letters: drawLetter} {
					batch := rapid.SliceOfN(draw, 1, 12).Draw(rt, "batch")
					for range rapid.IntRange(1, 2).Draw(rt, "deliveries") {
						require.NoError(rt, out.WriteBatch(context.Background(), batch))
					}
				}
			}
			requireSameSums(rt, p.dialect, func(query string) []string { return rowsAsText(rt, db, query) })
		})
	})
}

func rowsAsText(t require.TestingT, db *sql.DB, query string) (lines []string) {
	rows, err := db.Query(query)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	values, cells := make([]any, len(columns)), make([]sql.NullString, len(columns))
	for i := range values {
		values[i] = &cells[i]
	}
	for rows.Next() {
		require.NoError(t, rows.Scan(values...))
		lines = append(lines, fmt.Sprint(cells))
	}
	require.NoError(t, rows.Err())
	return lines
}

func TestConcurrentWritersOfTheSameHours(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		const writers, rounds, each = 4, 8, 60
		var group sync.WaitGroup
		failures := make([]error, writers)
		for w := range writers {
			events, verdicts, letters := newTestOutput(t, dsn, kindEvents), newTestOutput(t, dsn, kindVerdicts), newTestOutput(t, dsn, kindDeadLetters)
			group.Go(func() {
				for r := range rounds {
					var batches [3]service.MessageBatch
					for i := range each {
						n := (i*(2*w+1) + w + r*each/2) % (rounds * each) // half of each batch is somebody's again
						at := opened.Add(time.Duration(n%3) * time.Hour)
						batches[0] = append(batches[0], service.NewMessage([]byte(eventJSON(map[string]any{
							"id": fmt.Sprint(n), "source": fmt.Sprintf("/source/%d", n%170), "time": at.Format(time.RFC3339Nano)}))))
						batches[1] = append(batches[1], service.NewMessage([]byte(verdictJSON(n, at, r%3+1, nil))))
						batches[2] = append(batches[2], letterOf(n, at, map[string]string{"helios-schema": "x/1", "helios-violations": fmt.Sprintf("required /m%d", n%170)}))
					}
					for i, out := range []*output{events, verdicts, letters} {
						failures[w] = errors.Join(failures[w], out.WriteBatch(context.Background(), batches[i]))
					}
				}
				for _, out := range []*output{events, verdicts, letters} { // sessions count deadlocks when they end
					failures[w] = errors.Join(failures[w], out.Close(context.Background()))
				}
			})
		}
		group.Wait()
		require.NoError(t, errors.Join(failures...))
		if p.dialect == postgresDialect { // they would be tried again, and show nowhere else
			require.Equal(t, []string{"0"}, queryText(t, dsn, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
		}
		requireSameSums(t, p.dialect, asksOf(t, dsn))
	})
}

func TestSourcesAndRulesOfAnHourAreBounded(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		var group sync.WaitGroup
		failures := make([]error, 3)
		for w := range failures {
			events, letters := newTestOutput(t, dsn, kindEvents), newTestOutput(t, dsn, kindDeadLetters)
			group.Go(func() {
				for start := 0; start < 90; start += 15 {
					var batch, refused service.MessageBatch
					for i := range 15 {
						n := w*90 + start + i
						batch = append(batch, batchOf(eventJSON(map[string]any{"id": fmt.Sprint(n), "source": fmt.Sprintf("/%d", n)}),
							eventJSON(map[string]any{"id": fmt.Sprint(n), "source": "/always", "cloud": "gcp"}))...)
						refused = append(refused, letterOf(n, opened, map[string]string{"helios-schema": "x/1", "helios-violations": fmt.Sprintf("type /m%d; required /a", n)}))
					}
					failures[w] = errors.Join(failures[w], events.WriteBatch(context.Background(), batch), letters.WriteBatch(context.Background(), refused))
				}
			})
		}
		group.Wait()
		require.NoError(t, errors.Join(failures...))
		require.Equal(t, []string{"100"}, queryText(t, dsn, "SELECT count(DISTINCT source) FROM helios_events_hourly WHERE source <> 'other'"))
		require.Equal(t, []string{"171"}, queryText(t, dsn, "SELECT sum(events) FROM helios_events_hourly WHERE source = 'other'"), "270 sources beside /always")
		require.Equal(t, []string{"270"}, queryText(t, dsn, "SELECT sum(events) FROM helios_events_hourly WHERE source = '/always'"), "one that is known stays known")
		require.Equal(t, []string{"100|170"}, queryText(t, dsn, "SELECT count(DISTINCT CASE WHEN rule <> 'other' THEN rule END), sum(CASE WHEN rule = 'other' THEN letters END) FROM helios_dead_letters_hourly"))
		requireSameSums(t, p.dialect, asksOf(t, dsn))
		// Another hour counts anew.
		require.NoError(t, newTestOutput(t, dsn, kindEvents).WriteBatch(context.Background(), batchOf(eventJSON(map[string]any{"source": "/269", "time": "2026-03-01T11:00:00Z"}))))
		require.Equal(t, []string{"/269|1"}, queryText(t, dsn, "SELECT source, events FROM helios_events_hourly WHERE hour > (SELECT min(hour) FROM helios_events_hourly)"))
	})
}

func TestLongTextsAreCut(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		long := strings.Repeat("é", 10_000)
		require.NoError(t, newTestOutput(t, dsn, kindEvents).WriteBatch(context.Background(), batchOf(
			eventJSON(map[string]any{"source": long, "tenant": long[:1024], "type": long[:1024], "cloud": long[:1024], "heliosschema": long}))))
		require.NoError(t, newTestOutput(t, dsn, kindDeadLetters).WriteBatch(context.Background(), service.MessageBatch{letterOf(1, opened, map[string]string{
			"helios-reason": long, "helios-stage": long, "helios_tenant": long, "helios_type": long, "helios_cloud": long, "helios-schema": long, "helios-violations": long})}))
		require.Equal(t, []string{"256|256|256"}, queryText(t, dsn, "SELECT length(source), length(tenant), length(contract) FROM helios_events_hourly"))
		require.Equal(t, []string{"256|256|1"}, queryText(t, dsn, "SELECT length(rule), length(reason), letters FROM helios_dead_letters_hourly"))
	})
}

func TestARefusedContractIsCountedByRuleAndProducer(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		judged := func(id string, more map[string]any) string {
			all := map[string]any{"id": id, "source": "/shop", "heliosschema": "com.example.order.paid/2"}
			for name, value := range more {
				all[name] = value
			}
			return eventJSON(all)
		}
		require.NoError(t, newTestOutput(t, dsn, kindEvents).WriteBatch(context.Background(), batchOf(
			judged("1", nil), judged("2", nil), judged("3", map[string]any{"heliosviolations": "type /items/0/qty"}),
			judged("4", map[string]any{"source": "/till"}), eventJSON(map[string]any{"id": "5", "heliosviolations": "no_contract"}))))
		metadata := map[string]string{"helios-schema": "com.example.order.paid/2", "helios-violations": "type /items/10/2/qty; required /customer"}
		letter := letterOf(1, opened, metadata)
		cut := letterOf(2, opened, metadata)
		cut.SetBytes([]byte(`{"source":"/shop","data":{`))
		require.NoError(t, newTestOutput(t, dsn, kindDeadLetters).WriteBatch(context.Background(), service.MessageBatch{letter, cut, letterOf(3, opened, map[string]string{"helios-stage": "ingest"})}))
		require.Equal(t, []string{
			"com.example.order.paid/2|type /items/10/2/qty; required /customer|/shop", "com.example.order.paid/2|type /items/10/2/qty; required /customer|", "||",
		}, queryText(t, dsn, "SELECT contract, violations, source FROM helios_dead_letters ORDER BY contract DESC, source DESC"))
		require.Equal(t, []string{"|type /items/*/*/qty|1", "/shop|type /items/*/*/qty|1"},
			queryText(t, dsn, "SELECT source, rule, letters FROM helios_dead_letters_hourly WHERE contract <> '' ORDER BY source"))
		require.Equal(t, []string{"|0|0|1|0", "/shop|2|1|1|0.5", "/till|1|0|0|1"},
			queryText(t, dsn, "SELECT source, valid, violated, refused, share FROM helios_contract_compliance WHERE contract = 'com.example.order.paid/2' ORDER BY source"))
	})
}

func TestABatchThatIsRolledBackCountsNothing(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		events, verdicts := newTestOutput(t, dsn, kindEvents), newTestOutput(t, dsn, kindVerdicts)
		batch := batchOf(eventJSON(nil), eventJSON(map[string]any{"id": "e-2"}))
		for _, table := range []string{"helios_events_hourly", "helios_verdicts_hourly"} {
			execSQL(t, dsn, "ALTER TABLE "+table+" RENAME TO away_"+table)
		}
		require.ErrorIs(t, events.WriteBatch(context.Background(), batch), service.ErrNotConnected)
		require.ErrorIs(t, verdicts.WriteBatch(context.Background(), batchOf(verdictJSON(1, opened, 1, nil))), service.ErrNotConnected)
		require.Equal(t, Counts{}, countsOf(t, dsn))
		for _, table := range []string{"helios_events_hourly", "helios_verdicts_hourly"} {
			execSQL(t, dsn, "ALTER TABLE away_"+table+" RENAME TO "+table)
		}
		require.NoError(t, events.Connect(context.Background()))
		require.NoError(t, events.WriteBatch(context.Background(), batch))
		require.Equal(t, []string{"2"}, queryText(t, dsn, "SELECT sum(events) FROM helios_events_hourly"))
		requireSameSums(t, p.dialect, asksOf(t, dsn))
	})
}

// writeForever writes batches of which half was written before.
func writeForever(ctx context.Context, db *DB, name string) error {
	var reader eventReader
	for n := 0; ; n += 50 {
		rows := make([]eventRow, 100)
		for i := range rows {
			document := eventJSON(map[string]any{"id": fmt.Sprintf("%s-%d", name, n+i), "source": fmt.Sprint(i % 7)})
			row, err := reader.read([]byte(document))
			if err != nil {
				return err
			}
			rows[i] = row
		}
		if _, err := db.backend.writeEvents(ctx, rows); err != nil {
			return err
		}
	}
}

func TestAWriterThatIsKilledLeavesNoHalves(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		newTestOutput(t, dsn, kindEvents)
		for range 5 {
			before := countsOf(t, dsn).Events
			child := startChild(t, dsn, "x", envChildEnd+"=never") // writes what the one before wrote, and more
			require.Eventually(t, func() bool {
				return countsOf(t, dsn).Events > before
			}, time.Minute, time.Millisecond)
			require.NoError(t, child.Process.Kill())
			require.Error(t, child.Wait())
			awaitEndOfOthers(t, p, dsn)
			requireSameSums(t, p.dialect, asksOf(t, dsn))
		}
	})
}

// awaitEndOfOthers waits until the server has ended what a killed client had sent:
// a COMMIT under way would fall between two questions of the test.
func awaitEndOfOthers(t *testing.T, p place, dsn string) {
	t.Helper()
	if p.dialect != postgresDialect {
		return
	}
	require.Eventually(t, func() bool {
		return queryText(t, dsn, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'")[0] == "0"
	}, time.Minute, 10*time.Millisecond)
}

func TestRowsThatAreThereAreCountedByTheMigration(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		events := newTestOutput(t, dsn, kindEvents)
		deep := `{"id":"deep","source":"/","type":"t","time":"2026-01-01T00:59:59.999999999Z","cloud":"aws","correlationid":"k","heliosnote":"\u0000","data":` +
			strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}`
		batch := batchOf(deep, eventJSON(map[string]any{"time": "1969-12-31T23:30:00.5Z", "source": strings.Repeat("ß", 300)}))
		for i := range 130 { // /0 to /49 come twice
			batch = append(batch, batchOf(eventJSON(map[string]any{"id": fmt.Sprint(i), "source": fmt.Sprintf("/%d", i),
				"heliosschema": fmt.Sprintf("s/%d", i%3), "heliosviolations": []any{nil, "", "type /ä", "no_contract"}[i%4]}))...)
			if i < 50 {
				batch = append(batch, batchOf(eventJSON(map[string]any{"id": fmt.Sprint(i), "cloud": "gcp", "source": fmt.Sprintf("/%d", i)}))...)
			}
		}
		require.NoError(t, events.WriteBatch(context.Background(), batch))
		require.NoError(t, newTestOutput(t, dsn, kindVerdicts).WriteBatch(context.Background(), batchOf(verdictJSON(1, opened, 1, nil), verdictJSON(1, opened, 2, nil), verdictJSON(2, opened, 1, nil),
			verdictJSON(3, opened, 1, map[string]any{"status": "mismatched", "diffs": []any{map[string]any{"field": "data.a", "outliers": []string{"aws", "gcp"}}}, "events": map[string]any{"aws": map[string]any{"source": strings.Repeat("ß", 300)}}}))))
		require.NoError(t, newTestOutput(t, dsn, kindDeadLetters).WriteBatch(context.Background(), service.MessageBatch{letterOf(1, opened, nil), letterOf(2, opened, map[string]string{"helios-stage": "ingest"})}))
		sums := func() (all []string) {
			for _, query := range []string{
				"SELECT hour, tenant, cloud, type, contract, violated, sum(events), sum(bytes) FROM helios_events_hourly GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6",
				"SELECT hour, reason, stage, tenant, cloud, type, contract, letters FROM helios_dead_letters_hourly ORDER BY 1, 2, 3, 4, 5, 6",
				"SELECT * FROM helios_verdicts_hourly ORDER BY 1, 2, 3, 4, 5",
				"SELECT * FROM helios_findings_hourly WHERE facts <> 0 ORDER BY 1, 2, 3, 4, 5, 6, 7",
			} {
				all = append(all, queryText(t, dsn, query)...)
			}
			return all
		}
		before := sums()
		requireSameSums(t, p.dialect, asksOf(t, dsn))
		require.NoError(t, events.Close(context.Background()))

		db, done := openSQL(t, dsn)
		defer done()
		steps, err := migrationsOf(db, p.dialect)
		require.NoError(t, err)
		_, err = steps.DownTo(context.Background(), 3)
		require.NoError(t, err)
		_, err = db.Exec("SELECT 1 FROM helios_events_hourly")
		require.Error(t, err)
		_, err = steps.Up(context.Background())
		require.NoError(t, err)
		require.Equal(t, before, sums())
		requireSameSums(t, p.dialect, asksOf(t, dsn))
		busiest := queryText(t, dsn, "SELECT DISTINCT source FROM helios_events_hourly WHERE source LIKE '/%' AND tenant = 'acme'")
		require.Len(t, busiest, 100)
		for i := range 50 {
			require.True(t, slices.Contains(busiest, fmt.Sprintf("/%d", i)), "the busiest sources keep their names")
		}
		// What is written on adds to what the migration counted.
		again := newTestOutput(t, dsn, kindEvents)
		require.NoError(t, again.WriteBatch(context.Background(), append(batch, batchOf(eventJSON(map[string]any{"id": "new", "source": "/0", "heliosschema": "s/0"}))...)))
		requireSameSums(t, p.dialect, asksOf(t, dsn))
	})
}

// Retention deletes old revisions; the facts' current verdicts stay, and count.
func TestTheMigrationCountsFactsWhoseHistoryIsGone(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		out := newTestOutput(t, dsn, kindVerdicts)
		require.NoError(t, out.WriteBatch(t.Context(), batchOf(verdictJSON(1, opened, 1, nil), verdictJSON(2, opened, 1, map[string]any{"decided_at": "2026-03-01T23:30:00Z"}))))
		require.NoError(t, out.Close(t.Context()))
		migrateAnew(t, p, dsn, 3, "DELETE FROM helios_verdict_history WHERE id = '"+fmt.Sprintf("%032x", 1)+"'")
		const facts = "SELECT sum(facts), min(facts) FROM helios_verdicts_hourly"
		require.Equal(t, []string{"2|1"}, queryText(t, dsn, facts))
		corrected := newTestOutput(t, dsn, kindVerdicts)
		require.NoError(t, corrected.WriteBatch(t.Context(), batchOf(verdictJSON(1, opened, 2, nil))))
		require.Equal(t, []string{"2|0"}, queryText(t, dsn, facts))
	})
}

func TestContractsAreStoredOnce(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		contract := func(subject string, version int, more map[string]any) string {
			all := map[string]any{"subject": subject, "version": version, "id": 7, "language": "JSON", "text": "{\x00}", "seen_at": "2026-03-01T10:00:00.5Z"}
			for name, value := range more {
				all[name] = value
			}
			return mustJSON(all)
		}
		out := newTestOutput(t, dsn, kindContracts)
		second := contract("order", 2, map[string]any{"changes": []any{map[string]any{"pointer": "/a"}}, "breaks_backward": true, "upgrade": "root = this", "problem": "p"})
		batch := batchOf(second, contract("order", 1, nil), contract("order", 2, map[string]any{"text": "later"}),
			contract("", 1, nil), contract("x", 0, nil), contract("x", 1, map[string]any{"language": "XML"}), contract("x", 1, map[string]any{"seen_at": ""}), "[]",
			contract(strings.Repeat("s", maxIndexed+1), 1, nil))
		refused := refusedIn(t, batch, func(b service.MessageBatch) error { return out.WriteBatch(context.Background(), b) })
		for i, complaint := range map[int]string{3: "subject is 0 bytes long", 4: "version is 0", 5: "allowed are JSON, AVRO, PROTOBUF", 6: "seen_at is", 7: "reading contract", 8: "1025 bytes long"} {
			require.Contains(t, refused[i], complaint)
		}
		require.Len(t, refused, 6)
		require.NoError(t, out.WriteBatch(context.Background(), batchOf(contract("order", 1, map[string]any{"text": "later"}))))
		truth := map[dialect][2]string{sqliteDialect: {"1", "0"}, postgresDialect: {"true", "false"}}[p.dialect]
		require.Equal(t, []string{
			"order|1|7|JSON|{\u2400}|1772359200500000000|[]|" + truth[1] + "|" + truth[1] + "||",
			`order|2|7|JSON|` + "{\u2400}" + `|1772359200500000000|[{"pointer":"/a"}]|` + truth[0] + "|" + truth[1] + "|root = this|p",
		}, queryText(t, dsn, "SELECT subject, version, id, language, text, first_seen_ns, changes, breaks_backward, breaks_forward, upgrade, problem FROM helios_contracts ORDER BY version"))
	})
}

// The functions for dashboards answer as the rows do, also for ranges that begin
// and end within hours; what retention drops still counts in whole hours.
func TestTheFunctionsForRangesAnswerAsTheRowsDo(t *testing.T) {
	dsn := pgtest.Start(t)
	random := rand.New(rand.NewPCG(3, 4))
	at := func() time.Time {
		return opened.Add(time.Duration(random.Int64N(int64(30 * time.Hour)))).Truncate(time.Duration(1 + random.Int64N(int64(time.Hour))))
	}
	cloud := func() string { return []string{"aws", "gcp", "azure"}[random.IntN(3)] }
	events, verdicts := newTestOutput(t, dsn, kindEvents), newTestOutput(t, dsn, kindVerdicts)
	for range 5 {
		var some, judged service.MessageBatch
		for range 80 {
			some = append(some, batchOf(eventJSON(map[string]any{"id": fmt.Sprint(random.IntN(300)), "cloud": cloud(), "time": at().Format(time.RFC3339Nano), "data": strings.Repeat("x", random.IntN(2)*70_000)}))...)
			judged = append(judged, batchOf(verdictJSON(random.IntN(80), opened, 1+random.IntN(5), map[string]any{
				"status": statuses[random.IntN(len(statuses))], "missing": []string{cloud()}, "decided_at": at().Format(time.RFC3339Nano),
				"events": map[string]any{"aws": map[string]any{"source": "/a"}}, "diffs": []any{map[string]any{"field": "data.a", "outliers": []string{cloud()}}}}))...)
		}
		require.NoError(t, events.WriteBatch(context.Background(), append(some, some[:20]...)))
		require.NoError(t, verdicts.WriteBatch(context.Background(), append(judged, judged[:20]...)))
	}
	const columns = "SELECT hour, tenant, cloud, type, source, sum(events), sum(bytes), sum(chunks), sum(padded) FROM %s GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"
	ask := func(since, until time.Time) (events, rows, found, want []string) {
		within := fmt.Sprintf("BETWEEN '%s' AND '%s'", since.Format(time.RFC3339Nano), until.Format(time.RFC3339Nano))
		between := strings.Replace(strings.Replace(within, "BETWEEN ", "_between(", 1), " AND ", ", ", 1) + ")"
		const bounds = "SELECT hour, type, finding, cloud, source, field, sum(facts) FROM %s GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(facts) <> 0 ORDER BY 1, 2, 3, 4, 5, 6"
		return queryText(t, dsn, fmt.Sprintf(columns, "helios_events"+between)),
			queryText(t, dsn, fmt.Sprintf(columns, `(SELECT date_trunc('hour', time, 'UTC') AS hour, tenant, cloud, type, source, 1 AS events, octet_length(event) AS bytes,
				ceil(octet_length(event) / 65536.0) AS chunks, greatest(1000, octet_length(event)) AS padded FROM helios_events WHERE time `+within+") AS e")),
			queryText(t, dsn, fmt.Sprintf(bounds, "helios_findings"+between)),
			queryText(t, dsn, fmt.Sprintf(bounds, "(SELECT date_trunc('hour', decided_at, 'UTC') AS hour, 1 AS facts, * FROM "+findingsOf(postgresDialect)+" WHERE decided_at "+within+") AS f"))
	}
	for range 60 {
		since := at()
		until := since.Add(time.Duration(random.Int64N(int64(20*time.Hour))) >> random.IntN(5))
		if random.IntN(4) == 0 {
			since, until = since.Truncate(time.Hour), until.Truncate(time.Hour)
		}
		events, rows, found, want := ask(since, until)
		require.Equal(t, rows, events, "%v to %v", since, until)
		require.Equal(t, want, found, "%v to %v", since, until)
	}
	since, until := opened.Truncate(time.Hour), opened.Truncate(time.Hour).Add(48*time.Hour)
	before, _, _, _ := ask(since, until)
	require.NotEmpty(t, before)
	execSQL(t, dsn, "SELECT helios_drop_events_before('2026-03-10')")
	after, rows, _, _ := ask(since, until)
	require.Empty(t, rows)
	require.Equal(t, before, after)
}

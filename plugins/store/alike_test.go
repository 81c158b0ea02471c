package store

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/pgtest"
)

// oddNames are what databases read, compare, cut or sort in ways of their own.
var oddNames = []string{
	"a", "A", "ä", "a ", " a", "other", "missing", "␀", "\x00", "a\x00b", `\u0000`, `\\u0000`, "\u2028", "😀", "%", "_", "'", `"`, `\`, "null", "NaN", "1e3",
	strings.Repeat("é", 256), strings.Repeat("é", 256) + "x", strings.Repeat("ß", 257),
}

// oddBatches draws batches of events, verdicts and dead letters about the same few hours.
type oddBatches struct{ *rand.Rand }

func (r oddBatches) name() string {
	if r.IntN(4) == 0 {
		return fmt.Sprintf("/%d", r.IntN(150)) // more than an hour tells apart
	}
	return oddNames[r.IntN(len(oddNames))]
}

// orElse is an odd name, and mostly a plain one.
func (r oddBatches) orElse(plain string) string {
	if r.IntN(4) == 0 {
		return r.name()
	}
	return plain
}

// at is often the beginning of an hour or of a day, or the last nanosecond before it.
func (r oddBatches) at() time.Time {
	at := opened.Add(time.Duration(r.Int64N(int64(50 * time.Hour))))
	return at.Truncate([]time.Duration{1, time.Minute, time.Hour, 24 * time.Hour}[r.IntN(4)]).Add(-time.Duration(r.IntN(2)))
}

func (r oddBatches) event() *service.Message {
	return service.NewMessage([]byte(eventJSON(map[string]any{
		"id": fmt.Sprint(r.IntN(200)), "tenant": r.orElse("acme"), "type": r.orElse("t"), "cloud": r.name(), "source": r.orElse(""), "correlationid": r.name(),
		"time": r.at().Format(time.RFC3339Nano), "heliosschema": []string{"", "s/1"}[r.IntN(2)], "heliosviolations": []string{"", "no_contract", "x"}[r.IntN(3)],
	})))
}

func (r oddBatches) verdict() *service.Message {
	return service.NewMessage([]byte(verdictJSON(r.IntN(200), opened.Add(time.Duration(r.IntN(2))), 1+r.IntN(4), map[string]any{
		"tenant": r.orElse("acme"), "type": r.orElse("t"), "status": statuses[r.IntN(len(statuses))], "missing": []string{r.name()}, "expectation": r.orElse("o@1"),
		"decided_at": r.at().Format(time.RFC3339Nano), "events": map[string]any{"aws": map[string]any{"source": r.orElse("")}, "gcp": map[string]any{"source": r.name()}},
		"diffs": []any{map[string]any{"field": r.orElse("data.a"), "outliers": []string{"aws", r.orElse("gcp")}}, map[string]any{"field": r.name(), "outliers": []string{"gcp"}}},
	})))
}

func (r oddBatches) letter() *service.Message {
	return letterOf(r.IntN(300), r.at(), map[string]string{
		"helios-reason": r.name(), "helios_tenant": r.orElse("acme"), "helios_type": r.orElse("t"), "helios_cloud": r.name(),
		"helios-schema": []string{"", "s/1"}[r.IntN(2)], "helios-violations": "type /" + r.name(),
	})
}

// What was written to both dialects gives the same sums in both, and a migration that
// counts the rows anew changes none of those that it can know.
func TestBothDialectsKeepTheSameSums(t *testing.T) {
	places := []place{{dialect: sqliteDialect}, {dialect: postgresDialect, server: pgtest.StartServer(t)}}
	draw := oddBatches{rand.New(rand.NewPCG(5, 6))}
	var dsns []string
	outs := map[kind][]*output{}
	for i, p := range places {
		dsns = append(dsns, p.dsn(t))
		for _, k := range []kind{kindEvents, kindVerdicts, kindDeadLetters} {
			outs[k] = append(outs[k], newTestOutput(t, dsns[i], k))
		}
	}
	for k, one := range map[kind]func() *service.Message{kindEvents: draw.event, kindVerdicts: draw.verdict, kindDeadLetters: draw.letter} {
		var past service.MessageBatch
		for range 10 {
			var batch service.MessageBatch
			for range 60 {
				batch = append(batch, one())
			}
			past = append(past, batch...)
			batch = append(batch, past[draw.IntN(len(past)):]...) // delivered again
			for _, out := range outs[k] {
				require.NoError(t, out.WriteBatch(t.Context(), batch))
			}
		}
	}
	requireAlike(t, dsns, hourlyEvents, hourlyDeadLetters, hourlyVerdicts, hourlyFindings)
	for i, p := range places {
		migrateAnew(t, p, dsns[i], 5)
	}
	requireAlike(t, dsns, hourlyEvents, hourlyDeadLetters, hourlyVerdicts, hourlyFindings)
	for i, p := range places {
		migrateAnew(t, p, dsns[i], 3)
	}
	requireAlike(t, dsns, hourlyEvents, hourlyVerdicts, hourlyFindings)
}

// migrateAnew brings a store up to date from an earlier version, after what
// happened to it there.
func migrateAnew(t *testing.T, p place, dsn string, from int64, meanwhile ...string) {
	t.Helper()
	db, done := openSQL(t, dsn)
	defer done()
	steps, err := migrationsOf(db, p.dialect)
	require.NoError(t, err)
	_, err = steps.DownTo(t.Context(), from)
	require.NoError(t, err)
	for _, statement := range meanwhile {
		_, err = db.Exec(statement)
		require.NoError(t, err)
	}
	_, err = steps.Up(t.Context())
	require.NoError(t, err)
}

// requireAlike compares hourly tables of a SQLite and of a PostgreSQL store, in whatever
// order they are. Rows of which nothing is left don't count.
func requireAlike(t *testing.T, dsns []string, tables ...*hourly) {
	t.Helper()
	for _, h := range tables {
		rest := ", " + strings.Join(h.columns()[1:], ", ") + " FROM " + h.table + " WHERE " + strings.Join(h.sums, " <> 0 OR ") + " <> 0"
		sqlite := queryText(t, dsns[0], "SELECT substr(hour, 1, 13)"+rest)
		postgres := queryText(t, dsns[1], `SELECT to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24')`+strings.Replace(rest, "violated", "violated::int", 1))
		require.NotEmpty(t, sqlite)
		require.ElementsMatch(t, sqlite, postgres, h.table)
	}
}

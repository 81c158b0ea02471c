package store

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

// refusedIn returns the errors by the place of their message.
func refusedIn(t *testing.T, batch service.MessageBatch, write func(service.MessageBatch) error) map[int]string {
	t.Helper()
	indexer := batch.Index()
	err := write(batch)
	if err == nil {
		return nil
	}
	var rejected *service.BatchError
	require.ErrorAs(t, err, &rejected)
	found := map[int]string{}
	rejected.WalkMessagesIndexedBy(indexer, func(i int, _ *service.Message, err error) bool {
		if err != nil {
			found[i] = err.Error()
		}
		return true
	})
	return found
}

func TestOnlyMessagesThatDoNotParseAreRejected(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		for _, c := range []struct {
			kind kind
			good []string
			bad  map[string]string // document to what its error says
		}{
			{
				kind: kindEvents,
				good: []string{eventJSON(nil), eventJSON(map[string]any{"cloud": "gcp", "source": nil, "tenant": nil, "ingesttime": "no time"})},
				bad: map[string]string{
					"{":                                        "the end of the document",
					"[]":                                       "a JSON object",
					"{\"id\":\"\xff\"}":                        "invalid JSON",
					`{"id":"a","id":"b"}`:                      "duplicate member",
					strings.Repeat(`{"a":`, 100_000):           "nested deeper",
					eventJSON(map[string]any{"id": nil}):       "id is absent",
					eventJSON(map[string]any{"id": 7}):         `id is "7"; it must be a string`,
					eventJSON(map[string]any{"cloud": ""}):     "cloud is empty",
					eventJSON(map[string]any{"time": "today"}): "time is \"today\"",
					eventJSON(map[string]any{"time": "9999-01-01T00:00:00Z"}):                      "1678 to 2261",
					eventJSON(map[string]any{"correlationid": nil}):                                "correlationid is absent",
					eventJSON(map[string]any{"tenant": strings.Repeat("a", 2000)}):                 "tenant is 2000 bytes long; at most 1024",
					eventJSON(map[string]any{"time": "0001-01-01T00:00:00Z", "cloud": "far away"}): "1678 to 2261",
				},
			},
			{
				kind: kindVerdicts,
				good: []string{verdictJSON(1, opened, 1, nil), verdictJSON(2, opened, 1, map[string]any{"deadline": nil, "missing": nil})},
				bad: map[string]string{
					"null": "a JSON object",
					verdictJSON(3, opened, 1, map[string]any{"id": "short"}):        "32 lower-case hexadecimal digits",
					verdictJSON(3, opened, 0, nil):                                  `revision is "0"`,
					verdictJSON(3, opened, 1<<40, nil):                              "an integer from 1 to 2147483647",
					verdictJSON(3, opened, 1, map[string]any{"status": "fine"}):     "allowed are matched, mismatched, partial, missing, indeterminate",
					verdictJSON(3, opened, 1, map[string]any{"missing": "aws"}):     "an array of strings",
					verdictJSON(3, opened, 1, map[string]any{"opened_at": nil}):     "opened_at is absent",
					verdictJSON(3, opened, 1, map[string]any{"decided_at": "soon"}): `decided_at is "soon"`,
				},
			},
		} {
			t.Run(c.kind.String(), func(t *testing.T) {
				out := newTestOutput(t, p.dsn(t), c.kind)
				var batch service.MessageBatch
				want := map[int]string{}
				batch = append(batch, batchOf(c.good[0])...)
				for document, complaint := range c.bad {
					want[len(batch)] = complaint
					batch = append(batch, batchOf(document)...)
				}
				batch = append(batch, batchOf(c.good[1])...)

				found := refusedIn(t, batch, func(b service.MessageBatch) error { return out.WriteBatch(context.Background(), b) })
				require.Len(t, found, len(want))
				for i, complaint := range want {
					require.Contains(t, found[i], complaint)
					require.Less(t, len(found[i]), 500)
				}
				counts, err := out.db.Counts(context.Background())
				require.NoError(t, err)
				require.Equal(t, int64(2), counts.Events+counts.Verdicts)
			})
		}
	})
}

func TestStatusesAreTheEngines(t *testing.T) {
	require.Equal(t, engine.Statuses(), statuses)
}

func TestOnlyRowsThatTheDatabaseRefusesAreRejected(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		out := newTestOutput(t, dsn, kindEvents)
		if p.dialect == postgresDialect {
			execSQL(t, dsn, "ALTER TABLE helios_events ADD CONSTRAINT no_poison CHECK (key <> 'poison')")
		} else {
			execSQL(t, dsn, "CREATE TRIGGER no_poison BEFORE INSERT ON helios_events WHEN NEW.key = 'poison' BEGIN SELECT RAISE(ABORT, 'no_poison'); END")
		}
		var batch service.MessageBatch
		for i := range 50 {
			key := "ord-1"
			if i == 7 || i == 8 || i == 49 {
				key = "poison"
			}
			batch = append(batch, batchOf(eventJSON(map[string]any{"id": fmt.Sprint(i), "correlationid": key}))...)
		}
		found := refusedIn(t, batch, func(b service.MessageBatch) error { return out.WriteBatch(context.Background(), b) })
		require.Len(t, found, 3)
		for _, i := range []int{7, 8, 49} {
			require.Contains(t, found[i], "no_poison")
		}
		require.Equal(t, int64(47), countsOf(t, dsn).Events)
	})
}

func TestAStoreThatCannotTakeAnythingRejectsNothing(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		out := newTestOutput(t, dsn, kindVerdicts)
		batch := batchOf(verdictJSON(1, opened, 1, nil), "{", verdictJSON(2, opened, 1, nil))
		execSQL(t, dsn, "ALTER TABLE helios_verdicts RENAME TO elsewhere")
		require.ErrorIs(t, out.WriteBatch(context.Background(), batch), service.ErrNotConnected)
		require.NoError(t, out.Connect(context.Background()))
		require.ErrorIs(t, out.WriteBatch(context.Background(), batch), service.ErrNotConnected)
		require.Zero(t, queryText(t, dsn, "SELECT count(*) FROM helios_verdict_history WHERE revision > 0")[0][0]-'0', "one transaction")

		execSQL(t, dsn, "ALTER TABLE elsewhere RENAME TO helios_verdicts")
		require.NoError(t, out.Connect(context.Background()))
		require.Len(t, refusedIn(t, batch, func(b service.MessageBatch) error { return out.WriteBatch(context.Background(), b) }), 1)
		require.Equal(t, int64(2), countsOf(t, dsn).Verdicts)
	})
}

func TestACancelledWriteIsNotAnOutage(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		out := newTestOutput(t, p.dsn(t), kindVerdicts)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		require.ErrorIs(t, out.WriteBatch(ctx, batchOf(verdictJSON(1, opened, 1, nil))), context.Canceled)
		require.NoError(t, out.WriteBatch(context.Background(), batchOf(verdictJSON(1, opened, 1, nil))))
		require.NoError(t, out.Close(context.Background()))
		require.NoError(t, out.Close(context.Background()))
		require.ErrorIs(t, out.WriteBatch(context.Background(), nil), service.ErrNotConnected)
		require.NoError(t, out.Connect(context.Background()), "it can be started again")
	})
}

func TestPausesGrowWhileTheStoreIsUnavailable(t *testing.T) {
	out := &output{log: service.MockResources().Logger(), metrics: newMetrics(service.MockResources().Metrics(), kindEvents)}
	var pauses []time.Duration
	for range 8 {
		out.unavailable(ErrUnavailable)
		pauses = append(pauses, out.pause)
	}
	require.Equal(t, []time.Duration{
		100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond,
		1600 * time.Millisecond, 3200 * time.Millisecond, maxPause, maxPause,
	}, pauses)
	out.available()
	require.Zero(t, out.pause)
}

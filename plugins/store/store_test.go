package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestABatchDeliveredTwiceChangesNothing(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		batches := map[kind]service.MessageBatch{
			kindEvents:   batchOf(eventJSON(nil), eventJSON(map[string]any{"cloud": "gcp"}), eventJSON(map[string]any{"tenant": nil})),
			kindVerdicts: batchOf(verdictJSON(1, opened, 1, nil), verdictJSON(1, opened, 2, nil), verdictJSON(2, opened, 1, nil)),
		}
		letter := service.NewMessage([]byte("\xff\x00 no text at all"))
		letter.MetaSetMut("helios-reason", "unreadable")
		letter.MetaSetMut("helios-detail", "byte \xfe")
		batches[kindDeadLetters] = service.MessageBatch{letter, service.NewMessage(nil)}

		deliver := func() {
			for k, batch := range batches {
				require.NoError(t, newTestOutput(t, dsn, k).WriteBatch(context.Background(), batch))
			}
		}
		deliver()
		before := dump(t, dsn)
		deliver()
		require.Equal(t, before, dump(t, dsn))
		require.Equal(t, Counts{Events: 3, Verdicts: 2, History: 3, DeadLetters: 2}, countsOf(t, dsn))
		require.Equal(t, []string{"|", `unreadable|"byte \xfe"`}, queryText(t, dsn, "SELECT reason, detail FROM helios_dead_letters ORDER BY reason"))
	})
}

func TestEventsDifferByTenantCloudSourceIDAndTimeAlone(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		out := newTestOutput(t, dsn, kindEvents)
		require.NoError(t, out.WriteBatch(context.Background(), batchOf(
			eventJSON(nil),
			eventJSON(map[string]any{"ingesttime": "2027-01-01T00:00:00Z", "data": map[string]any{"amount": 11}}), // the same
			eventJSON(map[string]any{"time": "2026-03-01T11:00:00.123456789+01:00"}),                              // the same
			eventJSON(map[string]any{"tenant": "other"}),
			eventJSON(map[string]any{"cloud": "gcp"}),
			eventJSON(map[string]any{"source": "/other"}),
			eventJSON(map[string]any{"id": "e-2"}),
			eventJSON(map[string]any{"time": "2026-03-01T10:00:00.123456788Z"}), // a nanosecond earlier
		)))
		require.Equal(t, int64(6), countsOf(t, dsn).Events)
		require.Equal(t, []string{"1772359200123456788", "1772359200123456789"},
			queryText(t, dsn, "SELECT DISTINCT time_ns FROM helios_events ORDER BY time_ns"))
	})
}

// The oracle keeps every revision in a map and looks for the greatest.
func TestAnyOrderOfRevisionsGivesTheSameCurrentRow(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		out := newTestOutput(t, dsn, kindVerdicts)
		fact := 0
		rapid.Check(t, func(rt *rapid.T) {
			type revision struct{ fact, opened, number int }
			first := fact
			fact += 3 // facts of their own for every try
			draw := rapid.Custom(func(rt *rapid.T) revision {
				return revision{
					fact:   first + rapid.IntRange(0, 2).Draw(rt, "fact"),
					opened: rapid.IntRange(-2, 2).Draw(rt, "opened"), number: rapid.IntRange(1, 12).Draw(rt, "revision"),
				}
			})
			delivered := rapid.SliceOfN(draw, 1, 30).Draw(rt, "delivered")
			all, latest := map[revision]bool{}, map[int]revision{}
			for _, r := range delivered {
				all[r] = true
				known, ok := latest[r.fact]
				if !ok || r.opened > known.opened || r.opened == known.opened && r.number > known.number {
					latest[r.fact] = r
				}
			}
			document := func(r revision) string {
				return verdictJSON(r.fact, opened.Add(time.Duration(r.opened)), r.number, nil)
			}
			for len(delivered) > 0 {
				n := rapid.IntRange(1, len(delivered)).Draw(rt, "batch")
				var batch service.MessageBatch
				for _, r := range delivered[:n] {
					batch = append(batch, batchOf(document(r))...)
				}
				delivered = delivered[n:]
				if err := out.WriteBatch(context.Background(), batch); err != nil {
					rt.Fatal(err)
				}
			}
			inRange := fmt.Sprintf("WHERE id >= '%032x' AND id < '%032x'", first, fact)
			var want []string
			for f := first; f < fact; f++ {
				if r, ok := latest[f]; ok {
					want = append(want, fmt.Sprintf("%032x|%d|%d|%s|%s", f, opened.Add(time.Duration(r.opened)).UnixNano(), r.number,
						statuses[r.number%len(statuses)], document(r)))
				}
			}
			require.Equal(rt, want, queryText(t, dsn, "SELECT id, opened_ns, revision, status, verdict FROM helios_verdicts "+inRange+" ORDER BY id"))
			require.Equal(rt, []string{fmt.Sprint(len(all))}, queryText(t, dsn, "SELECT count(*) FROM helios_verdict_history "+inRange))
		})
	})
}

func TestSeveralWritersOfOverlappingBatches(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		const writers, facts, revisions = 4, 40, 5
		var group sync.WaitGroup
		failures := make([]error, writers)
		for w := range writers {
			out, events := newTestOutput(t, dsn, kindVerdicts), newTestOutput(t, dsn, kindEvents)
			group.Go(func() {
				for r := range revisions {
					var batch, eventBatch service.MessageBatch
					for f := range facts {
						// Each writer has another order of facts and of revisions.
						fact, revision := (f*(2*w+1)+w)%facts, (r+w)%revisions+1
						batch = append(batch, batchOf(verdictJSON(fact, opened, revision, nil))...)
						eventBatch = append(eventBatch, batchOf(eventJSON(map[string]any{
							"id": fmt.Sprint(fact), "time": opened.AddDate(0, 0, fact%7).Format(time.RFC3339Nano),
						}))...)
					}
					failures[w] = errors.Join(failures[w], out.WriteBatch(context.Background(), batch),
						events.WriteBatch(context.Background(), eventBatch))
				}
			})
		}
		group.Wait()
		require.NoError(t, errors.Join(failures...))
		require.Equal(t, Counts{Events: facts, Verdicts: facts, History: facts * revisions}, countsOf(t, dsn))
		require.Equal(t, []string{"5|40"}, queryText(t, dsn, "SELECT revision, count(*) FROM helios_verdicts GROUP BY revision"))
	})
}

func TestNaughtyStringsAreStoredAsTheyAre(t *testing.T) {
	naughty := naughtyStrings(t)
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		var events, verdicts service.MessageBatch
		var want []string
		for i, s := range naughty {
			event := eventJSON(map[string]any{"id": s, "tenant": s, "correlationid": s, "cloud": s, "type": s, "source": s, "data": map[string]any{"note": s}})
			want = append(want, event)
			events = append(events, batchOf(event)...)
			verdicts = append(verdicts, batchOf(verdictJSON(i, opened, 1, map[string]any{"tenant": s, "key": s, "type": s, "missing": []string{s}, "expectation": s}))...)
		}
		require.NoError(t, newTestOutput(t, dsn, kindEvents).WriteBatch(context.Background(), events))
		require.NoError(t, newTestOutput(t, dsn, kindVerdicts).WriteBatch(context.Background(), verdicts))
		require.ElementsMatch(t, want, queryText(t, dsn, "SELECT event FROM helios_events"))
		require.Equal(t, int64(len(naughty)), countsOf(t, dsn).Verdicts)

		db, err := Open(context.Background(), dsn)
		require.NoError(t, err)
		defer db.Close()
		require.NoError(t, db.CurrentVerdicts(context.Background(), func(row VerdictRow) error {
			var parsed struct{ ID, Key, Status string }
			if err := json.Unmarshal(row.JSON, &parsed); err != nil {
				return err
			}
			require.Equal(t, parsed.ID, row.ID)
			require.Equal(t, strings.ReplaceAll(parsed.Key, "\x00", "\u2400"), row.Key)
			require.Equal(t, parsed.Status, row.Status)
			require.Equal(t, opened, row.OpenedAt)
			require.Equal(t, opened.Add(time.Hour), row.DecidedAt)
			return nil
		}))
	})
}

// naughtyStrings returns the list's and some that databases in particular mind.
func naughtyStrings(t *testing.T) []string {
	t.Helper()
	strange := []string{"\x00", "a\x00b", "a\u2400b", "\\u0000", "\\", "'; DROP TABLE helios_events; --", strings.Repeat("é", 400)}
	file, err := os.ReadFile(filepath.FromSlash("../../../shared/data/bad-input/big-list-of-naughty-strings/blns.json"))
	if errors.Is(err, os.ErrNotExist) {
		t.Log("the big list of naughty strings isn't here: only our own are tried")
		return strange
	}
	require.NoError(t, err)
	var list []string
	require.NoError(t, json.Unmarshal(file, &list))
	seen := map[string]bool{"": true} // no key is empty
	var naughty []string
	for _, s := range append(strange, list...) {
		if !seen[s] && len(s) <= maxIndexed {
			naughty = append(naughty, s)
		}
		seen[s] = true
	}
	return naughty
}

func TestDifferentHalvesOfSurrogatePairsAreDifferentEvents(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		template := eventJSON(map[string]any{"id": "HERE", "correlationid": "HERE"})
		one, two := strings.ReplaceAll(template, "HERE", `\ud800`), strings.ReplaceAll(template, "HERE", `\udfff`)
		require.NoError(t, newTestOutput(t, dsn, kindEvents).WriteBatch(context.Background(), batchOf(one, two, one)))
		require.ElementsMatch(t, []string{one, two}, queryText(t, dsn, "SELECT event FROM helios_events"))
	})
}

func TestAKeyOfAMegabyteIsStored(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		// Random, since PostgreSQL compresses what repeats before it measures.
		key := rapid.StringOfN(rapid.RuneFrom([]rune("abcdefghijklmnopqrstuvwxyz0123456789")), 5000, 5000, -1).Example(1)
		key = strings.Repeat(key, 210)
		require.NoError(t, newTestOutput(t, dsn, kindEvents).WriteBatch(context.Background(), batchOf(eventJSON(map[string]any{"correlationid": key, "id": key, "source": key}))))
		require.NoError(t, newTestOutput(t, dsn, kindVerdicts).WriteBatch(context.Background(), batchOf(verdictJSON(1, opened, 1, map[string]any{"key": key}))))
		letter := service.NewMessage([]byte("x"))
		letter.MetaSetMut("kafka_key", key)
		letter.MetaSetMut("helios-reason", key)
		require.NoError(t, newTestOutput(t, dsn, kindDeadLetters).WriteBatch(context.Background(), service.MessageBatch{letter}))
		require.Equal(t, Counts{Events: 1, Verdicts: 1, History: 1, DeadLetters: 1}, countsOf(t, dsn))
	})
}

func TestADeadLetterSaysWhoseItIs(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		event := eventJSON(map[string]any{"cloud": "gcp", "tenant": "acme", "type": "com.example.order.paid", "correlationid": "ord-1"})
		var letters service.MessageBatch
		letter := func(payload string, meta ...string) {
			msg := service.NewMessage([]byte(payload))
			for i := 0; i < len(meta); i += 2 {
				msg.MetaSetMut(meta[i], meta[i+1])
			}
			letters = append(letters, msg)
		}
		letter(event, "helios-reason", "1 not storable", "helios-stage", "store")
		letter(event, "helios-reason", "2 headers count more", "helios-stage", "reconcile", "helios_cloud", "aws", "helios_tenant", "globex", "helios_type", "t", "helios_key", "k")
		letter(verdictJSON(1, opened, 1, map[string]any{"tenant": "acme", "type": "com.example.order.paid", "key": "ord-1"}), "helios-reason", "3 a verdict", "helios-stage", "store")
		letter(`{"cloud":"aws","tenant":7,"type":"com.example.order.paid"}`, "helios-reason", "4 half of an event", "helios-stage", "reconcile")
		letter(event, "helios-reason", "5 no event of ours yet", "helios-stage", "ingest")
		letter(event[:len(event)/2], "helios-reason", "6 cut", "helios-stage", "store")
		letter(eventJSON(map[string]any{"cloud": strings.Repeat("c", 5000), "tenant": strings.Repeat("t", 5000), "type": "a\u0000b"}), "helios-reason", "7 too long", "helios-stage", "store")
		require.NoError(t, newTestOutput(t, dsn, kindDeadLetters).WriteBatch(context.Background(), letters))
		require.Equal(t, []string{
			"1 not storable|gcp|acme|com.example.order.paid|ord-1",
			"2 headers count more|aws|globex|t|k",
			"3 a verdict||acme|com.example.order.paid|ord-1",
			"4 half of an event|aws||com.example.order.paid|",
			"5 no event of ours yet||||",
			"6 cut||||",
		}, queryText(t, dsn, "SELECT reason, cloud, tenant, type, key FROM helios_dead_letters WHERE reason < '7' ORDER BY reason"))
		require.Equal(t, []string{"1024|1024|a\u2400b"}, queryText(t, dsn, "SELECT length(cloud), length(tenant), type FROM helios_dead_letters WHERE reason > '7'"))
	})
}

func TestFourProcessesStartingAtOnce(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		var children []*exec.Cmd
		for i := range 4 {
			children = append(children, startChild(t, dsn, fmt.Sprint(i)))
		}
		for _, child := range children {
			require.NoError(t, child.Wait(), child.Stderr.(*strings.Builder).String())
		}
		require.Equal(t, int64(80), countsOf(t, dsn).Events)
		require.Equal(t, []string{"1|1", "2|1", "3|1", "4|1", "5|1", "6|1"},
			queryText(t, dsn, "SELECT version_id, count(*) FROM helios_schema_version WHERE version_id > 0 GROUP BY version_id ORDER BY version_id"))
	})
}

func TestAStoreWithANewerSchemaIsLeftAsItIs(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		dsn := p.dsn(t)
		newTestOutput(t, dsn, kindEvents)
		execSQL(t, dsn, "INSERT INTO helios_schema_version (version_id, is_applied) VALUES (99, "+map[dialect]string{sqliteDialect: "1", postgresDialect: "true"}[p.dialect]+")")
		require.NoError(t, newTestOutput(t, dsn, kindEvents).WriteBatch(context.Background(), batchOf(eventJSON(nil))))
		require.Equal(t, int64(1), countsOf(t, dsn).Events)
	})
}

package query_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/storetest"
	"github.com/helios-connect/helios/plugins/store"
	"github.com/helios-connect/helios/plugins/store/query"
)

func open(t *testing.T, dsn string) *query.DB {
	t.Helper()
	db, err := query.New(dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// walk follows the cursors and calls between after every page.
func walk[R any](t *testing.T, page func(query.Page) (query.Listing[R], error), limit int, between func(page int)) (rows []R) {
	t.Helper()
	after := ""
	for n := 0; ; n++ {
		require.Less(t, n, 1000, "the walk does not end")
		listing, err := page(query.Page{Limit: limit, After: after})
		require.NoError(t, err)
		require.LessOrEqual(t, len(listing.Rows), limit)
		rows = append(rows, listing.Rows...)
		if after = listing.Next; after == "" {
			return rows
		}
		between(n)
	}
}

// Many rows share one time, to the nanosecond or within a microsecond, which is
// as fine as PostgreSQL compares.
func TestAWalkYieldsEveryEventOnceWhileOthersAreStored(t *testing.T) {
	storetest.InBothDialects(t, func(t *testing.T, dsn string) {
		event := func(id string, at time.Duration) string {
			return storetest.Event(map[string]any{"id": id, "time": storetest.Start.Add(at).Format(time.RFC3339Nano)})
		}
		var documents, want []string
		for i := range 60 {
			id := fmt.Sprintf("old-%d", i)
			documents, want = append(documents, event(id, time.Duration(i/7)*300)), append(want, id)
		}
		storetest.Write(t, dsn, "events", documents...)
		db := open(t, dsn)
		events := walk(t, func(p query.Page) (query.Listing[query.Event], error) {
			return db.Events(context.Background(), query.EventFilter{}, p)
		}, 7, func(n int) {
			// Before, among and after what has been read.
			storetest.Write(t, dsn, "events", event(fmt.Sprintf("new-a-%d", n), time.Hour), event(fmt.Sprintf("new-b-%d", n), 900), event(fmt.Sprintf("new-c-%d", n), -time.Hour))
		})
		var got, all []string
		for i, e := range events {
			all = append(all, e.ID)
			if strings.HasPrefix(e.ID, "old-") {
				got = append(got, e.ID)
			}
			if i > 0 {
				require.False(t, e.Time.Truncate(time.Microsecond).After(events[i-1].Time.Truncate(time.Microsecond)), "newest first")
			}
		}
		require.ElementsMatch(t, want, got)
		slices.Sort(all)
		require.Len(t, slices.Compact(slices.Clone(all)), len(all), "no event twice")
	})
}

func TestAWalkYieldsEveryVerdictOnceWhileOthersAreStored(t *testing.T) {
	for name, history := range map[string]bool{"current": false, "every revision": true} {
		t.Run(name, func(t *testing.T) {
			storetest.InBothDialects(t, func(t *testing.T, dsn string) { walkWhileOthersAreStored(t, dsn, history) })
		})
	}
}

// walkWhileOthersAreStored reads a database of its own: the corrections that one walk
// meets would take the first revisions from another's current rows.
func walkWhileOthersAreStored(t *testing.T, dsn string, history bool) {
	t.Helper()
	var documents []string
	for fact := range 40 {
		documents = append(documents, storetest.Verdict(fact, 1, fact/5, nil))
	}
	storetest.Write(t, dsn, "verdicts", documents...)
	db := open(t, dsn)
	next := 1000
	verdicts := walk(t, func(p query.Page) (query.Listing[query.Verdict], error) {
		return db.Verdicts(context.Background(), query.VerdictFilter{History: history}, p)
	}, 6, func(n int) {
		added := []string{storetest.Verdict(next, 1, 3, nil), storetest.Verdict(next+1, 1, 9000, nil)}
		if history { // corrections of what is read and of what is to come
			added = append(added, storetest.Verdict(n, 2+n, 9000+n, nil), storetest.Verdict(39-n, 2+n, 9000+n, nil))
		}
		next += 2
		storetest.Write(t, dsn, "verdicts", added...)
	})
	seen := map[string]int{}
	for _, v := range verdicts {
		seen[fmt.Sprint(v.ID, "/", v.Revision)]++
	}
	for fact := range 40 {
		require.Equal(t, 1, seen[storetest.VerdictID(fact)+"/1"], fact)
	}
	for row, times := range seen {
		require.Equal(t, 1, times, row)
	}
}

func TestFiltersNeverReadAsAnythingButText(t *testing.T) {
	storetest.InBothDialects(t, func(t *testing.T, dsn string) {
		hostile := hostileStrings(t)
		var events, verdicts []string
		for i, s := range hostile {
			events = append(events, storetest.Event(map[string]any{"id": fmt.Sprint(i), "tenant": s, "type": s, "cloud": s, "correlationid": s}))
			verdicts = append(verdicts, storetest.Verdict(i, 1, i, map[string]any{"tenant": s, "type": s, "key": s, "missing": []string{s}}))
		}
		storetest.Write(t, dsn, "events", events...)
		storetest.Write(t, dsn, "verdicts", verdicts...)
		db := open(t, dsn)
		for _, s := range hostile {
			found, err := db.Events(context.Background(), query.EventFilter{Tenant: s, Type: s, Cloud: s, Key: s}, query.Page{Limit: 10})
			require.NoError(t, err, "%q", s)
			require.NotEmpty(t, found.Rows, "%q", s)
			for _, e := range found.Rows {
				require.Equal(t, strings.ReplaceAll(s, "\x00", "\u2400"), e.Tenant)
			}
			judged, err := db.Verdicts(context.Background(), query.VerdictFilter{Tenant: s, Type: s, Key: s, Missing: s}, query.Page{Limit: 10})
			require.NoError(t, err, "%q", s)
			require.NotEmpty(t, judged.Rows, "%q", s)
			_, err = db.Verdicts(context.Background(), query.VerdictFilter{Statuses: []string{s}}, query.Page{Limit: 10})
			require.NoError(t, err, "%q", s)
			_, err = db.Fact(context.Background(), s)
			require.ErrorIs(t, err, query.ErrNotFound, "%q", s)
			_, err = db.Events(context.Background(), query.EventFilter{}, query.Page{Limit: 10, After: s + "x"})
			require.ErrorIs(t, err, query.ErrCursor, "%q", s)
		}
		all := walk(t, func(p query.Page) (query.Listing[query.Event], error) {
			return db.Events(context.Background(), query.EventFilter{}, p)
		}, 500, func(int) {})
		require.Len(t, all, len(hostile), "nothing was changed")
	})
}

// hostileStrings are the list's and some of ours, without empty ones.
func hostileStrings(t *testing.T) []string {
	t.Helper()
	hostile := []string{"'; DROP TABLE helios_events; --", "\x00", "a\x00b", "%", "_", "?", "$1", "' OR '1'='1", "\\", "\"", "*"}
	text, err := os.ReadFile(filepath.FromSlash("../../../../shared/data/bad-input/big-list-of-naughty-strings/blns.json"))
	if err != nil {
		t.Logf("without the list of naughty strings: %v", err)
		return hostile
	}
	var list []string
	require.NoError(t, json.Unmarshal(text, &list))
	for _, s := range list {
		if s != "" && len(s) < 1000 && !slices.Contains(hostile, s) {
			hostile = append(hostile, s)
		}
	}
	return hostile
}

func TestFiltersBoundTimeAndStatus(t *testing.T) {
	storetest.InBothDialects(t, func(t *testing.T, dsn string) {
		storetest.Write(t, dsn, "verdicts", storetest.Verdict(1, 1, 0, nil), storetest.Verdict(2, 1, 10, map[string]any{"status": "matched"}),
			storetest.Verdict(3, 1, 20, map[string]any{"status": "missing", "missing": []string{"gcp"}}), storetest.Verdict(1, 2, 30, map[string]any{"status": "matched"}))
		db := open(t, dsn)
		for name, test := range map[string]struct {
			filter query.VerdictFilter
			facts  []string
		}{
			"everything is newest first":      {query.VerdictFilter{}, []string{"ord-1/2", "ord-3/1", "ord-2/1"}},
			"the history has every revision":  {query.VerdictFilter{History: true, Key: "ord-1"}, []string{"ord-1/2", "ord-1/1"}},
			"since is inclusive":              {query.VerdictFilter{Since: storetest.Start.Add(20 * time.Second)}, []string{"ord-1/2", "ord-3/1"}},
			"until is exclusive":              {query.VerdictFilter{Until: storetest.Start.Add(20 * time.Second)}, []string{"ord-2/1"}},
			"several statuses":                {query.VerdictFilter{Statuses: []string{"missing", "mismatched"}}, []string{"ord-3/1"}},
			"who is missing":                  {query.VerdictFilter{Missing: "gcp"}, []string{"ord-3/1"}},
			"a tenant that has no verdicts":   {query.VerdictFilter{Tenant: "nobody"}, nil},
			"several filters must all let in": {query.VerdictFilter{Missing: "gcp", Statuses: []string{"matched"}}, nil},
		} {
			t.Run(name, func(t *testing.T) {
				found, err := db.Verdicts(context.Background(), test.filter, query.Page{Limit: 10})
				require.NoError(t, err)
				var facts []string
				for _, v := range found.Rows {
					facts = append(facts, fmt.Sprintf("%s/%d", v.Key, v.Revision))
				}
				require.Equal(t, test.facts, facts)
			})
		}
	})
}

// RFC 3339 has four digits for the year; in UTC a time with an offset may need five.
func TestBoundsBeyondTheYears0To9999BoundNothing(t *testing.T) {
	storetest.InBothDialects(t, func(t *testing.T, dsn string) {
		storetest.Write(t, dsn, "events", storetest.Event(nil))
		db := open(t, dsn)
		at := func(text string) time.Time {
			parsed, err := time.Parse(time.RFC3339, text)
			require.NoError(t, err)
			return parsed
		}
		early, late := at("0000-01-01T00:00:00+01:00"), at("9999-12-31T23:59:59-01:00")
		for filter, rows := range map[query.EventFilter]int{
			{Since: early, Until: late}: 1, {Since: late}: 0, {Until: early}: 0, {Since: at("0000-01-01T00:00:00Z"), Until: at("9999-12-31T23:59:59Z")}: 1,
		} {
			found, err := db.Events(t.Context(), filter, query.Page{Limit: 10})
			require.NoError(t, err)
			require.Len(t, found.Rows, rows, "%v to %v", filter.Since, filter.Until)
		}
	})
}

func TestFiguresCountEachWindow(t *testing.T) {
	storetest.InBothDialects(t, func(t *testing.T, dsn string) {
		now := storetest.Start.Add(time.Hour)
		at := func(ago time.Duration) string { return now.Add(-ago).Format(time.RFC3339Nano) }
		storetest.Write(t, dsn, "events", storetest.Event(nil), storetest.Event(map[string]any{"id": "2", "cloud": "gcp", "time": at(3 * 24 * time.Hour)}),
			storetest.Event(map[string]any{"id": "3", "time": at(20 * 24 * time.Hour)}), storetest.Event(map[string]any{"id": "4", "time": at(40 * 24 * time.Hour)}))
		storetest.Write(t, dsn, "verdicts", storetest.Verdict(1, 1, 0, nil), storetest.Verdict(1, 2, 1, map[string]any{"status": "matched"}))
		figures, err := open(t, dsn).Stats(context.Background(), now, 24*time.Hour, 7*24*time.Hour, 30*24*time.Hour)
		require.NoError(t, err)
		require.Equal(t, []map[string]int64{{"aws": 1}, {"aws": 1, "gcp": 1}, {"aws": 2, "gcp": 1}},
			[]map[string]int64{figures[0].Events, figures[1].Events, figures[2].Events})
		require.Equal(t, map[string]int64{"matched": 1}, figures[0].Verdicts, "a fact counts once, with its current verdict")
	})
}

// The sums by the hour answer for whole hours; the rows say whether they are right.
func TestFiguresAreThoseOfTheRows(t *testing.T) {
	storetest.InBothDialects(t, func(t *testing.T, dsn string) {
		random := rand.New(rand.NewPCG(1, 2))
		at := func() time.Time { return storetest.Start.Add(time.Duration(random.Int64N(int64(50 * time.Hour)))) }
		pick := func(of ...string) string { return of[random.IntN(len(of))] }
		for range 4 {
			var events, verdicts []string
			for range 100 {
				events = append(events, storetest.Event(map[string]any{"id": fmt.Sprint(random.IntN(300)), "time": at().Truncate(20 * time.Minute).Format(time.RFC3339Nano),
					"cloud": pick("aws", "gcp", strings.Repeat("é", 300)+pick("a", "b"))}))
				verdicts = append(verdicts, storetest.Verdict(random.IntN(80), 1+random.IntN(5), 0,
					map[string]any{"status": pick("matched", "mismatched", "missing"), "decided_at": at().Format(time.RFC3339Nano)}))
			}
			storetest.Write(t, dsn, "events", append(events, events[:40]...)...)
			storetest.Write(t, dsn, "verdicts", append(verdicts, verdicts[:40]...)...)
		}
		db := open(t, dsn)
		for range 40 {
			now, windows := at().Add(10*time.Hour), []time.Duration{time.Duration(random.Int64N(int64(2 * time.Hour))), time.Hour, time.Duration(random.Int64N(int64(50 * time.Hour)))}
			if random.IntN(4) == 0 {
				now = now.Truncate(time.Hour) // no ragged end
			}
			figures, err := db.Stats(context.Background(), now, windows...)
			require.NoError(t, err)
			for w, length := range windows {
				want := query.Figures{Events: map[string]int64{}, Verdicts: map[string]int64{}, DeadLetters: map[string]int64{}}
				for _, e := range walk(t, func(p query.Page) (query.Listing[query.Event], error) {
					return db.Events(context.Background(), query.EventFilter{Since: now.Add(-length)}, p)
				}, 500, func(int) {}) {
					name := []rune(e.Cloud)
					want.Events[string(name[:min(len(name), 256)])]++
				}
				for _, v := range walk(t, func(p query.Page) (query.Listing[query.Verdict], error) {
					return db.Verdicts(context.Background(), query.VerdictFilter{Since: now.Add(-length)}, p)
				}, 500, func(int) {}) {
					want.Verdicts[v.Status]++
				}
				require.Equal(t, want, figures[w], "%v before %v", length, now)
			}
		}
	})
}

func TestAStoreThatIsNotThereIsAskedAgain(t *testing.T) {
	dsn := storetest.SQLite(t)
	db := open(t, dsn)
	require.ErrorIs(t, db.Ping(context.Background()), query.ErrUnavailable)
	storetest.Write(t, dsn, "verdicts", storetest.Verdict(1, 1, 0, nil))
	require.NoError(t, db.Ping(context.Background()))
}

func TestADSNThatIsNoneIsRefusedWithoutShowingIt(t *testing.T) {
	_, err := query.New("mysql://helios:s3cret@localhost/helios")
	require.ErrorIs(t, err, store.ErrDSN)
	require.NotContains(t, err.Error(), "s3cret")
}

func TestACursorOfAnotherListingIsRefused(t *testing.T) {
	dsn := storetest.SQLite(t)
	storetest.Write(t, dsn, "verdicts", storetest.Verdict(1, 1, 0, nil), storetest.Verdict(2, 1, 0, nil))
	db := open(t, dsn)
	first, err := db.Verdicts(context.Background(), query.VerdictFilter{}, query.Page{Limit: 1})
	require.NoError(t, err)
	require.NotEmpty(t, first.Next)
	_, err = db.Verdicts(context.Background(), query.VerdictFilter{History: true}, query.Page{After: first.Next})
	require.ErrorIs(t, err, query.ErrCursor)
	_, err = db.Events(context.Background(), query.EventFilter{}, query.Page{After: first.Next})
	require.ErrorIs(t, err, query.ErrCursor)
}

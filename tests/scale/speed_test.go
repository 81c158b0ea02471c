package scale

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/grafana/dashboards"
	"github.com/helios-connect/helios/grafana/queries"
	"github.com/helios-connect/helios/plugins/store/query"
)

// envMeasure is the number of events that a measurement wants; without it there
// are few, and only the plans are looked at.
const (
	envMeasure = "HELIOS_MEASURE"
	fewEvents  = 200_000
)

// ranges that dashboards are looked at with.
var ranges = []struct {
	name   string
	length time.Duration
}{{"3 h", 3 * time.Hour}, {"24 h", 24 * time.Hour}, {"7 d", 7 * 24 * time.Hour}, {"30 d", 30 * 24 * time.Hour}}

// raw are the tables that grow with the events. Nothing may read one of them, or
// a day of one, from end to end. Dead letters are few, and the price of all that a
// month refused needs all of them.
var raw = regexp.MustCompile(`^helios_(events_[0-9]{8}|verdicts|verdict_history)$`)

func TestNothingReadsATableOfRowsFromEndToEnd(t *testing.T) {
	events := fewEvents
	if wanted := os.Getenv(envMeasure); wanted != "" {
		var err error
		events, err = strconv.Atoi(wanted)
		require.NoError(t, err, "%s is %q; a number of events is allowed", envMeasure, wanted)
	}
	began := time.Now()
	f := fill(t, events)
	t.Logf("%d events and what belongs to them: %v, %s", events, time.Since(began).Round(time.Second), f.size(t))
	t.Run("dashboards", func(t *testing.T) { f.dashboards(t) })
	t.Run("API", func(t *testing.T) { f.api(t) })
}

func (f *filled) size(t *testing.T) (size string) {
	t.Helper()
	require.NoError(t, f.pool.QueryRow(context.Background(), "SELECT pg_size_pretty(pg_database_size(current_database()))").Scan(&size))
	return size
}

// plan is a node of what EXPLAIN says.
type plan struct {
	Kind     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Loops    float64 `json:"Actual Loops"`
	Rows     float64 `json:"Actual Rows"`
	Removed  float64 `json:"Rows Removed by Filter"`
	Plans    []plan  `json:"Plans"`
}

// little is how many rows a table has at most that is rightly read from end to end.
// The month begins and ends within a day: those may have little, and of the second
// three hours are a good part. A whole day has half as many rows again at least.
const little = 4000

// whole lists the tables of rows that a plan reads from end to end.
func (p *plan) whole() (tables []string) {
	if p.Kind == "Seq Scan" && p.Loops > 0 && p.Rows+p.Removed >= little && raw.MatchString(p.Relation) {
		tables = append(tables, p.Relation)
	}
	for i := range p.Plans {
		tables = append(tables, p.Plans[i].whole()...)
	}
	return tables
}

// explain runs a query and returns its plan and how long it took, with planning.
func explain(t *testing.T, conn *pgx.Conn, text string) (p plan, took time.Duration) {
	t.Helper()
	var answer []byte
	require.NoError(t, conn.QueryRow(context.Background(), "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+text).Scan(&answer), text)
	var explained []struct {
		Plan      plan
		Planning  float64 `json:"Planning Time"`
		Execution float64 `json:"Execution Time"`
	}
	require.NoError(t, json.Unmarshal(answer, &explained))
	return explained[0].Plan, time.Duration((explained[0].Planning + explained[0].Execution) * float64(time.Millisecond))
}

// dashboards explains every query of every dashboard for every range, four times:
// first what it reads comes to memory, and the fastest of the others is the one
// that the rest of the machine disturbed least. It reports milliseconds.
func (f *filled) dashboards(t *testing.T) {
	conn, err := pgx.Connect(context.Background(), f.dsn)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	// As the role that docs/store.md makes for Grafana.
	_, err = conn.Exec(context.Background(), "SET jit = off; SET default_transaction_read_only = on; SET statement_timeout = '30s'")
	require.NoError(t, err)
	prices, err := os.ReadFile("../../config/prices.yaml")
	require.NoError(t, err)
	parsed, err := dashboards.ParsePrices(prices)
	require.NoError(t, err)
	columns := []string{"dashboard", "panel"}
	for _, r := range ranges {
		columns = append(columns, r.name)
	}
	report := newReport(columns...)
	for _, board := range dashboards.All(parsed) {
		sum, asked := make([]time.Duration, len(ranges)), false
		for _, row := range board.Rows {
			for _, panel := range row.Panels {
				for _, q := range panel.Queries {
					if q.Source != queries.PostgreSQL {
						continue
					}
					asked = true
					var times []time.Duration
					for i, r := range ranges {
						text := f.macros(q.Text, r.length)
						p, _ := explain(t, conn, text)
						took := time.Hour
						for range 3 {
							_, again := explain(t, conn, text)
							took = min(took, again)
						}
						if whole := p.whole(); len(whole) > 0 {
							t.Errorf("%s, %q, %s: reads %s from end to end:\n%s", board.Title, panel.Title, r.name, strings.Join(whole, ", "), text)
						}
						times, sum[i] = append(times, took), sum[i]+took
					}
					report.row(times, strings.TrimPrefix(board.Title, "Helios "), panel.Title)
				}
			}
		}
		if asked {
			report.row(sum, "**"+strings.TrimPrefix(board.Title, "Helios ")+"**", "**together**")
		}
	}
	t.Log(report.String())
}

var timeFilter = regexp.MustCompile(`\$__timeFilter\(([^)]+)\)`)

// macros replaces what Grafana's PostgreSQL data source would. The ranges begin
// and end within hours.
func (f *filled) macros(text string, length time.Duration) string {
	to := f.end.Add(-7 * time.Minute)
	from := to.Add(-length)
	if from.Before(f.begin) {
		from = f.begin
	}
	quoted := func(at time.Time) string { return "'" + at.Format("2006-01-02T15:04:05.999Z") + "'" }
	text = timeFilter.ReplaceAllString(text, "$1 BETWEEN "+quoted(from)+" AND "+quoted(to))
	return strings.NewReplacer("$__timeFrom()", quoted(from), "$__timeTo()", quoted(to), "${fact:sqlstring}", "'"+f.key+"'", "${tenant:regex}", ".*").Replace(text)
}

// api asks what the API asks, through the package that it asks through. Which
// tables were read from end to end is what PostgreSQL counts.
func (f *filled) api(t *testing.T) {
	before := f.settled(t)
	db, err := query.New(f.dsn)
	require.NoError(t, err)
	ctx := context.Background()
	report := newReport("API", "asked for", "ms")
	measure := func(route, what string, ask func() (rows int, err error)) {
		t.Helper()
		var took time.Duration
		for range 2 { // the second time it is in memory
			began := time.Now()
			rows, err := ask()
			took = time.Since(began)
			require.NoError(t, err, what)
			require.NotZero(t, rows, what)
		}
		report.row([]time.Duration{took}, route, what)
	}
	measure("/stats", "24 h, 7 d and 30 d", func() (int, error) {
		figures, err := db.Stats(ctx, f.end, 24*time.Hour, 7*24*time.Hour, 30*24*time.Hour)
		return len(figures[2].Events) * len(figures[2].Verdicts) * len(figures[2].DeadLetters), err
	})
	middle := f.begin.Add(f.end.Sub(f.begin) / 2)
	for what, filter := range map[string]query.EventFilter{
		"everything": {}, "the middle of the month": {Until: middle}, "a type": {Tenant: "tenant-1", Type: "com.example.order.paid"},
		"a cloud": {Cloud: "gcp"}, "a key": {Key: f.key},
	} {
		measure("/events", what+", two pages", func() (int, error) {
			return pages(func(p query.Page) (query.Listing[query.Event], error) { return db.Events(ctx, filter, p) })
		})
	}
	for what, filter := range map[string]query.VerdictFilter{
		"everything": {}, "the middle of the month": {Until: middle}, "disagreements": {Statuses: []string{"mismatched", "missing"}},
		"a missing cloud": {Missing: "aws"}, "every revision": {History: true, Until: middle}, "a key": {Key: f.key},
	} {
		measure("/verdicts", what+", two pages", func() (int, error) {
			return pages(func(p query.Page) (query.Listing[query.Verdict], error) { return db.Verdicts(ctx, filter, p) })
		})
	}
	measure("/verdicts/{id}", "a fact", func() (int, error) {
		found, err := db.Verdicts(ctx, query.VerdictFilter{Key: f.key}, query.Page{Limit: 1})
		if err != nil || len(found.Rows) == 0 {
			return 0, err
		}
		fact, err := db.Fact(ctx, found.Rows[0].ID)
		return len(fact.Events) * len(fact.Revisions), err
	})
	require.NoError(t, db.Close()) // sessions count when they end
	require.Eventually(t, func() bool { return f.scans(t).index > before.index }, time.Minute, 50*time.Millisecond)
	require.Equal(t, before.whole, f.scans(t).whole, "scans of whole tables")
	t.Log(report.String())
}

// pages reads the first page and the one after it.
func pages[R any](list func(query.Page) (query.Listing[R], error)) (int, error) {
	first, err := list(query.Page{Limit: 50})
	if err != nil || first.Next == "" {
		return len(first.Rows), err
	}
	second, err := list(query.Page{Limit: 50, After: first.Next})
	return len(second.Rows), err
}

// scans counts the scans of the tables of rows, apart from those with little, until
// now.
type scans struct{ whole, index int64 }

// settled counts when the sessions of what was asked before have ended and told
// what they did, which an idle session does ten seconds later.
func (f *filled) settled(t *testing.T) (last scans) {
	t.Helper()
	f.pool.Reset()
	require.Eventually(t, func() bool {
		before := last
		last = f.scans(t)
		return last == before
	}, time.Minute, time.Second)
	return last
}

func (f *filled) scans(t *testing.T) (s scans) {
	t.Helper()
	rows, err := f.pool.Query(context.Background(), "SELECT relname::text, CASE WHEN n_live_tup >= $1 THEN seq_scan ELSE 0 END, idx_scan FROM pg_stat_user_tables", little)
	require.NoError(t, err)
	var name string
	var whole, index int64
	_, err = pgx.ForEachRow(rows, []any{&name, &whole, &index}, func() error {
		if raw.MatchString(name) {
			s.whole, s.index = s.whole+whole, s.index+index
		}
		return nil
	})
	require.NoError(t, err)
	return s
}

// report is a table in Markdown, in milliseconds.
type report struct{ text strings.Builder }

func newReport(names ...string) *report {
	r := &report{}
	r.text.WriteString("milliseconds\n\n| " + strings.Join(names, " | ") + " |\n|" + strings.Repeat("---|", len(names)))
	return r
}

func (r *report) row(times []time.Duration, names ...string) {
	fmt.Fprintf(&r.text, "\n| %s |", strings.Join(names, " | "))
	for _, took := range times {
		fmt.Fprintf(&r.text, " %.0f |", max(1, float64(took.Microseconds())/1000))
	}
}

func (r *report) String() string { return r.text.String() }

// definitionOfAll makes an index of a partitioned table one of its partitions too.
func definitionOfAll(definition string) string {
	return strings.Replace(definition, " ON ONLY ", " ON ", 1)
}

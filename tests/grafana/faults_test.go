package grafana

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/grafana/panels"
	"github.com/helios-connect/helios/grafana/queries"
	"github.com/helios-connect/helios/internal/pgtest"
	"github.com/helios-connect/helios/plugins/telemetry"
)

// A demo without faults and one with all of them, and a second process beside
// it around which everything fails: each panel must show what it says it shows,
// and have data while nothing is wrong.
func TestEveryPanelShowsTheFaultItIsAbout(t *testing.T) {
	requireEveryPanelClaimed(t)
	server := pgtest.StartServer(t)
	faulty := runDemo(t, "--rate", "700", "--faults", "0.25,missing,mismatched,duplicate,conflicting,late,out_of_order,malformed,stalled=0.08", "--seed", "7", "--break-contract")
	wild := startPrometheus(t, faulty.address)
	around := surround(t, faulty.brokers)
	quiet := runDemo(t, "--rate", "450", "--faults", "0", "--seed", "7")
	calm := startPrometheus(t, quiet.address)

	around.goWrong(t, faulty)
	calm.awaitData(t, nothingWrong)
	wild.awaitData(t, telemetry.SchemaFailures.Name+`{rule="required"} > 20`)
	wild.awaitData(t, telemetry.ReconcileVerdicts.Name+`{verdict_status="missing"} > 50`)
	wild.awaitData(t, telemetry.ReconcileStalled.Name+` == 1`)
	wild.awaitData(t, telemetry.ReconcileWatermarkLag.Name+` > 8`)
	t.Run("PromQL", func(t *testing.T) { compareMetrics(t, calm, wild, around.metrics) })
	around.recover(t)

	require.NoError(t, quiet.end(t), quiet.out)
	_ = faulty.end(t) // says that the breach left verdicts wrong, and it did
	t.Run("SQL", func(t *testing.T) { compareRows(t, server, quiet, faulty) })
}

// nothingWrong is true when a run without faults was well for 20 s. On a machine
// that is busy otherwise even that one is slow, and takes long to be so.
var nothingWrong = `max_over_time(sum(` + telemetry.ReconcileStalled.Name + `)[20s:1s]) == 0 and sum(rate(` + telemetry.ReconcileReceived.Name + `[20s])) > 300 and ` +
	`histogram_quantile(0.99, sum by (le) (rate(` + telemetry.ReconcileDelay.Name + `_bucket[20s]))) < 2`

// eachPanel visits every panel of every dashboard, by dashboard and title.
func eachPanel(t testing.TB, visit func(name string, p panels.Panel)) {
	for _, b := range boards(t) {
		for _, row := range b.Rows {
			for _, p := range row.Panels {
				visit(strings.TrimPrefix(b.Title, "Helios ")+"/"+p.Title, p)
			}
		}
	}
}

func requireEveryPanelClaimed(t *testing.T) {
	known := map[string]bool{}
	eachPanel(t, func(name string, p panels.Panel) {
		known[name] = true
		_, elsewhere := shownElsewhere[name]
		require.True(t, elsewhere || len(claims[name]) > 0, "no fault is named that %q shows: add it to claims", name)
		require.False(t, elsewhere && len(claims[name]) > 0, name)
		for _, c := range claims[name] {
			require.Less(t, c.query, len(p.Queries), name)
			require.Equal(t, p.Queries[c.query].Source == queries.PostgreSQL, c.measure != "", "%s: a table needs a measure, a series none", name)
		}
	})
	for _, name := range append(slices.Collect(maps.Keys(claims)), slices.Collect(maps.Keys(shownElsewhere))...) {
		require.True(t, known[name], "there is no panel %q", name)
	}
}

// extent is what a query answered over a time: its lowest and highest number.
type extent struct {
	points    int
	low, high float64
	ends      float64 // the lowest of what the series have in the last 5 s, or the highest
	sum       float64
}

func (e extent) String() string {
	return fmt.Sprintf("%d points, %.4g to %.4g, mean %.4g, at the end %.4g", e.points, e.low, e.high, e.sum/float64(e.points), e.ends)
}

func (e *extent) add(n float64) {
	if !math.IsNaN(n) && !math.IsInf(n, 0) {
		e.points, e.low, e.high, e.sum = e.points+1, min(e.low, n), max(e.high, n), e.sum+n
	}
}

// line is one of a range query, by second.
type line struct {
	Metric map[string]string
	values map[int64]float64
}

// over evaluates a query at every second of a time, as at the end of a range of
// 15 s.
func (p *prometheus) over(t testing.TB, q queries.Query, from, to time.Time) (all []line) {
	t.Helper()
	query := url.Values{"query": {variables.Replace(strings.ReplaceAll(q.Text, queries.Range, "15s"))}, "step": {"1"}, "start": {strconv.FormatInt(from.Unix(), 10)}, "end": {strconv.FormatInt(to.Unix(), 10)}}
	resp, err := http.PostForm("http://"+p.address+"/api/v1/query_range", query)
	require.NoError(t, err)
	defer resp.Body.Close()
	var a struct {
		Status, Error string
		Data          struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&a))
	require.Equal(t, "success", a.Status, "%s\n%s", q.Text, a.Error)
	for _, r := range a.Data.Result {
		one := line{r.Metric, map[int64]float64{}}
		for _, v := range r.Values {
			at, _ := v[0].(float64)
			text, _ := v[1].(string)
			n, err := strconv.ParseFloat(text, 64)
			require.NoError(t, err)
			one.values[int64(at)] = n
		}
		all = append(all, one)
	}
	if q.Heatmap {
		apart(t, all)
	}
	return all
}

// apart makes each bucket hold its own observations only, as Grafana does for a
// heat map: Prometheus's hold those of the smaller ones too.
func apart(t testing.TB, buckets []line) {
	end := func(s line) float64 {
		n, err := strconv.ParseFloat(s.Metric[telemetry.LabelLE], 64)
		require.NoError(t, err)
		return n
	}
	slices.SortFunc(buckets, func(a, b line) int { return cmp.Compare(end(b), end(a)) })
	for i := range len(buckets) - 1 {
		for at := range buckets[i].values {
			buckets[i].values[at] -= buckets[i+1].values[at]
		}
	}
}

// extentOf brings the series of a label's value together, or all.
func extentOf(all []line, only string, falls bool) extent {
	e := extent{low: math.Inf(1), high: math.Inf(-1), ends: math.NaN()}
	label, value, _ := strings.Cut(only, "=")
	for _, s := range all {
		if only != "" && s.Metric[label] != value {
			continue
		}
		var newest int64
		for at, n := range s.values {
			e.add(n)
			newest = max(newest, at)
		}
		// On a busy machine a single scrape may be missed, and its series with it.
		for at, end := range s.values {
			if at > newest-5 && !math.IsNaN(end) && (math.IsNaN(e.ends) || falls == (end < e.ends)) {
				e.ends = end
			}
		}
	}
	return e
}

func compareMetrics(t *testing.T, calm, wild, around *prometheus) {
	to := time.Now()
	any := claim{}
	ask := func(p *prometheus, q queries.Query, c claim) extent {
		from := to.Add(-20 * time.Second)
		if p == around {
			from = to.Add(-2 * time.Minute) // what went wrong there is over
		}
		return extentOf(p.over(t, q, from, to), c.series, c.falls)
	}
	eachPanel(t, func(name string, p panels.Panel) {
		for i, q := range p.Queries {
			if q.Source != queries.Prometheus {
				continue
			}
			if ask(calm, q, any).points == 0 && p.Empty == "" {
				t.Errorf("%s, query %d: no data although nothing is wrong, and its description does not say when that is so:\n%s", name, i, q.Text)
			}
			if _, elsewhere := shownElsewhere[name]; !elsewhere && ask(wild, q, any).points == 0 && ask(around, q, any).points == 0 {
				t.Errorf("%s, query %d: no data in a run that has every fault:\n%s", name, i, q.Text)
			}
		}
		for _, c := range claims[name] {
			q := p.Queries[c.query]
			if q.Source != queries.Prometheus {
				continue
			}
			faulty := wild
			if slices.Contains(beside, c.fault) {
				faulty = around
			}
			before, after := ask(calm, q, c), ask(faulty, q, c)
			t.Logf("%-45s %-28s quiet %v; with it %v", name, c.fault, before, after)
			if before.points == 0 && p.Empty == "" {
				t.Errorf("%s: no series %s while nothing is wrong: a zero must be there", name, c.series)
			}
			if !c.shown(before, after) {
				t.Errorf("%s does not show %q: quiet %v, with it %v:\n%s", name, c.fault, before, after, q.Text)
			}
		}
	})
}

func one(n float64) extent { return extent{points: 1, low: n, high: n, ends: n, sum: n} }

// shown reports whether the fault changed the answer by a fifth at least, in the
// direction that was promised.
func (c claim) shown(quiet, faulty extent) bool {
	if faulty.points == 0 {
		return false
	}
	if c.falls {
		return faulty.ends < quiet.ends-math.Abs(quiet.ends)*c.margin()
	}
	before, after := quiet.high, faulty.high
	switch {
	case c.atEnd:
		before, after = quiet.ends, faulty.ends
	case c.average:
		before, after = quiet.sum/float64(quiet.points), faulty.sum/float64(faulty.points)
	}
	if quiet.points == 0 {
		before = 0
	}
	return after > before+math.Abs(before)*c.margin()
}

// margin is how much a change must be at least, as a share.
func (c claim) margin() float64 {
	if c.slightly {
		return 0
	}
	return 0.2
}

// database fills a database with what a demo stored.
func database(t *testing.T, server *pgtest.Server, d *demoRun, faulty bool) *pgx.Conn {
	run, dsn := openRun(t, d.folder), server.Database(t)
	fill(t, dsn, "events", textColumn(t, run, "SELECT event FROM helios_events"), nil)
	fill(t, dsn, "verdicts", textColumn(t, run, "SELECT verdict FROM helios_verdict_history ORDER BY decided_ns"), nil)
	versions := contracts[:1]
	if faulty {
		letters := textColumn(t, run, "SELECT CAST(payload AS TEXT) FROM helios_dead_letters WHERE origin = 'aws'")
		fill(t, dsn, "dead_letters", letters, map[string]string{"helios-reason": "unreadable", "helios-stage": "ingest", "helios-origin": "aws"})
		broken := textColumn(t, run, "SELECT CAST(payload AS TEXT) FROM helios_dead_letters WHERE stage = 'validate'")
		fill(t, dsn, "dead_letters", broken, map[string]string{"helios-reason": "contract", "helios-stage": "validate", "helios-origin": "gcp",
			"helios-schema": "com.example.order.paid/1", "helios-violations": "required /customer/id"})
		versions = contracts
	}
	fill(t, dsn, "contracts", versions, nil)
	conn, err := pgx.Connect(context.Background(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func compareRows(t *testing.T, server *pgtest.Server, quiet, faulty *demoRun) {
	calm, wild := database(t, server, quiet, false), database(t, server, faulty, true)
	t.Run("a hostile fact is only text", func(t *testing.T) { factsAreOnlyText(t, wild) })
	measured := func(conn *pgx.Conn, c claim, q queries.Query) float64 {
		find, fact := factOf[c.fault], ""
		if conn == calm || find == "" {
			find = factOf[""]
		}
		require.NoError(t, conn.QueryRow(context.Background(), find).Scan(&fact), find)
		var n *float64
		sql := fmt.Sprintf("SELECT (%s)::float8 FROM (%s) panel", c.measure, macros(q.Text, fact))
		require.NoError(t, conn.QueryRow(context.Background(), sql).Scan(&n), sql)
		if n == nil {
			return 0
		}
		return *n
	}
	eachPanel(t, func(name string, p panels.Panel) {
		for _, c := range claims[name] {
			q := p.Queries[c.query]
			if q.Source != queries.PostgreSQL {
				continue
			}
			before, after := measured(calm, c, q), measured(wild, c, q)
			t.Logf("%-45s %-28s quiet %.4g; with it %.4g", name, c.fault, before, after)
			if !c.shown(one(before), one(after)) {
				t.Errorf("%s does not show %q: %s is %.4g in the quiet run, %.4g with it:\n%s", name, c.fault, c.measure, before, after, q.Text)
			}
			if rows := measured(calm, claim{measure: "count(*)"}, q); rows == 0 && p.Empty == "" {
				t.Errorf("%s: no row although nothing is wrong, and its description does not say when that is so", name)
			}
		}
	})
}

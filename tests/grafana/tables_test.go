package grafana

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/grafana/alerts"
	"github.com/helios-connect/helios/grafana/panels"
	"github.com/helios-connect/helios/grafana/queries"
	"github.com/helios-connect/helios/internal/pgtest"
	"github.com/helios-connect/helios/internal/storetest"
)

// panelOf is the panel of that name, Board/Title.
func panelOf(t *testing.T, name string) (found panels.Panel) {
	t.Helper()
	eachPanel(t, func(n string, p panels.Panel) {
		if n == name {
			found = p
		}
	})
	require.NotEmpty(t, found.Queries, name)
	return found
}

// cells are the rows of a query, each cell as text.
func cells(t *testing.T, conn *pgx.Conn, query string) (all []string) {
	t.Helper()
	rows, err := conn.Query(context.Background(), query)
	require.NoError(t, err, query)
	defer rows.Close()
	for rows.Next() {
		values, err := rows.Values()
		require.NoError(t, err)
		all = append(all, strings.TrimSuffix(fmt.Sprintln(values...), "\n"))
	}
	require.NoError(t, rows.Err(), query)
	return all
}

// said is an event of a cloud about the fact.
func said(cloud, tenant, key, amount string) string {
	raw, _ := json.Marshal(map[string]any{"specversion": "1.0", "id": cloud + key, "source": "shop", "type": "order", "cloud": cloud, "tenant": tenant, "correlationid": key,
		"time": time.Now().UTC(), "ingesttime": time.Now().UTC(), "heliosschema": "order/1", "data": map[string]any{"amount": amount, "currency": "EUR"}})
	return string(raw)
}

// judgedAs is a verdict on the fact, whose amounts differ in the way given.
func judgedAs(key, status, diffs string) string {
	now := time.Now().UTC().Format(time.RFC3339Nano)
	id := md5.Sum([]byte(key))
	return fmt.Sprintf(`{"id":"%x","revision":1,"tenant":"acme","type":"order","key":%s,"status":%q,"missing":[],"stalled":[],"diffs":[%s],"events":{},
"opened_at":%q,"deadline":%q,"decided_at":%q,"closed_by":"complete","expectation":"orders@1"}`, id, quotedJSON(key), status, diffs, now, now, now)
}

func quotedJSON(s string) []byte { raw, _ := json.Marshal(s); return raw }

func TestTablesTellTheTruth(t *testing.T) {
	const hostile = `k"1'\<b>$__from ${fact}`
	dsn := pgtest.StartServer(t).Database(t)
	fill(t, dsn, "contracts", contracts[:1], nil)
	fill(t, dsn, "events", []string{said("aws", "acme", "apart", "10"), said("azure", "acme", "apart", "11"), said("gcp", "acme", "apart", "12"),
		said("aws", "acme", hostile, "10"), said("azure", "acme", hostile, "11"), said("gcp", "acme", hostile, "10"),
		said("aws", "it's a$$b\\", "other", "1")}, nil)
	conn, err := pgx.Connect(context.Background(), dsn)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	wrong := macros(panelOf(t, "Overview/What is wrong").Queries[0].Text, "")

	found := cells(t, conn, wrong)
	require.Len(t, found, 1)
	require.Contains(t, found[0], "unknown", "nothing was judged: nobody knows that all is fine")

	fill(t, dsn, "verdicts", []string{judgedAs("fine", "matched", "")}, nil)
	found = cells(t, conn, wrong)
	require.Len(t, found, 1)
	require.Contains(t, found[0], "fine all nothing")

	fill(t, dsn, "verdicts", []string{
		judgedAs("apart", "mismatched", `{"field":"data.amount","values":{"aws":"10","azure":"11","gcp":"12"},"outliers":[]}`),
		judgedAs(hostile, "mismatched", `{"field":"data.amount","values":{"aws":"10","azure":"11","gcp":"10"},"outliers":["azure"]}`)}, nil)
	side := panelOf(t, "Fact/Side by side").Queries[0].Text
	require.Equal(t, []string{"data.amount aws ≠ 10", "data.amount azure ≠ 11", "data.amount gcp ≠ 12"}, cells(t, conn, macros(side, "apart"))[:3],
		"where each says something else none is right")
	require.Equal(t, []string{"data.amount aws 10", "data.amount azure ≠ 11", "data.amount gcp 10"}, cells(t, conn, macros(side, hostile))[:3], "a key with every kind of quote is found")
	for _, p := range []string{"Fact/Verdict history", "Fact/Raw events"} {
		for _, row := range cells(t, conn, macros(panelOf(t, p).Queries[0].Text, hostile)) {
			require.NotContains(t, row, "<nil>", "%s: an absent trace would be a link", p)
		}
	}

	for _, name := range []string{"Contracts/Compliance by contract and producer", "Contracts/Compliance by the hour"} {
		of := func(tenants string) int {
			return len(cells(t, conn, macros(strings.ReplaceAll(panelOf(t, name).Queries[0].Text, "${tenant:regex}", tenants), "")))
		}
		require.NotZero(t, of(".*"), name)
		require.NotZero(t, of("acme"), name)
		require.NotZero(t, of("(nobody|acme)"), name)
		require.NotZero(t, of(grafanaRegex("it's a$$b\\")), name)
		for _, nobody := range append([]string{"nobody", "acm", "$$", "x$", "$__range"}, injections...) {
			if !strings.ContainsRune(nobody, 0) {
				require.Zero(t, of(grafanaRegex(nobody)), "%s of %q", name, nobody)
			}
		}
	}
}

// A cloud is silent since its silence began, however many facts could not be judged
// since then; a silence before that one, after which it spoke for a while, is another.
func TestASilenceOfManyFactsBeganWhenItBegan(t *testing.T) {
	dsn := pgtest.StartServer(t).Database(t)
	now := time.Now().UTC().Truncate(time.Second)
	began, earlier := now.Add(-14*time.Minute), now.Add(-20*time.Minute)
	var verdicts []string
	unjudged := func(at time.Time, cloud string) {
		key := fmt.Sprint("fact", len(verdicts))
		verdict := strings.Replace(judgedAs(key, "indeterminate", ""), `"stalled":[]`, fmt.Sprintf(`"stalled":[%q]`, cloud), 1)
		verdicts = append(verdicts, regexp.MustCompile(`"decided_at":"[^"]*"`).ReplaceAllString(verdict, fmt.Sprintf(`"decided_at":%q`, at.Format(time.RFC3339Nano))))
	}
	unjudged(earlier, "gcp")
	unjudged(began.Add(-2*time.Second), "aws")
	for at := began; at.Before(now); at = at.Add(200 * time.Millisecond) {
		unjudged(at, "gcp")
	}
	fill(t, dsn, "verdicts", verdicts, nil)
	conn, err := pgx.Connect(context.Background(), dsn)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	var since time.Time
	require.NoError(t, conn.QueryRow(context.Background(), "SELECT since FROM ("+macros(panelOf(t, "Overview/What is wrong").Queries[0].Text, "")+") found WHERE cloud = 'gcp' AND problem = 'silent'").Scan(&since))
	require.Equal(t, began, since.UTC(), "of %d facts", len(verdicts))
}

// What a wrong clock dates decades ahead is kept for decades, and none of the last
// days.
func TestRetentionTellsDaysInTheFutureApart(t *testing.T) {
	dsn := pgtest.StartServer(t).Database(t)
	var events []string
	for i, at := range []time.Time{time.Now(), time.Now().AddDate(0, 0, -45), time.Now().AddDate(0, 0, -100), time.Now().AddDate(30, 0, 0)} {
		events = append(events, storetest.Event(map[string]any{"id": fmt.Sprint(i), "time": at.UTC().Format(time.RFC3339Nano)}))
	}
	fill(t, dsn, "events", events, nil)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), "SELECT age FROM ("+macros(panelOf(t, "Cost/Retention").Queries[0].Text, "")+") found WHERE days = 1")
	require.NoError(t, err)
	ages, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{"1: last 30 days", "2: 30 to 90 days", "3: older than 90 days", "4: in the future, by wrong clocks"}, ages)
}

// grafanaRegex is what Grafana 12.4 makes of ${name:regex}.
func grafanaRegex(value string) string {
	return regexp.MustCompile(`[\\^$*+?.()|[\]{}/-]`).ReplaceAllString(value, `\$0`)
}

// A counter of what is rare appears with its first increment.
func TestDeadLettersAreCountedFromTheFirst(t *testing.T) {
	expr := strings.ReplaceAll(panelOf(t, "Overview/Dead letters").Queries[0].Text, queries.Range, "15m")
	test := fmt.Sprintf(`tests:
- interval: 1m
  input_series:
  - {series: 'helios_store_rows_refused_total{table="helios_dead_letters"}', values: "0x40"}
  - {series: 'helios_store_rows_stored_total{table="helios_dead_letters"}', values: "_x19 3x20"}
  promql_expr_test:
  - {expr: %[1]q, eval_time: 10m, exp_samples: [{labels: "{}", value: 0}]}
  - {expr: %[1]q, eval_time: 25m, exp_samples: [{labels: "{}", value: 3}]}
  - {expr: %[1]q, eval_time: 40m, exp_samples: [{labels: "{}", value: 0}]}
`, expr)
	promtool(t, []byte(test), nil)
}

// Three notifications that read the same say nothing of whom they are about.
func TestAlertsSayWhomTheyAreAbout(t *testing.T) {
	by := regexp.MustCompile(`by \(((?:participant|tenant|type|table|stream|topic|clock)[^)]*)\)`)
	for _, a := range alerts.Alerts() {
		labels := by.FindStringSubmatch(a.Expr)
		if labels == nil && strings.Contains(a.Name, "IngestAvailability") {
			labels = []string{"", "participant"} // recorded by it
		}
		if labels == nil {
			continue
		}
		for _, label := range strings.Split(labels[1], ", ") {
			require.Contains(t, a.Summary, "$labels."+label, "%s: its alerts differ in %s", a.Name, label)
		}
	}
}

// 99.985 % of an objective of 99.99 % is not "100 %".
func TestTilesOfObjectivesHaveMoreDigitsThanTheObjective(t *testing.T) {
	for _, o := range alerts.Objectives() {
		p := panelOf(t, "SLO/"+o.Short+": good")
		require.NotNil(t, p.Decimals, o.Name)
		missed := strconv.FormatFloat(100*(o.Target-(1-o.Target)/2), 'f', int(*p.Decimals), 64)
		kept, err := strconv.ParseFloat(missed, 64)
		require.NoError(t, err)
		require.Less(t, kept, 100*o.Target-1e-9, "%s: %s %% looks kept", o.Name, missed)
	}
}

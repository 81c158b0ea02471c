package grafana

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/grafana/alerts"
	"github.com/helios-connect/helios/grafana/queries"
	"github.com/helios-connect/helios/internal/pgtest"
	"github.com/helios-connect/helios/plugins/telemetry"

	_ "github.com/helios-connect/helios/plugins/all"
)

// One demo run serves both halves: its metrics while it runs, its store after.
func TestEveryQueryOfEveryPanelIsAnsweredByTheRealPrograms(t *testing.T) {
	server := pgtest.StartServer(t)
	target, folder, wait := startDemo(t)
	p := startPrometheus(t, target)
	// A missing event is judged last; its verdict says that everything else is
	// there, and is recorded by then.
	p.awaitData(t, telemetry.ReconcileVerdicts.Name+`{verdict_status="missing"} > 5`)
	p.awaitData(t, telemetry.StoreRowsStored.Name+` > 500`)
	for _, o := range alerts.Objectives() {
		p.awaitData(t, o.Recorded("3d"))
	}
	t.Run("PromQL", func(t *testing.T) { promQL(t, p) })
	wait()
	t.Run("SQL", func(t *testing.T) { storeSQL(t, server, folder) })
}

func promQL(t *testing.T, p *prometheus) {
	for _, board := range boards(t) {
		for _, row := range board.Rows {
			for _, panel := range row.Panels {
				for i, query := range panel.Queries {
					if query.Source != queries.Prometheus {
						continue
					}
					a := p.ask(t, query.Text)
					if !hasNumber(a) && panel.Empty == "" {
						t.Errorf("%s, %q, query %d: no data, and its description does not say when that is so:\n%s", board.Title, panel.Title, i, query.Text)
					}
				}
			}
		}
	}
	for _, alert := range alerts.Alerts() {
		p.ask(t, alert.Expr)
		p.ask(t, "("+alert.Expr+") * 0 + 1")
	}
}

// hasNumber is true where one of the series is neither NaN nor infinite.
func hasNumber(a answer) bool {
	for _, r := range a.Data.Result {
		s, _ := r.Value[1].(string)
		if v, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
			return true
		}
	}
	return false
}

// fill writes documents into PostgreSQL with the store plugin.
func fill(t *testing.T, dsn, kind string, documents []string, meta map[string]string) {
	t.Helper()
	builder := service.NewStreamBuilder()
	require.NoError(t, builder.SetLoggerYAML("level: ERROR"))
	send, err := builder.AddBatchProducerFunc()
	require.NoError(t, err)
	require.NoError(t, builder.AddOutputYAML(fmt.Sprintf("helios_store: {dsn: %q, kind: %s}", dsn, kind)))
	stream, err := builder.Build()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(ctx) }()
	for len(documents) > 0 {
		n := min(len(documents), 1000)
		batch := make(service.MessageBatch, n)
		for i, d := range documents[:n] {
			batch[i] = service.NewMessage([]byte(d))
			for k, v := range meta {
				batch[i].MetaSetMut(k, v)
			}
		}
		require.NoError(t, send(ctx, batch))
		documents = documents[n:]
	}
	require.NoError(t, stream.StopWithin(20*time.Second))
	require.NoError(t, <-ended)
}

// readOnly is a role like that of Grafana's data source.
const readOnly = `CREATE ROLE panel LOGIN; GRANT USAGE ON SCHEMA public TO panel;
GRANT SELECT ON helios_events, helios_verdicts, helios_verdict_history, helios_dead_letters, helios_contracts,
  helios_events_hourly, helios_verdicts_hourly, helios_dead_letters_hourly, helios_findings_hourly, helios_contract_compliance TO panel`

// contracts are two versions as the input helios_contracts emits them.
var contracts = []string{
	`{"subject":"com.example.order.paid","version":1,"id":1,"language":"JSON","text":"{}","seen_at":"2026-03-01T10:00:00Z","changes":[]}`,
	`{"subject":"com.example.order.paid","version":2,"id":2,"language":"JSON","text":"{}","seen_at":"2026-03-02T10:00:00Z","breaks_backward":true,
"changes":[{"pointer":"/required","kind":"required_added","reasons":["older events lack it"]}]}`,
}

func storeSQL(t *testing.T, server *pgtest.Server, folder string) {
	run, dsn := openRun(t, folder), server.Database(t)
	fill(t, dsn, "events", textColumn(t, run, "SELECT event FROM helios_events"), nil)
	fill(t, dsn, "verdicts", textColumn(t, run, "SELECT verdict FROM helios_verdict_history ORDER BY decided_ns"), nil)
	fill(t, dsn, "dead_letters", textColumn(t, run, "SELECT CAST(payload AS TEXT) FROM helios_dead_letters WHERE origin = 'aws'"),
		map[string]string{"helios-reason": "unreadable", "helios-stage": "ingest", "helios-origin": "aws"})
	// What a contract refused, and contracts: the demo has none.
	judged := textColumn(t, run, "SELECT event FROM helios_events LIMIT 10")
	fill(t, dsn, "dead_letters", judged, map[string]string{"helios-reason": "contract", "helios-stage": "validate",
		"helios-schema": "com.example.order.paid/2", "helios-violations": "required /customer"})
	fill(t, dsn, "contracts", contracts, nil)
	fact := textColumn(t, run, "SELECT id FROM helios_verdicts WHERE status = 'mismatched' LIMIT 1")[0]

	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	require.NoError(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, readOnly)
	require.NoError(t, err)
	_, err = conn.Exec(ctx, "SET ROLE panel; SET default_transaction_read_only = on; SET statement_timeout = '10s'")
	require.NoError(t, err)
	for _, board := range boards(t) {
		for _, row := range board.Rows {
			for _, panel := range row.Panels {
				for _, query := range panel.Queries {
					if query.Source != queries.PostgreSQL {
						continue
					}
					began := time.Now()
					rows := count(t, conn, board.Title+", "+panel.Title, macros(query.Text, fact))
					t.Logf("%-24s %-32s %4d rows %v", board.Title, panel.Title, rows, time.Since(began).Round(time.Millisecond))
					if rows == 0 {
						t.Errorf("%s, %q: no row of a run that has every kind of fault:\n%s", board.Title, panel.Title, macros(query.Text, fact))
					}
				}
			}
		}
	}
	t.Run("a hostile fact is only text", func(t *testing.T) {
		for _, board := range boards(t) {
			for _, row := range board.Rows {
				for _, panel := range row.Panels {
					if strings.Contains(panel.Queries[0].Text, "${fact") {
						count(t, conn, panel.Title, macros(panel.Queries[0].Text, `x' OR '1'='1'; DROP TABLE helios_events --`))
					}
				}
			}
		}
	})
}

func count(t *testing.T, conn *pgx.Conn, name, query string) (n int) {
	t.Helper()
	rows, err := conn.Query(context.Background(), query)
	require.NoError(t, err, name)
	for rows.Next() {
		_, err := rows.Values()
		require.NoError(t, err, name)
		n++
	}
	require.NoError(t, rows.Err(), "%s:\n%s", name, query)
	return n
}

var timeFilter = regexp.MustCompile(`\$__timeFilter\(([^)]+)\)`)

// macros replaces what Grafana's PostgreSQL data source would, over the last
// hour.
func macros(query, fact string) string {
	from, to := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), time.Now().Add(time.Minute).UTC().Format(time.RFC3339)
	query = timeFilter.ReplaceAllString(query, "$1 BETWEEN '"+from+"' AND '"+to+"'")
	query = strings.NewReplacer("$__timeFrom()", "'"+from+"'", "$__timeTo()", "'"+to+"'",
		"${fact:sqlstring}", sqlString(fact), "${tenant:regex}", ".*").Replace(query)
	return query
}

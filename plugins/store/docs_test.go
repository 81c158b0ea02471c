package store

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/pgtest"
	"github.com/helios-connect/helios/plugins/telemetry"
)

func TestTheDocumentedStatementsWork(t *testing.T) {
	page, err := os.ReadFile("../../docs/store.md")
	require.NoError(t, err)
	dsn := pgtest.Start(t)
	mismatched := map[string]any{"status": "mismatched"}
	require.NoError(t, newTestOutput(t, dsn, kindVerdicts).WriteBatch(context.Background(), batchOf(verdictJSON(1, opened, 1, mismatched))))
	require.NoError(t, newTestOutput(t, dsn, kindEvents).WriteBatch(context.Background(), batchOf(eventJSON(nil))))

	comments := regexp.MustCompile("```sql\n-- (.*)\n").FindAllSubmatch(page, -1)
	require.Len(t, comments, 9)
	rows := map[string][]string{}
	for _, comment := range comments {
		name := string(comment[1])
		for _, statement := range documentedSQL(name) {
			if name == "retention" || name == "read-only role" {
				execSQL(t, dsn, statement)
				continue
			}
			rows[name] = queryText(t, dsn, statement)
		}
		if name == "retention" { // it came first and took the events
			require.NoError(t, newTestOutput(t, dsn, kindEvents).WriteBatch(context.Background(), batchOf(eventJSON(nil))))
			require.NoError(t, newTestOutput(t, dsn, kindVerdicts).WriteBatch(context.Background(), batchOf(verdictJSON(1, opened, 1, mismatched))))
		}
	}
	require.Equal(t, []string{`2026-03-01T11:00:00.123456Z|acme|com.example.order.paid|ord-1|data.amount|{"aws": 10, "gcp": 12}|[]`},
		rows["the latest disagreements and what differs"])
	require.Equal(t, []string{`2026-03-01T10:00:00.123456Z|aws|e-1|{"amount": 10}`}, rows["all that is known of one fact"])
	require.Equal(t, []string{`1|mismatched|deadline|{azure}|{}|2026-03-01T11:00:00.123456Z`}, rows["how a verdict came about"])
}

func TestTheMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/store.md")
	require.NoError(t, err)
	for _, metric := range telemetry.Store() {
		require.True(t, strings.Contains(string(page), "`"+metric.Name+"` | "+strings.Join(metric.Labels, ", ")), metric.Name)
		require.NotEmpty(t, metric.Help)
	}
}

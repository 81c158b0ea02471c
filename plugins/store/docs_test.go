package store

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
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

	hour := time.Now().UTC().Truncate(time.Hour)
	require.NoError(t, newTestOutput(t, dsn, kindDeadLetters).WriteBatch(context.Background(), service.MessageBatch{
		letterOf(1, hour, map[string]string{"helios-schema": "order/2", "helios-violations": "type /items/3/qty"})}))
	version := func(n int, more string) string {
		return fmt.Sprintf(`{"subject":"com.example.order.paid","version":%d,"language":"JSON","text":"{}","seen_at":"2026-03-01T10:00:00Z"%s}`, n, more)
	}
	require.NoError(t, newTestOutput(t, dsn, kindContracts).WriteBatch(context.Background(), batchOf(version(1, ""),
		version(2, `,"breaks_backward":true,"changes":[{"pointer":"/required","kind":"required_added","reasons":["why"]}]`))))

	comments := regexp.MustCompile("```sql\n-- (.*)\n").FindAllSubmatch(page, -1)
	require.Len(t, comments, 12)
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
	require.Equal(t, []string{`type /items/*/qty|order/2|acme|/shop|1|` + hour.Format(time.RFC3339)}, rows["which rule broke, for whom"])
	require.Equal(t, []string{hour.Truncate(24*time.Hour).Format(time.RFC3339) + `|com.example.order.paid|/shop|0|0|1|0`}, trimZeros(rows["compliance over time, by producer"]))
	require.Equal(t, []string{"1|false|false|||", `2|true|false|/required|required_added|["why"]`}, rows["what changed between versions of a contract"])
	require.Equal(t, []string{`1|mismatched|deadline|{azure}|{}|2026-03-01T11:00:00.123456Z`}, rows["how a verdict came about"])
}

// trimZeros makes PostgreSQL's numeric 0E-20 and 0.00000 one.
func trimZeros(lines []string) []string {
	for i, line := range lines {
		lines[i] = regexp.MustCompile(`\|0(\.0+|E-[0-9]+)$`).ReplaceAllString(line, "|0")
	}
	return lines
}

func TestTheMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/store.md")
	require.NoError(t, err)
	for _, metric := range telemetry.Store() {
		require.True(t, strings.Contains(string(page), "`"+metric.Name+"` | "+strings.Join(metric.Labels, ", ")), metric.Name)
		require.NotEmpty(t, metric.Help)
	}
}

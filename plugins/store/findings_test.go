package store

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever the documents of verdicts hold, the store can be migrated.
func TestTheMigrationTakesWhateverVerdictsHold(t *testing.T) {
	inBothDialects(t, func(t *testing.T, p place) {
		for name, members := range map[string]map[string]any{
			"texts for differences": {"diffs": []any{"abc", 7, nil, []any{}}},
			"texts for events":      {"diffs": []any{map[string]any{"field": "a", "outliers": []any{"aws"}}}, "events": map[string]any{"aws": "x"}},
			"no lists":              {"diffs": "abc", "events": "x"},
			"odd fields":            {"diffs": []any{map[string]any{"field": map[string]any{"a": 1}, "outliers": "aws"}}, "events": []any{}},
			"odd outliers":          {"diffs": []any{map[string]any{"field": "a", "outliers": []any{1, "aws"}}}, "events": map[string]any{"aws": map[string]any{"source": 5}}},
			"deep":                  {"sample": json.RawMessage(strings.Repeat("[", 500) + strings.Repeat("]", 500))},
		} {
			t.Run(name, func(t *testing.T) {
				dsn := p.dsn(t)
				members["status"] = "mismatched"
				out := newTestOutput(t, dsn, kindVerdicts)
				require.NoError(t, out.WriteBatch(context.Background(), batchOf(verdictJSON(1, opened, 1, members))))
				before := queryText(t, dsn, "SELECT * FROM helios_findings_hourly WHERE facts <> 0")
				require.NoError(t, out.Close(context.Background()))
				migrateAnew(t, p, dsn, 5)
				require.Equal(t, before, queryText(t, dsn, "SELECT * FROM helios_findings_hourly"))
			})
		}
	})
}

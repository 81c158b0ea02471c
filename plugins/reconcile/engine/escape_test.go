package engine

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type last struct{ v *Verdict }

func (l *last) Verdict(v *Verdict) { l.v = v }

// TestAttributesAreWhatTheirEscapesSay: an escape in one document spells the same
// fact, and the verdict holds what it says.
func TestAttributesAreWhatTheirEscapesSay(t *testing.T) {
	var sink last
	e, err := New(Config{Sample: true, Expectations: []Expectation{{Name: "all", Expect: []string{"aws", "gcp"}, Window: time.Minute,
		Compare: []Compare{{Field: "data.name"}}}}}, &sink)
	require.NoError(t, err)
	wall := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	for _, doc := range []string{
		`{"id":"a\"\u00e9\n","source":"\/s\\","type":"order\u002epaid","time":"2026-01-01T00:00:00Z","cloud":"\u0061ws","tenant":"acm\u0065","correlationid":"k\t1","data":{"name":"Zo\u00eb"}}`,
		`{"id":"b","source":"/s","type":"order.paid","time":"2026-01-01T00:00:00Z","cloud":"gcp","tenant":"acme","correlationid":"k\u00091","data":{"name":"Zoë"}}`,
	} {
		out := e.Apply([]byte(doc), 0, wall)
		require.Equal(t, ReasonNone, out.Reason, "%v", out.Err)
		require.Equal(t, "acme", string(out.Tenant))
	}
	require.NotNil(t, sink.v, "they are of one fact")
	require.Equal(t, "acme/order.paid/k\t1 matched", fmt.Sprintf("%s/%s/%s %s", sink.v.Tenant, sink.v.Type, sink.v.Key, sink.v.Status))
	var said struct {
		Events map[string]struct{ ID, Source string }
	}
	require.NoError(t, json.Unmarshal(sink.v.JSON, &said), "%s", sink.v.JSON)
	require.Equal(t, "a\"é\n", said.Events["aws"].ID)
	require.Equal(t, `/s\`, said.Events["aws"].Source)
	require.Equal(t, "b", said.Events["gcp"].ID)
}

package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type ignored struct{}

func (ignored) Verdict(*Verdict) {}

func TestAnOutcomeTellsAnEventAfterItsParticipantsFirst(t *testing.T) {
	e, err := New(Config{Expectations: []Expectation{{Name: "orders", Expect: []string{"aws", "gcp"}, Window: time.Minute}}}, ignored{})
	require.NoError(t, err)
	for _, step := range []struct {
		cloud, id, key string
		repeat         bool
	}{
		{"aws", "1", "a", false},
		{"aws", "1", "a", true},  // the same event
		{"aws", "2", "a", true},  // another event of the fact
		{"aws", "3", "b", false}, // another fact
		{"gcp", "1", "a", false}, // another participant: the fact closes
		{"gcp", "1", "a", true},  // after the verdict
		{"edge", "1", "b", false},
		{"edge", "2", "b", true}, // nobody expects it
	} {
		doc := fmt.Appendf(nil, `{"id":%q,"source":"/s","type":"t","time":"2026-01-01T00:00:00Z","cloud":%q,"correlationid":%q}`, step.id, step.cloud, step.key)
		out := e.Apply(doc, 0, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
		require.Equal(t, ReasonNone, out.Reason, "%+v: %v", step, out.Err)
		require.Equal(t, step.repeat, out.Repeat, "%+v", step)
	}
}

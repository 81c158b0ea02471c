package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestAVerdictIsDescribedByWhatDiffers(t *testing.T) {
	for want, verdict := range map[string]string{
		"paid: data.amount: aws 10.00, azure! 12.00, gcp 10.00":      `{"type":"com.example.order.paid","diffs":[{"field":"data.amount","values":{"aws":10.00,"azure":12.00,"gcp":10.00},"outliers":["azure"]}]}`,
		"created: missing on gcp":                                    `{"type":"com.example.order.created","missing":["gcp"]}`,
		"created: unknown on aws, which is stalled":                  `{"type":"com.example.order.created","stalled":["aws"]}`,
		"shipped: missing on gcp; data.a: aws 1, azure 2":            `{"type":"shipped","missing":["gcp"],"diffs":[{"field":"data.a","values":{"aws":1,"azure":2},"outliers":[]}]}`,
		`shipped: data.note: aws "a note that is muc…, gcp! nothing`: `{"type":"shipped","diffs":[{"field":"data.note","values":{"aws":"a note that is much too long"},"outliers":["gcp"]}]}`,
	} {
		got, err := describe([]byte(verdict))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := describe([]byte(`{`))
	require.ErrorContains(t, err, "reading a verdict")
}

func TestTheTailKeepsTheLastDisagreements(t *testing.T) {
	tail := &tail{byStatus: map[string]int64{}, byStage: map[string]int64{}}
	at := time.Unix(1, 0)
	for i := range 8 {
		status := "missing"
		if i == 7 {
			status = "matched"
		}
		tail.take(&kgo.Record{
			Key:     []byte{byte('a' + i)},
			Value:   []byte(`{"type":"t","missing":["gcp"]}`),
			Headers: []kgo.RecordHeader{{Key: headerStatus, Value: []byte(status)}},
		}, at.Add(time.Duration(i)*time.Second))
	}
	state := tail.state()
	require.Equal(t, at, state.first)
	require.EqualValues(t, 8, state.verdicts)
	require.Equal(t, map[string]int64{"missing": 7, "matched": 1}, state.byStatus)
	require.Len(t, state.last, keptDisagreements)
	require.Equal(t, "c", state.last[0].Key)
	require.Equal(t, "g", state.last[4].Key)
}

// As the report does: a fact whose verdict was corrected is not two.
func TestTheTailCountsAFactOnceUnderItsLatestStatus(t *testing.T) {
	tail := &tail{byStatus: map[string]int64{}, byStage: map[string]int64{}}
	for _, status := range [][2]string{{"missing"}, {"matched"}, {"matched", "missing"}, {"indeterminate"}, {"missing", "indeterminate"}} {
		r := &kgo.Record{Value: []byte(`{}`), Headers: []kgo.RecordHeader{{Key: headerStatus, Value: []byte(status[0])}}}
		if status[1] != "" {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: headerPrevious, Value: []byte(status[1])})
		}
		tail.take(r, time.Unix(1, 0))
	}
	state := tail.state()
	require.EqualValues(t, 5, state.verdicts)
	require.Equal(t, map[string]int64{"matched": 2, "missing": 1, "indeterminate": 0}, state.byStatus)
}

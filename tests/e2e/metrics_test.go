package e2e

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/telemetry"
	"github.com/helios-connect/helios/tests/program"
)

// scraped returns the series of a running process, a line each, or nothing while
// it does not answer.
func scraped(address string) []string {
	res, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil
	}
	return strings.Split(string(text), "\n")
}

// shows reports whether some series has the name (or, of a histogram, its
// _bucket) and all the labels, none of them empty.
func shows(series []string, m telemetry.Metric, labels ...string) bool {
	name := m.Name
	if m.Kind == telemetry.Histogram {
		name += "_bucket"
	}
	for _, s := range series {
		labelled := strings.HasPrefix(s, name+"{")
		for _, l := range labels {
			labelled = labelled && strings.Contains(s, l+`="`) && !strings.Contains(s, l+`=""`)
		}
		if labelled {
			return true
		}
	}
	return false
}

// A dashboard or an alert must find these at /metrics of the running pipelines.
func TestTheRunningDemoShowsWhatHappensAtItsMetrics(t *testing.T) {
	t.Parallel()
	participant, tenant := telemetry.LabelParticipant, telemetry.LabelTenant
	wanted := []struct {
		metric telemetry.Metric
		labels []string
	}{
		{telemetry.CanonicalReceived, []string{participant, tenant}},
		{telemetry.CanonicalConverted, []string{participant, tenant}},
		{telemetry.CanonicalRefused, []string{participant, tenant, telemetry.LabelReason}},
		{telemetry.ReconcileReceived, []string{participant, tenant}},
		{telemetry.ReconcileFlagged, []string{participant, tenant, telemetry.LabelReason}},
		{telemetry.ReconcileDuplicates, []string{participant, tenant}},
		{telemetry.ReconcileVerdicts, []string{telemetry.LabelStatus, telemetry.LabelExpectation}},
		{telemetry.ReconcileDelay, nil},
		{telemetry.ReconcileOpen, nil},
		{telemetry.ReconcileClosed, nil},
		{telemetry.ReconcileWatermark, []string{participant, telemetry.LabelClock}},
		{telemetry.ReconcileWatermarkLag, []string{participant, telemetry.LabelClock}},
		{telemetry.ReconcileStalled, []string{participant, telemetry.LabelClock}},
		{telemetry.ReconcileInputRestores, nil},
		{telemetry.StoreBatches, []string{telemetry.LabelTable}},
		{telemetry.StoreBatchRows, []string{telemetry.LabelTable}},
		{telemetry.StoreBatchLatency, []string{telemetry.LabelTable}},
	}
	address := program.FreeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	p := start(t, nil, "demo", "--rate", "500", "--faults", "0.3", "--port", port)
	var absent []string
	deadline := time.Now().Add(time.Minute)
	p.await(2*time.Minute, "every metric", func() bool {
		series := scraped(address)
		absent = absent[:0]
		for _, w := range wanted {
			if !shows(series, w.metric, w.labels...) {
				absent = append(absent, w.metric.Name+" by "+strings.Join(w.labels, ", "))
			}
		}
		return len(absent) == 0 || time.Now().After(deadline)
	})
	require.Empty(t, absent)
	p.signal(syscall.SIGKILL)
}

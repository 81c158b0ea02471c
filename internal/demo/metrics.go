package demo

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/helios-connect/helios/plugins/telemetry"
)

// metrics is what /metrics said at one moment.
type metrics map[string]*dto.MetricFamily

// uncompressed asks for answers as they are: on the loopback, packing costs more
// than it saves.
var uncompressed = &http.Client{Transport: &http.Transport{DisableCompression: true}}

// scrape reads some of the metrics of the process at the address. There are fifty
// times as many others, which the process is asked to leave out: writing and
// reading them every second would be the better part of what the display costs.
func scrape(ctx context.Context, address string, some []telemetry.Metric) (metrics, error) {
	names := url.Values{}
	for _, m := range some {
		names.Add("name[]", m.Name)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics?"+names.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("asking for the metrics: %w", err)
	}
	resp, err := uncompressed.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking for the metrics: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking for the metrics: %s", resp.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the metrics: %w", err)
	}
	return families, nil
}

// labelled reports whether m carries all the labels, given as name, value,
// name, value, and so on.
func labelled(m *dto.Metric, labels []string) bool {
	for i := 0; i < len(labels); i += 2 {
		if !slices.ContainsFunc(m.Label, func(l *dto.LabelPair) bool {
			return l.GetName() == labels[i] && l.GetValue() == labels[i+1]
		}) {
			return false
		}
	}
	return true
}

// float adds up the values of a counter or gauge with these labels.
func (m metrics) float(metric telemetry.Metric, labels ...string) (total float64) {
	for _, one := range m[metric.Name].GetMetric() {
		if labelled(one, labels) {
			total += one.GetCounter().GetValue() + one.GetGauge().GetValue()
		}
	}
	return total
}

// sum is float for what is counted in whole numbers.
func (m metrics) sum(metric telemetry.Metric, labels ...string) int64 {
	return int64(math.Round(m.float(metric, labels...)))
}

// by adds up the values of a counter or gauge for each value of a label.
func (m metrics) by(metric telemetry.Metric, label string) map[string]int64 {
	totals := map[string]int64{}
	for _, one := range m[metric.Name].GetMetric() {
		for _, l := range one.Label {
			if l.GetName() == label {
				totals[l.GetValue()] += int64(math.Round(one.GetCounter().GetValue() + one.GetGauge().GetValue()))
			}
		}
	}
	return totals
}

// quantile estimates a quantile of a histogram in seconds, all its series taken
// together, as Prometheus's histogram_quantile does: evenly within a bucket. It
// is NaN when nothing was observed, and the last finite bound when the quantile
// lies beyond it.
func (m metrics) quantile(metric telemetry.Metric, q float64) float64 {
	counts := map[float64]uint64{}
	var total uint64
	for _, one := range m[metric.Name].GetMetric() {
		h := one.GetHistogram()
		total += h.GetSampleCount()
		for _, b := range h.GetBucket() {
			counts[b.GetUpperBound()] += b.GetCumulativeCount()
		}
	}
	if total == 0 {
		return math.NaN()
	}
	bounds := make([]float64, 0, len(counts))
	for bound := range counts {
		if !math.IsInf(bound, 0) {
			bounds = append(bounds, bound)
		}
	}
	slices.Sort(bounds)
	rank, low, below := q*float64(total), 0.0, 0.0
	for _, bound := range bounds {
		upTo := float64(counts[bound])
		if upTo >= rank && upTo > below {
			return low + (bound-low)*(rank-below)/(upTo-below)
		}
		low, below = bound, upTo
	}
	return low
}

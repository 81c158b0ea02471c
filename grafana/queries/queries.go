// Package queries builds the PromQL and the SQL of dashboards and alerts from
// the metrics of plugins/telemetry and the tables of the store, so that a
// renamed metric is a compile error and not an empty panel.
package queries

import (
	"fmt"
	"strings"

	"github.com/helios-connect/helios/plugins/telemetry"
)

// Interval is Grafana's window of rates: at least four scrapes, and wider when
// the time range is.
const Interval = "$__rate_interval"

// Range is the time range of the dashboard.
const Range = "$__range"

// Source says which data source answers a query.
type Source uint8

const (
	// Prometheus answers PromQL.
	Prometheus Source = iota
	// PostgreSQL answers SQL over the store's tables.
	PostgreSQL
	// Live is a channel of Grafana Live.
	Live
	// Tempo answers with traces.
	Tempo
)

// Query is one target of a panel.
type Query struct {
	Source  Source
	Text    string // PromQL, SQL, the channel's name, or the trace's id
	Legend  string // of a PromQL series, such as {{participant}}
	Instant bool   // PromQL: one value at the end of the range
	Heatmap bool   // PromQL: the series are buckets
	Table   bool   // PromQL: rows instead of series
	// Exemplars asks for the traces that stand behind a PromQL query.
	Exemplars bool
}

// Prom is a PromQL query over the time range.
func Prom(expr, legend string) Query { return Query{Text: expr, Legend: legend} }

// Instant is a PromQL query at the end of the time range.
func Instant(expr, legend string) Query { return Query{Text: expr, Legend: legend, Instant: true} }

// Table is a PromQL query at the end of the time range, as rows.
func Table(expr string) Query { return Query{Text: expr, Instant: true, Table: true} }

// Buckets is a PromQL query whose series are the buckets of a heat map.
func Buckets(expr string) Query {
	return Query{Text: expr, Legend: "{{" + telemetry.LabelLE + "}}", Heatmap: true}
}

// SQL is a query of the store.
func SQL(text string) Query { return Query{Source: PostgreSQL, Text: strings.TrimSpace(text)} }

// Stream is what a pipeline pushes to a channel of Grafana Live.
func Stream(measurement string) Query {
	return Query{Source: Live, Text: "stream/helios/" + measurement}
}

// Trace is one trace by its id.
func Trace(id string) Query { return Query{Source: Tempo, Text: id} }

// Is matches a label's value, Like a regular expression, Not the values that
// differ.
func Is(label, value string) string   { return fmt.Sprintf("%s=%q", label, value) }
func Like(label, value string) string { return fmt.Sprintf("%s=~%q", label, value) }
func Not(label, value string) string  { return fmt.Sprintf("%s!~%q", label, value) }

// Of selects the series of a metric.
func Of(m telemetry.Metric, matchers ...string) string { return selector(m.Name, matchers) }

// BucketsOf and CountOf select the parts of a histogram.
func BucketsOf(m telemetry.Metric, matchers ...string) string {
	return selector(m.Name+"_bucket", matchers)
}
func CountOf(m telemetry.Metric, matchers ...string) string {
	return selector(m.Name+"_count", matchers)
}

func selector(name string, matchers []string) string {
	if len(matchers) == 0 {
		return name
	}
	return name + "{" + strings.Join(matchers, ",") + "}"
}

// Rate is the growth of a counter per second, Increase its growth in a window.
func Rate(series, window string) string     { return "rate(" + series + "[" + window + "])" }
func Increase(series, window string) string { return "increase(" + series + "[" + window + "])" }

// Left is how many seconds are left until the earliest of the instants (Unix
// seconds) that a gauge holds; nothing where it is 0, that is, where there is none.
func Left(instant telemetry.Metric) string {
	return "min(" + Of(instant) + " > 0) - time()"
}

// Counted is an increase as a whole number: Prometheus extrapolates to the
// window's ends.
func Counted(increase string) string { return "round(" + increase + ")" }

// Grown is an increase that knows a series' first value: counters of what is
// rare appear with their first increment, which increase() does not see.
func Grown(series, window string) string {
	return "((" + Increase(series, window) + " and " + series + " offset " + window + ") or (" + series + " unless " + series + " offset " + window + "))"
}

// Sum, Max and Avg bring series together by labels.
func Sum(expr string, by ...string) string { return aggregate("sum", expr, by) }
func Max(expr string, by ...string) string { return aggregate("max", expr, by) }
func Avg(expr string, by ...string) string { return aggregate("avg", expr, by) }

func aggregate(how, expr string, by []string) string {
	if len(by) == 0 {
		return how + "(" + expr + ")"
	}
	return how + " by (" + strings.Join(by, ", ") + ") (" + expr + ")"
}

// Top is the n highest of an expression's series.
func Top(n int, expr string) string { return fmt.Sprintf("topk(%d, %s)", n, expr) }

// Quantile of a histogram in a window, in seconds.
func Quantile(q float64, m telemetry.Metric, window string, by ...string) string {
	return fmt.Sprintf("histogram_quantile(%g, %s)", q, Sum(Rate(BucketsOf(m), window), append([]string{telemetry.LabelLE}, by...)...))
}

// Within counts a histogram's observations up to a bucket's end, given in
// seconds. Prometheus 3 writes whole ends as 300.0, earlier ones as 300.
func Within(m telemetry.Metric, seconds string) string {
	return BucketsOf(m, Like(telemetry.LabelLE, seconds+`(\.0)?`))
}

// Share is part/whole; nothing where there is no whole. A part whose series do
// not exist yet, because nothing of it has happened, is 0 of an existing whole.
func Share(part, whole string) string {
	return "((" + part + ") or (" + whole + ") * 0) / ((" + whole + ") > 0)"
}

// OrZero is expr, or 0 where the other expression has data: a counter whose
// series appears with its first increment.
func OrZero(expr, exists string) string { return "((" + expr + ") or (" + exists + ") * 0)" }

// Package alerts holds the service level objectives, and the recording and
// alert rules of Prometheus and of Grafana.
package alerts

import (
	"fmt"

	q "github.com/helios-connect/helios/grafana/queries"
	"github.com/helios-connect/helios/plugins/telemetry"
)

// LabelSLO names the objective on what is recorded for it.
const LabelSLO = "slo"

// Windows over which every objective's errors are recorded.
var Windows = []string{"5m", "30m", "1h", "2h", "6h", "1d", "3d"}

// Objective is a service level objective: at most 1-Target of its events may be
// bad over 30 days.
type Objective struct {
	Name   string // the value of LabelSLO
	Title  string
	Short  string // a name that fits above a tile
	Target float64
	Cause  Cause
	By     string // a label that is judged by itself; empty: all together
	// Gate is how many events a window needs before it may raise an alert.
	Gate   float64
	Errors func(window string) string // the share of bad events
	Events func(window string) string // how many events there were
}

// Objectives are the promises of Helios.
func Objectives() []Objective {
	return []Objective{verdictAccuracy(), latency("event_latency", "Verdict within 5 min", "In 5 min", "300", 0.999),
		latency("own_latency", "Verdict within 500 ms", "In 500 ms", "0.5", 0.95), availability(), delivery()}
}

func verdictAccuracy() Objective {
	verdicts := func(w string) string { return q.Sum(q.Increase(q.Of(telemetry.ReconcileVerdicts), w)) }
	return Objective{
		Name: "verdict_accuracy", Title: "Verdicts that stood", Short: "Stood", Target: 0.999, Cause: Reconciliation, Gate: 100, Events: verdicts,
		// A correction says that an earlier verdict was not the last word.
		Errors: func(w string) string {
			return q.Share(q.Sum(q.Increase(q.Of(telemetry.ReconcileCorrections), w)), verdicts(w))
		},
	}
}

// latency judges the time from a fact's last event to its verdict, by a bucket
// of the histogram.
func latency(name, title, short, seconds string, target float64) Objective {
	all := func(w string) string { return q.Sum(q.Increase(q.CountOf(telemetry.ReconcileDelay), w)) }
	return Objective{
		Name: name, Title: title, Short: short, Target: target, Cause: Reconciliation, Gate: 100, Events: all,
		Errors: func(w string) string {
			return "1 - " + q.Share(q.Sum(q.Increase(q.Within(telemetry.ReconcileDelay, seconds), w)), all(w))
		},
	}
}

// availability is time: each scrape at which a cloud is heard of is good. All scrapes
// count alike: a process that began a minute ago has heard of nobody.
func availability() Objective {
	over := func(how, w string) string {
		return q.Sum(how+"("+q.Of(telemetry.ReconcileStalled)+"["+w+"])", telemetry.LabelParticipant)
	}
	return Objective{
		Name: "ingest_availability", Title: "Cloud heard of", Short: "Heard", Target: 0.995, Cause: Cloud, By: telemetry.LabelParticipant, Gate: 10,
		Errors: func(w string) string { return over("sum_over_time", w) + " / " + over("count_over_time", w) },
		Events: func(w string) string { return over("count_over_time", w) },
	}
}

func delivery() Objective {
	of := func(m telemetry.Metric, w string) string { return q.Sum(q.Increase(q.Of(m), w)) }
	rows := func(w string) string {
		refused := of(telemetry.StoreRowsRefused, w) // there from the start; stored with the first row
		return refused + " + " + q.OrZero(of(telemetry.StoreRowsPresent, w), refused) + " + " + q.OrZero(of(telemetry.StoreRowsStored, w), refused)
	}
	return Objective{
		Name: "delivery", Title: "Rows the store took", Short: "Stored", Target: 0.9999, Cause: Store, Gate: 100, Events: rows,
		Errors: func(w string) string { return q.Share(of(telemetry.StoreRowsRefused, w), rows(w)) },
	}
}

// ErrorsRecorded and EventsRecorded are the names of what is recorded.
func ErrorsRecorded(window string) string { return "helios:slo_errors:ratio" + window }
func EventsRecorded(window string) string { return "helios:slo_events:increase" + window }

// of selects what was recorded for an objective.
func (o Objective) of(name string) string { return name + "{" + q.Is(LabelSLO, o.Name) + "}" }

// BurnPanel is the title of the panel that shows how fast the budget burns.
func (o Objective) BurnPanel() string { return o.Short + ": burn rate" }

// BurnRate is how many times faster than allowed the budget is used up.
func (o Objective) BurnRate(window string) string {
	return fmt.Sprintf("%s / %.6g", o.of(ErrorsRecorded(window)), 1-o.Target)
}

// BudgetLeft is the share of the error budget that is left by the errors of the
// longest window.
func (o Objective) BudgetLeft() string {
	return fmt.Sprintf("1 - %s / %.6g", o.of(ErrorsRecorded(Windows[len(Windows)-1])), 1-o.Target)
}

// burn is a pair of windows and the burn rate that both must exceed. Source: The
// Site Reliability Workbook, chapter 5, table 5-8: 14.4 uses 2 % of a month's
// budget in an hour, 6 uses 5 % in six hours, 3 uses 10 % in a day, 1 in three.
type burn struct {
	long, short string
	rate        float64
	severity    string
}

var burns = []burn{
	{"1h", "5m", 14.4, "page"}, {"6h", "30m", 6, "page"},
	{"1d", "2h", 3, "ticket"}, {"3d", "6h", 1, "ticket"},
}

// fewestBad is how many bad events a window needs before it may raise an alert. Where
// there is little traffic, one alone burns a budget of one in ten thousand.
const fewestBad = 3

// burning is true while a severity's pairs of windows are exceeded, each with
// enough events in its long window, and enough bad ones.
func (o Objective) burning(severity string) string {
	expr := ""
	for _, b := range burns {
		if b.severity != severity {
			continue
		}
		limit := b.rate * (1 - o.Target)
		// More than everything can't be bad: the limit stays below 1.
		limit = min(limit, 0.9)
		if expr != "" {
			expr += "\nor\n"
		}
		errors, events := o.of(ErrorsRecorded(b.long)), o.of(EventsRecorded(b.long))
		expr += fmt.Sprintf("(%s > %.6g and %s > %.6g and %s >= %g and %s * %s >= %d)", errors, limit,
			o.of(ErrorsRecorded(b.short)), limit, events, o.Gate, errors, events, fewestBad)
	}
	return expr
}

// Recorded selects the recorded share of bad events.
func (o Objective) Recorded(window string) string { return o.of(ErrorsRecorded(window)) }

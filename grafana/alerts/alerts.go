package alerts

import (
	"fmt"
	"strings"
	"time"

	q "github.com/helios-connect/helios/grafana/queries"
	"github.com/helios-connect/helios/plugins/telemetry"
)

// Alert is one alert rule.
type Alert struct {
	Name     string
	Expr     string // PromQL; each series that it returns is an alert
	For      string // how long it must last
	Severity string // page: now, ticket: this week
	Cause    Cause  // what it is about: alerts of one cause are one notification
	Summary  string // one sentence; may name labels
	Action   string // what to do first
	Board    string // uid of the dashboard that shows it
	Panel    string // title of the panel there that shows it
}

// Docs is where the pages of docs can be read by whoever gets a notification.
const Docs = "https://github.com/helios-connect/helios/blob/main/"

// Runbook is the page of the alert, below docs/runbooks.
func (a Alert) Runbook() string { return "docs/runbooks/" + strings.ToLower(a.Name) + ".md" }

// Alerts lists all of them.
func Alerts() []Alert {
	alerts := []Alert{down(), stalled(), conservation(), deadLetters(), compliance(), lag(), kafkaLag(), registry(), storeDown(),
		certificate(), expiring(ExpirySoon, "ticket", "Expiring"), expiring(ExpiryNow, "page", "ExpiresNow")}
	for _, o := range Objectives() {
		alerts = append(alerts, o.alert("page"), o.alert("ticket"))
	}
	return alerts
}

// alert of an objective whose budget burns too fast.
func (o Objective) alert(severity string) Alert {
	const burns = "Burns"
	words := map[string]string{"page": "Fast", "ticket": "Slow"}
	name := ""
	for _, word := range strings.Split(o.Name, "_") {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	whose := ""
	if o.By != "" {
		whose = " of {{ $labels." + o.By + " }}"
	}
	return Alert{
		Name: "Helios" + name + burns + words[severity], Expr: o.burning(severity), For: "2m", Severity: severity, Cause: o.Cause,
		Summary: fmt.Sprintf("The error budget of %q (%.4g %%)%s is used up too fast.", o.Title, o.Target*100, whose),
		Action:  "Open the SLO dashboard to see since when, then Reconciliation or Pipelines for the cause.",
		Board:   "helios-slo", Panel: o.BurnPanel(),
	}
}

// down is Prometheus's own: where nothing is measured, all others are silent.
func down() Alert {
	up := q.Of(telemetry.PrometheusUp, q.Is(telemetry.LabelJob, "helios"))
	return Alert{
		Name: "HeliosDown", For: "1m", Severity: "page", Cause: Process, Board: "helios-pipelines", Panel: "Processes measured",
		Expr:    up + " == 0 or absent(" + up + ")",
		Summary: "No metrics come from Helios: nothing else is known of it.",
		Action:  "Is the process running, and can Prometheus reach its /metrics? Its log says why it ended.",
	}
}

func stalled() Alert {
	return Alert{
		Name: "HeliosCloudStalled", For: "2m", Severity: "page", Board: "helios-overview", Cause: Cloud, Panel: "Clouds heard of",
		Expr:    q.Max(q.Of(telemetry.ReconcileStalled), telemetry.LabelParticipant, telemetry.LabelClock) + " == 1",
		Summary: "Nothing is heard of {{ $labels.participant }} on the clock {{ $labels.clock }}.",
		Action:  "Look at the cloud's queue and at the ingest stream: its facts are indeterminate until it speaks.",
	}
}

func conservation() Alert {
	return Alert{
		Name: "HeliosEventsUnaccounted", For: "5m", Severity: "page", Board: "helios-pipelines", Cause: Ingest, Panel: "Unaccounted by cloud",
		// A scrape in the middle of a batch sees it half counted; what is missing
		// at every scrape of five minutes is missing.
		Expr:    q.Vanished("5m", telemetry.LabelParticipant) + " > 0",
		Summary: "Ingest received more events of {{ $labels.participant }} than it converted and refused.",
		Action:  "Read the log of the ingest stream; do not restart before you have it.",
	}
}

func deadLetters() Alert {
	received := q.Sum(q.Increase(q.Of(telemetry.CanonicalReceived), "15m"))
	return Alert{
		Name: "HeliosDeadLettersGrow", For: "5m", Severity: "ticket", Board: "helios-pipelines", Cause: Ingest, Panel: "Dead letters by reason",
		Expr:    "(" + q.DeadLettersIn("15m") + ") / (" + received + ") > 0.01 and " + received + " > 100",
		Summary: "More than 1 % of the events of the last 15 minutes are dead letters.",
		Action:  "helios-connect dlq list, by reason; repair the cause, then dlq replay.",
	}
}

func compliance() Alert {
	by := []string{telemetry.LabelTenant, telemetry.LabelType}
	return Alert{
		Name: "HeliosComplianceFalls", For: "5m", Severity: "ticket", Board: "helios-contracts", Cause: Contracts, Panel: "Compliance over time",
		Expr:    q.Compliance("30m", by) + " < 0.99 and " + q.Judged("30m", by) + " > 100",
		Summary: "Fewer than 99 % of the events of type {{ $labels.type }} of {{ $labels.tenant }} keep their contract.",
		Action:  "Open Contracts: rule and producer are named there. Ask the producer, or register the new version.",
	}
}

func lag() Alert {
	return Alert{
		Name: "HeliosReconcileLags", For: "10m", Severity: "ticket", Board: "helios-pipelines", Cause: Reconciliation, Panel: "Behind the topic",
		Expr:    q.Sum(q.Of(telemetry.ReconcileInputLag)) + " > 10000",
		Summary: "Reconciliation is {{ $value }} events behind its topic.",
		Action:  "Compare rate in and out on Pipelines; start another process if the CPU is the limit.",
	}
}

func kafkaLag() Alert {
	return Alert{
		Name: "HeliosConsumerLags", For: "10m", Severity: "ticket", Board: "helios-pipelines", Cause: Store, Panel: "Behind the topic",
		Expr:    q.Behind([]string{telemetry.LabelStream, telemetry.LabelTopic}) + " > 50000",
		Summary: "{{ $labels.stream }} is {{ $value }} records behind {{ $labels.topic }}.",
		Action:  "The store is the usual cause: look at its batch time and at what keeps it back.",
	}
}

func registry() Alert {
	return Alert{
		Name: "HeliosRegistryStale", For: "5m", Severity: "ticket", Board: "helios-contracts", Cause: Contracts, Panel: "Registry's last answer",
		Expr:    q.Max(q.Of(telemetry.SchemaRegistryAge)) + " > 900",
		Summary: "The schema registry has not answered in full for {{ $value | humanizeDuration }}.",
		Action:  "What is known is used meanwhile; new versions are not seen. Check the registry's address and health.",
	}
}

func storeDown() Alert {
	return Alert{
		Name: "HeliosStoreUnavailable", For: "2m", Severity: "page", Board: "helios-pipelines", Cause: Store, Panel: "Store waits",
		Expr:    q.Sum(q.Increase(q.Of(telemetry.StoreUnavailable), "5m"), telemetry.LabelTable) + " > 0",
		Summary: "The store takes nothing for {{ $labels.table }}.",
		Action:  "Check the database. Nothing is lost: the log keeps what waits.",
	}
}

func certificate() Alert {
	return Alert{
		Name: "HeliosCertificateNotLoaded", For: "0s", Severity: "ticket", Board: "helios-pipelines", Cause: Certificate, Panel: "Certificate left",
		Expr:    q.Sum(q.Increase(q.Of(telemetry.WebhookCertificateLoads, q.Is(telemetry.LabelResult, "failed")), "1h")) + " > 0",
		Summary: "A changed certificate of the webhook could not be loaded; the former one stays in use until it expires.",
		Action:  "Check the files of certificate and key; the log of ingest-webhook names the error.",
	}
}

// ExpirySoon and ExpiryNow are how long before its end a certificate is worth a
// ticket and a page. Those of ACME last 90 days, and are renewed 30 before.
const (
	ExpirySoon = 14 * 24 * time.Hour
	ExpiryNow  = 3 * 24 * time.Hour
)

func expiring(left time.Duration, severity, word string) Alert {
	return Alert{
		Name: "HeliosCertificate" + word, For: "5m", Severity: severity, Cause: Certificate, Board: "helios-pipelines", Panel: "Certificate left",
		Expr:    q.Left(telemetry.WebhookCertificateExpiry) + fmt.Sprintf(" < %.0f", left.Seconds()),
		Summary: "The certificate of the webhook expires in {{ $value | humanizeDuration }}: then no cloud can push.",
		Action:  "Renew it and put it where the former one is; it is loaded without a restart.",
	}
}

package alerts

import "gopkg.in/yaml.v3"

// Cause is what an alert is about. What has one cause, and is about one cloud, is
// one notification.
type Cause string

// The causes.
const (
	Process        Cause = "process"
	Cloud          Cause = "cloud"
	Ingest         Cause = "ingest"
	Contracts      Cause = "contracts"
	Reconciliation Cause = "reconciliation"
	Store          Cause = "store"
	Certificate    Cause = "certificate"
)

// LabelCause holds it on every alert.
const LabelCause = "cause"

// How notifications are sent, by Alertmanager and by Grafana alike.
const (
	waitTicket, waitPage     = "15s", "5s" // for what else has the same cause
	repeatTicket, repeatPage = "4h", "1h"
	regroup                  = "1m"
)

// groupBy are the labels that alerts of one notification share.
var groupBy = []string{LabelCause, "participant"}

// Inhibition silences alerts that follow from another one, which must be at least
// as severe. Patterns are anchored regular expressions of the alerts' names.
type Inhibition struct {
	Source, Target string
	Equal          []string // labels that both must share; absent on both is equal
}

// Inhibitions lists them.
func Inhibitions() []Inhibition {
	return []Inhibition{
		// HeliosDown silences nothing: one process of several says nothing of the rest.
		// A stalled cloud is not heard of: that is the objective's own complaint.
		{Source: "HeliosCloudStalled", Target: "HeliosIngestAvailabilityBurns.+", Equal: []string{"participant"}},
		// What the store doesn't take waits in the log.
		{Source: "HeliosStoreUnavailable", Target: "HeliosConsumerLags"},
		// Who was woken up needs no ticket of the same.
		{Source: "Helios.+BurnsFast", Target: "Helios.+BurnsSlow", Equal: []string{LabelSLO, "participant"}},
		{Source: "HeliosCertificateExpiresNow", Target: "HeliosCertificateExpiring"},
	}
}

// route and the rest are Alertmanager's configuration.
type route struct {
	Receiver string   `yaml:"receiver"`
	GroupBy  []string `yaml:"group_by,flow,omitempty"`
	Matchers []string `yaml:"matchers,omitempty"`
	Wait     string   `yaml:"group_wait"`
	Interval string   `yaml:"group_interval,omitempty"`
	Repeat   string   `yaml:"repeat_interval"`
	Routes   []route  `yaml:"routes,omitempty"`
}

type inhibitRule struct {
	Source []string `yaml:"source_matchers"`
	Target []string `yaml:"target_matchers"`
	Equal  []string `yaml:"equal,flow,omitempty"`
}

// Receivers: who is told at once, and who within the week.
const (
	ReceiverPage   = "page"
	ReceiverTicket = "ticket"
)

// Alertmanager renders its configuration but for the receivers, which
// deploy/compose/alertmanager/start.sh adds from the environment.
func Alertmanager() ([]byte, error) {
	config := struct {
		Global  map[string]string `yaml:"global"`
		Route   route             `yaml:"route"`
		Inhibit []inhibitRule     `yaml:"inhibit_rules"`
	}{
		Global: map[string]string{"resolve_timeout": "5m"},
		Route: route{Receiver: ReceiverTicket, GroupBy: groupBy, Wait: waitTicket, Interval: regroup, Repeat: repeatTicket,
			Routes: []route{{Receiver: ReceiverPage, Matchers: []string{`severity = "page"`}, Wait: waitPage, Repeat: repeatPage}}},
	}
	for _, i := range Inhibitions() {
		config.Inhibit = append(config.Inhibit, inhibitRule{
			Source: []string{`alertname =~ "` + i.Source + `"`}, Target: []string{`alertname =~ "` + i.Target + `"`}, Equal: i.Equal})
	}
	raw, err := yaml.Marshal(config)
	return append([]byte(notice), raw...), err
}

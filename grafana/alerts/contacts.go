package alerts

import (
	"encoding/json"
	"maps"
	"slices"
)

// contact is one way of telling people through Grafana, and the file that switches
// it on. Settings come from the environment of Grafana, so that no file holds a
// secret. An unset variable keeps Grafana from starting: deploy/compose/grafana/start.sh
// gives it the files of those ways only whose variables are set.
type contact struct {
	file      string
	kind      string // of Grafana's integrations
	receivers []string
	settings  func(receiver string) map[string]any
}

// pagerSeverity is PagerDuty's word for a receiver's.
var pagerSeverity = map[string]string{ReceiverPage: "critical", ReceiverTicket: "warning"}

func contacts() []contact {
	both := []string{ReceiverPage, ReceiverTicket}
	pager := func(receiver string) map[string]any {
		return map[string]any{"integrationKey": "${ALERT_PAGERDUTY_KEY}", "severity": pagerSeverity[receiver]}
	}
	fixed := func(settings map[string]any) func(string) map[string]any {
		return func(string) map[string]any { return settings }
	}
	return []contact{
		{"slack", "slack", both, fixed(map[string]any{"url": "${ALERT_SLACK_URL}", "recipient": "${ALERT_SLACK_CHANNEL}"})},
		{"pagerduty", "pagerduty", []string{ReceiverPage}, pager},
		// Nobody is woken up for a ticket, unless there is no other way to tell of it.
		{"pagerduty-tickets", "pagerduty", []string{ReceiverTicket}, pager},
		{"webhook", "webhook", both, fixed(map[string]any{"url": "${ALERT_WEBHOOK_URL}", "httpMethod": "POST"})},
		{"email", "email", both, fixed(map[string]any{"addresses": "${ALERT_EMAIL_TO}", "singleEmail": true})},
	}
}

// GrafanaContacts renders the files of contact points and of the policy by their
// names. Grafana keeps what it once read: for each NAME.json that switches on there
// is a NAME.off.json that switches off.
func GrafanaContacts() (map[string][]byte, error) {
	documents := map[string]any{
		"policy.json":     map[string]any{"policies": []any{policy()}},
		"policy.off.json": map[string]any{"resetPolicies": []int{1}},
	}
	for _, c := range contacts() {
		var on, off []any
		for _, receiver := range c.receivers {
			uid := "helios-" + receiver + "-" + c.kind
			on = append(on, map[string]any{"orgId": 1, "name": "Helios " + receiver,
				"receivers": []any{map[string]any{"uid": uid, "type": c.kind, "settings": c.settings(receiver)}}})
			off = append(off, map[string]any{"orgId": 1, "uid": uid})
		}
		documents[c.file+".json"] = map[string]any{"contactPoints": on}
		documents[c.file+".off.json"] = map[string]any{"deleteContactPoints": off}
	}
	files := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		document := documents[name].(map[string]any)
		document["apiVersion"] = 1
		raw, err := json.MarshalIndent(document, "", "  ")
		if err != nil {
			return nil, err
		}
		files[name] = append(raw, '\n')
	}
	return files, nil
}

// policy is Alertmanager's route in Grafana's words. Grafana's own folder and name
// of the rule are not among the labels of a group: they would part a cause.
func policy() map[string]any {
	return map[string]any{
		"orgId": 1, "receiver": "Helios " + ReceiverTicket, "group_by": groupBy,
		"group_wait": waitTicket, "group_interval": regroup, "repeat_interval": repeatTicket,
		"routes": []any{map[string]any{
			"receiver": "Helios " + ReceiverPage, "object_matchers": [][]string{{"severity", "=", "page"}},
			"group_wait": waitPage, "group_interval": regroup, "repeat_interval": repeatPage,
		}},
	}
}

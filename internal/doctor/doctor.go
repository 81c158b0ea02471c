// Package doctor checks every connection that the environment configures: is it
// reached, is Helios let in, may it do what it must, is what it needs there. For
// each thing it says in words what is wrong and what to do about it.
//
// It changes nothing: no topic, table or message is made, taken or deleted. The
// exceptions are a key in Redis that it sets and removes, and, when asked for, a
// message of SQS that is received and handed back at once.
package doctor

import (
	"context"
	"fmt"
	"time"
)

// Status is the outcome of one check.
type Status uint8

const (
	// OK: as it must be.
	OK Status = iota
	// Warned: it works, and will cause trouble.
	Warned
	// Failed: Helios can't do its work.
	Failed
	// Skipped: not configured, or not to be found out after what failed before.
	Skipped
)

var statusNames = [...]string{"ok", "warning", "failed", "skipped"}

// String returns the status as it is printed.
func (s Status) String() string { return statusNames[s] }

// MarshalText makes the status a word in JSON.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is the outcome of one check, in words without secrets.
type Finding struct {
	// Dependency is what was checked, for example "Kafka".
	Dependency string `json:"dependency"`
	// What of it, for example "topics".
	What   string `json:"check"`
	Status Status `json:"status"`
	// Detail is what was found.
	Detail string `json:"detail"`
	// Advice is what to do about it; empty when there is nothing to do.
	Advice string `json:"advice,omitempty"`
}

// Options of a run.
type Options struct {
	// Getenv looks a variable up.
	Getenv func(string) string
	// Timeout bounds the checks of one dependency [10s].
	Timeout time.Duration
	// Receive lets the check of SQS receive a message and hand it back, which
	// counts as one of the deliveries after which the queue gives it up.
	Receive bool
	// Token is a bearer token, as a cloud sends it, to be judged by the path
	// TokenPath of the webhook; empty: none.
	Token, TokenPath string
	// Now is the clock [time.Now].
	Now func() time.Time
}

// check is one dependency.
type check struct {
	name string
	// unset says why there is nothing to check, or is empty.
	unset func(*run) string
	do    func(context.Context, *run)
}

// checks in the order in which they are made and printed.
var checks = []check{
	{"Kafka", always, checkKafka},
	{"store", always, checkStore},
	{"Redis", redisUnset, checkRedis},
	{"contracts", contractsUnset, checkContracts},
	{"AWS", awsUnset, checkAWS},
	{"AWS SQS", unlessSet("HELIOS_AWS_SQS_URL"), checkSQS},
	{"AWS Kinesis", unlessSet("HELIOS_AWS_KINESIS_STREAM"), checkKinesis},
	{"GCP Pub/Sub", unlessSet("HELIOS_GCP_SUBSCRIPTION"), checkPubSub},
	{"Azure Storage queue", unlessSet("HELIOS_AZURE_QUEUE"), checkAzureQueue},
	{"Azure Event Hubs", unlessSet("HELIOS_AZURE_EVENTHUB"), checkEventHub},
	{"Azure Service Bus", unlessSet("HELIOS_AZURE_SERVICEBUS"), checkServiceBus},
	{"webhook", unlessSet("HELIOS_WEBHOOK_ADDRESS"), checkWebhook},
	{"Grafana Live", unlessSet("HELIOS_GRAFANA_URL"), checkGrafana},
	{"traces", unlessSet("OTEL_EXPORTER_OTLP_ENDPOINT"), checkTraces},
}

func always(*run) string { return "" }

func unlessSet(name string) func(*run) string {
	return func(r *run) string {
		if r.get(name) == "" {
			return name + " is not set"
		}
		return ""
	}
}

// run is the state of one examination.
type run struct {
	Options
	secrets    *scrubber
	dependency string
	findings   []Finding

	aws *awsSession // made by the first check that needs it
}

// Run makes all checks and returns what they found, in order.
func Run(ctx context.Context, o Options) []Finding { return examine(ctx, o, checks) }

func examine(ctx context.Context, o Options, checks []check) []Finding {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &run{Options: o, secrets: newScrubber(o)}
	for _, c := range checks {
		r.dependency = c.name
		if why := c.unset(r); why != "" {
			r.skipped("connection", "not configured: %s", why)
			continue
		}
		within, cancel := context.WithTimeout(ctx, o.Timeout)
		c.do(within, r)
		cancel()
	}
	return r.findings
}

// AnyFailed reports whether one of the findings is a failure.
func AnyFailed(all []Finding) bool {
	for _, f := range all {
		if f.Status == Failed {
			return true
		}
	}
	return false
}

func (r *run) add(s Status, what, advice, detail string) {
	r.findings = append(r.findings, Finding{
		Dependency: r.dependency, What: what, Status: s,
		Detail: r.secrets.clean(detail), Advice: r.secrets.clean(advice),
	})
}

func (r *run) ok(what, detail string, args ...any) {
	r.add(OK, what, "", fmt.Sprintf(detail, args...))
}

func (r *run) skipped(what, detail string, args ...any) {
	r.add(Skipped, what, "", fmt.Sprintf(detail, args...))
}

func (r *run) warn(what, advice, detail string, args ...any) {
	r.add(Warned, what, advice, fmt.Sprintf(detail, args...))
}

func (r *run) fail(what, advice, detail string, args ...any) {
	r.add(Failed, what, advice, fmt.Sprintf(detail, args...))
}

// diagnosis is an error in words.
type diagnosis struct{ wrong, advice string }

// failWith reports a diagnosis, which may quote text that a server sent.
func (r *run) failWith(what string, d diagnosis) { r.add(Failed, what, d.advice, d.wrong) }

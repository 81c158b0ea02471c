// Package canonical registers the processor helios_canonical, which turns the
// clouds' own envelopes into canonical events. The conversion is in the
// sub-package convert; here it is joined to Redpanda Connect.
package canonical

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/canonical/convert"
	"github.com/helios-connect/helios/plugins/telemetry"
	"github.com/helios-connect/helios/plugins/tracing"
	"github.com/helios-connect/helios/plugins/tracing/spans"
)

const (
	pcFieldCloud         = "cloud"
	pcFieldStrictCloud   = "strict_cloud"
	pcFieldFormat        = "format"
	pcFieldCorrelation   = "correlation"
	pcFieldTenant        = "tenant"
	pcFieldRuleTypes     = "types"
	pcFieldRulePaths     = "paths"
	pcFieldDefaultTenant = "default_tenant"
	pcFieldAttributes    = "attributes"
	metaTenant           = "helios_tenant"
	metaType             = "helios_type"
	metaKey              = "helios_key"
	metaCloud            = "helios_cloud"
	metaReason           = "helios_reason"
	metaDetail           = "helios_detail"
	unknown              = "unknown" // participant or tenant
	maxLabelValues       = 1000      // participants and tenants each, in metrics
	maxLabelPairs        = 2000      // of them
	maxInterned          = 4096      // metadata values kept for reuse
	automatic            = "auto"
)

func processorSpec() *service.ConfigSpec {
	rule := []*service.ConfigField{
		service.NewStringListField(pcFieldRuleTypes).
			Description("Types of events that the rule is for, as globs in which `*` is any run of characters, dots too. None means every type.").
			Default([]any{}).Example([]any{"com.example.order.*"}),
		service.NewStringListField(pcFieldRulePaths).
			Description("Where to look in the canonical event, tried in order: an attribute such as `subject`, or a place in the payload such as `data.order.id`. The first that holds a non-empty string or a whole number counts. In a segment, `~1` stands for a dot and `~0` for a tilde.").
			Example([]any{"subject", "data.order_id"}),
	}
	return service.NewConfigSpec().
		Beta().
		Categories("Helios").
		Summary("Turns events in the clouds' own envelopes into canonical events: CloudEvents 1.0 with the attributes `cloud`, `tenant`, `correlationid` and `ingesttime`.").
		Description(processorDescription).
		Field(service.NewInterpolatedStringField(pcFieldCloud).
			Description("The participant that reports the events: `aws`, `gcp`, `azure` or any other name. Empty or `auto` finds it out from the envelope and, for CloudEvents, from the producer; what nothing tells about is `unknown`. An event that is canonical already keeps its own.").
			Default("").Example("aws").Example(`${! metadata("cloud") }`)).
		Field(service.NewBoolField(pcFieldStrictCloud).
			Description("Refuse an event that is canonical already and names another participant than `cloud`, where `cloud` names one: whoever may send on this way must not report for others.").
			Default(false)).
		Field(service.NewStringAnnotatedEnumField(pcFieldFormat, formatOptions()).
			Description("The envelope of the received message. `auto` recognises it by its documented members.").
			Default(automatic)).
		Field(service.NewObjectListField(pcFieldCorrelation, rule...).
			Description("Where the `correlationid` is found, which identifies the business fact on every cloud. The first rule that matches the event's type is used; an event in which it finds nothing is `unkeyed`. Without rules: `subject`, then `data.order_id`, then `id`. A `correlationid` that a CloudEvent brings along is kept.").
			Default([]any{})).
		Field(service.NewObjectListField(pcFieldTenant, rule...).
			Description("Where the `tenant` is found, by the same kind of rules. A `tenant` that a CloudEvent brings along is kept.").
			Default([]any{})).
		Field(service.NewStringField(pcFieldDefaultTenant).
			Description("The tenant of events in which no rule finds one.").
			Default("default")).
		Field(service.NewStringMapField(pcFieldAttributes).
			Description("Names under which a transport (Pub/Sub attributes, metadata) carries CloudEvents attributes, beside the standard ones `ce-id` and `ce_id`: the transport's name, then the attribute's.").
			Default(map[string]any{}).Example(map[string]any{"eventType": "type", "orderId": "subject"}).Advanced()).
		Example("An SQS queue behind EventBridge", "Events are told apart from other traffic, which goes to the dead letters with its reason.", `
pipeline:
  processors:
    - helios_canonical:
        cloud: aws
output:
  switch:
    cases:
      - check: errored()
        output:
          kafka_franz:
            seed_brokers: [ "${KAFKA_BROKERS:localhost:9092}" ]
            topic: helios.dlq
      - output:
          kafka_franz:
            seed_brokers: [ "${KAFKA_BROKERS:localhost:9092}" ]
            topic: helios.events
            key: ${! metadata("helios_key") }
`).
		Example("Rules for keys and tenants", "Payments are identified by their own number, everything else by the order's. The tenant stands in the payload.", `
pipeline:
  processors:
    - helios_canonical:
        correlation:
          - types: [ "com.example.payment.*" ]
            paths: [ data.payment.id ]
          - paths: [ subject, data.order_id ]
        tenant:
          - paths: [ tenant, data.customer.tenant ]
`)
}

const processorDescription = `
Recognised are EventBridge events (also in SQS messages and SNS notifications), SNS and SQS messages, Lambda-style ` + "`Records`" + ` batches (SQS, SNS, Kinesis, DynamoDB, S3 and others), CloudEvents 1.0 to 0.1 (structured, in batches, and in binary mode through metadata such as ` + "`ce_id` or `ce-id`" + `), Pub/Sub messages (push bodies, and pulled ones with their attributes in the metadata), and Event Grid events (either schema, also in arrays). Envelopes may wrap one another, and a message with many events becomes as many messages.

Nothing is lost: members of an envelope that have no attribute of their own become extension attributes where CloudEvents allows their name and value, and stand in the attribute ` + "`heliosenvelope`" + ` otherwise. Nothing is dropped: what is no event or can't be converted is passed on unchanged, flagged as an error, with the metadata

- ` + "`helios_reason`" + `: ` + "`unreadable`" + ` (malformed, or a required attribute is absent or wrong), ` + "`unkeyed`" + ` (no correlation rule found a value) or ` + "`not_an_event`" + ` (a subscription handshake, a request, an unknown shape);
- ` + "`helios_detail`" + `: the member at fault, its value and what is allowed.

Canonical events carry the metadata ` + "`helios_tenant`, `helios_type`, `helios_key` and `helios_cloud`" + `. An event that is canonical already passes unchanged and keeps its ` + "`ingesttime`" + `.`

func formatOptions() map[string]string {
	return map[string]string{
		"auto":        "Recognise it.",
		"cloudevents": "CloudEvents in structured mode, one or an array.",
		"eventbridge": "An EventBridge event.",
		"eventgrid":   "Events in the Event Grid schema, one or an array.",
		"sns":         "An SNS message.",
		"sqs":         "An SQS message with its body inside, as ReceiveMessage returns it.",
		"pubsub":      "The body of a Pub/Sub push request.",
		"records":     "A batch of AWS records.",
		"pubsub_pull": "The payload of a Pub/Sub message, with its attributes as metadata.",
		"binary":      "The payload of a CloudEvent, with its attributes as metadata.",
	}
}

func newProcessorFromConfig(conf *service.ParsedConfig, res *service.Resources) (service.BatchProcessor, error) {
	cloud, err := conf.FieldInterpolatedString(pcFieldCloud)
	if err != nil {
		return nil, err
	}
	opt, err := optionsFromConfig(conf)
	if err != nil {
		return nil, err
	}
	p, err := newProcessor(opt, cloud, time.Now, res.Metrics())
	if err != nil {
		return nil, err
	}
	p.tracer = tracing.From(res)
	return p, nil
}

func optionsFromConfig(conf *service.ParsedConfig) (opt convert.Options, err error) {
	name, err := conf.FieldString(pcFieldFormat)
	if err != nil {
		return opt, err
	}
	if opt.Format, err = convert.ParseFormat(name); err != nil {
		return opt, err
	}
	if opt.StrictCloud, err = conf.FieldBool(pcFieldStrictCloud); err != nil {
		return opt, err
	}
	if opt.Correlation, err = rulesFromConfig(conf, pcFieldCorrelation); err != nil {
		return opt, err
	}
	if opt.Tenant, err = rulesFromConfig(conf, pcFieldTenant); err != nil {
		return opt, err
	}
	if opt.DefaultTenant, err = conf.FieldString(pcFieldDefaultTenant); err != nil {
		return opt, err
	}
	opt.Attributes, err = conf.FieldStringMap(pcFieldAttributes)
	return opt, err
}

func rulesFromConfig(conf *service.ParsedConfig, field string) ([]convert.Rule, error) {
	list, err := conf.FieldObjectList(field)
	if err != nil {
		return nil, err
	}
	var rules []convert.Rule
	for i, c := range list {
		types, err := c.FieldStringList(pcFieldRuleTypes)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", field, i, err)
		}
		paths, err := c.FieldStringList(pcFieldRulePaths)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", field, i, err)
		}
		rules = append(rules, convert.Rule{Types: types, Paths: paths})
	}
	return rules, nil
}

func init() {
	if err := service.RegisterBatchProcessor("helios_canonical", processorSpec(), newProcessorFromConfig); err != nil {
		panic(err)
	}
}

// processor converts batches. It is safe for concurrent use: each batch takes a
// converter from the pool.
type processor struct {
	cloud  *service.InterpolatedString
	fixed  string // the cloud, when it is the same for all messages
	static bool   // it is
	now    func() time.Time
	tracer *spans.Tracer // nil: tracing is off

	pool     sync.Pool
	received *service.MetricCounter
	made     *service.MetricCounter
	refused  *service.MetricCounter
	names    *telemetry.Pairs // of cloud and tenant
}

func newProcessor(opt convert.Options, cloud *service.InterpolatedString, now func() time.Time, metrics *service.Metrics) (*processor, error) {
	if _, err := convert.New(opt); err != nil {
		return nil, err
	}
	counter := func(m telemetry.Metric) *service.MetricCounter { return metrics.NewCounter(m.Name, m.Labels...) }
	overflow := counter(telemetry.LabelOverflow)
	over := func(names string) func() {
		overflow.Incr(0, names) // a rate over it sees the first one
		return func() { overflow.Incr(1, names) }
	}
	p := &processor{
		cloud: cloud, now: now,
		received: counter(telemetry.CanonicalReceived), made: counter(telemetry.CanonicalConverted), refused: counter(telemetry.CanonicalRefused),
		names: telemetry.NewPairs(telemetry.NewBound(maxLabelValues, over(telemetry.LabelParticipant)),
			telemetry.NewBound(maxLabelValues, over(telemetry.LabelTenant)), maxLabelPairs, over("pair")),
	}
	p.fixed, p.static = cloud.Static()
	// Series exist from the start, so that a rate over them sees the first one.
	from := p.fixed
	if from == "" || from == automatic {
		from = unknown
	}
	for _, reason := range convert.Reasons() {
		p.refused.Incr(0, from, unknown, reason)
	}
	p.pool.New = func() any {
		c, _ := convert.New(opt) // it was accepted above
		return &worker{convert: c, interned: make(map[string]any)}
	}
	return p, nil
}

// ProcessBatch implements service.BatchProcessor. It changes the messages that it
// is given, as Redpanda Connect's mutation does: whoever wants to keep one has a
// copy. The last event of a message is that message.
func (p *processor) ProcessBatch(_ context.Context, batch service.MessageBatch) ([]service.MessageBatch, error) {
	w := p.pool.Get().(*worker)
	defer p.pool.Put(w)
	began := p.now()
	now := began.UnixNano()
	out := make(service.MessageBatch, 0, len(batch))
	for _, msg := range batch {
		parent, given := msg.MetaGet(tracing.MetaParent)
		cloud, err := p.cloudOf(msg)
		body, bodyErr := msg.AsBytes()
		if err == nil {
			err = bodyErr
		}
		if err != nil {
			flag(msg, convert.Unreadable, err)
			if given {
				p.judgeParent(msg, parent)
			}
			out = append(out, msg)
			w.count(tally{cloud: unknown, tenant: unknown, reason: convert.Unreadable})
			continue
		}
		w.metadata.msg = msg
		results := w.convert.Convert(convert.Input{Body: body, Metadata: &w.metadata, Cloud: cloud, Now: now})
		for i := range results {
			m := msg
			if i < len(results)-1 {
				m = msg.Copy()
			}
			w.apply(m, &results[i], cloud)
			if given {
				p.judgeParent(m, parent)
			}
			if p.tracer != nil {
				p.trace(m, &results[i], parent, began)
			}
			out = append(out, m)
		}
	}
	w.metadata.msg = nil
	p.report(w)
	return []service.MessageBatch{out}, nil
}

// cloudOf returns the configured participant, or "" to find it out.
func (p *processor) cloudOf(msg *service.Message) (string, error) {
	cloud := p.fixed
	if !p.static {
		var err error
		if cloud, err = p.cloud.TryString(msg); err != nil {
			return "", fmt.Errorf("finding the cloud: %w", err)
		}
	}
	if cloud == automatic {
		cloud = ""
	}
	return cloud, nil
}

// Close implements service.BatchProcessor.
func (p *processor) Close(context.Context) error { return nil }

// Package schema registers the processor helios_schema, which judges payloads by
// the contracts registered for their types. Contracts are compiled and applied in
// the sub-package contract, binary payloads decoded in payload, and the registry
// read in registry; here they are joined to Redpanda Connect.
package schema

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/schema/registry"
	"github.com/helios-connect/helios/plugins/tracing"
	"github.com/helios-connect/helios/plugins/tracing/spans"
)

const (
	spFieldRegistry     = "registry"
	spFieldURL          = "url"
	spFieldUser         = "user"
	spFieldPassword     = "password"
	spFieldTLS          = "tls"
	spFieldRefresh      = "refresh"
	spFieldFolder       = "folder"
	spFieldRules        = "rules"
	spFieldTypes        = "types"
	spFieldTenants      = "tenants"
	spFieldMode         = "mode"
	spFieldVersion      = "version"
	spFieldProtoJSON    = "proto_json"
	spFieldUnregistered = "unregistered"
	spFieldSubjects     = "subjects"

	metaReason  = "helios_reason"
	metaDetail  = "helios_detail"
	metaStage   = "helios_stage"
	metaSubject = "helios_schema"
	metaBroken  = "helios_violations"

	stageValidate = "validate"
)

func processorSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Categories("Helios").
		Summary("Judges the payload of canonical events by the contract registered for their type: enforces, tags, upgrades or observes, and says what is wrong and where.").
		Description(processorDescription).
		Field(registryField()).
		Field(folderField("With neither a registry nor a folder events pass untouched.")).
		Field(service.NewObjectListField(spFieldRules,
			service.NewStringListField(spFieldTypes).
				Description("Types that the rule is for, as globs in which `*` is any run of characters. None means every type.").
				Default([]any{}).Example([]any{"com.example.order.*"}),
			service.NewStringListField(spFieldTenants).
				Description("Tenants that the rule is for, as globs. None means every tenant.").Default([]any{}),
			service.NewStringAnnotatedEnumField(spFieldMode, map[string]string{
				"enforce": "What keeps no version is flagged as an error, which the pipelines send to the dead letters.",
				"tag":     "It passes with the attribute `heliosviolations`, which names rule and place of each breach.",
				"upgrade": "`enforce`, and what keeps an older version is turned into the latest by the mappings registered with the versions between.",
				"observe": "It passes unchanged, and is counted.",
			}).Description("What becomes of events that break their contract.").Default("enforce"),
			service.NewIntField(spFieldVersion).
				Description("The version that judges an event which names none and keeps none; 0 is the latest.").Default(0),
			service.NewBoolField(spFieldProtoJSON).
				Description("Judge by the JSON mapping of Protocol Buffers, which writes integers of 64 bits as strings: a string that holds an integer stands for an integer, and null for NULL_VALUE. Google's own events need it, judged by Google's own schemas.").
				Default(false),
		).Description("How the events of some types and tenants are judged; the first rule that matches counts. What none matches is enforced by the latest version.").
			Default([]any{})).
		Field(service.NewStringAnnotatedEnumField(spFieldUnregistered, map[string]string{
			"pass":   "They pass as they are, and are counted.",
			"tag":    "They pass with the attribute `heliosviolations` of the value `no_contract`.",
			"reject": "They are flagged as errors, for the dead letters.",
		}).Description("What becomes of events for whose type nothing is registered.").Default("pass")).
		Field(service.NewStringListField(spFieldSubjects).
			Description("The names under which an event's contract is looked for, in order; `{type}` and `{tenant}` stand for the event's own.").
			Default([]any{"{tenant}:{type}", "{type}"}).Advanced()).
		Example("Contracts from Redpanda's registry", "Orders must keep their contract, everything else is only counted. What is refused goes to the dead letters with its reason.", `
pipeline:
  processors:
    - helios_schema:
        registry:
          url: ${SCHEMA_REGISTRY_URL:http://localhost:8081}
        rules:
          - types: [ "com.example.order.*" ]
            mode: enforce
          - mode: observe
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
		Example("Contracts from a folder, one version for consumers", "Producers may still send older versions; consumers see the latest only.", `
pipeline:
  processors:
    - helios_schema:
        folder: ./config/schemas
        rules:
          - mode: upgrade
`)
}

const processorDescription = `
The contract of an event is a subject of the registry, by default its type, or ` + "`tenant:type`" + ` where a tenant has one of its own. An event is judged by the version that its ` + "`dataschema`" + ` names (` + "`.../subjects/NAME/versions/2`, `...?version=2`, `.../v2`" + `), else by the newest version that accepts it; when none does, the failures are those of the configured version.

JSON Schema (draft 7 and 2020-12), Avro and Protobuf are understood. A binary payload, which travels as ` + "`{\"base64\": \"...\"}`" + ` with ` + "`heliosdataform`" + `, is decoded into ` + "`data`" + `, so that what compares events sees its members; the frame of a registry's serializers, if there is one, names the version. ` + "`format`" + ` is a rule in every draft.

An event that passes carries the attribute ` + "`heliosschema`" + ` with subject and version. One that is refused leaves unchanged and flagged as an error, with the metadata

- ` + "`helios_reason`" + `: ` + "`contract`" + ` (a rule is broken), ` + "`no_contract`" + ` (nothing is registered, and ` + "`unregistered`" + ` is ` + "`reject`" + `) or ` + "`unreadable`" + ` (no canonical event);
- ` + "`helios_detail`" + `: subject, version, and a sentence for each failure: the place, the value, what is allowed. Values that the contract marks with ` + "`x-helios-sensitive: true`" + ` are never shown;
- ` + "`helios_violations`" + `: rule and place of each failure; ` + "`helios_schema`" + `: subject and version; ` + "`helios_stage`" + `: ` + "`validate`" + `.

Whatever a contract says, a member that stands twice, text that is no UTF-8 and numbers with exponents beyond ±1,000 are refused. References are resolved within the registry and never fetched.

**When the registry is down** everything known is used on, its age is a metric, and a warning says so once. What was never read before waits: events of a type that is registered but was not seen yet are held until the registry answers, and at the start all are. Nothing passes unjudged and nothing is lost.`

func newProcessorFromConfig(conf *service.ParsedConfig, res *service.Resources) (service.BatchProcessor, error) {
	source, err := sourceFromConfig(conf)
	if err != nil {
		return nil, err
	}
	rules, err := rulesFromConfig(conf)
	if err != nil {
		return nil, err
	}
	name, err := conf.FieldString(spFieldUnregistered)
	if err != nil {
		return nil, err
	}
	unregistered, err := ParseUnregistered(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", spFieldUnregistered, err)
	}
	subjects, err := conf.FieldStringList(spFieldSubjects)
	if err != nil {
		return nil, err
	}
	if err = CheckSubjects(subjects); err != nil {
		return nil, fmt.Errorf("%s: %w", spFieldSubjects, err)
	}
	refresh, err := refreshFromConfig(conf)
	if err != nil {
		return nil, err
	}
	p := &processor{unregistered: unregistered, log: res.Logger(), metrics: newMetrics(res.Metrics()), traced: tracing.From(res) != nil}
	if source == nil {
		return p, nil
	}
	p.catalog = registry.Open(source, refresh, time.Now, registry.Observer{Failed: p.registryFailed, Refreshed: p.registryAnswered})
	p.pool.New = func() any { return &worker{judge: NewJudge(p.catalog, rules, subjects, &p.mappings)} }
	return p, nil
}

func rulesFromConfig(conf *service.ParsedConfig) (rules Rules, err error) {
	list, err := conf.FieldObjectList(spFieldRules)
	if err != nil {
		return nil, err
	}
	for i, c := range list {
		r, err := ruleFromConfig(c)
		if err != nil {
			return nil, fmt.Errorf("%s[%d].%w", spFieldRules, i, err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// ParseRules reads the list that the field rules takes, in YAML.
func ParseRules(text string) (Rules, error) {
	conf, err := processorSpec().ParseYAML(spFieldRules+": "+text, nil)
	if err != nil {
		return nil, err
	}
	return rulesFromConfig(conf)
}

func ruleFromConfig(c *service.ParsedConfig) (r Rule, err error) {
	if r.Types, err = c.FieldStringList(spFieldTypes); err != nil {
		return r, err
	}
	if r.Tenants, err = c.FieldStringList(spFieldTenants); err != nil {
		return r, err
	}
	mode, err := c.FieldString(spFieldMode)
	if err != nil {
		return r, err
	}
	if r.Mode, err = ParseMode(mode); err != nil {
		return r, fmt.Errorf("%s: %w", spFieldMode, err)
	}
	if r.Version, err = c.FieldInt(spFieldVersion); err != nil {
		return r, err
	}
	if r.Version < 0 {
		return r, fmt.Errorf("%s: %d is negative; 0 is the latest", spFieldVersion, r.Version)
	}
	r.ProtoJSON, err = c.FieldBool(spFieldProtoJSON)
	return r, err
}

func init() {
	if err := service.RegisterBatchProcessor("helios_schema", processorSpec(), newProcessorFromConfig); err != nil {
		panic(err)
	}
}

// processor judges batches. It is safe for concurrent use: each batch takes a
// worker from the pool.
type processor struct {
	catalog      *registry.Catalog // nil: events pass untouched
	unregistered Unregistered
	mappings     Mappings
	pool         sync.Pool
	log          *service.Logger
	metrics      *metrics
	traced       bool // messages may carry a passage

	mu      sync.Mutex
	failing bool // the registry did not answer the last time
}

// worker is what one batch at a time needs.
type worker struct {
	judge   *Judge
	tallies []tally
	broken  []breach
}

// ProcessBatch implements service.BatchProcessor.
func (p *processor) ProcessBatch(ctx context.Context, batch service.MessageBatch) ([]service.MessageBatch, error) {
	if p.catalog == nil {
		return []service.MessageBatch{batch}, nil
	}
	if err := p.catalog.Ready(ctx); err != nil {
		return nil, err
	}
	w := p.pool.Get().(*worker)
	defer p.pool.Put(w)
	out := make(service.MessageBatch, len(batch))
	w.begin(batch)
	for i, msg := range batch {
		if msg.GetError() != nil { // refused before
			out[i] = msg
			continue
		}
		var began time.Time
		if p.traced {
			began = time.Now()
		}
		m, err := p.message(ctx, w, msg)
		if err != nil {
			return nil, err
		}
		if p.traced {
			trace(m, began)
		}
		out[i] = m
	}
	p.metrics.report(w)
	return []service.MessageBatch{out}, nil
}

// trace records how a traced event was judged.
func trace(msg *service.Message, began time.Time) {
	passage := tracing.Of(msg)
	if passage == nil {
		return
	}
	if reason, refused := msg.MetaGet(metaReason); refused && msg.GetError() != nil {
		passage.Refused(spans.Validate, reason, began, time.Now())
		return
	}
	passage.Stage(spans.Validate, spans.OK, began, time.Now())
}

// begin makes room for what becomes of a batch.
func (w *worker) begin(batch service.MessageBatch) {
	size := 0
	for _, msg := range batch {
		if b, err := msg.AsBytes(); err == nil {
			size += len(b) + addedBytes
		}
	}
	w.judge.Begin(size)
}

// addedBytes is about what the attribute heliosschema takes.
const addedBytes = 64

// retryEvery is how long a worker waits between two tries to read a contract.
const retryEvery = 200 * time.Millisecond

// message judges one message, and waits for the registry where it must.
func (p *processor) message(ctx context.Context, w *worker, msg *service.Message) (*service.Message, error) {
	doc, err := msg.AsBytes()
	if err != nil {
		return nil, err
	}
	o, err := w.judge.Judge(ctx, doc)
	for err != nil {
		timer := time.NewTimer(retryEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, errors.Join(err, ctx.Err())
		case <-timer.C:
		}
		o, err = w.judge.Judge(ctx, doc)
	}
	w.count(&o)
	return p.result(msg, &o), nil
}

// result returns what becomes of a message. Messages of a batch must not be
// changed, so it is a shallow copy.
func (p *processor) result(msg *service.Message, o *Outcome) *service.Message {
	changed, reason, detail := o.Becomes(p.unregistered)
	switch {
	case reason != "":
		return refused(msg, reason, detail, o)
	case changed == nil:
		return msg
	}
	out := msg.Copy()
	out.SetBytes(changed)
	return out
}

func refused(msg *service.Message, reason, detail string, o *Outcome) *service.Message {
	out := msg.Copy()
	out.MetaSetMut(metaReason, reason)
	out.MetaSetMut(metaDetail, detail)
	out.MetaSetMut(metaStage, stageValidate)
	if o.Version > 0 {
		out.MetaSetMut(metaSubject, fmt.Sprintf("%s/%d", o.Subject, o.Version))
		out.MetaSetMut(metaBroken, Violations(o.Failures))
	}
	out.SetError(errors.New(detail))
	return out
}

// registryFailed logs the first of a row of failures.
func (p *processor) registryFailed(err error, age time.Duration) {
	p.metrics.registryErrors.Incr(1)
	p.metrics.age.SetFloat64(age.Seconds())
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.failing {
		p.failing = true
		if age == 0 {
			p.log.Warnf("The contracts can't be read, and none is known yet: events wait until they can: %v", err)
			return
		}
		p.log.Warnf("The contracts can't be read; what is known is used on: %v", err)
	}
}

func (p *processor) registryAnswered(subjects int) {
	p.metrics.subjects.Set(int64(subjects))
	p.metrics.age.SetFloat64(0)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failing {
		p.failing = false
		p.log.Info("The contracts can be read again.")
	}
}

// Close implements service.BatchProcessor.
func (p *processor) Close(context.Context) error {
	if p.catalog != nil {
		p.catalog.Close()
	}
	return nil
}

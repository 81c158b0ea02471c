package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/plugins/reconcile/kafka"
	"github.com/helios-connect/helios/plugins/tracing"
)

const (
	riFieldSeedBrokers        = "seed_brokers"
	riFieldClientID           = "client_id"
	riFieldTLS                = "tls"
	riFieldTopic              = "topic"
	riFieldVerdictTopic       = "verdict_topic"
	riFieldDLQTopic           = "dlq_topic"
	riFieldGroup              = "consumer_group"
	riFieldInstance           = "instance_name"
	riFieldCommitInterval     = "commit_interval"
	riFieldSessionTimeout     = "session_timeout"
	riFieldTransactionTimeout = "transaction_timeout"
	riFieldMaxReread          = "max_reread"
)

func inputSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Categories("Reconciliation").
		Summary("Reads canonical events from Kafka or Redpanda, decides for each business fact whether its participants agree, and writes one verdict per fact to a topic, exactly once.").
		Description(`
The log is the only state: open facts are the events behind the committed offset, closed facts are the verdicts, and everything else is in the metadata of the offset commit. After a crash at any instruction, or when the consumer group gives a partition to another process, the state is there again and no verdict is written twice. Add processes with the same `+"`"+riFieldGroup+"`"+` to scale; there is no database and no snapshot.

Verdicts, events that can't be judged, and offsets are written in one transaction. A reader of `+"`"+riFieldVerdictTopic+"`"+` with `+"`read_committed`"+` sees each verdict once. A verdict lies in the partition number of its events, so both topics need the same number of partitions; neither may be compacted.

## What it emits

The input writes its topics itself. Downstream it passes on, after the commit, what it wrote, for display and metrics: when the pipeline is too slow, messages are dropped and counted, and a crash may lose some. Whatever must see every verdict reads the topic.

Verdicts carry the metadata `+"`helios_tenant`, `helios_type`, `helios_key`, `helios_status` and `helios_revision`"+`. Events that can't be judged are unchanged, flagged as errors, and carry `+"`helios_reason` and `helios_detail`"+`; the reason is unreadable, unkeyed, no_expectation, too_late, future or unexpected. In `+"`"+riFieldDLQTopic+"`"+` they have the headers `+"`helios-reason`, `helios-stage`, `helios-detail`, `helios-origin`, `helios-attempt` and, where it could be read, `helios_cloud`"+`.

## What the brokers must allow

Transactions and idempotent writes, reading the group's offsets, and describing topic configs (without it retention is not checked). Set `+"`retention.ms`"+` of the verdicts to at least correction_horizon + window, and of the events to at least window + allowed_lateness + idle_timeout. A consumer group's lag as tools show it counts from the oldest open fact; the metric helios_reconcile_input_lag_events counts what is not applied yet.`).
		Fields(kafkaFields()...).
		Fields(reconcileFields()...).
		LintRule(expectationsLint).
		Example("Orders on three clouds", "One verdict per order event type and order, from the events of three clouds.", `
input:
  helios_reconcile:
    seed_brokers: [ "${KAFKA_BROKERS:localhost:9092}" ]
    consumer_group: helios-reconcile
    instance_name: "${HOSTNAME:}"
    expectations:
      - name: orders
        types: [ "com.example.order.*" ]
        expect: [ aws, gcp, azure ]
        window: 60s
        allowed_lateness: 10s
        compare:
          - field: data.amount
            tolerance: 0.01
          - field: data.currency
            ignore_case: true
`).
		Example("A broker that asks for a password", "TLS and SCRAM, with the secrets in the environment.", `
input:
  helios_reconcile:
    seed_brokers: [ "${KAFKA_BROKERS}" ]
    consumer_group: helios-reconcile
    tls:
      enabled: true
    sasl:
      - mechanism: SCRAM-SHA-512
        username: "${KAFKA_USERNAME}"
        password: "${KAFKA_PASSWORD}"
    expectation_files: [ ./config/expectations/*.yaml ]
`)
}

func kafkaFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringListField(riFieldSeedBrokers).
			Description("Addresses of brokers. An item with commas is several addresses.").
			Example([]any{"localhost:9092"}),
		service.NewStringField(riFieldTopic).
			Description("The topic of the canonical events, keyed by `correlationid`.").
			Default("helios.events"),
		service.NewStringField(riFieldVerdictTopic).
			Description("The topic of the verdicts, with as many partitions as the events.").
			Default("helios.verdicts"),
		service.NewStringField(riFieldDLQTopic).
			Description("The topic of the events that can't be judged.").
			Default("helios.dlq"),
		service.NewStringField(riFieldGroup).
			Description("The consumer group. Its committed offsets are part of the state: resetting them judges anew from there.").
			Default("helios-reconcile"),
		service.NewStringField(riFieldInstance).
			Description("A name that this process keeps over restarts and that no other has. With it a restart takes its partitions over at once, and a process that is stopped for good keeps them for `session_timeout`. Without it a stop gives them away at once, and a crash after `session_timeout`.").
			Default(""),
		service.NewDurationField(riFieldCommitInterval).
			Description("How often a transaction ends, and so the longest that a verdict waits for one.").
			Default("100ms"),
		service.NewDurationField(riFieldSessionTimeout).
			Description("Silence after which the group gives a process's partitions to others.").
			Default("45s").Advanced(),
		service.NewDurationField(riFieldTransactionTimeout).
			Description("How long the brokers keep a transaction open that a dead process has left behind; less than `session_timeout`.").
			Default("10s").Advanced(),
		service.NewIntField(riFieldMaxReread).
			Description("How many events of a partition may have to be read again after a crash. Beyond, the oldest facts close as `pressure` and are corrected later.").
			Default(kafka.DefaultMaxReread).Advanced().
			LintRule(`root = if this < 1 { ["max_reread is a number of events: at least 1"] }`),
		service.NewStringField(riFieldClientID).
			Description("How this client names itself to the brokers.").
			Default("helios").Advanced(),
		service.NewTLSToggledField(riFieldTLS),
		saslField(),
	}
}

func newInput(conf *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
	k, err := parseKafkaConfig(conf, res)
	if err != nil {
		return nil, err
	}
	k.Log = slog.New(logHandler{log: res.Logger()})
	k.Engine.Unseen = warnOfUnseen(res.Logger())
	observed := newInputMetrics(res)
	observed.shared.begin(k.Engine.Expectations)
	k.Observer = observed
	k.Tracer = tracing.From(res)
	in, err := kafka.New(k)
	if err != nil {
		return nil, fmt.Errorf("helios_reconcile: %w", err)
	}
	return &input{kafka: in}, nil
}

func parseKafkaConfig(conf *service.ParsedConfig, res *service.Resources) (k kafka.Config, err error) {
	if k.Engine, err = parseReconcileConfig(conf, res); err != nil {
		return k, err
	}
	if len(k.Engine.Expectations) == 0 {
		return k, fmt.Errorf("%s and %s are both empty: without an expectation nothing can be judged", rcFieldExpectations, rcFieldExpectationFiles)
	}
	for _, x := range k.Engine.Expectations {
		if need := x.Window + x.AllowedLateness; k.Engine.CorrectionHorizon < need {
			return k, fmt.Errorf("%s is %s: expectation %q needs at least its window + allowed_lateness, %s",
				rcFieldHorizon, k.Engine.CorrectionHorizon, x.Name, need)
		}
	}
	if k.Client, err = clientOptions(conf); err != nil {
		return k, err
	}
	for name, s := range map[string]*string{
		riFieldTopic: &k.Topic, riFieldVerdictTopic: &k.VerdictTopic, riFieldDLQTopic: &k.DLQTopic,
		riFieldGroup: &k.Group, riFieldInstance: &k.Instance,
	} {
		if *s, err = conf.FieldString(name); err != nil {
			return k, err
		}
	}
	for _, f := range []struct {
		name  string
		value *time.Duration
	}{{riFieldCommitInterval, &k.CommitInterval}, {riFieldSessionTimeout, &k.SessionTimeout}, {riFieldTransactionTimeout, &k.TransactionTimeout}} {
		if *f.value, err = conf.FieldDuration(f.name); err != nil {
			return k, fmt.Errorf("%s takes a duration such as 10s: %w", f.name, err)
		}
		if *f.value == 0 { // which would be the default
			return k, fmt.Errorf("%s is 0s: it takes a duration above 0", f.name)
		}
	}
	reread, err := conf.FieldInt(riFieldMaxReread)
	k.MaxReread = int64(reread)
	return k, err
}

// clientOptions are what every connection to the brokers needs.
func clientOptions(conf *service.ParsedConfig) ([]kgo.Opt, error) {
	list, err := conf.FieldStringList(riFieldSeedBrokers)
	if err != nil {
		return nil, err
	}
	var brokers []string
	for _, item := range list {
		for _, b := range strings.Split(item, ",") {
			if b = strings.TrimSpace(b); b != "" {
				brokers = append(brokers, b)
			}
		}
	}
	if len(brokers) == 0 {
		return nil, fmt.Errorf("%s names no broker: give at least one, such as localhost:9092", riFieldSeedBrokers)
	}
	if err := kgo.ValidateOpts(kgo.SeedBrokers(brokers...)); err != nil {
		return nil, fmt.Errorf("%s %q: %w; give each as host:port, such as localhost:9092", riFieldSeedBrokers, brokers, err)
	}
	id, err := conf.FieldString(riFieldClientID)
	if err != nil {
		return nil, err
	}
	opts := []kgo.Opt{kgo.SeedBrokers(brokers...), kgo.ClientID(id)}
	tls, enabled, err := conf.FieldTLSToggled(riFieldTLS)
	if err != nil {
		return nil, err
	}
	if enabled {
		opts = append(opts, kgo.DialTLSConfig(tls))
	}
	mechanisms, err := saslMechanisms(conf)
	if err != nil {
		return nil, err
	}
	if len(mechanisms) > 0 {
		opts = append(opts, kgo.SASL(mechanisms...))
	}
	return opts, nil
}

// input passes on what was committed.
type input struct{ kafka *kafka.Input }

func (i *input) Connect(ctx context.Context) error { return i.kafka.Start(ctx) }

func (i *input) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	deliveries, err := i.kafka.Deliveries(ctx)
	if errors.Is(err, kafka.ErrClosed) {
		return nil, nil, service.ErrEndOfInput
	}
	if err != nil {
		return nil, nil, err
	}
	batch := make(service.MessageBatch, len(deliveries))
	for n, d := range deliveries {
		batch[n] = message(d)
	}
	return batch, func(context.Context, error) error { return nil }, nil
}

func (i *input) Close(ctx context.Context) error { return i.kafka.Close(ctx) }

// message is a committed verdict, or a flagged event.
func message(d kafka.Delivery) *service.Message {
	if d.Verdict != nil {
		return verdictMessage(d.Verdict)
	}
	f := d.Flagged
	m := service.NewMessage(f.Record.Value)
	m.MetaSetMut(metaReason, f.Reason.String())
	m.MetaSetMut(metaDetail, f.Detail)
	m.SetError(errors.New(f.Detail))
	return m
}

func init() {
	service.MustRegisterBatchInput("helios_reconcile", inputSpec(), newInput)
}

// Package dedupe registers the input helios_dedupe, which suppresses duplicates
// in two phases: claim, deliver, confirm. Nothing is acknowledged before it is
// durable.
//
// Delivery and Table are plain state, Backend is where claims are kept, and the
// input joins them to Redpanda Connect.
package dedupe

import (
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/internal/ownedinput"
	"github.com/helios-connect/helios/plugins/tracing"
)

const (
	idFieldInput     = "input"
	idFieldKey       = "key"
	idFieldBackend   = "backend"
	idFieldRedis     = "redis"
	idFieldURL       = "url"
	idFieldPrefix    = "key_prefix"
	idFieldTLS       = "tls"
	idFieldMemory    = "memory"
	idFieldMaxKeys   = "max_keys"
	idFieldClaim     = "claim_expiry"
	idFieldConfirm   = "expiry"
	idFieldDown      = "when_down"
	idFieldForward   = "forward_duplicates"
	idFieldMaxWaits  = "max_waiting"
	backendRedis     = "redis"
	backendMemory    = "memory"
	backendNone      = "none"
	downPass         = "pass"
	downHold         = "hold"
	metaReason       = "helios_reason"
	reasonDuplicate  = "duplicate"
	unknown          = "unknown"
	maxLabelledNames = 1000
)

func inputSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Categories("Helios").
		Summary("Reads from another input and drops duplicates without voiding at-least-once: an event counts as seen only when it is acknowledged.").
		Description(inputDescription).
		Fields(
			service.NewInputField(idFieldInput).
				Description("The input that is read. Its `processors` make canonical events of what the cloud sent."),
			service.NewStringListField(idFieldKey).
				Description("Paths of the strings that tell the events of one participant and tenant apart. Participant, tenant and `heliosattempt` belong to every key; an event without one of the strings has none.").
				Default([]any{"source", "id"}).Example([]any{"data.payment_id"}).Advanced(),
			service.NewStringAnnotatedEnumField(idFieldBackend, map[string]string{
				backendRedis:  "Redis 7.0 or later, shared by all processes.",
				backendMemory: "The process's own memory: for one process, and forgotten by a restart.",
				backendNone:   "Nowhere: duplicates are passed on, to be settled in reconciliation.",
			}).Description("Where claims and confirmations are kept.").Default(backendRedis),
			service.NewObjectField(idFieldRedis,
				service.NewStringField(idFieldURL).
					Description("The address of Redis; several of a cluster are separated by commas.").
					Default("redis://localhost:6379").Example("rediss://user:${REDIS_PASSWORD}@redis.example.com:6380/0").Secret(),
				service.NewStringField(idFieldPrefix).
					Description("What the keys begin with. Inputs that share it share what they have seen.").
					Default("helios:dedupe:"),
				service.NewTLSToggledField(idFieldTLS).
					Description("TLS settings for a `rediss://` address."),
			).Description("The backend `redis`."),
			service.NewObjectField(idFieldMemory,
				service.NewIntField(idFieldMaxKeys).
					Description("How many events are remembered at most, about 200 bytes each; beyond, the oldest are forgotten before their expiry.").
					Default(1_000_000).LintRule(`root = if this < 1 { "max_keys: at least 1, for example 1000000" }`),
			).Description("The backend `memory`."),
			service.NewDurationField(idFieldClaim).
				Description("How long an event that a crashed process had in hand stays with it. The claims of a living process are renewed. At least 100ms.").
				Default("30s"),
			service.NewDurationField(idFieldConfirm).
				Description("How long an acknowledged event is known, and its duplicates with it. Longer than any sender's retries.").
				Default("24h"),
			service.NewStringAnnotatedEnumField(idFieldDown, map[string]string{
				downPass: "Pass events on without a claim: duplicates are settled in reconciliation.",
				downHold: "Wait until the backend answers; events stay unacknowledged at their source.",
			}).Description("What to do while the backend does not answer. Nothing is dropped either way.").Default(downPass),
			service.NewBoolField(idFieldForward).
				Description("Pass duplicates on with the metadata `helios_reason` = `duplicate`, since they are evidence, instead of only counting them. They are acknowledged when they are durable.").
				Default(false),
			service.NewIntField(idFieldMaxWaits).
				Description("How many events may wait for other deliveries' claims before reading pauses; the few batches that were read ahead still come.").
				Default(10_000).Advanced(),
			service.NewAutoRetryNacksToggleField(),
		).
		Example("An SQS queue", "The wrapped input makes canonical events first; what it could not convert passes with its error flag.", `
input:
  helios_dedupe:
    redis:
      url: ${HELIOS_REDIS_URL:redis://localhost:6379}
    input:
      aws_sqs:
        url: ${HELIOS_AWS_SQS_URL:}
      processors:
        - helios_canonical:
            cloud: aws
`).
		Example("One process", "Without Redis, and with duplicates passed on.", `
input:
  helios_dedupe:
    backend: memory
    forward_duplicates: true
    input:
      stdin: {}
      processors:
        - helios_canonical: {}
`)
}

const inputDescription = `
An event is known by its participant (` + "`cloud`" + `), tenant, ` + "`source` and `id` (or what `key` names)" + ` and, on events that Helios itself published again, ` + "`heliosattempt`" + `. Each event is *claimed* for ` + "`claim_expiry`" + ` before it is handed on, *confirmed* for ` + "`expiry`" + ` when it is acknowledged, and then acknowledged to the wrapped input. When it is refused, or its process dies, the claim ends and a redelivery is handed on.

An event that meets the live claim of another delivery waits in place until that claim is confirmed or gone; the rest of its batch goes ahead. Confirmed duplicates are acknowledged and counted per participant. Batches keep their acknowledgement: one is acknowledged when all its events are.

What has no key (no canonical event, or flagged as an error) passes unchanged. With ` + "`auto_replay_nacks`" + ` the wrapped input never sees a refusal, which some inputs answer by deleting the message.`

func newInputFromParsed(conf *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
	set, err := parseSettings(conf)
	if err != nil {
		return nil, err
	}
	owned, err := conf.FieldInput(idFieldInput)
	if err != nil {
		return nil, err
	}
	child, err := service.AutoRetryNacksBatchedToggled(conf, &wrapped{owned: owned})
	if err != nil {
		return nil, err
	}
	tracer := tracing.From(res)
	if name, err := conf.FieldString(idFieldBackend); err != nil || name == backendNone {
		return ownedinput.Follow(tracing.Passing(child, tracer), owned), err
	}
	backend, err := newBackend(conf, set.terms)
	if err != nil {
		return nil, err
	}
	r := newReader(child, backend, set, newMeter(res.Metrics()), res.Logger())
	r.traced = tracer != nil
	return ownedinput.Follow(tracing.Passing(r, tracer), owned), nil
}

func newBackend(conf *service.ParsedConfig, terms Terms) (Backend, error) {
	name, err := conf.FieldString(idFieldBackend)
	if err != nil {
		return nil, err
	}
	if name == backendMemory {
		most, err := conf.FieldInt(idFieldMemory, idFieldMaxKeys)
		if err != nil {
			return nil, err
		}
		return NewMemory(terms, most), nil
	}
	url, err := conf.FieldString(idFieldRedis, idFieldURL)
	if err != nil {
		return nil, err
	}
	prefix, err := conf.FieldString(idFieldRedis, idFieldPrefix)
	if err != nil {
		return nil, err
	}
	tlsConf, _, err := conf.FieldTLSToggled(idFieldRedis, idFieldTLS)
	if err != nil {
		return nil, err
	}
	backend, err := NewRedis(url, prefix, tlsConf, terms)
	if err != nil {
		return nil, fmt.Errorf("%s.%s: %w", idFieldRedis, idFieldURL, err)
	}
	return backend, nil
}

func init() {
	service.MustRegisterBatchInput("helios_dedupe", inputSpec(), newInputFromParsed)
}

// Package simulator is the input helios_simulator: a business on three clouds
// whose events are emitted in each cloud's own envelope, with faults, and with a
// ledger that says before an event is sent what must become of its fact.
package simulator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	simFieldWorld      = "world"
	simFieldClouds     = "clouds"
	simFieldRate       = "rate"
	simFieldCount      = "count"
	simFieldDuration   = "duration"
	simFieldSeed       = "seed"
	simFieldStart      = "start"
	simFieldTenants    = "tenants"
	simFieldBatchSize  = "batch_size"
	simFieldFaults     = "faults"
	simFieldTotal      = "total"
	simFieldClasses    = "classes"
	simFieldFractions  = "fractions"
	simFieldStallScope = "stall_scope"
	simFieldWindow     = "window"
	simFieldLateness   = "allowed_lateness"
	simFieldIdle       = "idle_timeout"
	simFieldLedger     = "ledger"
	simFieldDrain      = "drain"
	simFieldMaxQueued  = "max_queued"
)

func inputSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Version("0.1.0").
		Categories("Utility").
		Summary("Emits the events of a simulated business on AWS, GCP and Azure, with faults and a ledger of the truth.").
		Description(`
Orders are created, paid, shipped, cancelled and returned. Each step is a business fact that all three clouds report, every one in its own envelope:

- aws: the EventBridge JSON, as it stands in the body of an SQS message.
- gcp: the payload as body and the CloudEvents attributes (ce-id, ce-source, ce-type, ce-time, ce-subject, ce-specversion, content-type) as metadata, beside gcp_pubsub_message_id and gcp_pubsub_publish_time_unix, as the input gcp_pubsub delivers a message.
- azure: an array of one to eight events in the Event Grid schema.

Five facts of a hundred are of types that live on one cloud only: 40 % of them on aws, 30 % on gcp, 30 % on azure.

Inputs that name the same world in one process share its facts, each reading its clouds' part of them; a cloud has one reader, and the world begins when every cloud has one. The same settings and start give the same bytes.

A batch that is refused is delivered again, message by message where the error says which; the others go on meanwhile. When `+"`count` or `duration`"+` is reached the world drains (see `+"`drain`"+`), waits for every acknowledgement, and ends the input.

## Metadata

Every message has `+"`simulator_cloud`"+`, the cloud that it comes from, and the messages of gcp their attributes.

## The ledger

One JSON object a line: a header, a line for every fact (written before any of its events can be read), and at the end the sums. The guide simulator.md describes the format and what is sent for each class of fault.`).
		Fields(worldFields()...).
		Fields(faultFields()...).
		Field(service.NewIntField(simFieldBatchSize).
			Description("The highest number of messages in a batch.").
			Default(100)).
		Example("Three clouds in one stream", "A thousand events a second for half a minute, with the truth about them in a file.", `
input:
  helios_simulator:
    rate: 1000
    duration: 30s
    ledger: ./truth.jsonl
`).
		Example("One stream a cloud", "The input of the stream for aws; those for gcp and azure differ in clouds only.", `
input:
  helios_simulator:
    world: demo
    clouds: [ aws ]
    rate: 1000
    seed: 42
`).
		Example("Only late events", "Every fifth fact has an event that comes after the verdict.", `
input:
  helios_simulator:
    faults:
      total: 0.2
      classes: [ late ]
`)
}

func worldFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(simFieldWorld).
			Description("The world that this input reads. Inputs of one process with the same world share its facts and must agree on all settings except `clouds` and `batch_size`.").
			Default("default"),
		service.NewStringListField(simFieldClouds).
			Description("The clouds whose events this input emits: `aws`, `gcp`, `azure`.").
			Default([]any{"aws", "gcp", "azure"}),
		service.NewFloatField(simFieldRate).
			Description("Events per second, of all clouds together, 1 to 100000.").
			Default(1000.0),
		service.NewIntField(simFieldCount).
			Description("The number of facts to make; 0 for no limit. Those of the drain come on top.").
			Default(0),
		service.NewDurationField(simFieldDuration).
			Description("How long to make facts; 0s for no limit. The drain comes on top.").
			Default("0s"),
		service.NewIntField(simFieldSeed).
			Description("The seed of everything random.").
			Default(1),
		service.NewStringField(simFieldStart).
			Description("The event time of the first fact (RFC 3339); empty for now. It is also part of the order numbers.").
			Default("").
			Example("2026-03-01T12:00:00Z"),
		service.NewStringListField(simFieldTenants).
			Description("Tenants that the orders are spread over; an event names its own in `data.tenant`.").
			Default([]any{"default"}),
		service.NewStringField(simFieldLedger).
			Description("The path of the file for the truth, overwritten; empty for none.").
			Default(""),
		service.NewBoolField(simFieldDrain).
			Description("At the end go on with healthy facts until no faulty one can be open, then send facts that move every cloud's clock past all deadlines. Without it the input ends with its last event, and a verdict may wait for the end of input.").
			Default(true),
		service.NewIntField(simFieldMaxQueued).
			Description("How many events may wait to be read, for each cloud, before the world stands still. Time lost so is counted and reported.").
			Advanced().
			Default(20_000),
	}
}

func faultFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewObjectField(simFieldFaults,
			service.NewFloatField(simFieldTotal).
				Description("The fraction of all facts that are faulty, 0 to 0.9.").
				Default(0.05),
			service.NewStringListField(simFieldClasses).
				Description("The enabled classes: `missing`, `mismatched`, `duplicate`, `conflicting`, `late`, `out_of_order`, `malformed`, `stalled`. All when empty.").
				Default([]any{}),
			service.NewFloatMapField(simFieldFractions).
				Description("Fractions of all facts for single classes. The other enabled classes share what is left of `total` equally.").
				Default(map[string]any{}).
				Example(map[string]any{"missing": 0.02, "late": 0.01}),
		).Description("What goes wrong, and how often."),
		service.NewStringEnumField(simFieldStallScope, stallScopeNames...).
			Description("What falls silent when a cloud stalls: `channel`, its channel for returns, so that the fraction of faulty facts stays what it should be in a short run too, or `cloud`, everything it sends.").
			Default(StallChannel.String()),
		service.NewDurationField(simFieldWindow).
			Description("The window of the expectations that judge. The simulator times late events and silences by it.").
			Default("5s"),
		service.NewDurationField(simFieldLateness).
			Description("The allowed lateness of the expectations that judge.").
			Default("2s"),
		service.NewDurationField(simFieldIdle).
			Description("The idle timeout of the reconciliation that judges.").
			Default("3s"),
	}
}

// input reads the lanes of its clouds.
type input struct {
	name     string
	settings Settings
	clouds   []Cloud
	size     int
	meter    *meter
	logger   *service.Logger

	world *World
	wake  chan struct{}
	turn  int // whose lane is looked at first
}

func newInput(conf *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
	i := &input{logger: res.Logger(), meter: newMeter(res)}
	var err error
	if i.name, err = conf.FieldString(simFieldWorld); err != nil {
		return nil, err
	}
	if i.size, err = conf.FieldInt(simFieldBatchSize); err != nil {
		return nil, err
	}
	if i.size < 1 {
		return nil, fmt.Errorf("%s: %d is below 1", simFieldBatchSize, i.size)
	}
	names, err := conf.FieldStringList(simFieldClouds)
	if err != nil {
		return nil, err
	}
	var seen cloudSet
	for _, n := range names {
		c, err := ParseCloud(n)
		if err != nil {
			return nil, err
		}
		if seen.has(c) {
			return nil, fmt.Errorf("%s: %s stands there twice", simFieldClouds, c)
		}
		seen |= setOf(c)
		i.clouds = append(i.clouds, c)
	}
	if len(i.clouds) == 0 {
		return nil, fmt.Errorf("%s: at least one cloud is needed, for example [aws]", simFieldClouds)
	}
	if i.settings, err = parseSettings(conf); err != nil {
		return nil, err
	}
	return i, nil
}

func init() {
	service.MustRegisterBatchInput("helios_simulator", inputSpec(), newInput)
}

// Connect joins the world.
func (i *input) Connect(context.Context) error {
	if i.world != nil {
		return nil
	}
	w, err := acquire(i.name, i.settings, &worldLog{logger: i.logger, meter: i.meter})
	if err != nil {
		return err
	}
	wake := make(chan struct{}, 1)
	if err := w.attach(i.clouds, wake); err != nil {
		return errors.Join(err, release(w))
	}
	i.world, i.wake = w, wake
	if missing := w.unread(); missing != 0 {
		i.logger.Infof("The world %q begins when its other clouds are read too: %v", i.name, missing.names())
	}
	return nil
}

// ReadBatch waits for events of the input's clouds.
func (i *input) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	if i.world == nil {
		return nil, nil, service.ErrNotConnected
	}
	for {
		over, err := i.world.isOver(), i.world.failure()
		for range i.clouds {
			i.turn = (i.turn + 1) % len(i.clouds)
			l := i.world.lanes[i.clouds[i.turn]]
			if b := l.take(i.size); b != nil {
				msgs, ack := i.deliver(l, b)
				return msgs, ack, nil
			}
		}
		if err != nil {
			return nil, nil, service.NewErrBackOff(err, time.Second)
		}
		if over && i.drained() {
			return nil, nil, service.ErrEndOfInput
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-i.wake:
		}
	}
}

func (i *input) drained() bool {
	for _, c := range i.clouds {
		if !i.world.lanes[c].empty() {
			return false
		}
	}
	return true
}

// Close leaves the world; what is in flight will be delivered again to the next
// input that reads these clouds.
func (i *input) Close(context.Context) error {
	w := i.world
	if w == nil {
		return nil
	}
	i.world = nil
	for _, c := range i.clouds {
		i.meter.inFlight.Decr(w.lanes[c].detach(i.wake), c.String())
	}
	return release(w)
}

// Package choice holds the input helios_choice, by which a cloud is switched on
// by the presence of its settings: one config serves every installation.
package choice

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/internal/ownedinput"
)

const (
	icFieldName    = "name"
	icFieldChoices = "choices"
	icFieldAs      = "as"
	icFieldWhen    = "when"
	icFieldEquals  = "equals"
	icFieldInput   = "input"

	// connectingTime is how long a stop waits for an attempt to connect.
	connectingTime = time.Second
)

func inputSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Categories("Utility").
		Summary("Reads from the first input whose setting is given; without any, it waits quietly.").
		Description(`
The choices are tried in order when the config is loaded. The first whose `+"`when`"+` is not empty (or equals `+"`equals`"+`, where that is given) is the input; the others are checked by the linter but never created, so that their settings may be absent. One log line says what was chosen and what the alternatives were.

The stream counts as connected when the chosen input does. Without a match nothing is read, nothing fails, and it counts as connected too: the source is switched off.`).
		Fields(
			service.NewStringField(icFieldName).
				Description("What is read, for the log line.").
				Example("aws"),
			service.NewObjectListField(icFieldChoices,
				service.NewStringField(icFieldAs).
					Description("What this choice is called in the log line. Name the setting that selects it: its value is never logged.").
					Example("SQS queue (HELIOS_AWS_SQS_URL)"),
				service.NewStringField(icFieldWhen).
					Description("The setting: an environment variable with an empty default.").
					Example("${HELIOS_AWS_SQS_URL:}"),
				service.NewStringField(icFieldEquals).
					Description("The value that `when` must have. Empty: any value but an empty one.").
					Default("").
					Example("demo"),
				service.NewInputField(icFieldInput).
					Description("The input that is read when this choice is made."),
			).Description("The choices, in the order in which they are tried."),
		).
		Example("A queue or a stream",
			"AWS events come from a queue or a Kinesis stream, whichever is configured; without either, AWS is off.", `
input:
  helios_choice:
    name: aws
    choices:
      - as: SQS queue (HELIOS_AWS_SQS_URL)
        when: ${HELIOS_AWS_SQS_URL:}
        input:
          aws_sqs:
            url: ${HELIOS_AWS_SQS_URL:}
      - as: Kinesis stream (HELIOS_AWS_KINESIS_STREAM)
        when: ${HELIOS_AWS_KINESIS_STREAM:}
        input:
          aws_kinesis:
            streams: [ "${HELIOS_AWS_KINESIS_STREAM:}" ]
`)
}

func newInputFromParsed(conf *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
	name, err := conf.FieldString(icFieldName)
	if err != nil {
		return nil, err
	}
	choices, err := conf.FieldObjectList(icFieldChoices)
	if err != nil {
		return nil, err
	}
	if len(choices) == 0 {
		return nil, errors.New("choices: the list is empty; give at least one, for example {as: …, when: \"${SETTING:}\", input: {…}}")
	}
	var off []string
	for i, c := range choices {
		as, err := c.FieldString(icFieldAs)
		if err != nil {
			return nil, err
		}
		made, err := isMade(c)
		if err != nil {
			return nil, err
		}
		if !made {
			off = append(off, as)
			continue
		}
		chosen, err := c.FieldInput(icFieldInput)
		if err != nil {
			return nil, fmt.Errorf("creating choice %d of %s, %s: %w", i+1, name, as, err)
		}
		res.Logger().Infof("%s: reading from %s, because its setting is given.", name, as)
		return ownedinput.Follow(&input{chosen: chosen}, chosen), nil
	}
	res.Logger().Infof("%s: off, because the setting of none of its choices is given: %s.", name, strings.Join(off, ", "))
	return &input{}, nil
}

// isMade reports whether the setting of a choice selects it.
func isMade(c *service.ParsedConfig) (bool, error) {
	when, err := c.FieldString(icFieldWhen)
	if err != nil {
		return false, err
	}
	equals, err := c.FieldString(icFieldEquals)
	if err != nil {
		return false, err
	}
	if equals == "" {
		return strings.TrimSpace(when) != "", nil
	}
	return when == equals, nil
}

func init() {
	service.MustRegisterBatchInput("helios_choice", inputSpec(), newInputFromParsed)
}

// input reads from the chosen input; the zero value reads nothing.
type input struct {
	chosen *service.OwnedInput
	// unsettled counts batches that were handed on and neither acknowledged nor
	// refused.
	unsettled atomic.Int64
	// started: the chosen input has been asked for something. Until then it has
	// not begun to run, and closing it would wait for ever.
	started atomic.Bool
}

func (*input) Connect(context.Context) error { return nil }

func (i *input) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	if i.chosen == nil {
		<-ctx.Done()
		return nil, nil, ctx.Err()
	}
	i.started.Store(true)
	batch, ack, err := i.chosen.ReadBatch(ctx)
	if err != nil {
		return nil, nil, err
	}
	i.unsettled.Add(1)
	var once sync.Once
	return batch, func(ctx context.Context, err error) error {
		once.Do(func() { i.unsettled.Add(-1) })
		return ack(ctx, err)
	}, nil
}

// Close closes the chosen input, which waits for the batches it has handed on.
// Redpanda Connect drops a batch that it has read in the moment of being
// stopped, and those in flight when it is stopped hard, without a word; nobody
// will ever settle them. To refuse them here would be no way out, since some
// inputs delete what is refused.
func (i *input) Close(ctx context.Context) error {
	if i.chosen == nil || !i.started.Load() {
		return nil
	}
	if i.unsettled.Load() > 0 {
		ownedinput.CloseNow(i.chosen)
	}
	if ownedinput.Connected(i.chosen) {
		return i.chosen.Close(ctx)
	}
	// Some inputs, gcp_pubsub among them, can't be stopped while they connect, and
	// hold nothing yet.
	patient, cancel := context.WithTimeout(ctx, connectingTime)
	defer cancel()
	if err := i.chosen.Close(patient); patient.Err() == nil {
		return err
	}
	return ctx.Err()
}

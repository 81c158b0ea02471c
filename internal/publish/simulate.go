package publish

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	// What the stream is made of.
	_ "github.com/helios-connect/helios/plugins/canonical"
	_ "github.com/helios-connect/helios/plugins/simulator"
)

// Simulation is a simulated business whose clouds publish.
type Simulation struct {
	// Facts to make, above 0.
	Facts int
	// Rate is events per second of all clouds together.
	Rate float64
	Seed int64
	// Faults is the fraction of facts that are missing on a cloud, differ, or are
	// sent twice. Faults that depend on time are not made: the way through a real
	// cloud takes its own time.
	Faults float64
	// Ledger is the path of a file for the truth, or empty.
	Ledger string
}

const simulated = `
helios_simulator:
  world: publish
  count: %d
  rate: %g
  seed: %d
  drain: false
  ledger: %q
  faults:
    total: %g
    classes: [ missing, mismatched, duplicate, conflicting ]
`

// Run publishes what the business's clouds report.
func (s Simulation) Run(ctx context.Context, p *Publisher) error {
	if err := writable(s.Ledger); err != nil {
		return fmt.Errorf("--ledger: %w", err)
	}
	builder := service.NewStreamBuilder()
	err := errors.Join(
		builder.AddInputYAML(fmt.Sprintf(simulated, s.Facts, s.Rate, s.Seed, s.Ledger, s.Faults)),
		builder.AddProcessorYAML(`helios_canonical: {}`),
		builder.SetLoggerYAML(`level: OFF`),
	)
	if err != nil {
		return fmt.Errorf("simulating: %w", err)
	}
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	var failed error
	err = builder.AddBatchConsumerFunc(func(_ context.Context, batch service.MessageBatch) error {
		if failed != nil {
			return failed
		}
		// The outer context: the stream's own ends before the last answer is there.
		if failed = p.take(ctx, batch); failed != nil {
			cancel()
		}
		return failed
	})
	if err != nil {
		return fmt.Errorf("simulating: %w", err)
	}
	stream, err := builder.Build()
	if err != nil {
		return fmt.Errorf("simulating: %w", err)
	}
	err = stream.Run(running)
	// Run leaves the components of a stream whose context was cancelled running.
	stopping, stopped := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stopped()
	_ = stream.Stop(stopping)
	switch {
	case failed != nil:
		return failed
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !errors.Is(err, context.Canceled):
		return fmt.Errorf("simulating: %w", err)
	}
	return nil
}

// writable makes the file of a path: the simulator would try for ever to make it, as
// an input does that can't connect.
func writable(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

func (p *Publisher) take(ctx context.Context, batch service.MessageBatch) error {
	var events []*Event
	for _, m := range batch {
		raw, err := m.AsBytes()
		if err == nil {
			err = m.GetError()
		}
		var e *Event
		if err == nil {
			e, err = ParseEvent(raw, time.Now())
		}
		if err != nil {
			p.Bad("", err)
			continue
		}
		e.Place = "event " + e.ID
		events = append(events, e)
	}
	return p.Publish(ctx, events)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/publish"
)

// publishCommand sends events to real clouds.
func publishCommand() *cli.Command {
	return &cli.Command{
		Name:      "publish",
		Usage:     "Send events to EventBridge, SQS, Pub/Sub and Event Grid, to try the whole circle",
		ArgsUsage: "[FILE]",
		Description: `
Sends CloudEvents, canonical ones too, from a file with one a line (- or none is
the standard input) or from a simulated business. An event whose cloud is aws, gcp
or azure goes to the targets in that cloud, any other to all. Credentials come from
each cloud's usual chain; the access key of an Event Grid topic is taken from
HELIOS_AZURE_EVENTGRID_KEY. The exit status is 1 when something was not sent.

  helios-connect publish --bus orders --region eu-central-1 events.jsonl
  helios-connect publish --simulate 100 --ledger truth.jsonl --bus orders \
    --topic projects/shop/topics/orders --grid https://orders.westeurope-1.eventgrid.azure.net/api/events
  helios-connect publish --topic projects/shop/topics/orders --endpoint localhost:8085 events.jsonl`[1:],
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "bus", Usage: "a bus of EventBridge, name or ARN"},
			&cli.StringFlag{Name: "queue", Usage: "the URL of a queue of SQS, which gets what a rule of EventBridge would deliver"},
			&cli.StringFlag{Name: "topic", Usage: "a topic of Pub/Sub: projects/PROJECT/topics/TOPIC"},
			&cli.StringFlag{Name: "grid", Usage: "the endpoint of a topic of Event Grid: https://…/api/events"},
			&cli.StringFlag{Name: "grid-schema", Value: publish.SchemaEventGrid, Usage: "the schema that the topic was made with: eventgrid or cloudevents"},
			&cli.StringFlag{Name: "region", Usage: "the region of AWS (default: AWS_REGION or the profile's)"},
			&cli.StringFlag{Name: "endpoint", Usage: "an emulator instead of the cloud, for the one target of AWS or Pub/Sub"},
			&cli.BoolFlag{Name: "everywhere", Usage: "send each event to every target, whatever its cloud is"},
			&cli.IntFlag{Name: "attempts", Value: 5, Usage: "how often an entry is sent that the cloud could not take"},
			&cli.IntFlag{Name: "simulate", Usage: "this many simulated facts instead of a file"},
			&cli.Float64Flag{Name: "rate", Value: 50, Usage: "with --simulate: events per second of all clouds together"},
			&cli.Int64Flag{Name: "seed", Value: 1, Usage: "with --simulate: the seed of the traffic"},
			&cli.Float64Flag{Name: "faults", Value: 0.05, Usage: "with --simulate: the fraction of facts that are missing on a cloud, differ, or are sent twice"},
			&cli.StringFlag{Name: "ledger", Usage: "with --simulate: a file for the truth about the facts"},
			&cli.BoolFlag{Name: "json", Usage: "write the summary as one JSON object"},
		},
		Action: runPublish,
	}
}

func runPublish(c *cli.Context) error {
	if err := checkPublishFlags(c); err != nil {
		return err
	}
	var source io.Reader = os.Stdin
	if file := c.Args().First(); file != "" && file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("reading events: %w", err)
		}
		defer opened.Close()
		source = opened
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	p, err := publish.Open(ctx, publish.Options{
		Bus: c.String("bus"), Queue: c.String("queue"), Topic: c.String("topic"), Grid: c.String("grid"), Region: c.String("region"),
		GridSchema: c.String("grid-schema"), GridKey: os.Getenv("HELIOS_AZURE_EVENTGRID_KEY"),
		Endpoint: c.String("endpoint"), Everywhere: c.Bool("everywhere"),
	})
	if err != nil {
		return err
	}
	defer p.Close()
	p.Attempts = c.Int("attempts")
	if n := c.Int("simulate"); n > 0 {
		err = publish.Simulation{Facts: n, Rate: c.Float64("rate"), Seed: c.Int64("seed"), Faults: c.Float64("faults"), Ledger: c.String("ledger")}.Run(ctx, p)
	} else {
		err = publish.Read(source, time.Now, func(events []*publish.Event) error { return p.Publish(ctx, events) }, p.Bad)
	}
	return endPublish(c, p.Summary(), err)
}

// endPublish writes the summary, whatever has ended the run.
func endPublish(c *cli.Context, s *publish.Summary, err error) error {
	write := s.Write
	if c.Bool("json") {
		write = s.WriteJSON
	}
	if failed := write(c.App.Writer); failed != nil {
		return errors.Join(err, failed)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return cli.Exit("interrupted: what follows was not sent", 1)
	case errors.Is(err, publish.ErrStopped):
		return cli.Exit("stopped: "+err.Error(), 1)
	case err == nil && !s.Complete():
		return cli.Exit("", 1)
	}
	return err
}

func checkPublishFlags(c *cli.Context) error {
	switch n := c.Int("simulate"); {
	case c.NArg() > 1:
		return fmt.Errorf("publish takes one file, found %q too; flags stand before it", c.Args().Get(1))
	case n < 0 || c.IsSet("simulate") && n == 0:
		return fmt.Errorf("--simulate %d: it takes 1 or more", n)
	case n > 0 && c.NArg() > 0:
		return fmt.Errorf("--simulate and the file %q: give one of them", c.Args().First())
	case n == 0 && (c.IsSet("rate") || c.IsSet("seed") || c.IsSet("faults") || c.IsSet("ledger")):
		return errors.New("--rate, --seed, --faults and --ledger go with --simulate")
	}
	if n := c.Int("attempts"); n < 1 {
		return fmt.Errorf("--attempts %d: it takes 1 or more", n)
	}
	if f := c.Float64("faults"); f < 0 || f > 0.9 {
		return fmt.Errorf("--faults %v: it takes 0 to 0.9", f)
	}
	if r := c.Float64("rate"); r < 1 || r > 100_000 {
		return fmt.Errorf("--rate %v: it takes 1 to 100000", r)
	}
	return nil
}

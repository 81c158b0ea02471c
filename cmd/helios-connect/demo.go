package main

import (
	"errors"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/demo"
	"github.com/helios-connect/helios/internal/terminal"
)

// demoCommand runs everything in one process and judges it.
func demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "Run three simulated clouds through the real pipelines, and judge every verdict",
		Description: `
Starts an embedded Kafka, emulators of SQS, Pub/Sub and Event Grid, the pipelines
and a store in a file, all in this process and without credentials, lets three
simulated clouds send, and compares every verdict with what is known to be true.
Ctrl-C ends the run with its report; a second one stops at once. The exit status is
1 when a verdict is wrong or an event unaccounted for.

  helios-connect demo
  helios-connect demo --duration 30s --rate 1000
  helios-connect demo --direct --rate 20000
  helios-connect demo --break-contract
  helios-connect demo --faults 0.1,missing,late=0.02 --data-dir ./runs
  helios-connect demo report ./runs/run-20261123-184800.000`[1:],
		Flags: []cli.Flag{
			&cli.Float64Flag{Name: "rate", Value: demo.DefaultRate, Usage: "events per second of all clouds together, 1 to 100000"},
			&cli.DurationFlag{Name: "duration", Usage: "how long the clouds send, for example 30s", DefaultText: "until Ctrl-C"},
			&cli.Int64Flag{Name: "seed", DefaultText: "another one each time", Usage: "the seed of the traffic"},
			&cli.StringFlag{Name: "faults", Value: demo.DefaultFaults, Usage: "the fraction of facts that are faulty, and the classes, for example 0.1,missing,late=0.02"},
			&cli.BoolFlag{Name: "direct", Usage: "hand the events to the pipelines, instead of sending them through emulators of SQS, Pub/Sub and Event Grid into the inputs of production, which carry about 5000 events/s"},
			&cli.BoolFlag{Name: "break-contract", Usage: "after 10 s the producer on GCP changes a member's name, which breaks its contract; the demo says how to mend it"},
			&cli.IntFlag{Name: "port", Value: demo.DefaultPort, Usage: "the port of /metrics and the streams API on 127.0.0.1; 0 for any free one"},
			&cli.IntFlag{Name: "api-port", Value: demo.DefaultAPIPort, Usage: "the port of the console and its API on 127.0.0.1; a free one when it is taken, or 0"},
			&cli.StringFlag{Name: "data-dir", Usage: "a folder to keep the run in (default: a temporary one, kept when something is wrong)"},
			&cli.BoolFlag{Name: "json", Usage: "write the report as one JSON object; progress goes to the standard error"},
		},
		Action:      runDemo,
		Subcommands: []*cli.Command{demoReportCommand()},
	}
}

func runDemo(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	seed := c.Int64("seed")
	if !c.IsSet("seed") {
		seed = time.Now().UnixNano() % 1_000_000
	}
	var size func() (columns, rows int)
	if isatty.IsTerminal(os.Stdout.Fd()) && os.Getenv("TERM") != "dumb" {
		size = func() (columns, rows int) { return terminal.Size(os.Stdout) }
	}
	return exitStatus(demo.Run(c.Context, demo.Options{
		Rate:     c.Float64("rate"),
		Duration: c.Duration("duration"),
		Seed:     seed,
		Faults:   c.String("faults"),
		Direct:   c.Bool("direct"),

		BreakContract: c.Bool("break-contract"),

		Port:    c.Int("port"),
		APIPort: c.Int("api-port"),
		DataDir: c.String("data-dir"),
		JSON:    c.Bool("json"),
		Out:     os.Stdout,
		Err:     os.Stderr,
		Size:    size,
	}))
}

// demoReportCommand judges a run again.
func demoReportCommand() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "Judge a run again that was kept in a folder, by its store and its ledger of the truth",
		ArgsUsage: "FOLDER",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "write the report as one JSON object"},
		},
		Action: func(c *cli.Context) error {
			if c.Args().Len() != 1 {
				return errors.New("demo report takes one argument, the folder that a run was kept in")
			}
			report, err := demo.Judge(c.Args().First())
			if err != nil {
				return err
			}
			return exitStatus(report.Write(os.Stdout, c.Bool("json")))
		},
	}
}

// exitStatus ends the process with status 1 when the report has already said
// what is wrong, and otherwise leaves the error to be shown.
func exitStatus(err error) error {
	if errors.Is(err, demo.ErrVerdicts) {
		os.Exit(1)
	}
	return err
}

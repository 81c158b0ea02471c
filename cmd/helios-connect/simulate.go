package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/terminal"
	"github.com/helios-connect/helios/plugins/simulator"
)

// simulateCommand is the subcommand simulate: files to try reconciliation of
// one's own files with, without any server.
func simulateCommand() *cli.Command {
	return &cli.Command{
		Name:  "simulate",
		Usage: "Write files of business records as three clouds would export them, and the truth about them",
		Description: "Writes aws.jsonl, gcp.jsonl.gz and azure.jsonl, one flat JSON record a line, in which some facts are\n" +
			"missing, different, repeated, late or broken, and truth.jsonl, which says for each fact what a\n" +
			"reconciliation must find. The same seed gives the same files. Files that are as a simulation left them are\n" +
			"replaced, others never.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Required: true, Usage: "the folder to write to"},
			&cli.Uint64Flag{Name: "count", Value: 5000, Usage: "how many facts"},
			&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "the seed of everything random"},
			&cli.Float64Flag{Name: "faults", Value: 0.05, Usage: "the fraction of facts that are faulty, 0 to 0.9"},
			&cli.Float64Flag{Name: "rate", Value: 100, Usage: "records per second of event time, all clouds together"},
			&cli.StringFlag{Name: "type", Value: "record", Usage: "the type that the truth gives the facts"},
			&cli.StringFlag{Name: "tenant", Value: "default", Usage: "the tenant that the truth gives the facts"},
		},
		Action: simulate,
	}
}

func simulate(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	if err := checkSimulateFlags(c); err != nil {
		return err
	}
	mix, err := simulator.Faults{Total: c.Float64("faults")}.Mix()
	if err != nil {
		return err
	}
	files, err := simulator.WriteFiles(c.String("out"), c.String("type"), simulator.Options{
		Seed: c.Uint64("seed"), Count: c.Uint64("count"), Rate: c.Float64("rate"), Mix: mix,
		Start: simulator.FilesStart, Tenants: []string{c.String("tenant")},
		Window: 5 * time.Second, AllowedLateness: 2 * time.Second, IdleTimeout: 3 * time.Second,
	})
	if err != nil {
		return fmt.Errorf("simulating: %w", err)
	}
	w, place := c.App.Writer, "in"
	if files.Replaced {
		place = "in the place of earlier ones"
	}
	fmt.Fprintf(w, "%s of %s %s\n", terminal.Count(files.Records, "record", "records"), terminal.Count(files.Facts, "fact", "facts"), place)
	for _, path := range files.Paths {
		fmt.Fprintf(w, "  %s\n", path)
	}
	fmt.Fprintf(w, "What a reconciliation must find, fact by fact: %s\n", files.Truth)
	for _, status := range []string{"matched", "mismatched", "missing"} {
		fmt.Fprintf(w, "  %-10s %d\n", status, files.Statuses[status])
	}
	_, err = fmt.Fprintf(w, "Next, to find it yourself:\n  FILES='%s' PARTICIPANTS='aws, gcp, azure' COMPARE='%s' %s run pipelines/examples/files.yaml\n",
		strings.Join(files.Paths, ", "), simulator.FilesCompare, terminal.Program())
	return err
}

// checkSimulateFlags says of a value that can't be used by which flag it came.
func checkSimulateFlags(c *cli.Context) error {
	if c.Uint64("count") == 0 {
		return errors.New("--count 0: it takes 1 or more, for example 5000")
	}
	if f := c.Float64("faults"); !(f >= 0 && f <= 0.9) {
		return fmt.Errorf("--faults %v: it takes 0 to 0.9, for example 0.05", f)
	}
	if r := c.Float64("rate"); !(r >= 1 && r <= simulator.MaxRate) {
		return fmt.Errorf("--rate %v: it takes 1 to %d, for example 100", r, simulator.MaxRate)
	}
	for _, name := range []string{"out", "type", "tenant"} {
		if c.String(name) == "" {
			return fmt.Errorf("--%s \"\": it takes a name", name)
		}
	}
	return nil
}

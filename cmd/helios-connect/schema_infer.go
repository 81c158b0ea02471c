package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/plugins/schema/infer"
)

// schemaInferCommand is the subcommand schema infer: contracts proposed from a
// sample of events, for a person to review.
func schemaInferCommand() *cli.Command {
	return &cli.Command{
		Name:      "infer",
		Usage:     "Propose contracts from a sample of events",
		ArgsUsage: "<file>...",
		Description: "Reads files of JSON lines, plain or compressed with gzip: canonical events, or payloads of one type\n" +
			"with --bare. Prints one YAML document a type, with the evidence for each constraint as comments.\n" +
			"Nothing is registered.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "type", Usage: "only types that match; * is any run of characters", Value: "*"},
			&cli.StringFlag{Name: "bare", Usage: "the lines are payloads of this type, without an envelope"},
			&cli.StringFlag{Name: "out", Usage: "write to this file, which must not exist (default: standard output)"},
			&cli.BoolFlag{Name: "json", Usage: "JSON Schema without evidence, one a type"},
			&cli.IntFlag{Name: "min-events", Usage: "observations that a constraint other than a type needs at least", Value: 20},
			&cli.IntFlag{Name: "max-enum", Usage: "values that an enum has at most; -1 proposes none", Value: 16},
			&cli.Float64Flag{Name: "confidence", Usage: "above 0 and below 1; higher needs more evidence", Value: 0.95},
			&cli.BoolFlag{Name: "ranges", Usage: "propose minimum and maximum with a margin, not only as evidence"},
		},
		Action: schemaInfer,
	}
}

func schemaInfer(c *cli.Context) (err error) {
	if err := positional(c, max(c.NArg(), 1), "one or more files of JSON lines, such as events.jsonl.gz"); err != nil {
		return err
	}
	settings := infer.Settings{MinEvents: c.Int("min-events"), MaxEnum: c.Int("max-enum"), Confidence: c.Float64("confidence"), Ranges: c.Bool("ranges")}
	if settings.MinEvents == 0 || settings.MaxEnum == 0 || settings.Confidence == 0 {
		return fmt.Errorf("--min-events %d, --max-enum %d, --confidence %v: none of them takes 0", settings.MinEvents, settings.MaxEnum, settings.Confidence)
	}
	files := infer.Files{Paths: c.Args().Slice(), Type: c.String("type"), Bare: c.String("bare"), Settings: settings, Progress: c.App.ErrWriter}
	report, err := files.Infer(c.Context)
	if err != nil {
		return err
	}
	var text []byte
	if c.Bool("json") {
		for i := range report.Contracts {
			text = append(text, report.Contracts[i].JSONSchema()...)
		}
	} else if text, err = report.YAML(); err != nil {
		return err
	}
	if path := c.String("out"); path != "" {
		return writeNew(path, text)
	}
	_, err = c.App.Writer.Write(text)
	return err
}

// writeNew writes a file that doesn't exist: a reviewed contract must not be lost
// to a second run.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if _, err = f.Write(text); err != nil {
		f.Close()
		return fmt.Errorf("--out: %w", err)
	}
	return f.Close()
}

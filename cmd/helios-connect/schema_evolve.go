package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/contracts"
	"github.com/helios-connect/helios/internal/dlq"
	"github.com/helios-connect/helios/internal/terminal"
	"github.com/helios-connect/helios/plugins/event"
)

// maxEvolved bounds how many events of each kind a proposal is made from and
// tested on: the first ones since the time that was asked for.
const maxEvolved = 5000

func schemaEvolve(c *cli.Context) error {
	if err := positional(c, 1, "one subject, for example com.example.order.paid"); err != nil {
		return err
	}
	subject := c.Args().First()
	to, err := registryOf(c)
	if err != nil {
		return err
	}
	conn, since, err := logOf(c)
	if err != nil {
		return err
	}
	kind := []string{typeOf(c, subject)}
	var broken, kept [][]byte
	err = eachRecord(c.Context, conn, conn.Letters, since, func(r *kgo.Record) bool {
		if l := dlq.Decode(r); l.Stage == "validate" && event.MatchesAny(kind, l.Type) {
			broken = appendPayload(broken, r.Value)
		}
		return len(broken) < maxEvolved
	})
	if err != nil {
		return err
	}
	err = eachRecord(c.Context, conn, conn.Events, since, func(r *kgo.Record) bool {
		if event.MatchesAny(kind, dlq.Decode(r).Type) {
			kept = appendPayload(kept, r.Value)
		}
		return len(kept) < maxEvolved
	})
	if err != nil {
		return err
	}
	w := c.App.Writer
	fmt.Fprintf(w, "%s: %s broke the contract, %s kept it\n", subject,
		terminal.Count(len(broken), "dead letter", "dead letters"), terminal.Count(len(kept), "event", "events"))
	plan, err := contracts.Plan(c.Context, to, subject, broken, kept)
	if errors.Is(err, contracts.ErrNothingToMend) {
		fmt.Fprintln(w, err)
		return nil
	}
	if err != nil {
		return err
	}
	contracts.PrintPlan(w, plan)
	if out := c.String("out"); out != "" {
		if err := os.WriteFile(out, []byte(plan.Proposal.Text), 0o644); err != nil {
			return fmt.Errorf("writing the proposal: %w", err)
		}
		fmt.Fprintf(w, "The proposal is in %s%s\n", out, pushedAs(out, subject))
	}
	switch {
	case !plan.Good():
		return errors.New("the proposal did not pass its tests; nothing was registered")
	case !c.Bool("yes"):
		fmt.Fprintf(w, "Nothing is registered yet: do it with --yes, or change the proposal (--out %s.json) and register it with schema push.\n", subject)
		return nil
	}
	version, err := plan.Register(c.Context, to)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s is version %d now. Ingest knows it within its refresh interval (HELIOS_SCHEMA_REFRESH); after that, helios-connect dlq replay --stage validate brings the dead letters back.\n", subject, version)
	return nil
}

// pushedAs warns of a file that schema push, which goes by names, would register for
// another subject.
func pushedAs(file, subject string) string {
	name := filepath.Base(file)
	if rest, ok := strings.CutPrefix(name, subject); ok && strings.HasSuffix(rest, ".json") {
		return ""
	}
	return fmt.Sprintf("; call it %s.json before you push it, since a file's name is its subject", subject)
}

func appendPayload(list [][]byte, doc []byte) [][]byte {
	var s event.Scanner
	var found [1][]byte
	if err := s.Scan(doc, payloadPath, found[:]); err != nil || found[0] == nil {
		return list
	}
	return append(list, append([]byte(nil), found[0]...))
}

var payloadPath = event.MustCompilePaths(event.AttrData)

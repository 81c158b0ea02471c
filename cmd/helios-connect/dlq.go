package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/dlq"
	"github.com/helios-connect/helios/internal/kafkaconn"
	"github.com/helios-connect/helios/internal/terminal"
	"github.com/helios-connect/helios/plugins/canonical/convert"
)

// dlqCommand is the subcommand dlq: looking into dead letters and sending them
// again.
func dlqCommand() *cli.Command {
	filters := []cli.Flag{
		&cli.StringFlag{Name: "reason", Usage: "only this reason, for example no_expectation"},
		&cli.StringFlag{Name: "stage", Usage: "only this stage: ingest, validate, reconcile or store"},
		&cli.StringFlag{Name: "type", Usage: "only this type of event"},
		&cli.StringFlag{Name: "tenant", Usage: "only this tenant"},
		&cli.StringFlag{Name: "since", Usage: "not before this RFC 3339 time, or this long ago: 2h30m"},
		&cli.StringFlag{Name: "until", Usage: "before this RFC 3339 time, or this long ago"},
		&cli.IntFlag{Name: "limit", Usage: "at most this many; 0 is all"},
	}
	return &cli.Command{
		Name:  "dlq",
		Usage: "List, show and replay dead letters",
		Description: "The log is reached as config/log.yaml does: HELIOS_KAFKA_BROKERS, HELIOS_KAFKA_TLS, HELIOS_KAFKA_SASL,\n" +
			"HELIOS_TOPIC_DLQ, HELIOS_TOPIC_EVENTS, HELIOS_GROUP_PREFIX. What is replayed is judged by its contract as\n" +
			"config/contracts.yaml does, where HELIOS_SCHEMA_REGISTRY_URL or HELIOS_SCHEMA_FOLDER is set.",
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "one line a letter", Action: dlqList,
				Flags: append(filters[:len(filters):len(filters)], &cli.BoolFlag{Name: "json", Usage: "one JSON object a line; raw bytes in base64"})},
			{Name: "show", Usage: "everything about one letter", ArgsUsage: "<partition:offset>", Action: dlqShow},
			{Name: "replay", Usage: "send letters to the events again", Action: dlqReplay,
				Flags: append(filters[:len(filters):len(filters)],
					&cli.BoolFlag{Name: "dry-run", Usage: "say what would be sent, and send nothing"},
					&cli.IntFlag{Name: "max-attempts", Value: 3, Usage: "leave letters that failed this often"},
					&cli.StringSliceFlag{Name: "correlation", Usage: "where raw bytes hold the correlationid, as in the ingest pipelines", Value: cli.NewStringSlice("subject", "data.order_id", "id")},
					&cli.StringSliceFlag{Name: "tenant-path", Usage: "where raw bytes hold the tenant", Value: cli.NewStringSlice("data.tenant")},
					&cli.StringFlag{Name: "group", Usage: "the consumer group that holds the progress (default: one for these filters)"})},
		},
	}
}

func dlqFilter(c *cli.Context) (f dlq.Filter, err error) {
	if c.Args().Present() {
		return f, fmt.Errorf("%q is no flag of %s", c.Args().First(), c.Command.Name)
	}
	if n := c.Int("limit"); n < 0 {
		return f, fmt.Errorf("--limit %d: it takes 0 (all) or more", n)
	}
	switch s := c.String("stage"); s {
	case "", "ingest", "validate", "reconcile", "store":
	default:
		return f, fmt.Errorf("--stage %q: it takes ingest, validate, reconcile or store", s)
	}
	f = dlq.Filter{Reason: c.String("reason"), Stage: c.String("stage"), Type: c.String("type"), Tenant: c.String("tenant")}
	if f.Since, err = dlqTime("since", c.String("since")); err != nil {
		return f, err
	}
	f.Until, err = dlqTime("until", c.String("until"))
	return f, err
}

func dlqTime(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		return time.Now().Add(-ago), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("--%s %q: it takes a time such as 2026-11-23T10:00:00Z, or how long ago, such as 2h30m", flag, s)
	}
	return t, nil
}

func dlqList(c *cli.Context) error {
	f, err := dlqFilter(c)
	if err != nil {
		return err
	}
	conn, err := kafkaconn.FromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	lines := json.NewEncoder(c.App.Writer)
	if !c.Bool("json") {
		fmt.Fprintln(table, "LETTER\tTIME\tREASON\tSTAGE\tATTEMPT\tTYPE\tTENANT\tORIGIN\tDETAIL")
	}
	n := 0
	err = dlq.List(c.Context, conn, f, func(l dlq.Letter) bool {
		n++
		if c.Bool("json") {
			err := lines.Encode(l)
			return err == nil && n != c.Int("limit")
		}
		fmt.Fprintf(table, "%d:%d\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", l.Partition, l.Offset, l.Time.Format(time.RFC3339),
			terminal.Printable(l.Reason), terminal.Printable(l.Stage), l.Attempt, terminal.Printable(l.Type), terminal.Printable(l.Tenant),
			terminal.Printable(l.Origin), terminal.Printable(l.Detail))
		return n != c.Int("limit")
	})
	if err != nil {
		return err
	}
	if err := table.Flush(); err != nil || n > 0 {
		return err
	}
	return sayWhatThereIs(c, conn)
}

// sayWhatThereIs answers a list of nothing with the reasons of all letters: a filter
// may be misspelt. Not on the output, which may be read by a program.
func sayWhatThereIs(c *cli.Context, conn kafkaconn.Connection) error {
	reasons := map[string]int{}
	err := dlq.List(c.Context, conn, dlq.Filter{}, func(l dlq.Letter) bool { reasons[l.Reason]++; return true })
	if err != nil {
		return err
	}
	if len(reasons) == 0 {
		_, err = fmt.Fprintf(c.App.ErrWriter, "There are no dead letters in %s.\n", conn.Letters)
		return err
	}
	var counts []string
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		counts = append(counts, fmt.Sprintf("%d %s", reasons[reason], terminal.Printable(reason)))
	}
	_, err = fmt.Fprintf(c.App.ErrWriter, "No letter matches. In %s there are: %s.\n", conn.Letters, strings.Join(counts, ", "))
	return err
}

func dlqShow(c *cli.Context) error {
	p, o, ok := strings.Cut(c.Args().First(), ":")
	partition, err := strconv.ParseInt(p, 10, 32)
	offset, err2 := strconv.ParseInt(o, 10, 64)
	if !ok || err != nil || err2 != nil || c.NArg() != 1 {
		return fmt.Errorf("show %q: it takes one letter as list names it, partition:offset, such as 3:42", c.Args().First())
	}
	conn, err := kafkaconn.FromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	l, err := dlq.Show(c.Context, conn, int32(partition), offset)
	if err != nil {
		return err
	}
	w := c.App.Writer
	for _, line := range [][2]string{
		{"letter", fmt.Sprintf("%d:%d", l.Partition, l.Offset)}, {"time", l.Time.Format(time.RFC3339Nano)},
		{"reason", l.Reason}, {"stage", l.Stage}, {"detail", l.Detail}, {"origin", l.Origin},
		{"attempt", strconv.Itoa(l.Attempt)}, {"key", l.Key}, {"type", l.Type}, {"tenant", l.Tenant}, {"cut", l.Cut},
	} {
		if line[1] != "" {
			fmt.Fprintf(w, "%-8s %s\n", line[0], terminal.Printable(line[1]))
		}
	}
	_, err = fmt.Fprintf(w, "%s:\n%s\n", terminal.Count(len(l.Raw), "byte", "bytes"), terminal.Printable(string(l.Raw)))
	return err
}

func dlqReplay(c *cli.Context) error {
	f, err := dlqFilter(c)
	if err != nil {
		return err
	}
	if n := c.Int("max-attempts"); n < 1 {
		return fmt.Errorf("--max-attempts %d: it takes 1 or more", n)
	}
	conn, err := kafkaconn.FromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	r := dlq.Replay{Filter: f, Group: c.String("group"), MaxAttempts: c.Int("max-attempts"), Limit: c.Int("limit"), DryRun: c.Bool("dry-run")}
	r.Rules.Correlation = []convert.Rule{{Paths: c.StringSlice("correlation")}}
	r.Rules.Tenant = []convert.Rule{{Paths: c.StringSlice("tenant-path")}}
	judge, closeJudge, err := contractsOf(c)
	if err != nil {
		return err
	}
	defer closeJudge()
	r.Judge = judge
	if r.Group == "" {
		// Other filters pass over other letters, so each has its own progress.
		sum := sha256.Sum256(fmt.Appendf(nil, "%q", []any{f.Reason, f.Stage, f.Type, f.Tenant, c.String("since"), c.String("until"),
			r.MaxAttempts, c.StringSlice("correlation"), c.StringSlice("tenant-path")}))
		r.Group = fmt.Sprintf("%s-dlq-replay-%x", conn.GroupPrefix, sum[:6])
	}
	w := c.App.Writer
	r.Report = func(l dlq.Letter, events int, stays error) {
		if stays != nil {
			fmt.Fprintf(w, "%d:%d stays: %s\n", l.Partition, l.Offset, terminal.Printable(stays.Error()))
		} else if r.DryRun {
			fmt.Fprintf(w, "%d:%d would be sent: %s to %s, attempt %d\n", l.Partition, l.Offset, terminal.Count(events, "event", "events"), conn.Events, l.Attempt+1)
		}
	}
	t, err := r.Run(c.Context, conn)
	verb := "sent"
	if r.DryRun {
		verb = "would be sent"
	}
	fmt.Fprintf(w, "%d %s, %s, %d had all attempts; progress is in group %s\n", t.Sent, verb, terminal.Count(t.Stayed, "stays", "stay"), t.Capped, r.Group)
	return err
}

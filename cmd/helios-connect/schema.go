package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/contracts"
	"github.com/helios-connect/helios/internal/terminal"
	"github.com/helios-connect/helios/plugins/schema/compat"
	"github.com/helios-connect/helios/plugins/schema/registry"
)

// schemaCommand is the subcommand schema: contracts and their versions.
func schemaCommand() *cli.Command {
	mode := &cli.StringFlag{Name: "compatibility", Usage: "NONE, BACKWARD, FORWARD, FULL or one of them with _TRANSITIVE (default: what the registry says for the subject)"}
	asJSON := &cli.BoolFlag{Name: "json", Usage: "write JSON"}
	since := &cli.StringFlag{Name: "since", Usage: "only what was logged after this RFC 3339 time, or this long ago: 2h30m"}
	return &cli.Command{
		Name:  "schema",
		Usage: "Register, compare, try and evolve contracts",
		Description: "The registry is HELIOS_SCHEMA_REGISTRY_URL, with HELIOS_SCHEMA_REGISTRY_USER and _PASSWORD where it asks for\n" +
			"them; the log is reached as config/log.yaml does.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "registry", Usage: "the schema registry's `URL`", EnvVars: []string{"HELIOS_SCHEMA_REGISTRY_URL"}},
		},
		Subcommands: []*cli.Command{
			schemaInferCommand(),
			{Name: "push", Usage: "register contracts, each as the next version of its subject, unless nothing changed", ArgsUsage: "FOLDER|FILE...", Action: schemaPush,
				Flags: []cli.Flag{mode, &cli.BoolFlag{Name: "dry-run", Usage: "say what would be registered, and register nothing"}}},
			{Name: "list", Usage: "the registered subjects and their versions", Action: schemaList},
			{Name: "diff", Usage: "what changed between two versions, and whom it breaks", ArgsUsage: "A B, each a file, SUBJECT/VERSION or SUBJECT/latest", Action: schemaDiff, Flags: []cli.Flag{asJSON}},
			{Name: "check", Usage: "whether a contract can be the next version, and what it would do to real events", ArgsUsage: "FILE", Action: schemaCheck,
				Flags: []cli.Flag{mode, since,
					&cli.StringFlag{Name: "subject", Usage: "the subject (default: the file's name)"},
					&cli.StringSliceFlag{Name: "events", Usage: "a file of canonical events, one a line, plain or gzip; - for the standard input"},
					&cli.BoolFlag{Name: "log", Usage: "the events in the log"},
					&cli.StringFlag{Name: "type", Usage: "the type of the events, as a glob (default: the subject)"}}},
			{Name: "evolve", Usage: "propose the next version from the dead letters that broke the contract, with the mapping from the version before, and register it with --yes", ArgsUsage: "SUBJECT", Action: schemaEvolve,
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "since", Value: "24h", Usage: "only what was logged after this RFC 3339 time, or this long ago"},
					&cli.BoolFlag{Name: "yes", Usage: "register the proposal when all its tests passed"},
					&cli.StringFlag{Name: "out", Usage: "write the proposal to this file"},
					&cli.StringFlag{Name: "type", Usage: "the type of the events, as a glob (default: the subject)"}}},
		},
	}
}

func registryOf(c *cli.Context) (*registry.Remote, error) {
	url := c.String("registry")
	if url == "" {
		return nil, errors.New("no schema registry is named: set HELIOS_SCHEMA_REGISTRY_URL, or give schema --registry URL, for example http://localhost:8081")
	}
	return contracts.Registry(url, os.Getenv)
}

// positional checks how many arguments there are; a flag among them was meant to
// be one.
func positional(c *cli.Context, n int, what string) error {
	for _, arg := range c.Args().Slice() {
		if strings.HasPrefix(arg, "-") && arg != "-" {
			return fmt.Errorf("%s stands behind an argument; flags come first: helios-connect schema %s %s and then the rest", arg, c.Command.Name, arg)
		}
	}
	if c.NArg() != n {
		return fmt.Errorf("%s takes %s", c.Command.Name, what)
	}
	return nil
}

func compatibilityOf(c *cli.Context) (compat.Mode, error) {
	if c.String("compatibility") == "" {
		return 0, nil
	}
	mode, err := compat.ParseMode(c.String("compatibility"))
	if err != nil {
		return 0, fmt.Errorf("--%w", err)
	}
	return mode, nil
}

func schemaPush(c *cli.Context) error {
	mode, err := compatibilityOf(c)
	if err != nil {
		return err
	}
	if err := positional(c, max(c.NArg(), 1), "folders or files, for example config/schemas"); err != nil {
		return err
	}
	to, err := registryOf(c)
	if err != nil {
		return err
	}
	var files []registry.File
	for _, arg := range c.Args().Slice() {
		info, err := os.Stat(arg)
		if err != nil {
			return fmt.Errorf("reading the contracts: %w", err)
		}
		folder, only := arg, ""
		if !info.IsDir() {
			folder, only = filepath.Dir(arg), arg
		}
		found, err := registry.OpenFolder(folder).Files()
		if err != nil {
			return err
		}
		n := len(files)
		for _, f := range found {
			if only == "" || filepath.Clean(f.Path) == filepath.Clean(only) {
				files = append(files, f)
			}
		}
		if len(files) == n {
			return fmt.Errorf("%s holds no contract: a contract is a file SUBJECT.json, .avsc or .proto", arg)
		}
	}
	refused := 0
	err = contracts.PushFiles(c.Context, to, files, mode, c.Bool("dry-run"), func(p contracts.Pushed, err error) {
		w := c.App.Writer
		switch {
		case err != nil:
			refused++
			fmt.Fprintf(w, "%s is refused: %s\n", p.Subject, terminal.Printable(err.Error()))
			printFindings(w, p.Findings)
		case p.Unchanged:
			fmt.Fprintf(w, "%s: version %d says the same already\n", p.Subject, p.Version)
		case c.Bool("dry-run"):
			fmt.Fprintf(w, "%s would become version %d\n", p.Subject, p.Version)
		default:
			fmt.Fprintf(w, "%s is version %d now\n", p.Subject, p.Version)
		}
		warnUnsatisfiable(w, p)
	})
	if err != nil && refused > 0 {
		return fmt.Errorf("%s, of %d", terminal.Count(refused, "contract was refused", "contracts were refused"), len(files))
	}
	return err
}

func warnUnsatisfiable(w io.Writer, p contracts.Pushed) {
	if p.Unsatisfiable {
		fmt.Fprintf(w, "  warning: %s contradicts itself: no payload can keep it\n", p.Subject)
	}
}

func schemaList(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	from, err := registryOf(c)
	if err != nil {
		return err
	}
	subjects, err := from.Subjects(c.Context)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SUBJECT\tVERSIONS\tLANGUAGE\tUPGRADE FROM THE VERSION BEFORE")
	for _, s := range subjects {
		versions, err := from.Versions(c.Context, s)
		if err != nil || len(versions) == 0 {
			return err
		}
		latest, err := from.Schema(c.Context, s, versions[len(versions)-1])
		if err != nil {
			return err
		}
		upgrade := "none"
		if registry.UpgradeOf(latest.Text) != "" {
			upgrade = "by a mapping"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", terminal.Printable(s), strings.Trim(fmt.Sprint(versions), "[]"), latest.Type, upgrade)
	}
	return table.Flush()
}

// schemaNamed reads a schema from a file, or from the registry by SUBJECT/VERSION.
func schemaNamed(c *cli.Context, name string) (compat.Schema, error) {
	if text, err := os.ReadFile(name); err == nil {
		kind, ok := map[string]compat.Format{".json": compat.JSON, ".avsc": compat.Avro, ".proto": compat.Protobuf}[filepath.Ext(name)]
		if !ok {
			return compat.Schema{}, fmt.Errorf("%s: a schema's file ends in .json, .avsc or .proto", name)
		}
		return compat.Schema{Format: kind, Text: string(text)}, nil
	}
	subject, version, ok := cutLast(name, "/")
	number, err := strconv.Atoi(version)
	if !ok || err != nil && version != "latest" {
		return compat.Schema{}, fmt.Errorf("%q is neither a file nor SUBJECT/VERSION, for example com.example.order.paid/2 or com.example.order.paid/latest", name)
	}
	from, err := registryOf(c)
	if err != nil {
		return compat.Schema{}, err
	}
	versions, err := from.Versions(c.Context, subject)
	if err != nil {
		return compat.Schema{}, err
	}
	if len(versions) == 0 {
		return compat.Schema{}, fmt.Errorf("%s knows no subject %q", from, subject)
	}
	if version == "latest" {
		number = versions[len(versions)-1]
	}
	r, err := from.Schema(c.Context, subject, number)
	if err != nil {
		return compat.Schema{}, err
	}
	return contracts.SchemaOf(r), nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func schemaDiff(c *cli.Context) error {
	if err := positional(c, 2, "two schemas, each a file or SUBJECT/VERSION"); err != nil {
		return err
	}
	a, err := schemaNamed(c, c.Args().Get(0))
	if err != nil {
		return err
	}
	b, err := schemaNamed(c, c.Args().Get(1))
	if err != nil {
		return err
	}
	changes, err := compat.Diff(a, b)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		if changes == nil {
			changes = []compat.Change{}
		}
		enc := json.NewEncoder(c.App.Writer)
		enc.SetIndent("", "  ")
		return enc.Encode(changes)
	}
	contracts.PrintChanges(c.App.Writer, changes)
	return nil
}

func printFindings(w io.Writer, findings []compat.Finding) {
	for _, f := range findings {
		fmt.Fprintf(w, "  %s: %s (%s, against version %d: breaks %s)\n", f.Pointer, terminal.Printable(f.Reason), f.Kind, f.Earlier, f.Breaks)
		if f.Example != "" {
			fmt.Fprintf(w, "    for example %s\n", terminal.Printable(f.Example))
		}
	}
}

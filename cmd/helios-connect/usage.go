package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// settingsFlag is what Redpanda Connect takes before a command and hides from its
// help, though most commands of production need it.
const settingsFlag = "   --env-file FILE, -e FILE  take settings from a file: helios-connect -e local.env start\n"

// helpTemplate makes the program's help ours: what it is, and how settings are given.
func helpTemplate(theirs string) string {
	theirs = strings.Replace(theirs, `{{template "helpNameTemplate" .}}`,
		"{{.HelpName}} - Redpanda Connect that says whether AWS, Google Cloud and Azure agree on every business fact", 1)
	return strings.TrimRight(theirs, "\n") + "\n" + settingsFlag
}

// withShortErrors makes the command and those below it answer a wrong flag with one
// line, instead of the whole of their help with the error scrolled out of sight.
func withShortErrors(c *cli.Command) *cli.Command {
	c.OnUsageError = usageError
	if c.Action == nil && len(c.Subcommands) > 0 {
		c.Action = chooseCommand
	}
	for _, sub := range c.Subcommands {
		withShortErrors(sub)
	}
	return c
}

func usageError(c *cli.Context, err error, _ bool) error {
	name := strings.TrimSpace(c.Command.HelpName)
	// The file of settings is a flag of the program, as Redpanda Connect has it.
	for _, global := range []string{"-e", "-env-file"} {
		if strings.HasSuffix(err.Error(), "not defined: "+global) {
			program, command, _ := strings.Cut(name, " ")
			return fmt.Errorf("%s stands before the command: %s -e FILE %s", global, program, command)
		}
	}
	if bad := unreadable.FindStringSubmatch(err.Error()); bad != nil {
		return fmt.Errorf("--%s %q: it takes %s; %s --help lists the flags", bad[2], bad[1], accepted(c.Command.Flags, bad[2]), name)
	}
	return fmt.Errorf("%w; %s --help lists the flags", err, name)
}

// unreadable is how the standard library says that a flag's value has the wrong form.
var unreadable = regexp.MustCompile(`(?s)^invalid (?:boolean )?value "(.*)" for (?:flag )?-([\w-]+): `)

// accepted says what a flag takes, by its type.
func accepted(flags []cli.Flag, name string) string {
	i := slices.IndexFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	if i < 0 {
		return "another form"
	}
	switch flags[i].(type) {
	case *cli.DurationFlag:
		return "a duration such as 30s or 1h30m"
	case *cli.Uint64Flag:
		return "a whole number, 0 or more"
	case *cli.IntFlag, *cli.Int64Flag:
		return "a whole number"
	case *cli.Float64Flag:
		return "a number such as 0.5"
	case *cli.BoolFlag:
		return "true or false, or no value"
	}
	return "another form"
}

// chooseCommand answers a command that only has commands below it: with its help, or
// with those commands when another one is named.
func chooseCommand(c *cli.Context) error {
	if !c.Args().Present() {
		return cli.ShowSubcommandHelp(c)
	}
	var names []string
	for _, sub := range c.Command.Subcommands {
		if !sub.Hidden && sub.Name != "help" {
			names = append(names, sub.Name)
		}
	}
	return fmt.Errorf("%s has no command %q; it has %s", strings.TrimSpace(c.Command.HelpName), c.Args().First(), strings.Join(names, ", "))
}

// noArguments refuses what stands behind the flags of a command that takes nothing there.
func noArguments(c *cli.Context) error {
	if !c.Args().Present() {
		return nil
	}
	name := strings.TrimSpace(c.Command.HelpName)
	_, command, _ := strings.Cut(name, " ")
	return fmt.Errorf("%s takes no arguments, found %q; see %s --help", command, c.Args().First(), name)
}

package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// withShortErrors makes the command and those below it answer a wrong flag with one
// line, instead of the whole of their help with the error scrolled out of sight.
func withShortErrors(c *cli.Command) *cli.Command {
	c.OnUsageError = usageError
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
	return fmt.Errorf("%w; %s --help lists the flags", err, name)
}

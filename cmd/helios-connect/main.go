// Command helios-connect is Redpanda Connect with Helios's plugins: it takes
// the events of several clouds in, decides for each business fact whether the
// clouds agree, and says what differs.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/lifecycle"

	_ "github.com/helios-connect/helios/plugins/all"
)

// subcommands that Helios adds to Redpanda Connect's own. Each is defined in
// the file of its name.
var subcommands = []func() *cli.Command{
	demoCommand,
	simulateCommand,
	createCommand,
	dlqCommand,
	schemaCommand,
	startCommand,
	healthcheckCommand,
	topicsCommand,
	doctorCommand,
	publishCommand,
	serveCommand,
	dashboardsCommand,
	docsCommand,
}

func main() {
	if err := checkEnvFiles(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	cli.AppHelpTemplate = helpTemplate(cli.AppHelpTemplate)
	service.RunCLI(context.Background(), cliOptions()...)
}

// cliOptions makes Redpanda Connect's command line ours. The command line
// itself reports nothing to its makers: what does so upstream is another
// package, which is not part of this distribution.
func cliOptions() []service.CLIOptFunc {
	version, date := buildStamp()
	options := []service.CLIOptFunc{
		service.CLIOptSetArgs(withoutTests(os.Args)...),
		service.CLIOptSetVersion(version, date),
		service.CLIOptSetBinaryName("helios-connect"),
		service.CLIOptSetProductName("Helios"),
		service.CLIOptSetDocumentationURL("https://docs.redpanda.com/redpanda-connect"),
		service.CLIOptSetDefaultConfigPaths(
			"helios.yaml",
			"/etc/helios/config.yaml",
		),
		// Called when the streams run and Redpanda Connect is about to listen
		// for the same signals.
		service.CLIOptOnStreamStart(func(*service.RunningStreamSummary) error {
			lifecycle.Watch()
			return nil
		}),
	}
	for _, command := range subcommands {
		options = append(options, service.CLIOptAddCommand(withShortErrors(command())))
	}
	return options
}

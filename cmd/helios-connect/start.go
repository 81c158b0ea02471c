package main

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/deployment"
	"github.com/helios-connect/helios/pipelines"
	"github.com/helios-connect/helios/plugins/webhook"
)

// startCommand runs what the settings ask for: the one command of a container.
func startCommand() *cli.Command {
	return &cli.Command{
		Name:  "start",
		Usage: "Run production with the clouds whose settings are there, or the demo when there are none",
		Description: `
DEPLOYMENT_MODE is demo or production; without it the settings decide. One line
says what was chosen and one more for each cloud, and why.

  helios-connect -e local.env start`[1:],
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Value: ".", Usage: "the folder that holds config/ and pipelines/"},
			&cli.BoolFlag{Name: "dry-run", Usage: "say what would be run, and run nothing"},
		},
		Action: runStart,
	}
}

func runStart(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	decision, err := deployment.Decide(os.Getenv)
	if err != nil {
		return err
	}
	for _, line := range decision.Lines() {
		fmt.Fprintln(c.App.Writer, line)
	}
	if c.Bool("dry-run") {
		return nil
	}
	args := []string{"helios-connect", "demo"}
	if decision.Mode == deployment.Production {
		if err := os.Chdir(c.String("dir")); err != nil {
			return fmt.Errorf("--dir: %w", err)
		}
		if args, err = productionArgs(); err != nil {
			return err
		}
		if err := cmp.Or(sizeIsRight(os.Getenv("HELIOS_MAX_MESSAGE_BYTES")), webhookIsRight(os.Getenv)); err != nil {
			return err
		}
		if err := addressIsFree(os.Getenv("HELIOS_HTTP_ADDRESS")); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the program itself: %w", err)
	}
	// In this very process, which so gets the signals that are meant for it.
	if err := syscall.Exec(self, args, os.Environ()); err != nil {
		return fmt.Errorf("starting %s: %w", args[1], err)
	}
	return nil
}

// addressIsFree looks before the start: Redpanda Connect goes on without /metrics and
// /ready when their address is taken, and says so once.
func addressIsFree(address string) error {
	if address == "" {
		address = "127.0.0.1:4195" // as in config/service.yaml
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("HELIOS_HTTP_ADDRESS %s, for /metrics and /ready: %w", address, err)
	}
	return listener.Close()
}

// sizeRoom is what the pipelines keep free of a message for its headers (bytes).
const sizeRoom = 20_000

// sizeIsRight looks before the start: with another value events are taken in, and the
// output that would write them can't be made.
func sizeIsRight(bytes string) error {
	if n, err := strconv.Atoi(bytes); bytes != "" && (err != nil || n <= sizeRoom) {
		return fmt.Errorf("HELIOS_MAX_MESSAGE_BYTES is %q; it takes a whole number of bytes above %d, for example 1000000", bytes, sizeRoom)
	}
	return nil
}

// webhookIsRight reads the webhook's settings as its input does. The input is made when
// the streams run, is tried again for ever, and meanwhile nobody listens.
func webhookIsRight(getenv func(string) string) error {
	address := getenv("HELIOS_WEBHOOK_ADDRESS")
	if address == "" {
		return nil
	}
	_, err := webhook.Check(webhook.Settings{
		Address: address, Paths: cmp.Or(getenv("HELIOS_WEBHOOK_PATHS"), "[]"),
		CertFile: getenv("HELIOS_WEBHOOK_CERT_FILE"), KeyFile: getenv("HELIOS_WEBHOOK_KEY_FILE"),
	})
	if err != nil {
		return fmt.Errorf("HELIOS_WEBHOOK_PATHS or another setting of the webhook is wrong: %w; docs/connecting-clouds.md has an entry for each sender", err)
	}
	return nil
}

// productionArgs is the command line of production, as the README has it.
func productionArgs() ([]string, error) {
	streams, err := filepath.Glob("pipelines/*.yaml")
	if err != nil {
		return nil, err
	}
	streams = slices.DeleteFunc(streams, pipelines.IsTest)
	if _, err := os.Stat("config/production.yaml"); err != nil || len(streams) == 0 {
		return nil, fmt.Errorf("there is no config/production.yaml or no pipelines/*.yaml here; name the folder that holds them with --dir")
	}
	// Without the streams API, which shows settings with the secrets in them and lets
	// whoever reaches it change the streams. Metrics and readiness stay.
	return append([]string{"helios-connect", "streams", "--no-api", "-o", "config/service.yaml",
		"-r", "config/log.yaml", "-r", "config/contracts.yaml", "-r", "config/production.yaml"}, streams...), nil
}

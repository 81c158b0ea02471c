package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/doctor"
)

// doctorCommand checks what the environment configures.
func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "Check every configured connection, and say what to do about each failure",
		Description: `
Checks the log, the store, Redis, every cloud and the webhook that the environment
configures (config/local.env.example): is it reached, is Helios let in, may it do
what it must, is what it needs there, and is the clock right. It changes nothing.
The exit status is 1 when something failed.

  helios-connect -e local.env doctor
  helios-connect -e local.env doctor --json
  helios-connect -e local.env doctor --token token.jwt --token-path /gcp`[1:],
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "one JSON array of findings"},
			&cli.BoolFlag{Name: "receive", Usage: "receive a message of SQS and hand it back, which counts as one of its deliveries"},
			&cli.DurationFlag{Name: "timeout", Value: 10 * time.Second, Usage: "the longest time that one dependency may take"},
			&cli.StringFlag{Name: "token", Usage: "a file with a bearer token that a cloud sends (- is the standard input), to be judged by a path of the webhook"},
			&cli.StringFlag{Name: "token-path", Usage: "the path of the webhook that the token is for; can be left out when there is one"},
		},
		Action: runDoctor,
	}
}

func runDoctor(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	if d := c.Duration("timeout"); d <= 0 {
		return fmt.Errorf("--timeout %v: it takes a positive duration, for example 10s", d)
	}
	token, err := readToken(c.String("token"))
	if err != nil {
		return err
	}
	if token != "" && os.Getenv("HELIOS_WEBHOOK_ADDRESS") == "" {
		return errors.New("--token: there is no webhook to judge it, since HELIOS_WEBHOOK_ADDRESS is not set")
	}
	redis.SetLogger(silent{}) // what it logs is in the findings
	findings := doctor.Run(c.Context, doctor.Options{
		Getenv: os.Getenv, Timeout: c.Duration("timeout"), Receive: c.Bool("receive"), Token: token, TokenPath: c.String("token-path"),
	})
	if c.Bool("json") {
		lines := json.NewEncoder(c.App.Writer)
		lines.SetIndent("", "  ")
		lines.SetEscapeHTML(false)
		err = lines.Encode(findings)
	} else {
		err = doctor.Write(c.App.Writer, findings)
	}
	if err == nil && doctor.AnyFailed(findings) {
		err = cli.Exit("", 1)
	}
	return err
}

// silent is a logger of Redis's client.
type silent struct{}

// Printf says nothing.
func (silent) Printf(context.Context, string, ...any) {}

func readToken(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(io.LimitReader(os.Stdin, 1<<20))
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return "", fmt.Errorf("--token: reading the token: %w", err)
	}
	token := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(text)), "Bearer"))
	if token == "" {
		return "", fmt.Errorf("--token %s: it is empty", file)
	}
	return token, nil
}

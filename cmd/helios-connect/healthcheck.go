package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/api"
)

// defaultHTTPAddress is that of config/service.yaml.
const defaultHTTPAddress = "127.0.0.1:4195"

// healthcheckCommand asks a running process whether it is ready: the health check
// of an image that holds neither a shell nor curl.
func healthcheckCommand() *cli.Command {
	return &cli.Command{
		Name:  "healthcheck",
		Usage: "Ask the process at HELIOS_HTTP_ADDRESS whether all of its streams are connected",
		Description: `
The exit status is 0 when the process answers /ready with success, else 1, and the
reason is on the standard error. With --api it asks the one of serve, at
HELIOS_API_ADDRESS, which answers as long as it runs.`[1:],
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "address", Value: defaultHTTPAddress, EnvVars: []string{"HELIOS_HTTP_ADDRESS"}, Usage: "the process's `HOST:PORT`"},
			&cli.BoolFlag{Name: "api", Usage: "ask the API of serve, at HELIOS_API_ADDRESS"},
			&cli.DurationFlag{Name: "timeout", Value: 3 * time.Second, Usage: "the longest time to wait for an answer"},
		},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			if c.Duration("timeout") <= 0 {
				return fmt.Errorf("--timeout %v: it takes a positive duration, for example 3s", c.Duration("timeout"))
			}
			ctx, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
			defer cancel()
			of := probe{variable: "HELIOS_HTTP_ADDRESS", address: c.String("address"), path: "/ready", example: defaultHTTPAddress}
			if c.Bool("api") {
				of = probe{variable: api.EnvAddress, address: os.Getenv(api.EnvAddress), path: "/api/v1/health", example: api.DefaultAddress}
			}
			if err := of.ask(ctx); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return cli.Exit("", 1)
			}
			return nil
		},
	}
}

// probe is a question to a process.
type probe struct {
	variable, address string // the latter is the former's value
	path, example     string
}

// ask is nil when the process that listens at the address answers with success.
func (p probe) ask(ctx context.Context) error {
	if p.address == "" {
		p.address = p.example
	}
	wrong := fmt.Errorf("%s is %q; it is a host and a port, for example %s", p.variable, p.address, p.example)
	host, port, err := net.SplitHostPort(p.address)
	if err != nil {
		return wrong
	}
	// Who listens everywhere is asked here.
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+p.path, nil)
	if err != nil {
		return wrong
	}
	// No proxy stands between a process and itself.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("asking for readiness: %w", err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000)) // the status says it all the same
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s: %s", resp.Status, strings.TrimSpace(string(text)))
	}
	return nil
}

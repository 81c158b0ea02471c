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
reason is on the standard error.`[1:],
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "address", Value: defaultHTTPAddress, EnvVars: []string{"HELIOS_HTTP_ADDRESS"}, Usage: "the process's `HOST:PORT`"},
			&cli.DurationFlag{Name: "timeout", Value: 3 * time.Second, Usage: "the longest time to wait for an answer"},
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return fmt.Errorf("healthcheck takes no arguments, found %q", c.Args().First())
			}
			if c.Duration("timeout") <= 0 {
				return fmt.Errorf("--timeout %v: it takes a positive duration, for example 3s", c.Duration("timeout"))
			}
			ctx, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
			defer cancel()
			if err := askReady(ctx, c.String("address")); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return cli.Exit("", 1)
			}
			return nil
		},
	}
}

// askReady is nil when the process that listens at address is ready.
func askReady(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("HELIOS_HTTP_ADDRESS is %q; it is a host and a port, for example %s", address, defaultHTTPAddress)
	}
	// Who listens everywhere is asked here.
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/ready", nil)
	if err != nil {
		return fmt.Errorf("HELIOS_HTTP_ADDRESS is %q; it is a host and a port, for example %s", address, defaultHTTPAddress)
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

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/api"
	"github.com/helios-connect/helios/internal/kafkaconn"
	"github.com/helios-connect/helios/plugins/store/query"
)

// serveCommand serves the API and the console.
func serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "Serve the reading HTTP API and the console",
		Description: `
Answers with what is in the store (HELIOS_STORE_DSN) and streams what comes into the
log (HELIOS_KAFKA_BROKERS and the others of config/log.yaml); it changes neither.
Without HELIOS_API_TOKEN it listens on the loopback only.

  helios-connect -e local.env serve
  HELIOS_API_ADDRESS=0.0.0.0:8088 HELIOS_API_TOKEN=$(openssl rand -hex 32) helios-connect serve`[1:],
		Action: runServe,
	}
}

func runServe(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer cancel()
	return serve(ctx, c, os.Getenv)
}

// serve runs the API until the context ends.
func serve(ctx context.Context, c *cli.Context, getenv func(string) string) (err error) {
	access, err := api.AccessFromEnvironment(getenv)
	if err != nil {
		return err
	}
	conn, err := kafkaconn.FromEnvironment(getenv)
	if err != nil {
		return err
	}
	dsn := getenv("HELIOS_STORE_DSN")
	if dsn == "" {
		dsn = "sqlite://helios.db" // as in pipelines/store-events.yaml
		fmt.Fprintf(c.App.Writer, "HELIOS_STORE_DSN is not set: the store is %s in this folder.\n", dsn)
	}
	rows, err := query.New(dsn)
	if err != nil {
		return fmt.Errorf("HELIOS_STORE_DSN: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	version, _ := buildStamp()
	server, err := api.New(api.Config{Access: access, Store: rows, Log: conn, Version: version})
	if err != nil {
		return err
	}
	address, err := server.Start()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "Console http://%s/  API http://%[1]s/docs\n", address)
	<-ctx.Done()
	return server.Close()
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/docsgen"
)

// createCommand is Redpanda Connect's create, with two things more: buffers may
// be named, and the fields of Helios's components are explained.
func createCommand() *cli.Command {
	return &cli.Command{
		Name:      "create",
		Usage:     "Create a new {{.ProductName}} config",
		ArgsUsage: "[EXPRESSION]",
		Description: `
Prints a config with all fields and their defaults. The expression names the
components: input/processor/output, several of a kind separated by commas. A
buffer is named between the input and the output, like a processor.

  {{.BinaryName}} create stdin/mapping,awk/stdout
  {{.BinaryName}} create helios_reconcile//drop
  {{.BinaryName}} create file/helios_reconcile/file`[1:],
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "small", Aliases: []string{"s"}, Usage: "print only the main components of a config (input, pipeline, output) and omit all fields marked as advanced"},
		},
		Action: func(c *cli.Context) error {
			config, err := createConfig(service.GlobalEnvironment(), c.Args().First(), c.Bool("small"))
			if err == nil {
				_, err = c.App.Writer.Write(config)
			}
			return err
		},
	}
}

// createConfig returns the config that the expression asks for.
func createConfig(env *service.Environment, expression string, small bool) ([]byte, error) {
	expression, buffer, err := takeBuffer(env, expression)
	if err != nil {
		return nil, err
	}
	args := []string{"helios-connect", "create"}
	if small {
		args = append(args, "--small")
	}
	if expression != "" {
		args = append(args, expression)
	}
	config, err := outputOf(args)
	if err != nil {
		return nil, err
	}
	if buffer != nil {
		if config, err = withBuffer(config, buffer, small); err != nil {
			return nil, err
		}
	}
	return docsgen.Annotate(env, config)
}

// takeBuffer takes a buffer out of an expression. What can be a processor there
// is none.
func takeBuffer(env *service.Environment, expression string) (rest string, buffer *service.ConfigView, err error) {
	parts := strings.Split(expression, "/")
	if len(parts) < 2 {
		return expression, nil, nil
	}
	var kept []string
	for _, name := range strings.Split(parts[1], ",") {
		view, isBuffer := env.GetBufferConfig(strings.TrimSpace(name))
		if _, isProcessor := env.GetProcessorConfig(strings.TrimSpace(name)); isProcessor || !isBuffer {
			kept = append(kept, name)
			continue
		}
		if buffer != nil {
			return "", nil, fmt.Errorf("%q names two buffers; a stream has one", expression)
		}
		buffer = view
	}
	parts[1] = strings.Join(kept, ",")
	return strings.Join(parts, "/"), buffer, nil
}

// noBuffer is what Redpanda Connect writes where a buffer may stand.
var noBuffer = []byte("buffer:\n  none: {}\n")

func withBuffer(config []byte, buffer *service.ConfigView, small bool) ([]byte, error) {
	data, err := buffer.TemplateData()
	if err != nil {
		return nil, fmt.Errorf("reading the specification of the buffer: %w", err)
	}
	part := data.AdvancedConfigYAML
	if small {
		part = data.CommonConfigYAML
	}
	if !bytes.Contains(config, noBuffer) {
		return nil, errors.New("placing the buffer: the config has no place for one")
	}
	return bytes.Replace(config, noBuffer, []byte(part), 1), nil
}

// outputOf runs a command of Redpanda Connect's own and returns what it prints,
// which it does to nothing but the standard output.
func outputOf(args []string) (printed []byte, err error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("capturing the output of %s: %w", args[1], err)
	}
	captured := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(read) // ends with the writing side
		captured <- all
	}()
	stdout := os.Stdout
	os.Stdout = write
	code, err := service.RunCLIToCode(context.Background(), service.CLIOptSetArgs(args...))
	os.Stdout = stdout
	err = errors.Join(err, write.Close())
	printed = <-captured
	if err == nil && code != 0 {
		err = fmt.Errorf("%s ended with status %d", args[1], code)
	}
	return printed, errors.Join(err, read.Close())
}

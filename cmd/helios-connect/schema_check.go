package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/contracts"
	"github.com/helios-connect/helios/internal/kafkaconn"
	"github.com/helios-connect/helios/internal/terminal"
	"github.com/helios-connect/helios/plugins/schema/compat"
	"github.com/helios-connect/helios/plugins/schema/contract"
)

func schemaCheck(c *cli.Context) error {
	mode, err := compatibilityOf(c)
	if err != nil {
		return err
	}
	if err := positional(c, 1, "one file"); err != nil {
		return err
	}
	file := c.Args().First()
	next, err := schemaNamed(c, file)
	if err != nil {
		return err
	}
	subject := c.String("subject")
	if subject == "" {
		subject = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	w := c.App.Writer
	failed := false
	if c.String("registry") != "" {
		to, err := registryOf(c)
		if err != nil {
			return err
		}
		kind := map[compat.Format]sr.SchemaType{compat.JSON: sr.TypeJSON, compat.Avro: sr.TypeAvro, compat.Protobuf: sr.TypeProtobuf}[next.Format]
		p, err := contracts.Push(c.Context, to, subject, next.Text, kind, mode, true)
		var incompatible *contracts.IncompatibleError
		switch {
		case errors.As(err, &incompatible):
			failed = true
			fmt.Fprintf(w, "%s\n", terminal.Printable(err.Error()))
			printFindings(w, incompatible.Findings)
		case err != nil:
			return err
		case p.Unchanged:
			fmt.Fprintf(w, "%s: version %d says the same already\n", subject, p.Version)
		default:
			fmt.Fprintf(w, "%s can become version %d\n", subject, p.Version)
		}
		warnUnsatisfiable(w, p)
	}
	if len(c.StringSlice("events")) == 0 && !c.Bool("log") {
		if failed {
			return errors.New("the contract can't be the next version")
		}
		return nil
	}
	if next.Format != compat.JSON {
		return errors.New("events can be tried on JSON Schema only; Avro and Protobuf payloads are checked when they are decoded")
	}
	trial, err := tryEvents(c, subject, next.Text)
	if err != nil {
		return err
	}
	contracts.PrintTrial(w, trial)
	if failed || trial.Refused > 0 {
		return errors.New("the contract would refuse events, or can't be the next version")
	}
	return nil
}

func tryEvents(c *cli.Context, subject, text string) (*contracts.Trial, error) {
	compiled, err := contract.Compile(subject, []byte(text), contract.Options{AssertFormat: true})
	if err != nil {
		return nil, err
	}
	kind := typeOf(c, subject)
	trial := contracts.NewTrial(compiled, kind)
	for _, file := range c.StringSlice("events") {
		if err := eachLine(file, trial.Add); err != nil {
			return nil, err
		}
	}
	if c.Bool("log") {
		conn, since, err := logOf(c)
		if err != nil {
			return nil, err
		}
		if err := eachRecord(c.Context, conn, conn.Events, since, func(r *kgo.Record) bool { trial.Add(r.Value); return true }); err != nil {
			return nil, err
		}
	}
	if trial.Events == 0 {
		return nil, fmt.Errorf("there is no event of type %q to try the contract on; --type GLOB names other types, --since an earlier time of the log", kind)
	}
	return trial, nil
}

// typeOf is the glob for the events that a subject is for: tenants come before a
// colon.
func typeOf(c *cli.Context, subject string) string {
	if t := c.String("type"); t != "" {
		return t
	}
	if _, kind, ok := strings.Cut(subject, ":"); ok {
		return kind
	}
	return subject
}

func logOf(c *cli.Context) (kafkaconn.Connection, time.Time, error) {
	conn, err := kafkaconn.FromEnvironment(os.Getenv)
	if err != nil {
		return conn, time.Time{}, err
	}
	since, err := dlqTime("since", c.String("since"))
	return conn, since, err
}

// eachLine reads a file of events, one a line.
func eachLine(name string, add func([]byte)) error {
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("reading the events: %w", err)
		}
		defer f.Close()
		in = f
	}
	buffered := bufio.NewReaderSize(in, 1<<20)
	if magic, _ := buffered.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		unpacked, err := gzip.NewReader(buffered)
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		buffered = bufio.NewReaderSize(unpacked, 1<<20)
	}
	lines := bufio.NewScanner(buffered)
	lines.Buffer(make([]byte, 0, 1<<20), 64<<20)
	for lines.Scan() {
		if len(lines.Bytes()) > 0 {
			add(lines.Bytes())
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return nil
}

// eachRecord reads what lies in a topic now, until each returns false.
func eachRecord(ctx context.Context, conn kafkaconn.Connection, topic string, since time.Time, each func(*kgo.Record) (more bool)) error {
	spans, err := conn.Spans(ctx, topic, since)
	if err != nil {
		return err
	}
	return conn.Read(ctx, topic, spans, func(batch []*kgo.Record) (bool, error) {
		for _, r := range batch {
			if !r.Attrs.IsControl() && !each(r) {
				return false, nil
			}
		}
		return true, nil
	})
}

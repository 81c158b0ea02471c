package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/helios-connect/helios/internal/contracts"
	"github.com/helios-connect/helios/plugins/schema"
	"github.com/helios-connect/helios/plugins/schema/registry"
)

// contractsOf judges replayed events as config/contracts.yaml has the ingest
// pipelines do it, by the same settings; nil where none is set.
func contractsOf(c *cli.Context) (judge func(context.Context, []byte) ([]byte, error), closing func(), err error) {
	source, err := contracts.Source(os.Getenv)
	if source == nil || err != nil {
		return nil, func() {}, err
	}
	rules, unregistered := schema.Rules(nil), schema.PassUnregistered
	if text := os.Getenv("HELIOS_CONTRACT_RULES"); text != "" {
		if rules, err = schema.ParseRules(text); err != nil {
			return nil, nil, fmt.Errorf("HELIOS_CONTRACT_RULES: %w", err)
		}
	}
	if name := os.Getenv("HELIOS_UNREGISTERED"); name != "" {
		if unregistered, err = schema.ParseUnregistered(name); err != nil {
			return nil, nil, fmt.Errorf("HELIOS_UNREGISTERED: %w", err)
		}
	}
	waiting, cancel := context.WithTimeout(c.Context, 15*time.Second)
	defer cancel()
	// The catalogue would ask again and again, and at the end not know why.
	if _, err := source.Subjects(waiting); err != nil {
		return nil, nil, err
	}
	catalog := registry.Open(source, time.Hour, time.Now, registry.Observer{})
	if err := catalog.Ready(waiting); err != nil {
		catalog.Close()
		return nil, nil, err
	}
	j := schema.NewJudge(catalog, rules, schema.DefaultSubjects, new(schema.Mappings))
	return func(ctx context.Context, doc []byte) ([]byte, error) {
		o, err := j.Judge(ctx, doc)
		if err != nil {
			return nil, err
		}
		switch changed, reason, detail := o.Becomes(unregistered); {
		case reason != "":
			return nil, fmt.Errorf("it would be refused again (%s): %s", reason, detail)
		case changed != nil:
			return append([]byte(nil), changed...), nil
		}
		return doc, nil
	}, catalog.Close, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"
	"gopkg.in/yaml.v3"

	"github.com/helios-connect/helios/plugins/schema"
	"github.com/helios-connect/helios/plugins/schema/registry"
)

// contractsOf judges replayed events as config/contracts.yaml has the ingest
// pipelines do it, by the same settings; nil where none is set.
func contractsOf(c *cli.Context) (judge func(context.Context, []byte) ([]byte, error), closing func(), err error) {
	url, folder := os.Getenv("HELIOS_SCHEMA_REGISTRY_URL"), os.Getenv("HELIOS_SCHEMA_FOLDER")
	if url == "" && folder == "" {
		return nil, func() {}, nil
	}
	var source registry.Source = registry.OpenFolder(folder)
	if url != "" {
		source, err = registry.Dial(registry.Connection{URL: url, User: os.Getenv("HELIOS_SCHEMA_REGISTRY_USER"), Password: os.Getenv("HELIOS_SCHEMA_REGISTRY_PASSWORD")})
		if err != nil {
			return nil, nil, err
		}
	}
	rules, err := rulesOf(os.Getenv("HELIOS_CONTRACT_RULES"))
	if err != nil {
		return nil, nil, fmt.Errorf("HELIOS_CONTRACT_RULES: %w", err)
	}
	catalog := registry.Open(source, time.Hour, time.Now, registry.Observer{})
	waiting, cancel := context.WithTimeout(c.Context, 15*time.Second)
	defer cancel()
	if err := catalog.Ready(waiting); err != nil {
		catalog.Close()
		return nil, nil, err
	}
	reject := os.Getenv("HELIOS_UNREGISTERED") == "reject"
	j := schema.NewJudge(catalog, rules, schema.DefaultSubjects, new(schema.Mappings))
	return func(ctx context.Context, doc []byte) ([]byte, error) {
		o, err := j.Judge(ctx, doc)
		switch {
		case err != nil:
			return nil, err
		case o.Status == schema.Unreadable:
			return nil, o.Err
		case o.Status == schema.Invalid && (o.Mode == schema.Enforce || o.Mode == schema.Upgrade):
			return nil, errors.New("it still breaks its contract: " + o.Explain())
		case o.Status == schema.NoContract && reject:
			return nil, fmt.Errorf("no contract is registered for its type %q", o.Type)
		case o.Status == schema.Invalid && o.Mode == schema.Observe, o.Status == schema.NoContract:
			return doc, nil
		}
		return append([]byte(nil), o.Event...), nil
	}, catalog.Close, nil
}

// rulesOf reads the list that the processor takes, in YAML.
func rulesOf(text string) (rules schema.Rules, err error) {
	var list []struct {
		Types     []string `yaml:"types"`
		Tenants   []string `yaml:"tenants"`
		Mode      string   `yaml:"mode"`
		Version   int      `yaml:"version"`
		ProtoJSON bool     `yaml:"proto_json"`
	}
	if err := yaml.Unmarshal([]byte(text), &list); err != nil {
		return nil, err
	}
	for _, l := range list {
		r := schema.Rule{Types: l.Types, Tenants: l.Tenants, Version: l.Version, ProtoJSON: l.ProtoJSON}
		if l.Mode != "" {
			if r.Mode, err = schema.ParseMode(l.Mode); err != nil {
				return nil, err
			}
		}
		rules = append(rules, r)
	}
	return rules, nil
}

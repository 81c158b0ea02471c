package schema

import (
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/plugins/schema/registry"
)

// registryField is where contracts are registered.
func registryField() *service.ConfigField {
	return service.NewObjectField(spFieldRegistry,
		service.NewStringField(spFieldURL).
			Description("The address of a schema registry with Confluent's API (Redpanda, Karapace, Confluent). Empty: none.").
			Default("").Example("http://localhost:8081"),
		service.NewStringField(spFieldUser).Description("The user for basic authentication; empty for none.").Default(""),
		service.NewStringField(spFieldPassword).Description("The user's password.").Default("").Secret(),
		service.NewTLSToggledField(spFieldTLS).Description("TLS settings of the connection."),
		service.NewDurationField(spFieldRefresh).
			Description("How often the registry is asked for new subjects and versions.").
			Default("10s"),
	).Description("Where contracts are registered.")
}

// folderField is the folder that stands in for a registry; without says what
// happens with neither.
func folderField(without string) *service.ConfigField {
	return service.NewStringField(spFieldFolder).
		Description("A folder of contracts to use instead of a registry: `SUBJECT.json` holds version 1 of a subject, `SUBJECT.v2.json` the second; `.avsc` and `.proto` likewise. " + without).
		Default("").Example("./config/schemas")
}

func refreshFromConfig(conf *service.ParsedConfig) (time.Duration, error) {
	refresh, err := conf.FieldDuration(spFieldRegistry, spFieldRefresh)
	if err == nil && refresh < 100*time.Millisecond {
		err = fmt.Errorf("%s.%s: %v is below 100ms", spFieldRegistry, spFieldRefresh, refresh)
	}
	return refresh, err
}

// sourceFromConfig returns nil when neither a registry nor a folder is set.
func sourceFromConfig(conf *service.ParsedConfig) (registry.Source, error) {
	url, err := conf.FieldString(spFieldRegistry, spFieldURL)
	if err != nil {
		return nil, err
	}
	folder, err := conf.FieldString(spFieldFolder)
	if err != nil {
		return nil, err
	}
	switch {
	case url != "" && folder != "":
		return nil, fmt.Errorf("%s.%s and %s are both set; one is allowed", spFieldRegistry, spFieldURL, spFieldFolder)
	case folder != "":
		return registry.OpenFolder(folder), nil
	case url == "":
		return nil, nil
	}
	c := registry.Connection{URL: url}
	if c.User, err = conf.FieldString(spFieldRegistry, spFieldUser); err != nil {
		return nil, err
	}
	if c.Password, err = conf.FieldString(spFieldRegistry, spFieldPassword); err != nil {
		return nil, err
	}
	tls, enabled, err := conf.FieldTLSToggled(spFieldRegistry, spFieldTLS)
	if err != nil {
		return nil, err
	}
	if enabled {
		c.TLS = tls
	}
	source, err := registry.Dial(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", spFieldRegistry, err)
	}
	return source, nil
}

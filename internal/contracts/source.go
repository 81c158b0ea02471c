package contracts

import (
	"errors"

	"github.com/helios-connect/helios/plugins/schema/registry"
)

// Source is where contracts are registered, by the settings of
// config/contracts.yaml; nil when none is set.
func Source(getenv func(string) string) (registry.Source, error) {
	url, folder := getenv("HELIOS_SCHEMA_REGISTRY_URL"), getenv("HELIOS_SCHEMA_FOLDER")
	switch {
	case url != "" && folder != "":
		return nil, errors.New("HELIOS_SCHEMA_REGISTRY_URL and HELIOS_SCHEMA_FOLDER are both set; one is allowed")
	case folder != "":
		return registry.OpenFolder(folder), nil
	case url == "":
		return nil, nil
	}
	remote, err := Registry(url, getenv)
	if err != nil {
		return nil, err
	}
	return remote, nil
}

// Registry is the schema registry at an address, with the user of the settings.
func Registry(url string, getenv func(string) string) (*registry.Remote, error) {
	return registry.Dial(registry.Connection{URL: url, User: getenv("HELIOS_SCHEMA_REGISTRY_USER"), Password: getenv("HELIOS_SCHEMA_REGISTRY_PASSWORD")})
}

package doctor

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/helios-connect/helios/internal/contracts"
	"github.com/helios-connect/helios/internal/terminal"
	"github.com/helios-connect/helios/plugins/schema/registry"
)

func contractsUnset(r *run) string {
	if r.get("HELIOS_SCHEMA_REGISTRY_URL") == "" && r.get("HELIOS_SCHEMA_FOLDER") == "" {
		return "neither HELIOS_SCHEMA_REGISTRY_URL nor HELIOS_SCHEMA_FOLDER is set; events are judged by no contract"
	}
	return ""
}

// checkContracts reads every contract, from the registry or the folder, as the
// ingest pipelines do.
func checkContracts(ctx context.Context, r *run) {
	address, folder := r.get("HELIOS_SCHEMA_REGISTRY_URL"), r.get("HELIOS_SCHEMA_FOLDER")
	if address != "" && folder != "" {
		r.fail("settings", "unset one of them", "HELIOS_SCHEMA_REGISTRY_URL and HELIOS_SCHEMA_FOLDER are both set")
		return
	}
	var source registry.Source = registry.OpenFolder(folder)
	if address != "" {
		remote, err := contracts.Registry(address, r.get)
		if err != nil {
			r.fail("settings", "the form is http://localhost:8081; user and password have settings of their own", "HELIOS_SCHEMA_REGISTRY_URL can't be used: %v", err)
			return
		}
		source = remote
	}
	subjects, err := source.Subjects(ctx)
	if err != nil {
		r.failWith("reach and sign-in", contractsDiagnosis(address, folder, err))
		return
	}
	r.ok("reach and sign-in", "%s answers", source)
	if len(subjects) == 0 {
		r.warn("contracts", "helios-connect schema push config/schemas", "nothing is registered: events are judged by no contract")
		return
	}
	broken, versions, err := registry.Examine(ctx, source, subjects)
	switch {
	case err != nil:
		r.failWith("contracts", contractsDiagnosis(address, folder, err))
	case len(broken) > 0:
		r.fail("contracts", "register a version that can be used; until then its events are refused", "%d of %d versions can't be used: %s", len(broken), versions, strings.Join(broken, "; "))
	default:
		r.ok("contracts", "%s with %s, all of which can be used", terminal.Count(len(subjects), "subject", "subjects"), terminal.Count(versions, "version", "versions"))
	}
}

func contractsDiagnosis(address, folder string, err error) diagnosis {
	if address == "" {
		return diagnosis{"the folder " + folder + " can't be read: " + err.Error(), "let HELIOS_SCHEMA_FOLDER name a folder with SUBJECT.json files"}
	}
	if u, parseErr := url.Parse(address); parseErr == nil {
		address = u.Host
	}
	if d, ok := network(address, err); ok {
		return d
	}
	var answer *sr.ResponseError
	if errors.As(err, &answer) {
		switch answer.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden: // registries differ in which of the two they answer
			return diagnosis{address + " refuses user or password, or doesn't let the user read subjects",
				"correct HELIOS_SCHEMA_REGISTRY_USER and HELIOS_SCHEMA_REGISTRY_PASSWORD, or allow the user to read all subjects"}
		case http.StatusNotFound:
			return diagnosis{address + " knows no subjects: it is no schema registry, or lies below another path", "let HELIOS_SCHEMA_REGISTRY_URL name the root of the registry, such as http://localhost:8081"}
		}
	}
	return diagnosis{err.Error(), "see the registry's log, and whether HELIOS_SCHEMA_REGISTRY_URL names a schema registry with Confluent's API"}
}

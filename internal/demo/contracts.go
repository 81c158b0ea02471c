package demo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/helios-connect/helios/internal/contracts"
	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/internal/terminal"
	"github.com/helios-connect/helios/plugins/schema/registry"
)

// breakAfter is how long a producer keeps its contract before --break-contract
// has it break it.
const breakAfter = 10 * time.Second

// startRegistry starts a schema registry and registers the demo's contracts, as
// helios-connect schema push does.
func startRegistry(ctx context.Context, ws *workspace) (*embedded.Registry, error) {
	reg := embedded.StartRegistry()
	to, err := registry.Dial(registry.Connection{URL: reg.URL()})
	if err == nil {
		var files []registry.File
		if files, err = registry.OpenFolder(ws.path("config/schemas")).Files(); err == nil {
			err = contracts.PushFiles(ctx, to, files, 0, false, func(contracts.Pushed, error) {})
		}
	}
	if err != nil {
		reg.Close()
		return nil, fmt.Errorf("registering the demo's contracts: %w", err)
	}
	return reg, nil
}

// contractEnvironment is what the pipelines need to judge by the contracts.
func contractEnvironment(o *Options, reg *embedded.Registry, now time.Time) map[string]string {
	e := map[string]string{
		"HELIOS_SCHEMA_REGISTRY_URL": reg.URL(),
		"HELIOS_SCHEMA_REFRESH":      "2s",
		// Consumers see the latest version, whichever a producer keeps.
		"HELIOS_CONTRACT_RULES": "[{mode: upgrade}]",
	}
	if o.BreakContract {
		e["HELIOS_DEMO_BREAK_AT"] = strconv.FormatInt(now.Add(breakAfter).Unix(), 10)
		// Time for a person to mend the contract and replay the dead letters.
		e["HELIOS_CORRECTION_HORIZON"] = "15m"
	}
	return e
}

var errBreakDirect = errors.New("--break-contract needs the emulated clouds, whose producer it changes: leave --direct out")

// shellSettings is the line that lets other commands of Helios reach this run.
func shellSettings(kafka *embedded.Kafka, reg *embedded.Registry) string {
	return fmt.Sprintf("export HELIOS_KAFKA_BROKERS=%s HELIOS_SCHEMA_REGISTRY_URL=%s HELIOS_CONTRACT_RULES='[{mode: upgrade}]'", kafka.Addrs()[0], reg.URL())
}

// breakHint says how what is going to break is mended.
func breakHint(settings string) string {
	return fmt.Sprintf(`After %[1]v the producer on GCP calls customer.id of com.example.order.paid customer.customer_id.
See what broke, and mend it from another terminal:
  %[2]s
  %[3]s dlq list --stage validate --limit 20
  %[3]s schema evolve --yes com.example.order.paid
  %[3]s schema diff com.example.order.paid/1 com.example.order.paid/2
  sleep 5    # until ingest knows version 2
  %[3]s dlq replay --stage validate

`, breakAfter, settings, terminal.Program())
}

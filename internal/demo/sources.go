package demo

import "github.com/helios-connect/helios/plugins/telemetry"

// What the demo reads of the pipelines' metrics.
var (
	receivedEvents  = telemetry.CanonicalReceived
	openFacts       = telemetry.ReconcileOpen
	judgedEvents    = telemetry.ReconcileReceived
	ignoredEvents   = telemetry.ReconcileUncounted
	duplicateEvents = telemetry.ReconcileDuplicates
	timeToVerdict   = telemetry.ReconcileDelay
)

// pushedAgain counts, in pipelines/demo/send-gcp.yaml, the pushes that the webhook did
// not confirm.
var pushedAgain = telemetry.Metric{Name: "helios_demo_pushed_again_total"}

// watched are all of those, and what the process says of itself.
var watched = []telemetry.Metric{
	receivedEvents, openFacts, judgedEvents, ignoredEvents, duplicateEvents, timeToVerdict, pushedAgain,
	telemetry.StoreRowsStored, telemetry.StoreRowsPresent, telemetry.StoreRowsRefused,
	processCPU, processMemory, processStart,
}

// Tables of the store.
const (
	tableEvents   = "helios_events"
	tableVerdicts = "helios_verdict_history"
	tableDead     = "helios_dead_letters"
)

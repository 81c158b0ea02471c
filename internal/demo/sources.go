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

// Tables of the store.
const (
	tableEvents   = "helios_events"
	tableVerdicts = "helios_verdict_history"
	tableDead     = "helios_dead_letters"
)

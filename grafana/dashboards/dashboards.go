// Package dashboards composes the dashboards: one file each, and nothing in
// them but which panel shows which query.
package dashboards

import "github.com/helios-connect/helios/grafana/panels"

// Uids of the dashboards, for links.
const (
	overviewUID       = "helios-overview"
	pipelinesUID      = "helios-pipelines"
	reconciliationUID = "helios-reconciliation"
	sloUID            = "helios-slo"
	contractsUID      = "helios-contracts"
	factUID           = "helios-fact"
	costUID           = "helios-cost"
	liveUID           = "helios-live"
	traceUID          = "helios-trace"
)

// Links that panels share.
var (
	toOverview       = panels.To("Overview", overviewUID)
	toPipelines      = panels.To("Pipelines", pipelinesUID)
	toReconciliation = panels.To("Reconciliation", reconciliationUID)
	toSLO            = panels.To("SLO", sloUID)
	toContracts      = panels.To("Contracts", contractsUID)
	toFact           = panels.To("Fact", factUID)
	toLive           = panels.To("Live events", liveUID)
)

// openFact is the link of a cell that holds the id of a fact.
const openFact = "/d/" + factUID + "?var-fact=${__value.raw:percentencode}&" + panels.Kept

// openTrace is the link of a cell that holds the id of a trace. Explore is not
// for anonymous viewers, a dashboard is.
const openTrace = "/d/" + traceUID + "?var-trace=${__value.raw:percentencode}&" + panels.Kept

// All lists the dashboards. The prices are those of config/prices.yaml.
func All(prices Prices) []panels.Board {
	return []panels.Board{
		overview(), pipelines(), reconciliation(), slo(), contracts(), fact(), cost(prices), live(), trace(),
	}
}

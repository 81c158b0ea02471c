package dashboards

import (
	p "github.com/helios-connect/helios/grafana/panels"
	q "github.com/helios-connect/helios/grafana/queries"
	t "github.com/helios-connect/helios/plugins/telemetry"
)

// outcomes that need a look are coloured.
var outcomes = []p.Entry{{Name: "invalid", Colour: p.Bad}, {Name: "unregistered", Colour: p.Warn}}

func contracts() p.Board {
	tenant := q.Like(t.LabelTenant, "$tenant")
	events := func(by ...string) string { return q.Sum(q.Increase(q.Of(t.SchemaEvents, tenant), q.Range), by...) }
	noContracts := "no contracts are configured, or no event was judged."
	noVersions := "no pipeline stores the contracts (pipelines/store-contracts.yaml), or each has one version."
	return p.Board{
		UID: contractsUID, Title: "Helios Contracts",
		Description: "Do events keep their contracts: which rule is broken, by whom, in which version.",
		Variables:   []p.Variable{{Name: "tenant", Title: "Tenant", Metric: t.SchemaEvents.Name, Label: t.LabelTenant}},
		Rows: []p.Row{
			{Title: "Compliance", Panels: []p.Panel{
				{Title: "Compliance", Kind: p.Stat, Width: 6, Unit: "percentunit", Decimals: p.Number(2), Steps: p.Falling(0.95, 0.99), Next: toPipelines, Empty: noContracts,
					Help:    "Share of the events of the time range that keep their contract, of those whose type has one. Red: below 95 %. The tables below name rule and producer.",
					Queries: []q.Query{q.Instant(q.Compliance(q.Range, nil, tenant), "compliance")}},
				{Title: "Subjects", Kind: p.Stat, Width: 6, Unit: "short", Steps: p.Plain(), Next: toPipelines,
					Empty:   "contracts come from a folder and not from a registry.",
					Help:    "Subjects in the schema registry. Fewer than before: somebody deleted one.",
					Queries: []q.Query{q.Instant(q.Max(q.Of(t.SchemaSubjects)), "subjects")}},
				{Title: "Registry's last answer", Kind: p.Stat, Width: 6, Unit: "s", Steps: p.Rising(300, 900), Next: toPipelines,
					Empty:   "contracts come from a folder and not from a registry.",
					Help:    "Time since the registry last answered in full. Red: 15 minutes. What is known is used meanwhile; check its address and health.",
					Queries: []q.Query{q.Instant(q.Max(q.Of(t.SchemaRegistryAge)), "age")}},
				{Title: "Registry errors", Kind: p.Stat, Width: 6, Unit: "short", Steps: p.ZeroIsGood(), Next: toPipelines,
					Empty:   "contracts come from a folder and not from a registry.",
					Help:    "Times of the time range that the registry gave no answer or a wrong one. Red: at least one; the log names it.",
					Queries: []q.Query{q.Instant(q.Counted(q.OrZero(q.Sum(q.Increase(q.Of(t.SchemaRegistryErrors), q.Range)), q.Max(q.Of(t.SchemaSubjects)))), "errors")}},
				{Title: "Compliance over time", Kind: p.Series, Unit: "percentunit", SoftMin: p.Number(0.9), Steps: []p.Step{{Value: 0, Colour: p.Bad}, {Value: 0.99, Colour: p.Warn}}, Next: toPipelines, Empty: noContracts, Width: 24,
					Help:    "By type. A line that falls at once: a producer was deployed; compare the versions below.",
					Queries: []q.Query{q.Prom(q.Compliance(q.Interval, []string{t.LabelType}, tenant), "{{type}}")}},
			}},
			{Title: "Who and what", Panels: []p.Panel{
				{Title: "Outcomes", Kind: p.Series, Unit: "eps", Stacked: true, Steps: p.Plain(), Next: toPipelines, Empty: noContracts,
					Help:    "Events per second by outcome. unregistered: no contract for this type; invalid goes to the dead letters when the pipeline enforces.",
					Queries: []q.Query{q.Prom(q.Sum(q.Rate(q.Of(t.SchemaEvents, tenant), q.Interval), t.LabelOutcome), "{{outcome}}")}},
				{Title: "Versions in use", Kind: p.Table, Words: outcomes, Unit: "short", Width: 12, Columns: []p.Column{
					{Field: t.LabelType, Name: "type"}, {Field: t.LabelVersion, Name: "version"}, {Field: t.LabelOutcome, Name: "outcome"}, {Field: "Value", Name: "events"}}, Steps: p.Plain(), Next: toPipelines, Empty: noContracts,
					Help:    "Events of the time range by type and version. Two versions of a type: a migration; compare with `helios-connect schema diff`. It may end when the old one is at 0.",
					Queries: []q.Query{q.Table(q.Top(50, q.Counted(events(t.LabelType, t.LabelVersion, t.LabelOutcome))))}},
				{Title: "Broken rules", Kind: p.Bars, Unit: "short", Width: 8, Steps: p.Plain(), Next: toPipelines, Empty: "no rule was broken.",
					Help:    "Rules broken most often in the time range. The first is where to start.",
					Queries: []q.Query{q.Instant("sort_desc("+q.Top(10, q.Counted(q.Sum(q.Grown(q.Of(t.SchemaFailures, tenant), q.Range), t.LabelRule)))+")", "{{rule}}")}},
				{Title: "Broken rules by producer", Kind: p.Table, Unit: "short", Width: 16, Columns: []p.Column{
					{Field: t.LabelSource, Name: "producer"}, {Field: t.LabelType, Name: "type"}, {Field: t.LabelRule, Name: "rule"}, {Field: "Value", Name: "events"}}, Steps: p.Plain(), Next: toPipelines, Empty: "no rule was broken.",
					Help:    "Which producer breaks which rule of which type. Ask it, or register a new version if it is right.",
					Queries: []q.Query{q.Table(q.Top(50, q.Counted(q.Sum(q.Grown(q.Of(t.SchemaFailures, tenant), q.Range), t.LabelSource, t.LabelType, t.LabelRule))))}},
			}},
			{Title: "From the store, also of weeks ago", Panels: []p.Panel{
				{Title: "Compliance by the hour", Kind: p.Series, Unit: "percentunit", SoftMin: p.Number(0.9), Steps: []p.Step{{Value: 0, Colour: p.Bad}, {Value: 0.99, Colour: p.Warn}}, Next: toPipelines, Empty: noContracts, Width: 24,
					Help:    "Share of judged events that kept their contract, all types, by the hour and over more than eight days by the day. Below the line at 99 %: the tables below name the producer and the rule.",
					Queries: []q.Query{q.ComplianceOverTime()}},
				{Title: "Compliance by contract and producer", Kind: p.Table, Wide: "contract", Units: map[string]string{"compliance": "percentunit"}, Unit: "short", Width: 24, Steps: p.Plain(), Next: toPipelines, Empty: noContracts,
					Help:    "Events of the hours of the time range, the worst first: valid, passed with a breach, refused. Ask the producer of the first row.",
					Queries: []q.Query{q.ComplianceByProducer()}},
				{Title: "Refused by rule and producer", Kind: p.Table, Wide: "rule", Unit: "short", Width: 24, Steps: p.Plain(), Next: toPipelines, Empty: "no contract refused an event.",
					Help:    "The first rule that each refused event of the time range broke. Repair the producer, then `helios-connect dlq replay`.",
					Queries: []q.Query{q.RefusedByRule()}},
				{Title: "Contracts", Kind: p.Table, Wide: "subject", Unit: "short", Width: 24, Steps: p.Plain(), Next: toPipelines, Empty: noVersions,
					Help:    "Versions as Helios met them, the newest first, whatever the time range. breaks says whom a version breaks; a problem says why it can't be used or compared.",
					Queries: []q.Query{q.Contracts()}},
				{Title: "Differences between versions", Kind: p.Table, Wide: "breaks", Unit: "short", Width: 24, Steps: p.Plain(), Next: toPipelines, Empty: noVersions,
					Help:    "What each of the newest versions changed in the one before, and why that breaks somebody. `helios-connect schema diff` shows two others.",
					Queries: []q.Query{q.ContractChanges()}},
			}},
		},
	}
}

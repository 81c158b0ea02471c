package telemetry

// Labels of the processor helios_schema.
const (
	LabelType    = "type"
	LabelVersion = "version"
	LabelSource  = "source"
	LabelOutcome = "outcome"
	LabelRule    = "rule"
)

// Metrics of the processor helios_schema.
var (
	// SchemaEvents counts judged events.
	SchemaEvents = Metric{
		Name: "helios_schema_events_total", Kind: Counter,
		Help:   "Events judged by their contract, by outcome: valid, upgraded, invalid, unregistered, unreadable. At most 5,000 combinations are told apart; later ones are \"other\".",
		Labels: []string{LabelTenant, LabelType, LabelVersion, LabelSource, LabelOutcome},
	}
	// SchemaFailures counts broken rules.
	SchemaFailures = Metric{
		Name: "helios_schema_failures_total", Kind: Counter,
		Help:   "Rules of contracts that events broke; an event may break several. At most 5,000 combinations are told apart.",
		Labels: []string{LabelTenant, LabelType, LabelSource, LabelRule},
	}
	// SchemaRegistryErrors counts failed dealings with the registry.
	SchemaRegistryErrors = Metric{
		Name: "helios_schema_registry_errors_total", Kind: Counter,
		Help: "Times that the schema registry gave no answer or a wrong one; what is known is used meanwhile.",
	}
	// SchemaRegistryAge is how old the knowledge of the registry is.
	SchemaRegistryAge = Metric{
		Name: "helios_schema_registry_age_seconds", Kind: Gauge,
		Help: "Seconds since the schema registry last answered in full.",
	}
	// SchemaSubjects counts registered subjects.
	SchemaSubjects = Metric{
		Name: "helios_schema_subjects", Kind: Gauge,
		Help: "Subjects in the schema registry.",
	}
)

// Schema lists the metrics of the processor helios_schema.
func Schema() []Metric {
	return []Metric{SchemaEvents, SchemaFailures, SchemaRegistryErrors, SchemaRegistryAge, SchemaSubjects}
}

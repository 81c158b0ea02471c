package telemetry

// LabelClass is the fault class of a simulated fact, or healthy.
const LabelClass = "fault_class"

// Metrics of helios_simulator.
var (
	SimulatorFacts = Metric{
		Name:   "helios_simulator_facts_total",
		Kind:   Counter,
		Help:   "Facts decided by the simulator, by fault class.",
		Labels: []string{LabelClass},
	}
	SimulatorEvents = Metric{
		Name:   "helios_simulator_events_total",
		Kind:   Counter,
		Help:   "Events handed out by the simulator for the first time, malformed ones included.",
		Labels: []string{LabelParticipant},
	}
	SimulatorAcked = Metric{
		Name:   "helios_simulator_acked_events_total",
		Kind:   Counter,
		Help:   "Events of the simulator that were acknowledged.",
		Labels: []string{LabelParticipant},
	}
	SimulatorRedelivered = Metric{
		Name:   "helios_simulator_redelivered_events_total",
		Kind:   Counter,
		Help:   "Events that the simulator handed out again because they were refused.",
		Labels: []string{LabelParticipant},
	}
	SimulatorInFlight = Metric{
		Name:   "helios_simulator_in_flight_events",
		Kind:   Gauge,
		Help:   "Events handed out by the simulator and not yet acknowledged or refused.",
		Labels: []string{LabelParticipant},
	}
	SimulatorLost = Metric{
		Name: "helios_simulator_lost_nanoseconds_total",
		Kind: Counter,
		Help: "Time by which the simulator fell behind its rate for good because its events were not taken fast enough, or its process stood still.",
	}
)

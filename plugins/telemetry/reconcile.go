package telemetry

// What both helios_reconcile plugins, the buffer and the input, report.
var (
	ReconcileReceived = Metric{
		Name: "helios_reconcile_events_received_total", Kind: Counter,
		Help:   "Events that reached reconciliation.",
		Labels: []string{LabelParticipant, LabelTenant},
	}
	ReconcileFlagged = Metric{
		Name: "helios_reconcile_events_flagged_total", Kind: Counter,
		Help:   "Events that could not be judged, by reason; they are emitted unchanged and go to the dead letters.",
		Labels: []string{LabelReason, LabelParticipant, LabelTenant},
	}
	ReconcileUncounted = Metric{
		Name: "helios_reconcile_late_events_without_effect_total", Kind: Counter,
		Help: "Events of facts with a verdict that changed nothing in it.",
	}
	ReconcileDuplicates = Metric{
		Name: "helios_reconcile_events_repeated_total", Kind: Counter,
		Help:   "Events of a participant after its first of the same fact.",
		Labels: []string{LabelParticipant, LabelTenant},
	}
	ReconcileVerdicts = Metric{
		Name: "helios_reconcile_verdicts_total", Kind: Counter,
		Help:   "Verdicts emitted, corrections included, by status.",
		Labels: []string{LabelStatus, LabelExpectation},
	}
	ReconcileCorrections = Metric{
		Name: "helios_reconcile_corrections_total", Kind: Counter,
		Help:   "Verdicts that correct an earlier one of the same fact, by their new status.",
		Labels: []string{LabelStatus},
	}
	ReconcileDelay = Metric{
		Name: "helios_reconcile_verdict_delay_seconds", Kind: Histogram,
		Help: "Time from a fact's last event to its verdict being handed on.",
	}
	ReconcileOpen = Metric{
		Name: "helios_reconcile_facts_open", Kind: Gauge,
		Help: "Facts without a verdict.",
	}
	ReconcileClosed = Metric{
		Name: "helios_reconcile_facts_remembered", Kind: Gauge,
		Help: "Facts with a verdict that a late event can still correct.",
	}
	ReconcilePressure = Metric{
		Name: "helios_reconcile_facts_closed_by_pressure_total", Kind: Counter,
		Help: "Facts closed early because a bound (max_open, max_reread) was hit.",
	}
	ReconcileForgotten = Metric{
		Name: "helios_reconcile_facts_forgotten_total", Kind: Counter,
		Help: "Facts with a verdict that were forgotten.",
	}
	ReconcileBytes = Metric{
		Name: "helios_reconcile_facts_bytes", Kind: Gauge,
		Help: "Memory held by open and remembered facts.",
	}
	ReconcileWatermark = Metric{
		Name: "helios_reconcile_watermark_timestamp_seconds", Kind: Gauge,
		Help:   "Highest event time of a participant, in Unix seconds.",
		Labels: []string{LabelClock, LabelParticipant},
	}
	ReconcileWatermarkLag = Metric{
		Name: "helios_reconcile_watermark_lag_seconds", Kind: Gauge,
		Help:   "How far a participant's highest event time is behind the frontier of its clock.",
		Labels: []string{LabelClock, LabelParticipant},
	}
	ReconcileStalled = Metric{
		Name: "helios_reconcile_participant_stalled", Kind: Gauge,
		Help:   "1 while a participant has not been heard of for idle_timeout, else 0.",
		Labels: []string{LabelClock, LabelParticipant},
	}
	ReconcileHeldBatches = Metric{
		Name: "helios_reconcile_batches_unacknowledged", Kind: Gauge,
		Help: "Batches that the buffer has taken in and not yet acknowledged.",
	}
)

package telemetry

// Labels of the input helios_reconcile.
const (
	LabelPartition = "partition"
	LabelResult    = "result"
	LabelCause     = "cause"
)

// What only the input helios_reconcile reports: how it keeps up with its topic
// and its transactions.
var (
	ReconcileInputLag = Metric{
		Name: "helios_reconcile_input_lag_events", Kind: Gauge,
		Help:   "Offsets of a partition that are not applied yet. The consumer group's own lag counts from the oldest open fact instead.",
		Labels: []string{LabelPartition},
	}
	ReconcileInputReread = Metric{
		Name: "helios_reconcile_input_reread_events", Kind: Gauge,
		Help:   "Offsets of a partition that a restart would read again: from the oldest open fact to the position.",
		Labels: []string{LabelPartition},
	}
	ReconcileInputPartitions = Metric{
		Name: "helios_reconcile_input_partitions", Kind: Gauge,
		Help: "Partitions of this process that are judged.",
	}
	ReconcileInputTransactions = Metric{
		Name: "helios_reconcile_input_transactions_total", Kind: Counter,
		Help:   "Transactions by how they ended: committed, confirmed (committed although the answer was lost), aborted (written again with the next), failed (all state is read again).",
		Labels: []string{LabelResult},
	}
	ReconcileInputTransactionTime = Metric{
		Name: "helios_reconcile_input_transaction_seconds", Kind: Histogram,
		Help: "Time from the beginning of a transaction to the answer to its end.",
	}
	ReconcileInputRestores = Metric{
		Name: "helios_reconcile_input_restores_total", Kind: Counter,
		Help: "Partitions whose closed facts were read back.",
	}
	ReconcileInputRestoreTime = Metric{
		Name: "helios_reconcile_input_restore_seconds", Kind: Histogram,
		Help: "Time that reading the closed facts of a partition back took.",
	}
	ReconcileInputRestoredVerdicts = Metric{
		Name: "helios_reconcile_input_restored_verdicts_total", Kind: Counter,
		Help: "Verdicts read back after a restart or a rebalance.",
	}
	ReconcileInputRebuilt = Metric{
		Name: "helios_reconcile_input_rebuilt_events_total", Kind: Counter,
		Help: "Events read again after a restart or a rebalance to rebuild open facts.",
	}
	ReconcileInputDrops = Metric{
		Name: "helios_reconcile_input_partition_drops_total", Kind: Counter,
		Help:   "Partitions whose state was given up, by cause: revoked, or stale (found to be somebody else's).",
		Labels: []string{LabelCause},
	}
	ReconcileInputLost = Metric{
		Name: "helios_reconcile_input_events_lost_total", Kind: Counter,
		Help:   "Events that retention deleted before they were read.",
		Labels: []string{LabelPartition},
	}
	ReconcileInputOverflow = Metric{
		Name: "helios_reconcile_input_handover_dropped_total", Kind: Counter,
		Help: "Committed verdicts and flagged events that were not passed downstream because it is too slow. They are in their topics.",
	}
)

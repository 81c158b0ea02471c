package telemetry

// Metrics of helios_store, by table. The mean batch size is the sum of the three
// row counters divided by the batches.
var (
	StoreBatches = Metric{
		Name: "helios_store_batches_total", Kind: Counter, Labels: []string{LabelTable},
		Help: "Batches written to the store.",
	}
	StoreBatchLatency = Metric{
		Name: "helios_store_batch_latency_seconds", Kind: Histogram, Labels: []string{LabelTable},
		Help: "Time to write one batch, from its first row to the end of its transaction.",
	}
	StoreBatchRows = Metric{
		Name: "helios_store_batch_rows", Kind: Gauge, Labels: []string{LabelTable},
		Help: "Messages in the batch written last.",
	}
	StoreRowsStored = Metric{
		Name: "helios_store_rows_stored_total", Kind: Counter, Labels: []string{LabelTable},
		Help: "Rows inserted, or in the table of current verdicts made current.",
	}
	StoreRowsPresent = Metric{
		Name: "helios_store_rows_present_total", Kind: Counter, Labels: []string{LabelTable},
		Help: "Rows that the store had already, or, of current verdicts, something later.",
	}
	StoreRowsRefused = Metric{
		Name: "helios_store_rows_refused_total", Kind: Counter, Labels: []string{LabelTable},
		Help: "Messages that can't be stored: they don't parse, or the database refuses the row.",
	}
	StoreUnavailable = Metric{
		Name: "helios_store_unavailable_total", Kind: Counter, Labels: []string{LabelTable},
		Help: "Batches that were kept back because the store could not take anything.",
	}
)

// Store lists the metrics of helios_store.
func Store() []Metric {
	return []Metric{StoreBatches, StoreBatchLatency, StoreBatchRows, StoreRowsStored, StoreRowsPresent, StoreRowsRefused, StoreUnavailable}
}

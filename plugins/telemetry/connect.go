package telemetry

// LabelPath is the place of a component in its stream, LabelName the label that
// it was given, LabelLE the upper end of a histogram's bucket. LabelStream is the
// stream in streams mode here, and one of the API's there. Prometheus itself adds
// LabelJob and LabelInstance, by which processes are told apart.
const (
	LabelPath     = "path"
	LabelName     = "label"
	LabelLE       = "le"
	LabelTopic    = "topic"
	LabelJob      = "job"
	LabelInstance = "instance"
)

// processes are the labels that tell them apart.
var processes = []string{LabelJob, LabelInstance}

// Metrics of Redpanda Connect and of the Go runtime that dashboards read. They
// are emitted by those, not by a plugin; the definitions are here so that a
// query has one place to take every name from.
var (
	ConnectInputReceived = Metric{
		Name: "input_received", Kind: Counter, Labels: []string{LabelStream, LabelPath, LabelName},
		Help: "Messages that an input delivered.",
	}
	ConnectInputBatches = Metric{
		Name: "input_latency_ns", Kind: Histogram, Labels: []string{LabelStream, LabelPath, LabelName},
		Help: "Time from a batch's arrival to its acknowledgement, in seconds with use_histogram_timing.",
	}
	ConnectInputUp = Metric{
		Name: "input_connection_up", Kind: Counter, Labels: []string{LabelStream, LabelPath, LabelName},
		Help: "Times that an input connected.",
	}
	ConnectInputLost = Metric{
		Name: "input_connection_lost", Kind: Counter, Labels: []string{LabelStream, LabelPath, LabelName},
		Help: "Times that an input lost its connection.",
	}
	ConnectOutputSent = Metric{
		Name: "output_sent", Kind: Counter, Labels: []string{LabelStream, LabelPath, LabelName},
		Help: "Messages that an output has written.",
	}
	ConnectOutputErrors = Metric{
		Name: "output_error", Kind: Counter, Labels: []string{LabelStream, LabelPath, LabelName},
		Help: "Writes of an output that did not succeed.",
	}
	ConnectOutputBatches = Metric{
		Name: "output_batch_sent", Kind: Counter, Labels: []string{LabelStream, LabelPath, LabelName},
		Help: "Batches that an output has written.",
	}
	ConnectOutputLatency = Metric{
		Name: "output_latency_ns", Kind: Histogram, Labels: []string{LabelStream, LabelPath, LabelName},
		Help: "Time of one write, in seconds with use_histogram_timing.",
	}
	ConnectProcessorErrors = Metric{
		Name: "processor_error", Kind: Counter, Labels: []string{LabelStream, LabelPath, LabelName},
		Help: "Messages that a processor flagged as an error.",
	}
	ConnectKafkaLag = Metric{
		Name: "kafka_lag", Kind: Gauge, Labels: []string{LabelStream, LabelPath, LabelName, LabelTopic, LabelPartition},
		Help: "Records of a partition that its consumer group has not read.",
	}
	// PrometheusUp is Prometheus's own, of each of its targets.
	PrometheusUp = Metric{Name: "up", Kind: Gauge, Labels: processes, Help: "1 when the last scrape of the target succeeded, else 0."}
	GoGoroutines = Metric{Name: "go_goroutines", Kind: Gauge, Labels: processes, Help: "Goroutines of the process."}
	GoHeap       = Metric{Name: "go_memstats_heap_inuse_bytes", Kind: Gauge, Labels: processes, Help: "Bytes of heap in use."}
	ProcessCPU   = Metric{Name: "process_cpu_seconds_total", Kind: Counter, Labels: processes, Help: "CPU time of the process."}
	ProcessRSS   = Metric{Name: "process_resident_memory_bytes", Kind: Gauge, Labels: processes, Help: "Resident memory of the process."}
	ProcessFDs   = Metric{Name: "process_open_fds", Kind: Gauge, Labels: processes, Help: "Open file descriptors."}
)

// Connect lists the metrics that Helios's plugins do not emit themselves.
func Connect() []Metric {
	return []Metric{
		ConnectInputReceived, ConnectInputBatches, ConnectInputUp, ConnectInputLost, ConnectOutputSent,
		ConnectOutputErrors, ConnectOutputBatches, ConnectOutputLatency, ConnectProcessorErrors, ConnectKafkaLag,
		PrometheusUp, GoGoroutines, GoHeap, ProcessCPU, ProcessRSS, ProcessFDs,
	}
}

// All lists every metric that a dashboard or an alert may name.
func All() []Metric {
	all := []Metric{
		ReconcileReceived, ReconcileFlagged, ReconcileUncounted, ReconcileDuplicates, ReconcileVerdicts,
		ReconcileCorrections, ReconcileDelay, ReconcileOpen, ReconcileClosed, ReconcilePressure,
		ReconcileForgotten, ReconcileBytes, ReconcileWatermark, ReconcileWatermarkLag, ReconcileStalled,
		ReconcileHeldBatches,
		ReconcileInputLag, ReconcileInputReread, ReconcileInputPartitions, ReconcileInputTransactions,
		ReconcileInputTransactionTime, ReconcileInputRestores, ReconcileInputRestoreTime,
		ReconcileInputRestoredVerdicts, ReconcileInputRebuilt, ReconcileInputDrops, ReconcileInputLost,
		ReconcileInputOverflow, LabelOverflow,
		SimulatorFacts, SimulatorEvents, SimulatorAcked, SimulatorRedelivered, SimulatorInFlight, SimulatorLost,
	}
	for _, some := range [][]Metric{Canonical(), Dedupe(), Schema(), Store(), Webhook(), API(), Live(), Connect(), Tracing()} {
		all = append(all, some...)
	}
	return all
}

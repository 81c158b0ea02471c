package telemetry

// Metrics of pipelines/live.yaml, which counts in YAML: received = pushed + sampled
// + dropped. The reasons of dropped are stale, unreadable, unauthorized, throttled,
// failed, refused and unreachable.
var (
	LiveReceived = Metric{
		Name: "helios_live_received_total", Kind: Counter,
		Help: "Events and verdicts, and heartbeats, on their way to Grafana Live.",
	}
	LivePushed = Metric{
		Name: "helios_live_pushed_total", Kind: Counter,
		Help: "Events and verdicts that Grafana Live took.",
	}
	LiveSampled = Metric{
		Name: "helios_live_sampled_total", Kind: Counter,
		Help: "Events and verdicts left out so that a browser keeps up.",
	}
	LiveDropped = Metric{
		Name: "helios_live_dropped_total", Kind: Counter, Labels: []string{LabelReason},
		Help: "Events and verdicts that were too old to show or that Grafana did not take, by reason.",
	}
)

// Live lists the metrics of the push to Grafana Live.
func Live() []Metric { return []Metric{LiveReceived, LivePushed, LiveSampled, LiveDropped} }

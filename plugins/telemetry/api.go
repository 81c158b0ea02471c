package telemetry

// Labels of the API's metrics.
const (
	LabelRoute      = "route"
	LabelStream     = "stream"
	LabelDependency = "dependency"
)

// Metrics of the HTTP API. Routes are those of its specification and streams are
// events and verdicts, so that nothing from outside becomes a label.
var (
	APIRequests = Metric{
		Name: "helios_api_requests_total", Kind: Counter, Labels: []string{LabelRoute, LabelCode},
		Help: "Requests answered by the API, by route and status code.",
	}
	APIRequestLatency = Metric{
		Name: "helios_api_request_latency_seconds", Kind: Histogram, Labels: []string{LabelRoute},
		Help: "Time to answer one request of the API.",
	}
	APIClients = Metric{
		Name: "helios_api_stream_clients", Kind: Gauge, Labels: []string{LabelStream},
		Help: "WebSocket clients that are connected.",
	}
	APISent = Metric{
		Name: "helios_api_stream_messages_sent_total", Kind: Counter, Labels: []string{LabelStream},
		Help: "Events or verdicts sent to WebSocket clients.",
	}
	APIDropped = Metric{
		Name: "helios_api_stream_messages_dropped_total", Kind: Counter, Labels: []string{LabelStream},
		Help: "Events or verdicts that a WebSocket client lost because it read too slowly.",
	}
	APISampled = Metric{
		Name: "helios_api_stream_messages_sampled_total", Kind: Counter, Labels: []string{LabelStream},
		Help: "Events or verdicts counted but not sent, since a WebSocket client asked for fewer or the document is too large.",
	}
	APIUnreadable = Metric{
		Name: "helios_api_stream_messages_unreadable_total", Kind: Counter, Labels: []string{LabelStream},
		Help: "Records of the log that are no JSON and that no WebSocket client was sent.",
	}
	APIDependencyUp = Metric{
		Name: "helios_api_dependency_up", Kind: Gauge, Labels: []string{LabelDependency},
		Help: "1 while the API reaches what it depends on, else 0.",
	}
)

// API lists the metrics of the HTTP API.
func API() []Metric {
	return []Metric{APIRequests, APIRequestLatency, APIClients, APISent, APIDropped, APISampled, APIUnreadable, APIDependencyUp}
}

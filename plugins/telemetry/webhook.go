package telemetry

// Labels of the input helios_webhook. A sender is a path of the configuration,
// or "unknown" for a request to any other; codes are HTTP statuses that the
// input answers; reasons and kinds are lists of its own.
const (
	LabelSender    = "sender"
	LabelCode      = "code"
	LabelHandshake = "handshake"
)

// Metrics of the input helios_webhook.
var (
	WebhookRequests = Metric{
		Name: "helios_webhook_requests_total", Kind: Counter,
		Help:   "Requests by sender and the status they were answered with; 200 means that the event is durable, or a handshake.",
		Labels: []string{LabelSender, LabelCode},
	}
	WebhookRefused = Metric{
		Name: "helios_webhook_refused_total", Kind: Counter,
		Help:   "Requests that were not answered with success, by sender and reason.",
		Labels: []string{LabelSender, LabelReason},
	}
	WebhookHandshakes = Metric{
		Name: "helios_webhook_handshakes_total", Kind: Counter,
		Help:   "Handshakes that were answered with success: validations, confirmations and ends of subscriptions.",
		Labels: []string{LabelSender, LabelHandshake},
	}
	WebhookLatency = Metric{
		Name: "helios_webhook_delivery_seconds", Kind: Histogram,
		Help:   "Time from a request's headers to the acknowledgement of its event.",
		Labels: []string{LabelSender},
	}
	WebhookInFlight = Metric{
		Name: "helios_webhook_in_flight_requests", Kind: Gauge,
		Help: "Requests that are being read, verified or waiting for the acknowledgement of their event.",
	}
	WebhookBuffered = Metric{
		Name: "helios_webhook_buffered_bytes", Kind: Gauge,
		Help: "Memory held by the bodies of requests until their events are acknowledged.",
	}
	WebhookConnectionsRefused = Metric{
		Name: "helios_webhook_connections_refused_total", Kind: Counter,
		Help: "Connections closed because there were too many.",
	}
	WebhookKeyFetches = Metric{
		Name: "helios_webhook_key_fetches_total", Kind: Counter,
		Help:   "Fetches of signing keys and certificates by sender and result (fetched, failed).",
		Labels: []string{LabelSender, LabelResult},
	}
	WebhookCertificateLoads = Metric{
		Name: "helios_webhook_certificate_loads_total", Kind: Counter,
		Help:   "Loads of the listener's changed certificate by result (loaded, failed); after a failure the former one stays in use.",
		Labels: []string{LabelResult},
	}
	WebhookCertificateExpiry = Metric{
		Name: "helios_webhook_certificate_expiry_timestamp_seconds", Kind: Gauge,
		Help: "When the listener's certificate in use, or one of its chain, expires first (Unix seconds); 0 without one.",
	}
)

// Webhook lists the metrics of the input helios_webhook.
func Webhook() []Metric {
	return []Metric{
		WebhookRequests, WebhookRefused, WebhookHandshakes, WebhookLatency, WebhookInFlight,
		WebhookBuffered, WebhookConnectionsRefused, WebhookKeyFetches, WebhookCertificateLoads,
		WebhookCertificateExpiry,
	}
}

// Package webhook registers the input helios_webhook: the one HTTP listener for
// all services that push events. Who sends what, and how it is proven, is in a
// file for each sender and each kind of proof; they know nothing of the listener.
package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	whFieldAddress        = "address"
	whFieldPaths          = "paths"
	whFieldTLS            = "tls"
	whFieldCertFile       = "cert_file"
	whFieldKeyFile        = "key_file"
	whFieldMaxBody        = "max_body_bytes"
	whFieldMaxHeader      = "max_header_bytes"
	whFieldMaxBuffered    = "max_buffered_bytes"
	whFieldMaxInFlight    = "max_in_flight"
	whFieldMaxConnections = "max_connections"
	whFieldHeaderTimeout  = "header_timeout"
	whFieldBodyTimeout    = "body_timeout"
	whFieldIdleTimeout    = "idle_timeout"
	whFieldRetryAfter     = "retry_after"
)

func inputSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Categories("Helios").
		Summary("Receives events that clouds push over HTTP, authenticated, and answers success only when they are durable.").
		Description(inputDescription).
		Fields(
			service.NewStringField(whFieldAddress).
				Description("Where to listen. Port 0 takes a free one, which is logged.").
				Default("0.0.0.0:4196").Example("127.0.0.1:4196"),
			service.NewObjectListField(whFieldPaths, pathFields()...).
				Description("Who may push, and where to."),
			service.NewObjectField(whFieldTLS,
				service.NewStringField(whFieldCertFile).Description("The certificate with its chain, in PEM. Empty: plain HTTP, for a proxy that ends TLS.").Default(""),
				service.NewStringField(whFieldKeyFile).Description("Its private key, in PEM.").Default(""),
			).Description("The listener's certificate. The files are read again when they change."),
			service.NewIntField(whFieldMaxBody).Description("The largest body, as it comes and decompressed; larger ones are answered 413. Event Grid never retries that.").Default(16<<20).Advanced(),
			service.NewIntField(whFieldMaxHeader).Description("The largest headers of a request; larger ones are answered 431.").Default(32<<10).Advanced(),
			service.NewIntField(whFieldMaxBuffered).Description("Memory for the bodies of all requests together, until their events are acknowledged; beyond that requests are answered 503.").Default(256<<20).Advanced(),
			service.NewIntField(whFieldMaxInFlight).Description("Requests that have been read and are worked on or wait for an acknowledgement; beyond that they are answered 503.").Default(4096).Advanced(),
			service.NewIntField(whFieldMaxConnections).Description("Open connections; further ones are closed at once.").Default(16384).Advanced(),
			service.NewDurationField(whFieldHeaderTimeout).Description("The longest time that a request's headers may take.").Default("5s").Advanced(),
			service.NewDurationField(whFieldBodyTimeout).Description("The longest time that a request's body may take.").Default("10s").Advanced(),
			service.NewDurationField(whFieldIdleTimeout).Description("How long a connection is kept for another request.").Default("2m").Advanced(),
			service.NewDurationField(whFieldRetryAfter).Description("The `Retry-After` of answers with 503.").Default("5s").Advanced(),
		).
		Example("Event Grid and EventBridge", "Event Grid with tokens of Entra, and an API destination with a key. helios_canonical turns what arrives into canonical events.", `
input:
  helios_webhook:
    address: 0.0.0.0:8443
    tls:
      cert_file: /etc/helios/tls.crt
      key_file: /etc/helios/tls.key
    paths:
      - path: /azure/orders
        name: azure-orders
        sender: event_grid
        event_grid:
          subscriptions: [ orders-to-helios ]
        auth:
          entra:
            tenant_id: ${AZURE_TENANT_ID}
            audiences: [ "${HELIOS_AZURE_AUDIENCE}" ]
      - path: /aws/orders
        name: aws-orders
        sender: api_destination
        api_destination:
          accounts: [ "123456789012" ]
        auth:
          api_key:
            header: x-api-key
            keys: [ "${HELIOS_AWS_API_KEY}" ]
pipeline:
  processors:
    - helios_canonical: {}
`).
		Example("Pub/Sub, SNS and a signed webhook", "Three more senders on the same listener.", `
input:
  helios_webhook:
    paths:
      - path: /gcp/orders
        sender: pubsub_push
        auth:
          google:
            audiences: [ "https://helios.example.com/gcp/orders" ]
            emails: [ pusher@shop.iam.gserviceaccount.com ]
      - path: /aws/topics
        sender: sns
        sns:
          topics: [ "arn:aws:sns:eu-central-1:123456789012:orders" ]
      - path: /shop
        sender: hmac
        rate_limit:
          per_second: 500
        auth:
          hmac:
            header: X-Signature
            signed: "{timestamp}.{body}"
            timestamp_header: X-Timestamp
            secrets: [ "${HELIOS_WEBHOOK_SECRET}" ]
`)
}

const inputDescription = `
Every path has one sender and one proof of who it is. A request is authenticated, read, handed to the pipeline as a batch of its own, and answered when the pipeline has settled that batch:

- 200 when the batch was acknowledged, that is when the output has it;
- 503 with ` + "`Retry-After`" + ` when it was refused, when that took longer than the path's ` + "`patience`" + `, when the pipeline takes no more, when the input stops, when the keys to check a signature can't be fetched, and instead of 408 where the sender takes that for final (SNS, API destinations). The sender tries again; an event that became durable after all is then a duplicate;
- 429 with ` + "`Retry-After`" + ` beyond the path's ` + "`rate_limit`" + `;
- 401 and 403 when it is not authenticated or not allowed, 400 when it is malformed, 413, 415, 408, 404 and 405 as in HTTP. Senders take most of these for final.

The answer's text is the reason, which is also a label of ` + "`helios_webhook_refused_total`" + `; the detail is logged, once a minute for each sender and reason. Secrets and tokens are never logged.

Handshakes are answered here and are no events: Event Grid's validation (its validation URL is never fetched), the ` + "`OPTIONS`" + ` request of CloudEvents webhooks, and the confirmation of SNS subscriptions, each only for what is listed.

An event's body is passed on as it came, decompressed, with the metadata ` + "`helios_sender`, `helios_sender_kind`, `content-type`, `traceparent`, the `ce-` headers" + ` of CloudEvents in binary mode, and ` + "`gcp_pubsub_message_id`, `gcp_pubsub_publish_time_unix` and `gcp_pubsub_ordering_key`" + ` of unwrapped Pub/Sub messages. ` + "`helios_canonical`" + ` reads all of these.

What an output drops on purpose counts as acknowledged. An output that may fail for one event for ever needs a ` + "`fallback`" + ` to dead letters, or the sender repeats it until it gives up.

How to set up each cloud is described in docs/webhooks.md.`

func newInputFromConfig(conf *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
	report := newReporter(res, time.Now)
	env := environment{transport: http.DefaultTransport, now: time.Now, fetched: report.keysFetched}
	return newInput(conf, report, env)
}

func newInput(conf *service.ParsedConfig, report *reporter, env environment) (*input, error) {
	lim, err := limitsFromConfig(conf)
	if err != nil {
		return nil, err
	}
	address, err := conf.FieldString(whFieldAddress)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w; it takes a host and a port, for example 0.0.0.0:8443", whFieldAddress, address, err)
	}
	routes, err := routesFromConfig(conf, lim, env)
	if err != nil {
		return nil, err
	}
	for _, r := range routes {
		report.begin(r.name)
		if r.header == nil && r.body == nil && r.kind != kindSNS {
			report.log.Warnf("%s: anonymous is set: everybody who reaches %s can send events.", r.name, r.path)
		}
	}
	certificate, err := certificateFromConfig(conf, report, env)
	if err != nil {
		return nil, err
	}
	return &input{address: address, certificate: certificate, report: report, handler: &handler{
		limits: lim, routes: routes, exchange: newExchange(), memory: &allowance{max: lim.maxBuffered},
		slots: make(chan struct{}, lim.maxInFlight), now: env.now, report: report,
	}}, nil
}

func certificateFromConfig(conf *service.ParsedConfig, report *reporter, env environment) (*serverCertificate, error) {
	cert, err := conf.FieldString(whFieldTLS, whFieldCertFile)
	if err != nil {
		return nil, err
	}
	key, err := conf.FieldString(whFieldTLS, whFieldKeyFile)
	if err != nil {
		return nil, err
	}
	switch {
	case cert == "" && key == "":
		return nil, nil
	case cert == "" || key == "":
		return nil, fmt.Errorf("%s: %s is %q and %s is %q; give both, or neither for plain HTTP", whFieldTLS, whFieldCertFile, cert, whFieldKeyFile, key)
	}
	return newServerCertificate(cert, key, env.now, report.certificateLoaded)
}

func limitsFromConfig(conf *service.ParsedConfig) (l limits, err error) {
	integer := func(field string, least int) int {
		n, e := conf.FieldInt(field)
		if e == nil && n < least {
			e = fmt.Errorf("%s is %d; at least %d is required", field, n, least)
		}
		err = errors.Join(err, e)
		return n
	}
	duration := func(field string) time.Duration {
		d, e := conf.FieldDuration(field)
		if e == nil && d <= 0 {
			e = fmt.Errorf("%s is %v; it must be positive, for example 5s", field, d)
		}
		err = errors.Join(err, e)
		return d
	}
	l = limits{
		maxBody: int64(integer(whFieldMaxBody, 1)), maxHeader: integer(whFieldMaxHeader, 1024), maxBuffered: int64(integer(whFieldMaxBuffered, 64<<10)),
		maxInFlight: integer(whFieldMaxInFlight, 1), maxConnections: integer(whFieldMaxConnections, 1),
		headerTimeout: duration(whFieldHeaderTimeout), bodyTimeout: duration(whFieldBodyTimeout),
		idleTimeout: duration(whFieldIdleTimeout), retryAfter: duration(whFieldRetryAfter),
	}
	if err == nil && l.maxBuffered < l.maxBody {
		err = fmt.Errorf("%s is %d and %s is %d; memory for at least one body is required", whFieldMaxBuffered, l.maxBuffered, whFieldMaxBody, l.maxBody)
	}
	return l, err
}

func init() {
	service.MustRegisterBatchInput("helios_webhook", inputSpec(), newInputFromConfig)
}

package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

const (
	headerRequestOrigin = "Webhook-Request-Origin"
	headerAllowedOrigin = "WebHook-Allowed-Origin"
	headerAllowedRate   = "WebHook-Allowed-Rate"

	ceHeaderPrefix  = "Ce-" // as net/http spells it
	structuredJSON  = "application/cloudevents+json"
	batchJSON       = "application/cloudevents-batch+json"
	cloudEventsType = "application/cloudevents"
)

// cloudEvents receives CloudEvents 1.0 by the HTTP protocol binding
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md)
// and answers the handshake of the webhook specification
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md).
// The callback that a handshake may name is never called.
type cloudEvents struct {
	origins allowList // folded, since they are DNS names
	rate    float64   // requests a second; 0 without a limit
}

// options answers the handshake, section 4 of the webhook specification. It is
// no authentication: the deliveries themselves are authenticated.
func (c *cloudEvents) options(r *http.Request) (received, error) {
	origin := strings.TrimSpace(r.Header.Get(headerRequestOrigin))
	if origin == "" || len(r.Header.Values(headerRequestOrigin)) > 1 {
		return received{}, refuse(http.StatusBadRequest, malformed, "the header %s is absent or stands twice", headerRequestOrigin)
	}
	if !c.origins.holds(origin) {
		return received{}, refuse(http.StatusForbidden, notAllowed, "%s is %s, which %s does not list", headerRequestOrigin, shorten(origin), ceFieldOrigins)
	}
	return received{handshake: preflight, header: http.Header{
		// The specification's spelling; receivers must not care, some do.
		headerAllowedOrigin: {origin},
		headerAllowedRate:   {c.allowedRate()},
		"Allow":             {http.MethodPost},
	}}, nil
}

// allowedRate is in requests a minute, section 4.2.2.
func (c *cloudEvents) allowedRate() string {
	if c.rate == 0 {
		return "*"
	}
	return strconv.Itoa(max(1, int(c.rate*60)))
}

func (c *cloudEvents) receive(_ context.Context, r *http.Request, body []byte) (received, error) {
	kind, err := mediaType(r)
	if err != nil {
		return received{}, err
	}
	switch {
	case kind == structuredJSON:
		return received{}, startsWith(body, '{', "an event in structured mode is a JSON object")
	case kind == batchJSON:
		return received{}, startsWith(body, '[', "a batch of events is a JSON array")
	case strings.HasPrefix(kind, cloudEventsType):
		return received{}, refuse(http.StatusUnsupportedMediaType, unknownFormat,
			"Content-Type is %s; %s, %s and binary mode are known", shorten(kind), structuredJSON, batchJSON)
	}
	attributes := ceHeaders(r.Header)
	if len(attributes) == 0 {
		return received{}, refuse(http.StatusUnsupportedMediaType, unknownFormat,
			"Content-Type is %s and there are no ce- headers: this is no CloudEvent", shorten(kind))
	}
	for _, name := range []string{"Ce-Specversion", "Ce-Id", "Ce-Source", "Ce-Type"} {
		if r.Header.Get(name) == "" {
			return received{}, refuse(http.StatusBadRequest, malformed, "binary mode: the header %s is absent or empty", strings.ToLower(name))
		}
	}
	for _, a := range attributes {
		if len(r.Header.Values(a.name)) > 1 {
			return received{}, refuse(http.StatusBadRequest, malformed, "binary mode: the header %s stands twice", shorten(a.name))
		}
	}
	return received{metadata: attributes}, nil
}

// mediaType returns the content type in small letters without its parameters,
// or "". JSON is UTF-8 (RFC 8259, section 8.1); no other charset is read.
func mediaType(r *http.Request) (string, error) {
	given := r.Header.Get("Content-Type")
	if given == "" {
		return "", nil
	}
	kind, parameters, err := mime.ParseMediaType(given)
	if err != nil {
		return "", refuse(http.StatusUnsupportedMediaType, unknownFormat, "Content-Type is %s: %v", shorten(given), err)
	}
	charset, ok := parameters["charset"]
	if ok && strings.HasPrefix(kind, cloudEventsType) && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return "", refuse(http.StatusUnsupportedMediaType, unknownFormat, "charset is %s; utf-8 is read", shorten(charset))
	}
	return kind, nil
}

func startsWith(body []byte, first byte, want string) error {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != first || !json.Valid(body) {
		return refuse(http.StatusBadRequest, malformed, "%s", want)
	}
	return nil
}

// ceHeaders returns the attributes of an event in binary mode as metadata. Their
// values stay percent-encoded, as helios_canonical expects of the names ce-….
func ceHeaders(h http.Header) (attributes []metadata) {
	for name, values := range h {
		if len(name) > len(ceHeaderPrefix) && strings.HasPrefix(name, ceHeaderPrefix) && len(values) > 0 {
			attributes = append(attributes, metadata{strings.ToLower(name), values[0]})
		}
	}
	return attributes
}

package webhook

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	_ "github.com/helios-connect/helios/plugins/canonical"
)

func request(method, body string, h headers) *http.Request {
	r, err := http.NewRequest(method, "http://x/", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	for name, value := range h {
		r.Header[http.CanonicalHeaderKey(name)] = []string{value}
	}
	return r
}

const cloudEventsPath = `
paths:
  - path: /ce
    sender: cloudevents
    cloudevents: {origins: [eventgrid.azure.net]}
    auth: {api_key: {header: x-api-key, keys: [k]}}
  - path: /limited
    sender: cloudevents
    cloudevents: {origins: ["*"]}
    rate_limit: {per_second: 2}
    auth: {anonymous: true}
`

func TestOptionsGrantsListedOriginsPermission(t *testing.T) {
	d := open(t, nil, cloudEventsPath)
	a := d.do("OPTIONS", "/ce", "", headers{"WebHook-Request-Origin": "EventGrid.azure.net", "WebHook-Request-Callback": "http://127.0.0.1:1/x", "WebHook-Request-Rate": "100"})
	require.Equal(t, 200, a.status)
	require.Equal(t, "EventGrid.azure.net", a.header.Get("WebHook-Allowed-Origin"))
	require.Equal(t, "*", a.header.Get("WebHook-Allowed-Rate"))
	require.Equal(t, "POST", a.header.Get("Allow"))
	a = d.do("OPTIONS", "/limited", "", headers{"WebHook-Request-Origin": "any.example.com"})
	require.Equal(t, "120", a.header.Get("WebHook-Allowed-Rate"), "requests a minute")

	a = d.do("OPTIONS", "/ce", "", headers{"WebHook-Request-Origin": "evil.example.com"})
	refused(t, a, 403, notAllowed)
	require.Empty(t, a.header.Get("WebHook-Allowed-Origin"))
	refused(t, d.do("OPTIONS", "/ce", "", nil), 400, malformed)
	refused(t, d.do("GET", "/ce", "", nil), 405, wrongMethod)
	refused(t, d.do("POST", "/nowhere", "", nil), 404, unknownPath)
}

func TestMediaTypesOfCloudEvents(t *testing.T) {
	event := `{"specversion":"1.0","type":"com.example.order","id":"1","source":"/s","data":{}}`
	binary := headers{"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}
	d := open(t, nil, cloudEventsPath)
	for name, c := range map[string]struct {
		kind, body string
		status     int
		binary     bool
	}{
		"structured":                {"application/cloudevents+json", event, 200, false},
		"with a charset":            {"application/cloudevents+json; charset=utf-8", event, 200, false},
		"in capitals":               {"Application/CloudEvents+JSON; Charset=UTF-8", event, 200, false},
		"in another charset":        {"application/cloudevents+json; charset=utf-16", event, 415, false},
		"a batch":                   {"application/cloudevents-batch+json", "[" + event + "]", 200, false},
		"an empty batch":            {"application/cloudevents-batch+json", "[]", 200, false},
		"a batch that is none":      {"application/cloudevents-batch+json", event, 400, false},
		"an array, structured":      {"application/cloudevents+json", "[" + event + "]", 400, false},
		"broken":                    {"application/cloudevents+json", event[1:], 400, false},
		"avro":                      {"application/cloudevents+avro", "x", 415, false},
		"avro with ce headers":      {"application/cloudevents+avro", "x", 415, true},
		"a batch in protobuf":       {"application/cloudevents-batch+protobuf", "x", 415, false},
		"json that is no event":     {"application/json", event, 415, false},
		"no type at all":            {"", event, 415, false},
		"a broken type":             {"application/", event, 415, false},
		"binary":                    {"application/json", `{}`, 200, true},
		"binary of another type":    {"text/plain", `hello`, 200, true},
		"binary without a type":     {"", ``, 200, true},
		"binary in another charset": {"text/plain; charset=latin1", `h`, 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := headers{"x-api-key": "k"}
			if c.kind != "" {
				h["Content-Type"] = c.kind
			}
			if c.binary {
				for n, v := range binary {
					h[n] = v
				}
			}
			a := d.post("/ce", c.body, h)
			require.Equal(t, c.status, a.status, a.body)
		})
	}
	for missing := range binary {
		h := headers{"x-api-key": "k", "Content-Type": "application/json"}
		for n, v := range binary {
			if n != missing {
				h[n] = v
			}
		}
		refused(t, d.post("/ce", `{}`, h), 400, malformed)
	}
}

// TestOriginsAreTakenWhole: no list of origins, no pattern and no second header
// gets permission along with a listed one.
func TestOriginsAreTakenWhole(t *testing.T) {
	called := 0
	callback := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called++ }))
	defer callback.Close()
	d := open(t, nil, cloudEventsPath)
	for _, origin := range []string{"eventgrid.azure.net, evil.com", "evil.com, eventgrid.azure.net", "*", "https://eventgrid.azure.net", "eventgrid.azure.net.evil.com", "xeventgrid.azure.net", "null"} {
		a := d.do("OPTIONS", "/ce", "", headers{"WebHook-Request-Origin": origin, "WebHook-Request-Callback": callback.URL})
		refused(t, a, 403, notAllowed)
		require.Empty(t, a.header.Get("WebHook-Allowed-Origin"))
	}
	req, err := http.NewRequest("OPTIONS", d.base+"/ce", nil)
	require.NoError(t, err)
	req.Header["Webhook-Request-Origin"] = []string{"eventgrid.azure.net", "evil.com"}
	refused(t, d.send(req), 400, malformed)
	a := d.do("OPTIONS", "/ce", "", headers{"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Callback": callback.URL})
	require.Equal(t, 200, a.status)
	require.Zero(t, called, "the callback is an URL from a stranger")
	refused(t, d.do("OPTIONS", "/nowhere", "", headers{"WebHook-Request-Origin": "eventgrid.azure.net"}), 404, unknownPath)
	require.Empty(t, d.events())
}

func TestAnAttributeThatStandsTwiceIsRefused(t *testing.T) {
	d := open(t, nil, cloudEventsPath)
	for _, twice := range []string{"Ce-Id", "Ce-Subject"} {
		req := request("POST", `{}`, headers{"x-api-key": "k", "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t", "Content-Type": "application/json"})
		req.URL.Host, req.URL.Path = strings.TrimPrefix(d.base, "http://"), "/ce"
		req.Header[twice] = []string{"1", "2"}
		refused(t, d.send(req), 400, malformed)
	}
	require.Empty(t, d.events())
}

// TestOneBadElementIsNotTheBatches: the others are events, and the bad one goes on
// flagged, to dead letters.
func TestOneBadElementIsNotTheBatches(t *testing.T) {
	d := open(t, nil, cloudEventsPath)
	event := func(id string) string {
		return `{"specversion":"1.0","type":"com.example.order","id":"` + id + `","source":"/s","time":"2026-01-02T03:04:05Z","data":{}}`
	}
	body := "[" + event("1") + `,{"specversion":"1.0","id":"2"},7,` + event("3") + "]"
	require.Equal(t, 200, d.post("/ce", body, headers{"x-api-key": "k", "Content-Type": "application/cloudevents-batch+json"}).status)
	var ids, bad []string
	for _, m := range canonicalProcessor(t)(d.events()[0]) {
		if m.GetError() != nil {
			bad = append(bad, bodyOf(t, m))
			continue
		}
		doc, err := m.AsStructured()
		require.NoError(t, err)
		ids = append(ids, doc.(map[string]any)["id"].(string))
	}
	require.Equal(t, []string{"1", "3"}, ids)
	require.Equal(t, []string{`{"specversion":"1.0","id":"2"}`, "7"}, bad)
}

// TestTextThatIsNoUTF8 comes out as an event in UTF-8 or flagged, never as broken
// JSON.
func TestTextThatIsNoUTF8(t *testing.T) {
	d := open(t, nil, cloudEventsPath)
	canonical := canonicalProcessor(t)
	binary := headers{"x-api-key": "k", "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-time": "2026-01-02T03:04:05Z", "Content-Type": "application/json"}
	for n, c := range []struct {
		kind, body string
		more       headers
	}{
		{"application/cloudevents+json", "{\"specversion\":\"1.0\",\"type\":\"t\",\"id\":\"\xff\",\"source\":\"/s\",\"data\":{}}", nil},
		{"application/json", "{\"a\":\"\xff\"}", binary},
		{"text/plain; charset=latin1", "gr\xfc\xdfe", binary},
		{"application/json", "{}", headers{"ce-subject": "%FF%zz"}},
		{"application/json", "{}", headers{"ce-subject": "caf\xe9"}},
		{"application/json", "{}", headers{"ce-subject": "a%00b%0Ac%22"}},
	} {
		h := headers{}
		for _, from := range []headers{binary, c.more, {"Content-Type": c.kind}} {
			for name, value := range from {
				h[name] = value
			}
		}
		require.Equal(t, 200, d.post("/ce", c.body, h).status)
		for _, m := range canonical(d.events()[n]) {
			if m.GetError() == nil {
				require.True(t, utf8.ValidString(bodyOf(t, m)), n)
				require.True(t, json.Valid([]byte(bodyOf(t, m))), n)
			}
		}
	}
}

// TestCanonicalConvertsWhatArrives sends the events of the conformance features
// in each mode, and has helios_canonical convert what comes out.
func TestCanonicalConvertsWhatArrives(t *testing.T) {
	d := open(t, nil, cloudEventsPath+`
  - path: /push
    sender: pubsub_push
    auth: {anonymous: true}
`)
	structured := `{"specversion":"1.0","type":"com.example.someevent","time":"2018-04-05T03:56:24Z","id":"1234-1234-1234","source":"/mycontext/subcontext","datacontenttype":"application/json","data":{"message":"Hello World!"}}`
	data := `{"message":"Hello World!"}`
	binary := headers{"ce-specversion": "1.0", "ce-type": "com.example.someevent", "ce-time": "2018-04-05T03:56:24Z", "ce-id": "1234-1234-1234", "ce-source": "/mycontext/subcontext"}
	with := func(h headers, more ...string) headers {
		out := headers{"x-api-key": "k"}
		for n, v := range h {
			out[n] = v
		}
		for i := 0; i < len(more); i += 2 {
			out[more[i]] = more[i+1]
		}
		return out
	}
	for _, send := range []struct {
		path, body string
		h          headers
	}{
		{"/ce", structured, with(nil, "Content-Type", "application/cloudevents+json; charset=utf-8")},
		{"/ce", "[" + structured + "]", with(nil, "Content-Type", "APPLICATION/cloudevents-batch+json")},
		{"/ce", data, with(binary, "Content-Type", "application/json; charset=utf-8")},
		{"/ce", data, with(binary, "Content-Type", "application/json", "ce-subject", "Euro%20%E2%82%AC")},
		{"/push", data, with(binary, "Content-Type", "application/json", "x-goog-pubsub-message-id", "m1", "x-goog-pubsub-subscription-name", "projects/p/subscriptions/s", "x-goog-pubsub-publish-time", "2026-01-02T03:04:05Z")},
	} {
		require.Equal(t, 200, d.post(send.path, send.body, send.h).status)
	}
	canonical := canonicalProcessor(t)
	for i, m := range d.events() {
		out := canonical(m)
		require.Len(t, out, 1)
		require.NoError(t, out[0].GetError())
		doc, err := out[0].AsStructured()
		require.NoError(t, err)
		event := doc.(map[string]any)
		require.Equal(t, "1234-1234-1234", event["id"], i)
		require.Equal(t, "com.example.someevent", event["type"])
		require.Equal(t, "/mycontext/subcontext", event["source"])
		require.Equal(t, map[string]any{"message": "Hello World!"}, event["data"])
		if i == 3 {
			require.Equal(t, "Euro €", event["subject"])
		}
	}
	require.Len(t, d.events(), 5)
}

// canonicalProcessor returns the processor as a pipeline would run it.
func canonicalProcessor(t *testing.T) func(*service.Message) service.MessageBatch {
	t.Helper()
	spec := service.NewConfigSpec().Field(service.NewProcessorField("p"))
	conf, err := spec.ParseYAML("p: {helios_canonical: {correlation: [{paths: [id]}]}}", nil)
	require.NoError(t, err)
	p, err := conf.FieldProcessor("p")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close(t.Context())) })
	return func(m *service.Message) service.MessageBatch {
		out, err := p.Process(t.Context(), m)
		require.NoError(t, err)
		return out
	}
}

func TestPubSubPushes(t *testing.T) {
	d := open(t, nil, `
paths:
  - path: /push
    sender: pubsub_push
    pubsub_push: {subscriptions: [projects/p/subscriptions/s]}
    auth: {anonymous: true}
`)
	wrapped := `{"message":{"data":"e30=","messageId":"1","publishTime":"2026-01-02T03:04:05Z"},"subscription":"projects/p/subscriptions/s"}`
	require.Equal(t, 200, d.post("/push", wrapped, nil).status)
	require.Equal(t, wrapped, bodyOf(t, d.events()[0]))
	refused(t, d.post("/push", strings.Replace(wrapped, "/s\"", "/x\"", 1), nil), 403, notAllowed)
	refused(t, d.post("/push", strings.Replace(wrapped, `"subscription"`, `"subscription":"projects/p/subscriptions/s","subscription"`, 1), nil), 400, malformed)
	refused(t, d.post("/push", `{}`, nil), 403, notAllowed)
	refused(t, d.post("/push", `hello`, nil), 400, malformed)
	refused(t, d.post("/push", `hello`, headers{"x-goog-pubsub-message-id": "1"}), 403, notAllowed)
	require.Equal(t, 200, d.post("/push", `hello`, headers{
		"x-goog-pubsub-message-id": "7", "x-goog-pubsub-subscription-name": "projects/p/subscriptions/s", "x-goog-pubsub-ordering-key": "o",
		"x-goog-pubsub-publish-time": "2026-01-02T03:04:05.5Z"}).status)
	m := d.events()[1]
	for name, want := range map[string]string{"gcp_pubsub_message_id": "7", "gcp_pubsub_ordering_key": "o", "gcp_pubsub_publish_time_unix": "1767323045"} {
		got, _ := m.MetaGet(name)
		require.Equal(t, want, got, name)
	}
}

func TestAPIDestinations(t *testing.T) {
	d := open(t, nil, `
paths:
  - path: /aws
    sender: api_destination
    api_destination: {accounts: ["111122223333"], sources: [com.example.shop]}
    auth: {basic: {username: bus, passwords: [s3cret]}}
  - path: /any
    sender: api_destination
    auth: {api_key: {header: X-Api-Key, keys: [k]}}
`)
	event := `{"version":"0","id":"1","detail-type":"Order","source":"com.example.shop","account":"111122223333","detail":{}}`
	ok := headers{"Authorization": "Basic YnVzOnMzY3JldA=="}
	require.Equal(t, 200, d.post("/aws", event, ok).status)
	for _, forged := range []string{
		strings.Replace(event, "111122223333", "999", 1), strings.Replace(event, "com.example.shop", "aws.s3", 1),
		strings.Replace(event, `"account"`, `"Account"`, 1), `{}`,
	} {
		refused(t, d.post("/aws", forged, ok), 403, notAllowed)
	}
	refused(t, d.post("/aws", strings.Replace(event, `"detail":`, `"account":"999","detail":`, 1), ok), 400, malformed)
	refused(t, d.post("/aws", `[]`, ok), 400, malformed)
	refused(t, d.post("/aws", event, headers{"Authorization": "Basic YnVzOnMzY3JldDE="}), 401, wrongCredentials)
	refused(t, d.post("/aws", event, headers{"Authorization": "Basic Ym9zOnMzY3JldA=="}), 401, wrongCredentials)
	refused(t, d.post("/aws", event, nil), 401, noCredentials)
	require.Equal(t, 200, d.post("/any", `{"made":"by a transformer"}`, headers{"x-api-key": "k"}).status)
	refused(t, d.post("/any", `{`, headers{"x-api-key": "k"}), 400, malformed)
	refused(t, d.post("/any", `{}`, headers{"x-api-key": ""}), 401, noCredentials)
	require.Len(t, d.events(), 2)
}

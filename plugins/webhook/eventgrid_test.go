package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

const gridPath = `
paths:
  - path: /grid
    sender: event_grid
    event_grid: {subscriptions: [Orders-To-Helios]}
    auth: {api_key: {query: code, keys: [old-key, new-key]}}
`

const grid = "/grid?code=new-key"

// sample reads a file of the shared samples.
func sample(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "cloud-events", name))
	if os.IsNotExist(err) {
		t.Skipf("the sample %s is not there", name)
	}
	require.NoError(t, err)
	return string(raw)
}

func TestEventGridIsValidatedForListedSubscriptionsOnly(t *testing.T) {
	d := open(t, nil, gridPath)
	body := sample(t, "azure/arcus-eventgrid/SubscriptionValidationEvent.json")
	code := "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"
	for _, name := range []string{"orders-to-helios", "ORDERS-TO-HELIOS"} {
		a := d.post(grid, body, headers{"aeg-event-type": "SubscriptionValidation", "aeg-subscription-name": name})
		require.Equal(t, 200, a.status)
		require.JSONEq(t, `{"validationResponse": "`+code+`"}`, a.body)
		require.Equal(t, "application/json", a.header.Get("Content-Type"))
	}
	a := d.post(grid, body, headers{"aeg-subscription-name": "orders-to-helios"})
	require.Equal(t, 200, a.status, "a proxy may have removed the type's header")
	mutated := strings.ReplaceAll(body, code, `a"\u00e9<&>`)
	a = d.post(grid, strings.ReplaceAll(body, code, `a\"é<&>`), headers{"aeg-event-type": "subscriptionvalidation", "aeg-subscription-name": "orders-to-helios"})
	var out map[string]string
	require.NoError(t, json.Unmarshal([]byte(a.body), &out))
	require.Equal(t, map[string]string{"validationResponse": `a"é<&>`}, out)

	refused(t, d.post(grid, body, headers{"aeg-event-type": "SubscriptionValidation", "aeg-subscription-name": "other"}), 403, notAllowed)
	refused(t, d.post(grid, body, headers{"aeg-event-type": "SubscriptionValidation"}), 403, notAllowed)
	refused(t, d.post(grid, mutated, headers{"aeg-event-type": "SubscriptionValidation", "aeg-subscription-name": "orders-to-helios"}), 400, malformed)
	named := headers{"aeg-event-type": "SubscriptionValidation", "aeg-subscription-name": "orders-to-helios"}
	for _, bad := range []string{`[]`, `{}`, `[{"eventType":"x"}]`, `null`, `"x"`, `[null]`, `[1]`,
		`[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent"}]`,
		`[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":7}}]`,
		`[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":""}}]`, strings.TrimRight(body, " \n\r]")} {
		refused(t, d.post(grid, bad, named), 400, malformed)
	}
	require.Empty(t, d.events(), "handshakes are no events")
}

func TestEventGridNeedsItsKeyForEverything(t *testing.T) {
	d := open(t, nil, gridPath)
	body := sample(t, "azure/arcus-eventgrid/SubscriptionValidationEvent.json")
	h := headers{"aeg-event-type": "SubscriptionValidation", "aeg-subscription-name": "orders-to-helios"}
	refused(t, d.post("/grid", body, h), 401, noCredentials)
	refused(t, d.post("/grid?code=newkey", body, h), 401, wrongCredentials)
	refused(t, d.post("/grid?code=wrong", `[]`, headers{"aeg-event-type": "Notification"}), 401, wrongCredentials)
	require.Equal(t, 200, d.post("/grid?code=old-key", body, h).status, "the former key, until it is withdrawn")
	require.Empty(t, d.events())
}

func TestEventGridEventsArePassedOnAsTheyCame(t *testing.T) {
	d := open(t, nil, gridPath)
	h := headers{"aeg-event-type": "Notification", "aeg-subscription-name": "ORDERS-TO-HELIOS", "Content-Type": "application/json; charset=utf-8"}
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "data", "cloud-events", "azure", "*", "*.json"))
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("the Azure samples are not there")
	}
	sent := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		if !json.Valid(raw) || strings.Contains(file, "SubscriptionValidation") {
			continue
		}
		require.Equal(t, 200, d.post(grid, string(raw), h).status, file)
		got := d.events()
		require.Equal(t, string(raw), bodyOf(t, got[sent]))
		name, _ := got[sent].MetaGet(metaSender)
		require.Equal(t, "/grid", name)
		sent++
	}
	require.NotZero(t, sent)
	refused(t, d.post(grid, `[{]`, h), 400, malformed)
	h["aeg-subscription-name"] = "somebody-else"
	refused(t, d.post(grid, `[]`, h), 403, notAllowed)
	require.Len(t, d.events(), sent)
}

func TestTheEndOfAnEventGridSubscriptionIsNoEvent(t *testing.T) {
	d := open(t, nil, gridPath)
	body := `[{"eventType":"Microsoft.EventGrid.SubscriptionDeletedEvent","data":{}}]`
	require.Equal(t, 200, d.post(grid, body, headers{"aeg-event-type": "SubscriptionDeletion", "aeg-subscription-name": "orders-to-helios"}).status)
	refused(t, d.post(grid, body, headers{"aeg-event-type": "SubscriptionDeletion", "aeg-subscription-name": "x"}), 403, notAllowed)
	require.Empty(t, d.events())
}

// TestNoURLOfAValidationIsFetched: it comes from whoever sends the request.
func TestNoURLOfAValidationIsFetched(t *testing.T) {
	fetched := atomic.Int64{}
	lure := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched.Add(1) }))
	defer lure.Close()
	d := open(t, nil, gridPath)
	body := `[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"c","validationUrl":"` + lure.URL + `"}}]`
	for _, name := range []string{"orders-to-helios", "unlisted"} {
		d.post(grid, body, headers{"aeg-event-type": "SubscriptionValidation", "aeg-subscription-name": name})
	}
	require.NoError(t, d.in.Close(context.Background()))
	require.Zero(t, fetched.Load())
}

func TestAValidationStandsAlone(t *testing.T) {
	d := open(t, nil, gridPath)
	const check = `{"id":"v","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"c"}}`
	const event = `{"id":"1","eventType":"com.example.order","data":{}}`
	named := func(kind string) headers {
		return headers{"aeg-event-type": kind, "aeg-subscription-name": "orders-to-helios"}
	}
	for _, mixed := range []string{"[" + check + "," + event + "]", "[" + event + "," + check + "]", "[" + check + "," + check + "]"} {
		refused(t, d.post(grid, mixed, named("SubscriptionValidation")), 400, malformed)
		require.Empty(t, d.events())
	}
	// What is called a notification is one, whatever is in it: no answer to a code.
	a := d.post(grid, "["+check+"]", named("Notification"))
	require.Equal(t, 200, a.status)
	require.Empty(t, a.body)
	require.Len(t, d.events(), 1)
	// Without the type's header only a validation that stands alone is one.
	a = d.post(grid, "["+event+","+check+"]", named(""))
	require.Equal(t, 200, a.status)
	require.Empty(t, a.body)
	require.Len(t, d.events(), 2)
	refused(t, d.post(grid, "["+check+"]", headers{"aeg-subscription-name": "unlisted"}), 403, notAllowed)
	refused(t, d.post(grid, "["+check+"]", nil), 403, notAllowed)
	for _, kind := range []string{"NOTIFICATION", "notification"} {
		require.Equal(t, 200, d.post(grid, "["+event+"]", named(kind)).status)
	}
	require.Len(t, d.events(), 4)
}

// TestLargeBatches: five thousand events are one delivery, which is one message.
// Event Grid sends at most 1 MB; more is bounded by our own limit.
func TestLargeBatches(t *testing.T) {
	d := open(t, nil, gridPath+"\nmax_body_bytes: 1048576\n")
	events := make([]string, 5000)
	for i := range events {
		events[i] = fmt.Sprintf(`{"id":"%d","topic":"/t","subject":"s","eventType":"com.example.order","eventTime":"2026-01-02T03:04:05Z","data":{"order_id":"%d"},"dataVersion":"1"}`, i, i)
	}
	body := "[" + strings.Join(events, ",") + "]"
	h := headers{"aeg-event-type": "Notification", "aeg-subscription-name": "orders-to-helios"}
	require.Equal(t, 200, d.post(grid, body, h).status)
	require.Len(t, canonicalProcessor(t)(d.events()[0]), 5000)
	fits := body + strings.Repeat(" ", 1<<20-len(body))
	require.Equal(t, 200, d.post(grid, fits, h).status)
	refused(t, d.post(grid, fits+" ", h), 413, tooLarge)
	require.Len(t, d.events(), 2)
	require.Zero(t, d.in.handler.memory.used.Load())
}

func FuzzEventGrid(f *testing.F) {
	f.Add("SubscriptionValidation", `[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"x"}}]`)
	f.Add("", `{"eventType":"Microsoft.EventGrid.SubscriptionDeletedEvent"}`)
	g := &eventGrid{subscriptions: folded([]string{"a"})}
	f.Fuzz(func(t *testing.T, kind, body string) {
		r := request("POST", body, headers{"aeg-event-type": kind, "aeg-subscription-name": "a"})
		out, err := g.receive(t.Context(), r, []byte(body))
		if err == nil {
			require.True(t, json.Valid([]byte(body)))
		}
		if err == nil && out.handshake == validation {
			var answered map[string]string
			require.NoError(t, json.Unmarshal(out.body, &answered))
			require.NotEmpty(t, answered["validationResponse"])
			require.Contains(t, strings.ToLower(body), strings.ToLower(`"validationCode"`))
		}
	})
}

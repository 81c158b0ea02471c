package publish

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/embedded"
)

// grid answers as a topic of Event Grid does.
type grid struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	header http.Header
	query  string
	answer func(request int, body string) (status int, said string)
}

func startGrid(t *testing.T) *grid {
	t.Helper()
	g := &grid{answer: func(int, string) (int, string) { return 200, "" }}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.bodies, g.header, g.query = append(g.bodies, string(body)), r.Header.Clone(), r.URL.RawQuery
		status, said := g.answer(len(g.bodies), string(body))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, said)
	}))
	t.Cleanup(g.Close)
	return g
}

const gridKey = "the-access-key-of-the-test"

func (g *grid) open(t *testing.T, schema string) *Publisher {
	return openOne(t, Options{Grid: g.URL + "/api/events", GridSchema: schema, GridKey: gridKey})
}

func TestEventGridGetsTheSchemaOfItsTopic(t *testing.T) {
	for schema, kind := range map[string]string{SchemaEventGrid: "application/json; charset=utf-8", SchemaCloudEvents: "application/cloudevents-batch+json; charset=utf-8"} {
		g := startGrid(t)
		p := g.open(t, schema)
		require.NoError(t, p.Publish(t.Context(), orders(t, 3)))
		require.True(t, p.Summary().Complete())
		require.Len(t, g.bodies, 1)
		require.Equal(t, []string{kind, gridKey}, []string{g.header.Get("Content-Type"), g.header.Get("aeg-sas-key")})
		require.Contains(t, g.query, "api-version=2018-01-01")
		var events []json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(g.bodies[0]), &events))
		require.Len(t, events, 3)
		one := string(events[1])
		if schema == SchemaEventGrid {
			// What Event Grid adds on the way.
			one = `{"topic":"/subscriptions/1/resourceGroups/shop/providers/Microsoft.EventGrid/topics/orders","metadataVersion":"1",` + one[1:]
		}
		e := received(t, "azure", one, nil)
		require.Equal(t, []any{"e-1", "ord-1"}, []any{e["id"], e["subject"]})
		requireOrder(t, e, 1, "azure")
	}
}

func TestErrorsOfEventGridAreExplained(t *testing.T) {
	for status, c := range map[int]struct {
		says     string
		requests int
		end      error
	}{
		401: {"the key is wrong", 1, ErrStopped},
		403: {"EventGrid Data Sender", 1, ErrStopped},
		404: {"/api/events", 1, ErrStopped},
		503: {"503", 5, nil},
		429: {"429", 5, nil},
		400: {"--grid-schema", 3, nil},
	} {
		g := startGrid(t)
		g.answer = func(int, string) (int, string) {
			return status, fmt.Sprintf(`{"error":{"code":"Code%d","message":"the key %s is not accepted"}}`, status, gridKey)
		}
		p := g.open(t, SchemaEventGrid)
		require.ErrorIs(t, p.Publish(t.Context(), orders(t, 2)), c.end, "%d", status)
		counts := p.Summary().Targets[0]
		require.Equal(t, []int{2, c.requests}, []int{counts.Refused.Count, counts.Requests}, "%d", status)
		require.Contains(t, counts.Refused.Reasons[0].Why, c.says)
		require.NotContains(t, counts.Refused.Reasons[0].Why, gridKey)
	}
}

func TestEventGridRequestsStayBelowAMegabyte(t *testing.T) {
	g := startGrid(t)
	p := g.open(t, SchemaEventGrid)
	events := orders(t, 5)
	for _, e := range events {
		e.Data = []byte(`{"x":"` + strings.Repeat("x", 300<<10) + `"}`)
	}
	require.NoError(t, p.Publish(t.Context(), events))
	require.Len(t, g.bodies, 2)
	for _, b := range g.bodies {
		require.Less(t, len(b), 1<<20)
	}
}

func TestEventGridDeliversToTheWebhookOfTheDemo(t *testing.T) {
	var delivered []string
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Aeg-Event-Type") == "SubscriptionValidation" {
			var in []struct {
				Data struct{ ValidationCode string }
			}
			_ = json.Unmarshal(body, &in)
			_, _ = fmt.Fprintf(w, `{"validationResponse":%q}`, in[0].Data.ValidationCode)
			return
		}
		delivered = append(delivered, string(body))
	}))
	t.Cleanup(hook.Close)
	emulator, err := embedded.StartEventGrid("orders", hook.URL)
	require.NoError(t, err)
	t.Cleanup(emulator.Close)
	p := openOne(t, Options{Grid: emulator.URL(), GridSchema: SchemaEventGrid})
	require.NoError(t, p.Publish(t.Context(), orders(t, 2)))
	require.True(t, p.Summary().Complete())
	require.Len(t, delivered, 1)
}

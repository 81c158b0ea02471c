package publish

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Schemas that a topic of Event Grid can be made with.
const (
	SchemaEventGrid   = "eventgrid"
	SchemaCloudEvents = "cloudevents"
)

// gridTopic is one of Event Grid
// (https://learn.microsoft.com/azure/event-grid/post-to-custom-topic).
type gridTopic struct {
	url, schema string
	key         string                 // access key, or empty
	identity    azcore.TokenCredential // nil: none
	client      *http.Client
}

// gridScope is what tokens for Event Grid are asked for.
const gridScope = "https://eventgrid.azure.net/.default"

// gridVersion of the interface.
const gridVersion = "2018-01-01"

func newGridTopic(raw, schema, key string) (*gridTopic, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("--grid: it takes the topic's endpoint, such as https://orders.westeurope-1.eventgrid.azure.net/api/events")
	}
	if schema != SchemaEventGrid && schema != SchemaCloudEvents {
		return nil, fmt.Errorf("--grid-schema %q: it takes %s or %s, whichever the topic was made with", schema, SchemaEventGrid, SchemaCloudEvents)
	}
	query := u.Query()
	if query.Get("api-version") == "" {
		query.Set("api-version", gridVersion)
		u.RawQuery = query.Encode()
	}
	t := &gridTopic{url: u.String(), schema: schema, key: key, client: &http.Client{Timeout: time.Minute}}
	// Tokens are for TLS only; an emulator wants none.
	if key == "" && u.Scheme == "https" {
		if t.identity, err = azidentity.NewDefaultAzureCredential(nil); err != nil {
			return nil, fmt.Errorf("no identity of Azure can be used: set HELIOS_AZURE_EVENTGRID_KEY, or run az login, or give the machine a managed identity: %w", err)
		}
	}
	return t, nil
}

func (t *gridTopic) name() string {
	u, _ := url.Parse(t.url) // parsed before
	return "Event Grid topic " + u.Host
}
func (t *gridTopic) cloud() string { return "azure" }
func (t *gridTopic) close()        { t.client.CloseIdleConnections() }

// limits: a request and an event may have 1 MB,
// https://learn.microsoft.com/azure/event-grid/quotas-limits. The commas and
// brackets of an array need their room.
func (t *gridTopic) limits() limits {
	return limits{entries: 1000, bytes: 1<<20 - 4096, each: 1<<20 - 4096}
}

// gridEvent is an event in the Event Grid schema.
type gridEvent struct {
	ID          string          `json:"id"`
	EventType   string          `json:"eventType"`
	Subject     string          `json:"subject"`
	EventTime   string          `json:"eventTime"`
	Data        json.RawMessage `json:"data"`
	DataVersion string          `json:"dataVersion"`
}

func (t *gridTopic) encode(e *Event) (entry, error) {
	var doc any = gridEvent{
		ID: e.ID, EventType: e.Type, Subject: cmp.Or(e.subject(), e.ID), EventTime: e.Time.UTC().Format(time.RFC3339Nano), Data: e.Data, DataVersion: "1.0",
	}
	if t.schema == SchemaCloudEvents {
		doc = cloudEvent(e)
	}
	body, err := marshal(doc)
	if err != nil {
		return entry{}, fmt.Errorf("writing the event: %w", err)
	}
	return entry{event: e, body: body, size: len(body) + 1}, nil
}

func cloudEvent(e *Event) map[string]any {
	doc := map[string]any{
		"specversion": "1.0", "id": e.ID, "source": e.Source, "type": e.Type, "time": e.Time.UTC().Format(time.RFC3339Nano),
		"datacontenttype": e.DataContentType, "data": e.Data,
	}
	for name, value := range map[string]string{"subject": e.subject(), "tenant": e.Tenant, "correlationid": e.CorrelationID} {
		if value != "" {
			doc[name] = value
		}
	}
	for _, x := range e.Extensions {
		doc[x.Name] = x.Value
	}
	return doc
}

func (t *gridTopic) send(ctx context.Context, batch []entry) ([]*refusal, error) {
	var body bytes.Buffer
	for i, e := range batch {
		body.WriteByte("[,"[min(i, 1)])
		body.Write(e.body.([]byte))
	}
	body.WriteByte(']')
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, &body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", map[string]string{
		SchemaEventGrid: "application/json; charset=utf-8", SchemaCloudEvents: "application/cloudevents-batch+json; charset=utf-8",
	}[t.schema])
	if err := t.sign(ctx, req); err != nil {
		return nil, err
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return nil, t.hide(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 == 2 {
		_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
		return nil, err
	}
	said, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return nil, t.hide(err)
	}
	return nil, t.refusal(resp.StatusCode, said)
}

func (t *gridTopic) sign(ctx context.Context, req *http.Request) error {
	if t.key != "" {
		req.Header.Set("aeg-sas-key", t.key)
		return nil
	}
	if t.identity == nil {
		return nil
	}
	token, err := t.identity.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{gridScope}})
	if err != nil {
		return &refusal{code: "NoToken", text: err.Error(), advice: "set HELIOS_AZURE_EVENTGRID_KEY, or run az login, or give the machine a managed identity", remedy: stop}
	}
	req.Header.Set("Authorization", "Bearer "+token.Token)
	return nil
}

// hide takes the URL out of an error: it may hold a signature.
func (t *gridTopic) hide(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// advices by status.
var advices = map[int]string{
	http.StatusUnauthorized: "the key is wrong or was regenerated, or the token is of another tenant",
	http.StatusForbidden:    "assign EventGrid Data Sender on the topic to the identity, and see the topic's firewall",
	http.StatusNotFound:     "check --grid: it ends with /api/events",
	http.StatusBadRequest:   "--grid-schema must be the one that the topic was made with",
}

func (t *gridTopic) refusal(code int, said []byte) *refusal {
	var answer struct {
		Error struct{ Code, Message string } `json:"error"`
	}
	text := strings.TrimSpace(string(said[:min(len(said), 500)]))
	if json.Unmarshal(said, &answer) == nil && answer.Error.Message != "" {
		text = answer.Error.Message
	}
	if t.key != "" {
		text = strings.ReplaceAll(text, t.key, "(hidden)")
	}
	r := &refusal{code: fmt.Sprintf("%d %s", code, cmp.Or(answer.Error.Code, http.StatusText(code))), text: text, advice: advices[code], remedy: stop}
	switch {
	case slices.Contains([]int{http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests}, code), code >= 500:
		r.remedy = later
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge:
		r.remedy = smaller
	}
	return r
}

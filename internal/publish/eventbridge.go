package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/helios-connect/helios/plugins/event"
)

// eventBridge is a bus. It gives events an id of its own, and a time in whole
// seconds.
type eventBridge struct {
	client *eventbridge.Client
	bus    string
}

// lookAround bounds the calls that are made before the first event is sent.
const lookAround = 10 * time.Second

func newEventBridge(ctx context.Context, bus, region, endpoint string) (*eventBridge, error) {
	conf, err := loadAWS(ctx, region, endpoint)
	if err != nil {
		return nil, err
	}
	t := &eventBridge{bus: bus, client: eventbridge.NewFromConfig(conf, func(o *eventbridge.Options) {
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
		}
	})}
	// PutEvents says nothing when there is no such bus. Who may put events may not
	// be allowed to look, so that no other error counts.
	within, cancel := context.WithTimeout(ctx, lookAround)
	defer cancel()
	_, err = t.client.DescribeEventBus(within, &eventbridge.DescribeEventBusInput{Name: &t.bus})
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		return nil, fmt.Errorf("there is no event bus %q in %s: check --bus, --region and the account", bus, conf.Region)
	}
	return t, nil
}

func (t *eventBridge) name() string  { return "EventBridge bus " + t.bus }
func (t *eventBridge) cloud() string { return "aws" }
func (t *eventBridge) close()        {}

// limits: ten entries and 256 KB a request, as the API's reference has it; since
// January 2026 an event may have 1 MB, which is tried alone
// (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html).
func (t *eventBridge) limits() limits { return limits{entries: 10, bytes: 256 << 10, each: 1 << 20} }

func (t *eventBridge) keyed(e *Event) bool { return hasOrder(e) }

// orderPath is where the ingest pipelines look by default in events that have no
// subject.
var orderPath = event.MustCompilePaths("order_id")

func hasOrder(e *Event) bool {
	var scanner event.Scanner
	var out [1][]byte
	return scanner.Scan(e.Data, orderPath, out[:]) == nil && len(bytes.Trim(out[0], `"`)) > 0 && !event.IsNull(out[0])
}

func (t *eventBridge) encode(e *Event) (entry, error) {
	put := types.PutEventsRequestEntry{
		Source: &e.Source, DetailType: &e.Type, Detail: aws.String(string(e.Data)), Time: aws.Time(e.Time), EventBusName: &t.bus,
	}
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html: the
	// time counts 14 bytes.
	return entry{event: e, body: put, size: 14 + len(e.Source) + len(e.Type) + len(e.Data)}, nil
}

// retried are the codes of an entry that may be taken later.
var retried = []string{"InternalFailure", "InternalException", "ThrottlingException", "ServiceUnavailable"}

func (t *eventBridge) send(ctx context.Context, batch []entry) ([]*refusal, error) {
	in := &eventbridge.PutEventsInput{}
	for _, e := range batch {
		in.Entries = append(in.Entries, e.body.(types.PutEventsRequestEntry))
	}
	out, err := t.client.PutEvents(ctx, in)
	if err != nil {
		return nil, awsRefusal("EventBridge", "events:PutEvents", err)
	}
	if len(out.Entries) != len(batch) {
		return nil, &refusal{code: "BadAnswer", text: fmt.Sprintf("%d results for %d entries", len(out.Entries), len(batch)), remedy: later}
	}
	refused := make([]*refusal, len(batch))
	for i, r := range out.Entries {
		code := aws.ToString(r.ErrorCode)
		if code == "" {
			continue
		}
		refused[i] = &refusal{code: code, text: aws.ToString(r.ErrorMessage)}
		switch {
		case slices.Contains(retried, code) || isThrottling(code):
			refused[i].remedy = later
		case code == "NotAuthorizedForSourceException":
			refused[i].advice = "sources that begin with aws. are AWS's own"
		case strings.HasPrefix(code, "AccessDenied"):
			refused[i].advice = "allow events:PutEvents on the bus"
		}
	}
	return refused, nil
}

// envelope is an event as a rule of EventBridge delivers it
// (https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html).
type envelope struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

func envelopeOf(e *Event, region string) ([]byte, error) {
	return marshal(envelope{
		Version: "0", ID: e.ID, DetailType: e.Type, Source: e.Source, Account: "000000000000",
		Time: e.Time.UTC().Format(time.RFC3339Nano), Region: region, Resources: []string{}, Detail: e.Data,
	})
}

// marshal leaves < and > as they are: what was read is sent.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

package publish

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// topic is one of Pub/Sub. Events are sent as CloudEvents in binary mode
// (https://github.com/google/knative-gcp/blob/main/docs/spec/pubsub-protocol-binding.md).
type topic struct {
	client *pubsub.Client
	path   string
}

func newTopic(ctx context.Context, path, endpoint string) (*topic, error) {
	project, name, ok := strings.Cut(strings.TrimPrefix(path, "projects/"), "/topics/")
	if !ok || project == "" || name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("--topic %q: it takes projects/PROJECT/topics/TOPIC", path)
	}
	var options []option.ClientOption
	if endpoint != "" {
		options = emulated(endpoint)
	}
	client, err := pubsub.NewClient(ctx, project, options...)
	if err != nil {
		return nil, fmt.Errorf("no credentials of Google can be used: set GOOGLE_APPLICATION_CREDENTIALS, or run gcloud auth application-default login, or give the machine a service account: %w", err)
	}
	return &topic{client: client, path: "projects/" + project + "/topics/" + name}, nil
}

// emulated are the options for an emulator, which speaks without TLS; an address
// with https:// is that of a server.
func emulated(endpoint string) []option.ClientOption {
	if host, ok := strings.CutPrefix(endpoint, "https://"); ok {
		return []option.ClientOption{option.WithEndpoint(host)}
	}
	return []option.ClientOption{
		option.WithEndpoint(strings.TrimPrefix(endpoint, "http://")), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

func (t *topic) name() string  { return "Pub/Sub topic " + t.path }
func (t *topic) cloud() string { return "gcp" }
func (t *topic) close()        { _ = t.client.Close() }

// limits: https://cloud.google.com/pubsub/quotas#resource_limits. Room is left for
// what the protocol adds to each message.
func (t *topic) limits() limits {
	return limits{entries: 1000, bytes: 10_000_000 - 100_000, each: 10_000_000 - 100_000}
}

// maxAttribute is how long an attribute may be, in bytes.
const maxAttribute = 1024

func (t *topic) encode(e *Event) (entry, error) {
	attributes := map[string]string{
		"ce-specversion": "1.0", "ce-id": e.ID, "ce-source": e.Source, "ce-type": e.Type,
		"ce-time": e.Time.UTC().Format(time.RFC3339Nano), "content-type": e.DataContentType,
	}
	for name, value := range map[string]string{"ce-subject": e.subject(), "ce-tenant": e.Tenant, "ce-correlationid": e.CorrelationID} {
		if value != "" {
			attributes[name] = value
		}
	}
	for _, x := range e.Extensions {
		attributes["ce-"+x.Name] = x.Value
	}
	size := len(e.Data) + 20
	for name, value := range attributes {
		if len(value) > maxAttribute {
			return entry{}, fmt.Errorf("TooLarge: attribute %s has %d bytes; Pub/Sub allows %d", name, len(value), maxAttribute)
		}
		size += len(name) + len(value) + 8
	}
	return entry{event: e, body: &pubsubpb.PubsubMessage{Data: e.Data, Attributes: attributes}, size: size}, nil
}

// once keeps the client from trying again by itself.
var once = gax.WithRetry(func() gax.Retryer { return nil })

func (t *topic) send(ctx context.Context, batch []entry) ([]*refusal, error) {
	in := &pubsubpb.PublishRequest{Topic: t.path}
	for _, e := range batch {
		in.Messages = append(in.Messages, e.body.(*pubsubpb.PubsubMessage))
	}
	within, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err := t.client.TopicAdminClient.Publish(within, in, once)
	return nil, t.refusal(err)
}

// refusal goes by the codes of gRPC,
// https://cloud.google.com/pubsub/docs/reference/error-codes.
func (t *topic) refusal(err error) error {
	if err == nil {
		return nil
	}
	s, _ := status.FromError(err)
	r := &refusal{code: s.Code().String(), text: s.Message(), remedy: stop}
	switch s.Code() {
	case codes.NotFound:
		r.advice = "check --topic, or create it: gcloud pubsub topics create"
	case codes.PermissionDenied:
		r.advice = "grant roles/pubsub.publisher on " + t.path
	case codes.Unauthenticated:
		r.advice = "sign in again: gcloud auth application-default login"
	case codes.InvalidArgument, codes.OutOfRange:
		r.remedy = smaller
	default:
		r.remedy = later
	}
	return r
}

package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

// queues answers as Azure Storage does; code is that of an error, by operation.
type queues struct {
	*httptest.Server
	mu               sync.Mutex
	properties, peek storageAnswer
	date             time.Time
}

type storageAnswer struct {
	status int
	code   string
}

const storageKey = "c3RvcmFnZS1rZXktb2YtdGhlLXRlc3Q="

func startQueues(t *testing.T) (*queues, env) {
	t.Helper()
	q := &queues{properties: storageAnswer{status: 200}, peek: storageAnswer{status: 200}}
	q.Server = httptest.NewServer(q)
	t.Cleanup(q.Close)
	return q, env{
		"HELIOS_AZURE_QUEUE":                     "helios",
		"HELIOS_AZURE_STORAGE_CONNECTION_STRING": "DefaultEndpointsProtocol=http;AccountName=shop;AccountKey=" + storageKey + ";QueueEndpoint=" + q.URL + "/shop;",
	}
}

func (q *queues) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	say, body := q.properties, ""
	if r.URL.Query().Get("peekonly") == "true" {
		say, body = q.peek, `<?xml version="1.0" encoding="utf-8"?><QueueMessagesList></QueueMessagesList>`
	}
	if !q.date.IsZero() {
		w.Header().Set("Date", q.date.UTC().Format(http.TimeFormat))
	}
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("x-ms-approximate-messages-count", "12")
	if say.code != "" {
		w.Header().Set("x-ms-error-code", say.code)
		body = fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?><Error><Code>%s</Code><Message>Server failed to authenticate the request.</Message></Error>`, say.code)
	}
	w.WriteHeader(say.status)
	_, _ = w.Write([]byte(body))
}

func TestAStorageQueueInOrder(t *testing.T) {
	_, e := startQueues(t)
	found := ask(t, e, Options{}, "Azure Storage queue")
	want(t, found, "queue", OK, "12 messages wait")
	want(t, found, "permission", OK, "can be read")
	want(t, found, "clock", OK, "Azure Storage")
}

func TestErrorsOfAStorageQueueAreExplained(t *testing.T) {
	q, e := startQueues(t)
	for code, c := range map[string]struct {
		status int
		says   string
	}{
		"QueueNotFound":                      {404, "there is no queue helios"},
		"AuthenticationFailed":               {403, "the key or signature is not accepted"},
		"AuthorizationFailure":               {403, "firewall"},
		"KeyBasedAuthenticationNotPermitted": {403, "does not allow access keys"},
		"InvalidAuthenticationInfo":          {401, "wrong audience"},
		"SomethingElse":                      {400, "answers 400 SomethingElse"},
	} {
		q.properties = storageAnswer{c.status, code}
		found := ask(t, e, Options{}, "Azure Storage queue")
		want(t, found, "queue", Failed, c.says)
		require.NotContains(t, fmt.Sprint(found), storageKey)
	}
	q.properties, q.peek = storageAnswer{status: 200}, storageAnswer{403, "AuthorizationPermissionMismatch"}
	want(t, ask(t, e, Options{}, "Azure Storage queue"), "permission", Failed, "Storage Queue Data Message Processor")

	q.date = time.Now().Add(-time.Hour)
	want(t, ask(t, e, Options{}, "Azure Storage queue"), "clock", Failed, "ahead of that of Azure Storage")

	q.Close()
	want(t, ask(t, e, Options{}, "Azure Storage queue"), "queue", Failed, "nothing listens")
}

func TestSettingsOfAStorageQueueAreExplained(t *testing.T) {
	want(t, ask(t, env{"HELIOS_AZURE_QUEUE": "q"}, Options{}, "Azure Storage queue"), "settings", Failed, "neither")
	want(t, ask(t, env{"HELIOS_AZURE_QUEUE": "q", "HELIOS_AZURE_STORAGE_CONNECTION_STRING": "nonsense"}, Options{}, "Azure Storage queue"), "settings", Failed, "no connection string")
	want(t, ask(t, env{"HELIOS_AZURE_QUEUE": "q", "HELIOS_AZURE_STORAGE_ACCOUNT": "shop", "HELIOS_AZURE_STORAGE_ACCESS_KEY": "not base64!"}, Options{}, "Azure Storage queue"), "settings", Failed, "not Base64")
}

const hubKey = "aHViLWtleS1vZi10aGUtdGVzdA=="

func hub(t *testing.T) env {
	text := "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey=" + hubKey
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("PLAIN", "$ConnectionString", text), kfake.SeedTopics(4, "orders"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	before := dialAzure
	t.Cleanup(func() { dialAzure = before })
	dialAzure = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, cluster.ListenAddrs()[0])
	}
	return env{"HELIOS_AZURE_EVENTHUB": "orders", "HELIOS_AZURE_EVENTHUB_NAMESPACE": "shop", "HELIOS_AZURE_EVENTHUB_CONNECTION_STRING": text}
}

func TestAnEventHubIsCheckedOverItsKafkaEndpoint(t *testing.T) {
	e := hub(t)
	found := ask(t, e, Options{}, "Azure Event Hubs")
	want(t, found, "reach and sign-in", OK, "shop.servicebus.windows.net:9093 answers")
	want(t, found, "event hub", OK, "4 partitions")

	e["HELIOS_AZURE_EVENTHUB"] = "payments"
	want(t, ask(t, e, Options{}, "Azure Event Hubs"), "event hub", Failed, "there is no event hub payments in shop")

	e["HELIOS_AZURE_EVENTHUB_CONNECTION_STRING"] += ";EntityPath=orders"
	want(t, ask(t, e, Options{}, "Azure Event Hubs"), "settings", Failed, "is for the event hub orders")

	e["HELIOS_AZURE_EVENTHUB_NAMESPACE"] = "other"
	found = ask(t, e, Options{}, "Azure Event Hubs")
	want(t, found, "settings", Failed, "HELIOS_AZURE_EVENTHUB_NAMESPACE is other")
	require.NotContains(t, fmt.Sprint(found), hubKey)

	e["HELIOS_AZURE_EVENTHUB_CONNECTION_STRING"] = "sb://shop"
	want(t, ask(t, e, Options{}, "Azure Event Hubs"), "settings", Failed, "lacks Endpoint or SharedAccessKey")
}

func TestAWrongKeyOfAnEventHubIsExplained(t *testing.T) {
	e := hub(t)
	e["HELIOS_AZURE_EVENTHUB_CONNECTION_STRING"] = "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey=d3JvbmcgaHViIGtleQ=="
	f := finding(t, ask(t, e, Options{}, "Azure Event Hubs"), "reach and sign-in")
	require.Equal(t, Failed, f.Status)
	require.NotContains(t, f.Detail, "d3JvbmcgaHViIGtleQ==")
}

func TestAServiceBusThatIsNotThereIsExplained(t *testing.T) {
	before := serviceBusURL
	t.Cleanup(func() { serviceBusURL = before })
	serviceBusURL = func(string) string { return "amqp://" + nobody }
	e := env{"HELIOS_AZURE_SERVICEBUS": "orders"}
	want(t, ask(t, e, Options{}, "Azure Service Bus"), "settings", Failed, "set all three")
	e["HELIOS_AZURE_SERVICEBUS_NAMESPACE"], e["HELIOS_AZURE_SERVICEBUS_KEY_NAME"], e["HELIOS_AZURE_SERVICEBUS_KEY"] = "shop", "listen", hubKey
	want(t, ask(t, e, Options{}, "Azure Service Bus"), "reach and sign-in", Failed, "nothing listens at shop.servicebus.windows.net")
}

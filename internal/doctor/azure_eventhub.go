package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/helios-connect/helios/internal/terminal"
)

// serviceBusSuffix ends the names of namespaces of Event Hubs and Service Bus.
const serviceBusSuffix = ".servicebus.windows.net"

// dialAzure connects to a namespace; tests put a broker of their own in its
// place.
var dialAzure = func(ctx context.Context, network, at string) (net.Conn, error) {
	return (&tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12}}).DialContext(ctx, network, at)
}

// checkEventHub checks the hub through its Kafka endpoint, as the input reads it.
func checkEventHub(ctx context.Context, r *run) {
	hub, namespace, text := r.get("HELIOS_AZURE_EVENTHUB"), r.get("HELIOS_AZURE_EVENTHUB_NAMESPACE"), r.get("HELIOS_AZURE_EVENTHUB_CONNECTION_STRING")
	if namespace == "" || text == "" {
		r.fail("settings", "set both; the connection string is that of a policy with Listen", "HELIOS_AZURE_EVENTHUB is set, and HELIOS_AZURE_EVENTHUB_NAMESPACE or HELIOS_AZURE_EVENTHUB_CONNECTION_STRING is not")
		return
	}
	if !judgeConnectionString(r, namespace, hub, text) {
		return
	}
	at := namespace + serviceBusSuffix + ":9093"
	client, err := kgo.NewClient(kgo.SeedBrokers(at), kgo.Dialer(dialAzure), kgo.ClientID("helios-doctor"), kgo.RequestRetries(1), kgo.RetryTimeout(r.Timeout),
		kgo.SASL(plain.Auth{User: "$ConnectionString", Pass: text}.AsMechanism()))
	if err != nil {
		r.fail("settings", "give the first part of its address only", "HELIOS_AZURE_EVENTHUB_NAMESPACE is %q: %v", namespace, err)
		return
	}
	defer client.Close()
	if err = client.Ping(ctx); err != nil {
		r.failWith("reach and sign-in", eventHubDiagnosis(at, err))
		return
	}
	r.ok("reach and sign-in", "%s answers", at)
	details, err := kadm.NewClient(client).ListTopics(ctx, hub)
	if err == nil {
		err = details[hub].Err
	}
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition), err == nil && len(details[hub].Partitions) == 0:
		r.fail("event hub", "check HELIOS_AZURE_EVENTHUB, or create it: az eventhubs eventhub create", "there is no event hub %s in %s", hub, namespace)
	case err != nil:
		r.failWith("event hub", eventHubDiagnosis(at, err))
	default:
		r.ok("event hub", "%s, %s", hub, terminal.Count(len(details[hub].Partitions), "partition", "partitions"))
	}
}

// judgeConnectionString compares it with the settings beside it.
func judgeConnectionString(r *run, namespace, hub, text string) bool {
	parts := map[string]string{}
	for one := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(one), "=")
		parts[strings.ToLower(name)] = value
	}
	host := hostOf(parts["endpoint"])
	switch {
	case parts["endpoint"] == "" || parts["sharedaccesskey"] == "" && parts["sharedaccesssignature"] == "":
		r.fail("settings", "copy it from Shared access policies: Endpoint=sb://…/;SharedAccessKeyName=…;SharedAccessKey=…", "HELIOS_AZURE_EVENTHUB_CONNECTION_STRING lacks Endpoint or SharedAccessKey")
		return false
	case !strings.EqualFold(host, namespace+serviceBusSuffix):
		r.fail("settings", "make them the same", "HELIOS_AZURE_EVENTHUB_CONNECTION_STRING is for %s, and HELIOS_AZURE_EVENTHUB_NAMESPACE is %s", host, namespace)
		return false
	case parts["entitypath"] != "" && parts["entitypath"] != hub:
		r.fail("settings", "take the connection string of this hub, or one of the namespace", "HELIOS_AZURE_EVENTHUB_CONNECTION_STRING is for the event hub %s, and HELIOS_AZURE_EVENTHUB is %s", parts["entitypath"], hub)
		return false
	}
	return true
}

func eventHubDiagnosis(at string, err error) diagnosis {
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return diagnosis{at + " refuses the connection string", "the key was regenerated, or the policy lacks Listen or is another hub's; local authentication may be disabled for the namespace"}
	case isFirstReadEOF(err):
		return diagnosis{at + " closed the connection on the first request", "the tier Basic has no Kafka endpoint: Standard is needed; or a firewall of the namespace keeps this network out"}
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return diagnosis{"the policy of the connection string does not allow it", "take one with Listen"}
	}
	if d, ok := network(at, err); ok {
		return d
	}
	return diagnosis{fmt.Sprintf("%s: %v", at, err), "see the message"}
}

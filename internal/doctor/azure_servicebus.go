package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/Azure/go-amqp"
)

// serviceBusScheme and port; tests have neither certificates nor the port.
var serviceBusURL = func(namespace string) string { return "amqps://" + namespace + serviceBusSuffix + ":5671" }

// checkServiceBus attaches a receiver without credit: nothing is delivered to it.
func checkServiceBus(ctx context.Context, r *run) {
	source, namespace := r.get("HELIOS_AZURE_SERVICEBUS"), r.get("HELIOS_AZURE_SERVICEBUS_NAMESPACE")
	key, name := r.get("HELIOS_AZURE_SERVICEBUS_KEY"), r.get("HELIOS_AZURE_SERVICEBUS_KEY_NAME")
	if r.Getenv("HELIOS_AZURE_SERVICEBUS_NAMESPACE") == "" || key == "" || name == "" {
		r.fail("settings", "set all three; the key is that of a policy with Listen", "HELIOS_AZURE_SERVICEBUS is set, and HELIOS_AZURE_SERVICEBUS_NAMESPACE, …_KEY_NAME or …_KEY is not")
		return
	}
	at := namespace + serviceBusSuffix
	conn, err := amqp.Dial(ctx, serviceBusURL(namespace), &amqp.ConnOptions{SASLType: amqp.SASLTypePlain(name, key)})
	if err != nil {
		r.failWith("reach and sign-in", serviceBusDiagnosis(at, source, err))
		return
	}
	defer conn.Close()
	r.ok("reach and sign-in", "%s answers, policy %s", at, name)
	session, err := conn.NewSession(ctx, nil)
	if err == nil {
		_, err = session.NewReceiver(ctx, source, &amqp.ReceiverOptions{Credit: -1})
	}
	if err != nil {
		r.failWith("queue or subscription", serviceBusDiagnosis(at, source, err))
		return
	}
	r.ok("queue or subscription", "%s can be received from", source)
}

func serviceBusDiagnosis(at, source string, err error) diagnosis {
	var refused *amqp.Error
	if errors.As(err, &refused) {
		switch refused.Condition {
		case amqp.ErrCondNotFound:
			return diagnosis{fmt.Sprintf("there is no %s in %s", source, at), "give a queue's name, or /topic/Subscriptions/name"}
		case amqp.ErrCondUnauthorizedAccess:
			return diagnosis{fmt.Sprintf("the policy may not receive from %s: %s", source, refused.Description), "take a policy with Listen, of the namespace or of this queue"}
		}
		return diagnosis{fmt.Sprintf("%s says %s: %s", at, refused.Condition, refused.Description), "see the message"}
	}
	if d, ok := network(at, err); ok {
		return d
	}
	return diagnosis{fmt.Sprintf("%s lets nobody in with these settings: %v", at, err), "check name and key of the policy in HELIOS_AZURE_SERVICEBUS_KEY_NAME and HELIOS_AZURE_SERVICEBUS_KEY"}
}

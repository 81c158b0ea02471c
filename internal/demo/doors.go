package demo

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/helios-connect/helios/internal/embedded"
)

// Names in the emulated clouds.
const (
	doorName     = "helios-demo" // of the queue, the topics and the subscriptions
	pushPath     = "/gcp"
	gridPath     = "/azure"
	emulatorHost = "PUBSUB_EMULATOR_HOST" // by which Google's client finds the emulator
	// pullRate is how many events a second are pulled from Pub/Sub; what is more is
	// pushed to the webhook, so that both ways are there to be seen.
	pullRate = 800
	// clouds share the traffic evenly.
	clouds = 3
)

// doors are emulated clouds that hold the events until Helios takes them, over
// the protocols of the real ones: SQS, Pub/Sub, and Event Grid. Nil: there are
// none, and the pipelines are handed the events.
type doors struct {
	sqs    *embedded.SQS
	pubsub *embedded.PubSub
	grid   *embedded.EventGrid

	webhook string // address of the listener
	secret  string // that the pushing clouds know
	pushed  float64
}

// openDoors starts the emulators, unless the events come without them.
func openDoors(o *Options) (d *doors, err error) {
	if o.Direct {
		return nil, nil
	}
	port, err := freePort(0)
	if err != nil {
		return nil, err
	}
	d = &doors{
		webhook: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), secret: rand.Text(),
		pushed: max(0, 1-pullRate/(o.Rate/clouds)),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if d.sqs, err = embedded.StartSQS(doorName); err != nil {
		return nil, err
	}
	if d.grid, err = embedded.StartEventGrid(doorName, d.url(gridPath)); err != nil {
		return nil, err
	}
	if d.pubsub, err = embedded.StartPubSub(doorName, doorName, doorName); err != nil {
		return nil, err
	}
	if err = os.Setenv(emulatorHost, d.pubsub.Addr()); err != nil {
		return nil, fmt.Errorf("naming the Pub/Sub emulator to its client: %w", err)
	}
	return d, nil
}

// url is that of a path of the webhook, with the secret.
func (d *doors) url(path string) string {
	return "http://" + d.webhook + path + "?code=" + d.secret
}

// environment is what the pipelines need to find the doors.
func (d *doors) environment() map[string]string {
	if d == nil {
		return nil
	}
	auth := fmt.Sprintf("auth: {api_key: {query: code, keys: [%q]}}", d.secret)
	return map[string]string{
		"HELIOS_AWS_SQS_URL":            d.sqs.URL(),
		"HELIOS_AWS_ENDPOINT":           d.sqs.Endpoint(),
		"HELIOS_AWS_ACCESS_KEY_ID":      "demo",
		"HELIOS_AWS_SECRET_ACCESS_KEY":  "demo",
		"HELIOS_GCP_PROJECT":            doorName,
		"HELIOS_GCP_SUBSCRIPTION":       doorName,
		"HELIOS_DEMO_GCP_TOPIC":         doorName,
		"HELIOS_DEMO_GCP_PUSH_URL":      d.url(pushPath),
		"HELIOS_DEMO_GCP_PUSH_PERMILLE": strconv.Itoa(int(1000 * d.pushed)),
		"HELIOS_DEMO_AZURE_TOPIC":       d.grid.URL(),
		"HELIOS_WEBHOOK_ADDRESS":        d.webhook,
		"HELIOS_WEBHOOK_PATHS": fmt.Sprintf("[{path: %s, name: azure, sender: event_grid, event_grid: {subscriptions: [%s]}, %s}, {path: %s, name: gcp, sender: pubsub_push, patience: 25s, %s}]",
			gridPath, doorName, auth, pushPath, auth),
	}
}

// held counts the messages that the clouds hold and Helios has not acknowledged.
// What is pushed stays with the publisher until then, and counts there.
func (d *doors) held() int64 {
	if d == nil {
		return 0
	}
	return d.sqs.Held() + d.pubsub.Held()
}

// redelivered counts what the clouds handed out again.
func (d *doors) redelivered() int64 {
	if d == nil {
		return 0
	}
	return d.sqs.Redelivered() + d.pubsub.Redelivered() + d.grid.Redelivered()
}

// resources is the file of the inputs: those of production read the emulators.
func (d *doors) resources() string {
	if d == nil {
		return "config/demo.yaml"
	}
	return "config/production.yaml"
}

// describe says by which way each cloud's events come.
func (d *doors) describe() string {
	if d == nil {
		return "The pipelines are handed the events, without the clouds' protocols between (--direct)"
	}
	gcp := "GCP by Pub/Sub pull"
	if d.pushed > 0 {
		gcp = fmt.Sprintf("GCP by Pub/Sub pull, and %.0f %% by push, since of more than %d events/s the rest is pushed", 100*d.pushed, pullRate)
	}
	return "AWS by SQS; " + gcp + "; Azure by Event Grid to the webhook"
}

// limit is what takes no more events when those of the clouds wait.
func (d *doors) limit() string {
	if d == nil {
		return limitIngest
	}
	return limitEmulators
}

// close ends the clouds that were started.
func (d *doors) close() error {
	if d == nil {
		return nil
	}
	if d.grid != nil {
		d.grid.Close()
	}
	if d.sqs != nil {
		d.sqs.Close()
	}
	if d.pubsub != nil {
		d.pubsub.Close()
	}
	return os.Unsetenv(emulatorHost)
}

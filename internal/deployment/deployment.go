// Package deployment decides what a start of Helios runs: the demo, or production
// with the clouds whose settings are there.
package deployment

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Mode of a start.
type Mode uint8

const (
	// Demo runs everything in one process, with simulated clouds.
	Demo Mode = iota
	// Production reads real clouds into a real log.
	Production
)

func (m Mode) String() string {
	if m == Production {
		return "production"
	}
	return "demo"
}

// Decision is what a start runs, and why.
type Decision struct {
	Mode Mode
	// Why in words.
	Why string
	// Clouds, in the order in which they are told.
	Clouds []Cloud
}

// Cloud says which ways of a cloud are on.
type Cloud struct {
	Name string
	// On lists the ways with the settings that switch them on, Off the settings
	// that would; paths of the webhook say for which senders.
	On, Off []string
}

// Lines say in one line what was chosen and in one more for each cloud, without
// the values of settings.
func (d Decision) Lines() []string {
	lines := []string{fmt.Sprintf("Mode %s, because %s.", d.Mode, d.Why)}
	for _, c := range d.Clouds {
		switch {
		case d.Mode == Demo:
			lines = append(lines, c.Name+": simulated, through an emulator in this process.")
		case len(c.On) == 0:
			lines = append(lines, fmt.Sprintf("%s: off, because none of its settings is there: %s.", c.Name, strings.Join(c.Off, ", ")))
		default:
			lines = append(lines, fmt.Sprintf("%s: %s.", c.Name, strings.Join(c.On, "; ")))
		}
	}
	return lines
}

// way into Helios, and the setting that switches it on (config/production.yaml).
type way struct{ setting, as string }

// clouds with their ways; senders are the kinds of webhook paths that belong to
// them.
var clouds = []struct {
	name    string
	ways    []way
	senders []string
}{
	{"aws", []way{{"HELIOS_AWS_SQS_URL", "SQS queue"}, {"HELIOS_AWS_KINESIS_STREAM", "Kinesis stream"}}, []string{"sns", "api_destination"}},
	{"gcp", []way{{"HELIOS_GCP_SUBSCRIPTION", "Pub/Sub subscription"}}, []string{"pubsub_push"}},
	{"azure", []way{{"HELIOS_AZURE_QUEUE", "Storage queue"}, {"HELIOS_AZURE_EVENTHUB", "Event Hub"}, {"HELIOS_AZURE_SERVICEBUS", "Service Bus"}}, []string{"event_grid"}},
}

const (
	modeSetting    = "DEPLOYMENT_MODE"
	webhookAddress = "HELIOS_WEBHOOK_ADDRESS"
	webhookPaths   = "HELIOS_WEBHOOK_PATHS"
)

// Decide goes by DEPLOYMENT_MODE, and without it by the presence of a cloud's
// settings: with none, it is the demo.
func Decide(getenv func(string) string) (Decision, error) {
	pushed, err := senders(getenv)
	if err != nil {
		return Decision{}, err
	}
	var d Decision
	first := ""
	for _, c := range clouds {
		cloud := Cloud{Name: c.name}
		for _, w := range c.ways {
			if strings.TrimSpace(getenv(w.setting)) == "" {
				cloud.Off = append(cloud.Off, w.setting)
				continue
			}
			cloud.On = append(cloud.On, fmt.Sprintf("%s (%s is set)", w.as, w.setting))
			if first == "" {
				first = w.setting
			}
		}
		for _, kind := range c.senders {
			if slices.Contains(pushed, kind) {
				cloud.On = append(cloud.On, fmt.Sprintf("webhook for %s (%s has a path for it)", kind, webhookPaths))
			}
		}
		cloud.Off = append(cloud.Off, fmt.Sprintf("%s (for %s)", webhookPaths, strings.Join(c.senders, " or ")))
		d.Clouds = append(d.Clouds, cloud)
	}
	if first == "" && getenv(webhookAddress) != "" {
		first = webhookAddress
	}
	unheard := strings.TrimSpace(getenv(webhookPaths)) != "" && getenv(webhookAddress) == ""
	switch mode := getenv(modeSetting); {
	case mode == "demo":
		d.Mode, d.Why = Demo, modeSetting+" is demo"
	case unheard:
		return d, fmt.Errorf("%s is set and %s is not, so nothing would listen; set it, for example to 127.0.0.1:8443", webhookPaths, webhookAddress)
	case mode == "production":
		d.Mode, d.Why = Production, modeSetting+" is production"
	case mode != "":
		return d, fmt.Errorf("%s is %q; allowed are demo and production, or nothing to decide by the clouds' settings", modeSetting, mode)
	case first != "":
		d.Mode, d.Why = Production, first+" is set"
	default:
		d.Mode, d.Why = Demo, "no cloud has settings"
	}
	return d, nil
}

// senders lists the kinds of senders that the webhook listens for.
func senders(getenv func(string) string) (kinds []string, err error) {
	if getenv(webhookAddress) == "" {
		return nil, nil
	}
	var paths []struct {
		Sender string `yaml:"sender"`
	}
	if err := yaml.Unmarshal([]byte(getenv(webhookPaths)), &paths); err != nil {
		return nil, fmt.Errorf("%s is no list in YAML; its form is [{path: /azure, sender: event_grid, ...}]", webhookPaths)
	}
	for _, p := range paths {
		kinds = append(kinds, p.Sender)
	}
	return kinds, nil
}

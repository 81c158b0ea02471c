package doctor

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// kind says how much of a setting may be shown.
type kind uint8

const (
	open kind = iota
	// secret: none of it.
	secret
	// headers: name=value, separated by commas; the values are secret.
	headers
	// holding: text in which secrets stand, such as a URL with a password.
	holding
)

// setting is one variable of the environment that names or opens a connection.
type setting struct {
	name string
	// otherwise is the default, as config/ and pipelines/ have it.
	otherwise string
	kind      kind
}

// settings are all variables that the checks read; a test compares them with
// config/local.env.example and with the defaults in config/ and pipelines/.
var settings = []setting{
	{"HELIOS_KAFKA_BROKERS", "localhost:9092", open},
	{"HELIOS_KAFKA_TLS", "false", open},
	{"HELIOS_KAFKA_SASL", "[]", holding},
	{"HELIOS_MAX_MESSAGE_BYTES", "1000000", open},
	{"HELIOS_TOPIC_EVENTS", "helios.events", open},
	{"HELIOS_TOPIC_VERDICTS", "helios.verdicts", open},
	{"HELIOS_TOPIC_DLQ", "helios.dlq", open},
	{"HELIOS_GROUP_PREFIX", "helios", open},
	{"HELIOS_STORE_DSN", "sqlite://helios.db", holding},
	{"HELIOS_DEDUPE", "none", open},
	{"HELIOS_REDIS_URL", "redis://localhost:6379", holding},
	{"HELIOS_SCHEMA_REGISTRY_URL", "", holding},
	{"HELIOS_SCHEMA_REGISTRY_USER", "", open},
	{"HELIOS_SCHEMA_REGISTRY_PASSWORD", "", secret},
	{"HELIOS_SCHEMA_FOLDER", "", open},
	{"HELIOS_AWS_SQS_URL", "", open},
	{"HELIOS_AWS_KINESIS_STREAM", "", open},
	{"HELIOS_AWS_KINESIS_TABLE", "helios-kinesis", open},
	{"HELIOS_AWS_ENDPOINT", "", open},
	{"HELIOS_AWS_ACCESS_KEY_ID", "", open},
	{"HELIOS_AWS_SECRET_ACCESS_KEY", "", secret},
	{"AWS_REGION", "us-east-1", open},
	{"AWS_ACCESS_KEY_ID", "", open},
	{"AWS_SECRET_ACCESS_KEY", "", secret},
	{"AWS_SESSION_TOKEN", "", secret},
	{"HELIOS_GCP_PROJECT", "", open},
	{"HELIOS_GCP_SUBSCRIPTION", "", open},
	{"HELIOS_GCP_CREDENTIALS_JSON", "", holding},
	{"HELIOS_GCP_ENDPOINT", "", open},
	{"GOOGLE_APPLICATION_CREDENTIALS", "", open},
	{"HELIOS_AZURE_QUEUE", "", open},
	{"HELIOS_AZURE_STORAGE_ACCOUNT", "", open},
	{"HELIOS_AZURE_STORAGE_ACCESS_KEY", "", secret},
	{"HELIOS_AZURE_STORAGE_CONNECTION_STRING", "", holding},
	{"AZURE_TENANT_ID", "", open},
	{"AZURE_CLIENT_ID", "", open},
	{"AZURE_CLIENT_SECRET", "", secret},
	{"HELIOS_AZURE_EVENTHUB", "", open},
	{"HELIOS_AZURE_EVENTHUB_NAMESPACE", "", open},
	{"HELIOS_AZURE_EVENTHUB_CONNECTION_STRING", "", holding},
	{"HELIOS_AZURE_SERVICEBUS", "", open},
	{"HELIOS_AZURE_SERVICEBUS_NAMESPACE", "namespace", open},
	{"HELIOS_AZURE_SERVICEBUS_KEY_NAME", "", open},
	{"HELIOS_AZURE_SERVICEBUS_KEY", "", secret},
	{"HELIOS_WEBHOOK_ADDRESS", "", open},
	{"HELIOS_WEBHOOK_CERT_FILE", "", open},
	{"HELIOS_WEBHOOK_KEY_FILE", "", open},
	{"HELIOS_WEBHOOK_PATHS", "[]", holding},
	{"HELIOS_GRAFANA_URL", "", holding},
	{"HELIOS_GRAFANA_TOKEN", "", secret},
	{"OTEL_EXPORTER_OTLP_ENDPOINT", "", holding},
	{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", open},
	{"OTEL_EXPORTER_OTLP_HEADERS", "", headers},
}

// get returns a setting, or its default.
func (r *run) get(name string) string {
	i := slices.IndexFunc(settings, func(s setting) bool { return s.name == name })
	if i < 0 {
		panic("doctor: " + name + " is not in the table of settings")
	}
	return cmp.Or(r.Getenv(name), settings[i].otherwise)
}

// scrubber takes secrets out of whatever is said: servers and libraries quote
// what they were sent.
type scrubber struct{ values []string }

const hidden = "(hidden)"

func newScrubber(o Options) *scrubber {
	s := &scrubber{}
	for _, set := range settings {
		value := o.Getenv(set.name)
		switch set.kind {
		case secret:
			s.hide(value)
		case headers:
			s.hideHeaders(value)
		case holding:
			if !plainAddress.MatchString(strings.TrimSpace(value)) {
				s.hide(value)
			}
			s.hideInside(value)
		}
	}
	s.hide(o.Token)
	// The longest first, so that no secret is left behind a part of it.
	slices.SortFunc(s.values, func(a, b string) int { return len(b) - len(a) })
	return s
}

// hide takes in a secret. Words that short are part of any text, and guessed at
// once.
func (s *scrubber) hide(value string) {
	if value = strings.TrimSpace(value); len(value) >= 4 && value != "none" {
		s.values = append(s.values, value)
		if escaped := url.QueryEscape(value); escaped != value {
			s.values = append(s.values, escaped)
		}
	}
}

// hideHeaders hides the values of headers, and what stands in them after a
// scheme such as Basic.
func (s *scrubber) hideHeaders(value string) {
	s.hide(value)
	for one := range strings.SplitSeq(value, ",") {
		_, text, _ := strings.Cut(one, "=")
		s.hide(text)
		if plain, err := url.PathUnescape(text); err == nil {
			s.hide(plain)
			_, credentials, _ := strings.Cut(plain, " ")
			s.hide(credentials)
		}
	}
}

// plainAddress is a URL, or a host and a port, in which no secret can stand. It is
// shown: findings name it, and so does advice.
var plainAddress = regexp.MustCompile(`^(?:(?:https?|rediss?|sqlite)://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/?|[A-Za-z0-9.-]+:[0-9]{1,5})$`)

// pairs are name=value in connection strings, such as AccountKey=… .
var pairs = regexp.MustCompile(`(?i)(?:SharedAccessKey|AccountKey|SharedAccessSignature|password)=([^;&\s]+)`)

// secretMembers are the names under which YAML and JSON hold secrets.
var secretMembers = []string{"password", "token", "secret", "secrets", "keys", "private_key", "private_key_id", "client_secret", "refresh_token"}

// hideInside finds the secrets in URLs, connection strings, YAML and JSON.
func (s *scrubber) hideInside(value string) {
	for one := range strings.SplitSeq(value, ",") {
		if u, err := url.Parse(strings.TrimSpace(one)); err == nil && u.User != nil {
			password, _ := u.User.Password()
			s.hide(password)
		}
	}
	for _, m := range pairs.FindAllStringSubmatch(value, -1) {
		s.hide(m[1])
	}
	var tree any
	if yaml.Unmarshal([]byte(value), &tree) == nil {
		s.hideMembers(tree, false)
	}
}

func (s *scrubber) hideMembers(tree any, within bool) {
	switch t := tree.(type) {
	case map[string]any:
		for name, child := range t {
			s.hideMembers(child, within || slices.Contains(secretMembers, strings.ToLower(name)))
		}
	case []any:
		for _, child := range t {
			s.hideMembers(child, within)
		}
	case string:
		if within {
			s.hide(t)
		}
	}
}

func (s *scrubber) clean(text string) string {
	for _, v := range s.values {
		text = strings.ReplaceAll(text, v, hidden)
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, text)
}

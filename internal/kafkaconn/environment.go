// Package kafkaconn says how the log is reached: by the variables of
// config/log.yaml, and with the mechanisms of SASL that Helios speaks.
package kafkaconn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"gopkg.in/yaml.v3"
)

// Connection says how to reach the log, in the variables of config/log.yaml.
type Connection struct {
	Brokers []string
	Options []kgo.Opt
	// Events, Verdicts and Letters are the topics.
	Events, Verdicts, Letters string
	// GroupPrefix starts the names of replay groups.
	GroupPrefix string
}

// FromEnvironment reads the same variables as config/log.yaml.
func FromEnvironment(getenv func(string) string) (Connection, error) {
	get := func(name, otherwise string) string {
		if v := getenv(name); v != "" {
			return v
		}
		return otherwise
	}
	c := Connection{
		Brokers: strings.Split(get("HELIOS_KAFKA_BROKERS", "localhost:9092"), ","),
		Events:  get("HELIOS_TOPIC_EVENTS", "helios.events"), Verdicts: get("HELIOS_TOPIC_VERDICTS", "helios.verdicts"),
		Letters:     get("HELIOS_TOPIC_DLQ", "helios.dlq"),
		GroupPrefix: get("HELIOS_GROUP_PREFIX", "helios"),
	}
	for i := range c.Brokers {
		c.Brokers[i] = strings.TrimSpace(c.Brokers[i])
	}
	c.Options = []kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.ClientID("helios")}
	secure, err := strconv.ParseBool(get("HELIOS_KAFKA_TLS", "false"))
	if err != nil {
		return c, fmt.Errorf("HELIOS_KAFKA_TLS %q: it takes true or false", getenv("HELIOS_KAFKA_TLS"))
	}
	if secure {
		c.Options = append(c.Options, kgo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}))
	}
	mechanisms, err := parseSASL(get("HELIOS_KAFKA_SASL", "[]"))
	if err != nil {
		return c, err
	}
	if len(mechanisms) > 0 {
		c.Options = append(c.Options, kgo.SASL(mechanisms...))
	}
	return c, nil
}

func parseSASL(text string) ([]sasl.Mechanism, error) {
	var list []struct{ Mechanism, Username, Password, Token string }
	if yaml.Unmarshal([]byte(text), &list) != nil {
		// The parser's own words would quote the password.
		return nil, errors.New("HELIOS_KAFKA_SASL is not a list such as [{mechanism: SCRAM-SHA-256, username: helios, password: …}]")
	}
	var found []sasl.Mechanism
	for _, m := range list {
		one, err := Mechanism(m.Mechanism, m.Username, m.Password, m.Token)
		if err != nil {
			return nil, fmt.Errorf("HELIOS_KAFKA_SASL %w", err)
		}
		if one != nil {
			found = append(found, one)
		}
	}
	return found, nil
}

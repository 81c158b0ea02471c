package reconcile

import (
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/sasl"

	"github.com/helios-connect/helios/internal/kafkaconn"
)

// The fields of sasl, named as those of Redpanda Connect's Kafka components.
const (
	riFieldSASL      = "sasl"
	riFieldMechanism = "mechanism"
	riFieldUsername  = "username"
	riFieldPassword  = "password"
	riFieldToken     = "token"
)

func saslField() *service.ConfigField {
	return service.NewObjectListField(riFieldSASL,
		service.NewStringAnnotatedEnumField(riFieldMechanism, map[string]string{
			"none":          "No authentication.",
			"PLAIN":         "User name and password in plain text: use it with TLS only.",
			"SCRAM-SHA-256": "Salted challenge and response (RFC 5802).",
			"SCRAM-SHA-512": "Salted challenge and response (RFC 5802).",
			"OAUTHBEARER":   "A bearer token.",
		}).Description("The mechanism."),
		service.NewStringField(riFieldUsername).
			Description("User name for PLAIN and SCRAM.").Default(""),
		service.NewStringField(riFieldPassword).
			Description("Password for PLAIN and SCRAM.").Default("").Secret(),
		service.NewStringField(riFieldToken).
			Description("Token for OAUTHBEARER.").Default("").Secret(),
	).Description("How to authenticate; the first mechanism that the broker supports is used.").
		Default([]any{}).Advanced().
		Example([]any{map[string]any{riFieldMechanism: "SCRAM-SHA-512", riFieldUsername: "helios", riFieldPassword: "${KAFKA_PASSWORD}"}})
}

func saslMechanisms(conf *service.ParsedConfig) ([]sasl.Mechanism, error) {
	list, err := conf.FieldObjectList(riFieldSASL)
	if err != nil {
		return nil, err
	}
	var mechanisms []sasl.Mechanism
	for _, c := range list {
		m, err := saslMechanism(c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", riFieldSASL, err)
		}
		if m != nil {
			mechanisms = append(mechanisms, m)
		}
	}
	return mechanisms, nil
}

func saslMechanism(c *service.ParsedConfig) (sasl.Mechanism, error) {
	var name, user, password, token string
	for field, s := range map[string]*string{
		riFieldMechanism: &name, riFieldUsername: &user, riFieldPassword: &password, riFieldToken: &token,
	} {
		var err error
		if *s, err = c.FieldString(field); err != nil {
			return nil, err
		}
	}
	return kafkaconn.Mechanism(name, user, password, token)
}

package kafkaconn

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Mechanism returns the mechanism of SASL of that name, with what it needs of
// the credentials; nil for none. The error quotes no credential.
func Mechanism(name, user, password, token string) (sasl.Mechanism, error) {
	switch name {
	case "", "none":
		return nil, nil
	case "PLAIN":
		return plain.Auth{User: user, Pass: password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: user, Pass: password}.AsSha512Mechanism(), nil
	case "OAUTHBEARER":
		return oauth.Auth{Token: token}.AsMechanism(), nil
	}
	return nil, fmt.Errorf("mechanism %q: it takes PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or none", name)
}

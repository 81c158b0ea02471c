package webhook

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // signature version 1 of SNS is SHA-1 by definition
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/helios-connect/helios/plugins/event"
)

// snsHost pins the hosts of signing certificates and confirmations. The regions
// in China have a domain of their own, which counts for no other region.
var snsHost = regexp.MustCompile(`^sns\.([a-z]{2}(-[a-z]+)+-[0-9]{1,2}\.amazonaws\.com|cn(-[a-z]+)+-[0-9]{1,2}\.amazonaws\.com\.cn)$`)

// snsMembers of a message, in the order of the indices below.
var snsMembers = event.MustCompilePaths(
	"Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "Token", "SubscribeURL",
	"SignatureVersion", "Signature", "SigningCertURL",
)

const (
	snsType = iota
	snsMessageID
	snsTopic
	snsSubject
	snsMessage
	snsTimestamp
	snsToken
	snsSubscribeURL
	snsVersion
	snsSignature
	snsCertURL
)

// sns receives what Amazon SNS delivers over HTTPS
// (https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html).
// The signature is checked before anything else is believed.
type sns struct {
	topics       allowList // ARNs
	certificates *certificates
	client       *http.Client // for confirmations
}

func (s *sns) receive(ctx context.Context, _ *http.Request, body []byte) (received, error) {
	m, err := texts(body, snsMembers)
	if err != nil {
		return received{}, refuse(http.StatusBadRequest, malformed, "the body is no SNS message: %v; raw message delivery must be off, since raw messages are not signed", err)
	}
	if err := s.verify(ctx, m); err != nil {
		return received{}, err
	}
	if !s.topics.holds(m[snsTopic]) {
		return received{}, refuse(http.StatusForbidden, notAllowed, "TopicArn is %s, which %s does not list", shorten(m[snsTopic]), snFieldTopics)
	}
	switch m[snsType] {
	case "SubscriptionConfirmation":
		return received{handshake: confirmation}, s.confirm(ctx, m)
	case "UnsubscribeConfirmation":
		return received{handshake: ending}, nil
	}
	return received{}, nil
}

func (s *sns) verify(ctx context.Context, m []string) error {
	var hash crypto.Hash
	switch m[snsVersion] {
	case "1":
		hash = crypto.SHA1
	case "2":
		hash = crypto.SHA256
	default:
		return refuse(http.StatusUnauthorized, badSignature, "SignatureVersion is %s; 1 and 2 are known", shorten(m[snsVersion]))
	}
	signed, err := snsSigned(m)
	if err != nil {
		return refuse(http.StatusBadRequest, malformed, "%v", err)
	}
	given, err := base64.StdEncoding.DecodeString(m[snsSignature])
	if err != nil || len(given) == 0 {
		return refuse(http.StatusUnauthorized, badSignature, "Signature is absent or no base64")
	}
	from, err := pinned(m[snsCertURL])
	if err != nil {
		return refuse(http.StatusUnauthorized, badSignature, "SigningCertURL: %v", err)
	}
	key, err := s.certificates.key(ctx, from)
	if err != nil {
		return err
	}
	if rsa.VerifyPKCS1v15(key, hash, digest(hash, signed), given) != nil {
		return refuse(http.StatusUnauthorized, badSignature, "the signature is not that of the message")
	}
	return nil
}

func digest(hash crypto.Hash, text string) []byte {
	if hash == crypto.SHA1 {
		sum := sha1.Sum([]byte(text)) //nolint:gosec // see the import
		return sum[:]
	}
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// snsSigned builds the text that SNS signs: names and values, each on a line.
// Nothing marks where a value ends, so those in which SNS itself writes no line
// break must hold none: else one signed text could be cut into other members, and
// a message be repeated under another id.
func snsSigned(m []string) (string, error) {
	for i, value := range m {
		if i != snsMessage && i != snsSignature && strings.ContainsAny(value, "\r\n") {
			return "", errors.New("a member other than Message holds a line break")
		}
	}
	names := []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
	order := []int{snsMessage, snsMessageID, snsSubject, snsTimestamp, snsTopic, snsType}
	switch m[snsType] {
	case "Notification":
		if m[snsSubject] == "" {
			names, order = append(names[:2:2], names[3:]...), append(order[:2:2], order[3:]...)
		}
	case "SubscriptionConfirmation", "UnsubscribeConfirmation":
		names = []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
		order = []int{snsMessage, snsMessageID, snsSubscribeURL, snsTimestamp, snsToken, snsTopic, snsType}
	default:
		return "", fmt.Errorf("the member Type is %s; Notification, SubscriptionConfirmation and UnsubscribeConfirmation are known", shorten(m[snsType]))
	}
	var b strings.Builder
	for i, name := range names {
		b.WriteString(name)
		b.WriteByte('\n')
		b.WriteString(m[order[i]])
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// pinned parses a URL of SNS itself and refuses every other.
func pinned(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s is no URL", shorten(raw))
	case u.Scheme != "https", u.User != nil, u.Opaque != "", u.Fragment != "", !snsHost.MatchString(u.Host):
		return nil, fmt.Errorf("%s is not at https://sns.<region>.amazonaws.com, nor at that of a region in China", shorten(raw))
	}
	return u, nil
}

// confirm does what the owner of the topic asks for: it is in the allow-list,
// and the request is signed.
func (s *sns) confirm(ctx context.Context, m []string) error {
	u, err := pinned(m[snsSubscribeURL])
	if err != nil {
		return refuse(http.StatusForbidden, notAllowed, "SubscribeURL: %v", err)
	}
	query := u.Query()
	if query.Get("Action") != "ConfirmSubscription" || query.Get("TopicArn") != m[snsTopic] || query.Get("Token") == "" {
		return refuse(http.StatusForbidden, notAllowed, "SubscribeURL does not confirm a subscription to %s", m[snsTopic])
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return refuse(http.StatusForbidden, notAllowed, "SubscribeURL: %v", err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return refuse(http.StatusServiceUnavailable, confirmationFails, "confirming the subscription at %s: %v", u.Host, withoutURL(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refuse(http.StatusServiceUnavailable, confirmationFails, "confirming the subscription at %s: the server answered %s", u.Host, resp.Status)
	}
	return nil
}

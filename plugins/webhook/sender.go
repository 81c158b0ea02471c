package webhook

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/helios-connect/helios/plugins/event"
)

// sender knows the protocol of one pushing service. It is safe for concurrent
// use.
type sender interface {
	// receive reads an authenticated POST. Errors are *refusal.
	receive(ctx context.Context, r *http.Request, body []byte) (received, error)
}

// preflighted is a sender whose service asks with OPTIONS before it pushes.
type preflighted interface {
	options(r *http.Request) (received, error)
}

// received is what a request turned out to be: a handshake, which is answered at
// once, or an event.
type received struct {
	handshake handshake
	header    http.Header // of a handshake's answer
	body      []byte      // likewise
	metadata  []metadata  // of an event, beside what every event has
}

// metadata is one value beside an event's body.
type metadata struct{ name, value string }

// handshake is a request by which a service sets up or ends its pushing.
type handshake string

const (
	noHandshake  handshake = ""
	validation   handshake = "validation"
	preflight    handshake = "preflight"
	confirmation handshake = "confirmation"
	ending       handshake = "ending"
)

// headerAuth proves who sends by a request's headers, before its body is read.
type headerAuth interface {
	// checkHeader returns nil or a *refusal.
	checkHeader(ctx context.Context, r *http.Request) error
}

// bodyAuth proves who sent a body, as it came over the wire.
type bodyAuth interface {
	// checkBody returns nil or a *refusal.
	checkBody(ctx context.Context, r *http.Request, body []byte) error
}

// reason says why a request was refused: a label of metrics, and the text of the
// answer.
type reason string

const (
	unknownPath       reason = "unknown_path"
	wrongMethod       reason = "wrong_method"
	noCredentials     reason = "no_credentials"
	wrongCredentials  reason = "wrong_credentials"
	badToken          reason = "bad_token"
	expiredToken      reason = "expired_token"
	wrongIssuer       reason = "wrong_issuer"
	wrongAudience     reason = "wrong_audience"
	wrongIdentity     reason = "wrong_identity"
	keysUnreachable   reason = "keys_unreachable"
	badSignature      reason = "bad_signature"
	staleTimestamp    reason = "stale_timestamp"
	notAllowed        reason = "not_allowed"
	malformed         reason = "malformed"
	unknownFormat     reason = "unknown_format"
	tooLarge          reason = "too_large"
	slowBody          reason = "slow_body"
	rateLimited       reason = "rate_limited"
	busy              reason = "busy"
	notDurable        reason = "not_durable"
	notDurableInTime  reason = "not_durable_in_time"
	stoppingDown      reason = "stopping"
	confirmationFails reason = "confirmation_failed"
	senderGone        reason = "sender_gone"
)

// refusal is the answer to a request that is not taken. Its detail is for our
// log and never holds a secret; the sender sees status and reason.
type refusal struct {
	status int
	reason reason
	detail string
	// retryAfter is when to try again; 0 takes the configured time where the
	// status asks for one.
	retryAfter time.Duration
	// challenge is the WWW-Authenticate of an answer with 401; empty: Bearer.
	challenge string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%d %s: %s", r.status, r.reason, r.detail)
}

func refuse(status int, why reason, format string, args ...any) *refusal {
	return &refusal{status: status, reason: why, detail: fmt.Sprintf(format, args...)}
}

// shorten makes what a sender wrote fit for an error: it is quoted and cut.
func shorten(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%q…", s[:most])
	}
	return fmt.Sprintf("%q", s)
}

var scanners = sync.Pool{New: func() any { return new(event.Scanner) }}

// texts returns the strings at paths in a JSON object: "" for what is absent.
// Names are compared exactly and may not stand twice, so that what is verified
// is what a later reader of the document sees.
func texts(doc []byte, paths *event.Paths) ([]string, error) {
	s := scanners.Get().(*event.Scanner)
	defer scanners.Put(s)
	raw := make([][]byte, paths.Len())
	if err := s.Scan(doc, paths, raw); err != nil {
		return nil, err
	}
	out := make([]string, len(raw))
	for i, value := range raw {
		if value == nil || event.IsNull(value) {
			continue
		}
		text, _, ok := event.StringBytes(value, nil)
		if !ok {
			return nil, fmt.Errorf("member %d of those expected is %.40s; a string is required", i+1, value)
		}
		out[i] = string(text)
	}
	return out, nil
}

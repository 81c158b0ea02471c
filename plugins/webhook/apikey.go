package webhook

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
)

// secrets are values of which a caller must know one; several let a secret be
// exchanged without a gap. They are kept and compared as digests, so that the
// time of a comparison tells neither their content nor their length.
type secrets [][sha256.Size]byte

func digests(values []string) (s secrets) {
	for _, v := range values {
		s = append(s, sha256.Sum256([]byte(v)))
	}
	return s
}

func (s secrets) hold(value string) bool {
	given, found := sha256.Sum256([]byte(value)), 0
	for i := range s {
		found |= subtle.ConstantTimeCompare(given[:], s[i][:])
	}
	return found == 1
}

// apiKey expects a secret in a header or, for services that can only be given a
// URL, in its query.
type apiKey struct {
	header, query string // one of them
	keys          secrets
}

func (k *apiKey) checkHeader(_ context.Context, r *http.Request) error {
	given := ""
	if k.header != "" {
		given = r.Header.Get(k.header)
	} else {
		given = r.URL.Query().Get(k.query)
	}
	switch {
	case given == "":
		return refuse(http.StatusUnauthorized, noCredentials, "the API key is absent")
	case !k.keys.hold(given):
		return refuse(http.StatusUnauthorized, wrongCredentials, "the API key is none of those configured")
	}
	return nil
}

// basic is HTTP's basic authentication (RFC 7617).
type basic struct {
	user      secrets
	passwords secrets
}

func (b *basic) checkHeader(_ context.Context, r *http.Request) error {
	user, password, ok := r.BasicAuth()
	if !ok {
		return challenged(refuse(http.StatusUnauthorized, noCredentials, "the header Authorization holds no basic credentials"))
	}
	userOK, passwordOK := b.user.hold(user), b.passwords.hold(password)
	if !userOK || !passwordOK {
		return challenged(refuse(http.StatusUnauthorized, wrongCredentials, "user name or password is not the configured one"))
	}
	return nil
}

// challenged asks for basic credentials. SNS sends a request without them first,
// and again with them only after a challenge that names a realm.
func challenged(r *refusal) *refusal {
	r.challenge = `Basic realm="helios"`
	return r
}

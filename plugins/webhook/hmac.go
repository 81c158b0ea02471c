package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // HMAC-SHA1 is unbroken, and some senders know nothing else
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// hmacSettings say how a sender signs.
type hmacSettings struct {
	header          string // of the signatures
	prefix          string // of each signature
	algorithm       string // sha256, sha512 or sha1
	encoding        string // hex or base64
	signed          string // what is signed, with {body}, {timestamp} and {id}
	timestampHeader string
	timestampPrefix string
	idHeader        string
	tolerance       time.Duration // of the timestamp, either way
	secrets         []string
}

// signature verifies messages authenticated by HMAC (RFC 2104).
type signature struct {
	hmacSettings
	before, after []part // of the body in what is signed
	macs          []*sync.Pool
	now           func() time.Time
}

// part is a stretch of what is signed: fixed text or a header's value.
type part struct {
	text string
	from placeholder
}

type placeholder string

const (
	fixedText     placeholder = ""
	bodyPlace     placeholder = "{body}"
	timestampMark placeholder = "{timestamp}"
	idMark        placeholder = "{id}"
)

func newHash(algorithm string) (func() hash.Hash, error) {
	switch algorithm {
	case "sha256":
		return sha256.New, nil
	case "sha512":
		return sha512.New, nil
	case "sha1":
		return sha1.New, nil
	}
	return nil, fmt.Errorf("algorithm is %q; sha256, sha512 and sha1 are allowed", algorithm)
}

func newSignature(set hmacSettings, now func() time.Time) (*signature, error) {
	h, err := newHash(set.algorithm)
	if err != nil {
		return nil, err
	}
	before, after, found := strings.Cut(set.signed, string(bodyPlace))
	switch {
	case !found:
		return nil, fmt.Errorf("signed is %q; it must hold {body}, for example {timestamp}.{body}", set.signed)
	case strings.Contains(after, string(bodyPlace)):
		return nil, fmt.Errorf("signed is %q; it may hold {body} once", set.signed)
	case strings.Contains(set.signed, string(timestampMark)) != (set.timestampHeader != ""):
		return nil, fmt.Errorf("signed is %q and timestamp_header is %q; a timestamp counts only when it is signed, so give both or neither", set.signed, set.timestampHeader)
	case strings.Contains(set.signed, string(idMark)) != (set.idHeader != ""):
		return nil, fmt.Errorf("signed is %q and id_header is %q; give both {id} and its header, or neither", set.signed, set.idHeader)
	case set.encoding != "hex" && set.encoding != "base64":
		return nil, fmt.Errorf("encoding is %q; hex and base64 are allowed", set.encoding)
	case set.timestampHeader != "" && set.tolerance <= 0:
		return nil, fmt.Errorf("tolerance is %v; it must be positive, for example 5m", set.tolerance)
	}
	s := &signature{hmacSettings: set, before: parts(before), after: parts(after), now: now}
	for _, secret := range set.secrets {
		key := []byte(secret)
		s.macs = append(s.macs, &sync.Pool{New: func() any { return hmac.New(h, key) }})
	}
	return s, nil
}

// decodeSecret returns a secret's bytes. Its errors do not show it.
func decodeSecret(secret, encoding string) (string, error) {
	var raw []byte
	var err error
	switch encoding {
	case "text":
		return secret, nil
	case "base64":
		secret = strings.TrimRight(strings.TrimPrefix(secret, "whsec_"), "=")
		raw, err = base64.RawStdEncoding.DecodeString(secret)
	case "hex":
		raw, err = hex.DecodeString(secret)
	default:
		return "", fmt.Errorf("%q; text, base64 and hex are allowed", encoding)
	}
	if err != nil || len(raw) == 0 {
		return "", fmt.Errorf("%s: the secret is not written so", encoding)
	}
	return string(raw), nil
}

// parts splits a template at its placeholders.
func parts(template string) (out []part) {
	for template != "" {
		at, mark := len(template), fixedText
		for _, m := range []placeholder{timestampMark, idMark} {
			if i := strings.Index(template, string(m)); i >= 0 && i < at {
				at, mark = i, m
			}
		}
		if at > 0 {
			out = append(out, part{text: template[:at]})
		}
		if mark != fixedText {
			out = append(out, part{from: mark})
		}
		template = template[at+len(mark):]
	}
	return out
}

// checkHeader refuses what can't become right by its body.
func (s *signature) checkHeader(_ context.Context, r *http.Request) error {
	if r.Header.Get(s.header) == "" {
		return refuse(http.StatusUnauthorized, noCredentials, "the header %s is absent", s.header)
	}
	if s.timestampHeader == "" {
		return nil
	}
	given := s.timestamp(r)
	at, err := parseTimestamp(given)
	if err != nil {
		return refuse(http.StatusUnauthorized, staleTimestamp, "the header %s holds the time %s; Unix seconds or RFC 3339 are read", s.timestampHeader, shorten(given))
	}
	if age := s.now().Sub(at); age > s.tolerance || age < -s.tolerance {
		return refuse(http.StatusUnauthorized, staleTimestamp, "the signature is %v old; tolerance is %v", age.Round(time.Second), s.tolerance)
	}
	return nil
}

func (s *signature) timestamp(r *http.Request) string {
	given := r.Header.Get(s.timestampHeader)
	if s.timestampPrefix == "" {
		return given
	}
	for candidate := range tokens(given) {
		if rest, ok := strings.CutPrefix(candidate, s.timestampPrefix); ok {
			return rest
		}
	}
	return ""
}

// tokens yields what stands between commas and spaces.
func tokens(s string) func(func(string) bool) {
	return strings.FieldsFuncSeq(s, func(c rune) bool { return c == ',' || c == ' ' })
}

func parseTimestamp(s string) (time.Time, error) {
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil {
		// Milliseconds have three digits more than any second of this era.
		if seconds > 1e11 {
			return time.UnixMilli(seconds), nil
		}
		return time.Unix(seconds, 0), nil
	}
	return time.Parse(time.RFC3339, s)
}

func (s *signature) checkBody(_ context.Context, r *http.Request, body []byte) error {
	for _, pool := range s.macs {
		if s.holds(r.Header.Values(s.header), s.sum(pool, r, body)) {
			return nil
		}
	}
	return refuse(http.StatusUnauthorized, badSignature, "no signature in %s is that of the body with a configured secret", s.header)
}

func (s *signature) sum(pool *sync.Pool, r *http.Request, body []byte) []byte {
	mac := pool.Get().(hash.Hash)
	defer pool.Put(mac)
	mac.Reset()
	s.write(mac, s.before, r)
	mac.Write(body)
	s.write(mac, s.after, r)
	return mac.Sum(nil)
}

func (s *signature) write(mac hash.Hash, parts []part, r *http.Request) {
	for _, p := range parts {
		text := p.text
		switch p.from {
		case timestampMark:
			text = s.timestamp(r)
		case idMark:
			text = r.Header.Get(s.idHeader)
		}
		mac.Write([]byte(text))
	}
}

// maxSignatures bounds the work that one request can cause.
const maxSignatures = 16

// holds reports whether one of the signatures in the headers is sum. A sender
// that exchanges its secret sends several, between spaces or commas.
func (s *signature) holds(headers []string, sum []byte) bool {
	left := maxSignatures
	for _, header := range headers {
		separators := ", "
		if strings.ContainsAny(s.prefix, ",") {
			separators = " "
		}
		for candidate := range strings.FieldsFuncSeq(header, func(c rune) bool { return strings.ContainsRune(separators, c) }) {
			if left--; left < 0 {
				return false
			}
			encoded, ok := strings.CutPrefix(candidate, s.prefix)
			if !ok {
				continue
			}
			if given, err := s.decode(encoded); err == nil && hmac.Equal(given, sum) {
				return true
			}
		}
	}
	return false
}

func (s *signature) decode(encoded string) ([]byte, error) {
	if s.encoding == "hex" {
		return hex.DecodeString(encoded)
	}
	return base64.StdEncoding.DecodeString(encoded)
}

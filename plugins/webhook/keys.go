package webhook

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

const (
	keyFetchTimeout = 3 * time.Second  // shorter than the patience of every sender
	keyFetchPause   = 10 * time.Second // between fetches in the long run: unknown key ids in forged tokens cost no more
	keyFetchBurst   = 5                // fetches after a quiet time: a rotated key is found at once
	keyRetryPause   = time.Second      // after a failed one
	keyMaxAge       = time.Hour        // then keys are fetched again, so that withdrawn ones go
	keyMaxBytes     = 1 << 20

	rsaMinBits = 2048 // of keys for RS256 (RFC 7518, section 3.3), and of SNS's
)

// errKeysUnreachable is wrapped by every failure to fetch keys that may pass.
var errKeysUnreachable = errors.New("the signing keys can't be fetched")

// keySet holds the signing keys of an issuer (RFC 7517). It tells a token that
// nobody signed from one that can't be checked now: go-oidc alone does not, and
// the difference is between 401, which senders take for final, and 503.
type keySet struct {
	url     string
	base    http.RoundTripper
	now     func() time.Time
	fetched func(ok bool)

	mu       sync.Mutex
	current  *oidc.RemoteKeySet
	ids      map[string]struct{}
	wanted   int       // calls under way whose token names an unknown key
	pace     *limiter  // of fetches
	success  time.Time // of the last fetch
	failure  time.Time
	renewing bool
}

func newKeySet(url string, base http.RoundTripper, now func() time.Time, fetched func(ok bool)) *keySet {
	k := &keySet{url: url, base: base, now: now, fetched: fetched, pace: newLimiter(1/keyFetchPause.Seconds(), keyFetchBurst, now())}
	k.current = k.remote()
	return k
}

func (k *keySet) remote() *oidc.RemoteKeySet {
	client := &http.Client{
		Transport: k, Timeout: keyFetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), client), k.url)
}

// unreachable carries out of go-oidc's verifier, which keeps only the text of
// errors, that the keys were the problem.
type unreachable struct{ err error }

type unreachableKey struct{}

// VerifySignature implements oidc.KeySet.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	known := k.knows(keyID(token))
	if !known {
		k.want(1)
		defer k.want(-1)
	}
	payload, err := k.keys(token).VerifySignature(ctx, token)
	if err == nil {
		return payload, nil
	}
	if known {
		return nil, errors.New("the signature is not that of the key it names")
	}
	if errors.Is(err, errKeysUnreachable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		if note, ok := ctx.Value(unreachableKey{}).(*unreachable); ok {
			note.err = err
		}
	}
	return nil, err
}

// keys returns the keys in use, and has them renewed behind the scenes when they
// are old: a key server that hangs delays nobody whose key is known.
func (k *keySet) keys(token string) *oidc.RemoteKeySet {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if !k.success.IsZero() && now.Sub(k.success) > keyMaxAge && now.Sub(k.failure) > keyRetryPause && !k.renewing {
		k.renewing = true
		go k.renew(token, k.success)
	}
	return k.current
}

func (k *keySet) renew(token string, before time.Time) {
	next := k.remote()
	k.want(1)
	defer k.want(-1)
	_, _ = next.VerifySignature(context.Background(), token) // fetches, whatever the token is
	k.mu.Lock()
	defer k.mu.Unlock()
	k.renewing = false
	if k.success.After(before) {
		k.current = next
	}
}

// want says that keys are to be fetched for a call. go-oidc fetches after every
// signature that is wrong, also of a key that is here.
func (k *keySet) want(change int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wanted += change
}

// knows reports whether the key that a token names is here. One that names none
// is tried with all keys, so it is known as soon as there are any with names.
func (k *keySet) knows(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.ids[id]
	return ok || id == "" && len(k.ids) > 0
}

// keyID returns the key that a token names in its header, or "".
func keyID(token string) string {
	encoded, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return ""
	}
	var header struct {
		KeyID string `json:"kid"`
	}
	if json.Unmarshal(raw, &header) != nil {
		return ""
	}
	return header.KeyID
}

// RoundTrip implements http.RoundTripper: it fetches keys, not too often, and
// refuses every answer that holds none.
func (k *keySet) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := k.mayFetch(); err != nil {
		return nil, err
	}
	resp, ids, err := k.fetch(req)
	k.fetched(err == nil)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		k.failure = k.now()
		return nil, fmt.Errorf("%w from %s: %w", errKeysUnreachable, k.url, err)
	}
	k.success, k.ids = k.now(), ids
	return resp, nil
}

func (k *keySet) mayFetch() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if k.wanted == 0 {
		return fmt.Errorf("%w from %s: nobody needs them", errKeysUnreachable, k.url)
	}
	if now.Sub(k.failure) < keyRetryPause {
		return fmt.Errorf("%w from %s: that failed less than %v ago", errKeysUnreachable, k.url, keyRetryPause)
	}
	if wait := k.pace.take(now); wait > 0 {
		return fmt.Errorf("%w from %s: that was done too often, and is allowed in %v", errKeysUnreachable, k.url, wait.Round(time.Millisecond))
	}
	return nil
}

func (k *keySet) fetch(req *http.Request) (*http.Response, map[string]struct{}, error) {
	resp, err := k.base.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("the server answered %s", resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, keyMaxBytes))
	if err != nil {
		return nil, nil, err
	}
	body, ids, err := usableKeys(body)
	if err != nil {
		return nil, nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, ids, nil
}

// usableKeys returns a key set with those keys of another that can have signed a
// token, and their ids. Others are ignored (RFC 7517, section 5): go-oidc refuses
// a whole set for one broken key, and takes that for the token's fault.
func usableKeys(body []byte) (usable []byte, ids map[string]struct{}, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, nil, fmt.Errorf("the answer is no key set: %w", err)
	}
	ids = make(map[string]struct{}, len(set.Keys))
	all := len(set.Keys)
	set.Keys = slices.DeleteFunc(set.Keys, func(raw json.RawMessage) bool {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) != nil || key.Use != "" && key.Use != "sig" {
			return true
		}
		if public, ok := key.Key.(*rsa.PublicKey); !ok || public.N.BitLen() < rsaMinBits {
			return true
		}
		if key.KeyID != "" {
			ids[key.KeyID] = struct{}{}
		}
		return false
	})
	if len(set.Keys) == 0 {
		return nil, nil, fmt.Errorf("none of the %d keys in the answer is an RSA key of at least %d bits for signatures", all, rsaMinBits)
	}
	usable, err = json.Marshal(set)
	return usable, ids, err
}

package webhook

import (
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRotatedKeysAreFetched(t *testing.T) {
	keys := newKeyServer(t)
	d := entraDoor(t, keys)
	one, two := makeKey()[0], makeKey()[1]
	require.Equal(t, 200, d.post("/grid", `[]`, bearerOf(token(one, "one", entraClaims(d, keys, nil)))).status)
	keys.set(func() { keys.keys["two"] = two })
	require.Equal(t, 200, d.post("/grid", `[]`, bearerOf(token(two, "two", entraClaims(d, keys, nil)))).status)
	require.Equal(t, 200, d.post("/grid", `[]`, bearerOf(token(one, "one", entraClaims(d, keys, nil)))).status)

	// A withdrawn key goes when the keys are old.
	keys.set(func() { delete(keys.keys, "one") })
	d.clock.advance(keyMaxAge + time.Second)
	require.Eventually(t, func() bool {
		a := d.post("/grid", `[]`, bearerOf(token(one, "one", entraClaims(d, keys, nil))))
		return a.status != 200
	}, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, 200, d.post("/grid", `[]`, bearerOf(token(two, "two", entraClaims(d, keys, nil)))).status)
	d.clock.advance(keyFetchPause)
	refused(t, d.post("/grid", `[]`, bearerOf(token(one, "one", entraClaims(d, keys, nil)))), 401, badToken)
}

func TestUnknownKeysAreLookedForNowAndThenOnly(t *testing.T) {
	keys := newKeyServer(t)
	d := entraDoor(t, keys)
	one, two := makeKey()[0], makeKey()[1]
	forge := func(id string) answer {
		return d.post("/grid", `[]`, bearerOf(token(two, id, entraClaims(d, keys, nil))))
	}
	refused(t, forge("no such key"), 401, badToken)
	require.Eventually(t, func() bool { return forge("no such key").status == 503 }, 10*time.Second, time.Millisecond)
	for n := range 20 {
		// It may be a rotated key: final would lose the event.
		refused(t, forge(fmt.Sprint("another ", n)), 503, keysUnreachable)
		refused(t, forge("one"), 401, badToken)
		refused(t, forge(""), 401, badToken)
	}
	require.EqualValues(t, keyFetchBurst, keys.fetches.Load())
	require.Equal(t, 200, d.post("/grid", `[]`, bearerOf(token(one, "one", entraClaims(d, keys, nil)))).status, "known keys are not in the way of it")
	d.clock.advance(keyFetchPause + time.Millisecond)
	keys.set(func() { keys.keys["two"] = two })
	require.Equal(t, 200, forge("two").status)
}

func TestOurKeyServersFailureIsNotTheSenders(t *testing.T) {
	good := func(d *door, keys *keyServer) headers {
		return bearerOf(token(makeKey()[0], "one", entraClaims(d, keys, nil)))
	}
	for name, fail := range map[string]func(s *keyServer){
		"an error":           func(s *keyServer) { s.status = 500 },
		"not found":          func(s *keyServer) { s.status = 404 },
		"a redirect":         func(s *keyServer) { s.status = 302 },
		"without a key":      func(s *keyServer) { s.keys = nil },
		"a page":             func(s *keyServer) { s.body = "<html>Please sign in</html>" },
		"half an answer":     func(s *keyServer) { s.body = `{"keys":[{"kty":"RSA","kid":"one","n":"AQ` },
		"another object":     func(s *keyServer) { s.body = `{"error":"throttled"}` },
		"a broken key":       func(s *keyServer) { s.body = `{"keys":[{"kty":"RSA","kid":"one","n":"","e":""}]}` },
		"a secret":           func(s *keyServer) { s.body = `{"keys":[{"kty":"oct","kid":"one","k":"c2VjcmV0"}]}` },
		"keys that are none": func(s *keyServer) { s.body = `{"keys":[1,"two"]}` },
		"too much":           func(s *keyServer) { s.body = `{"keys":[]` + strings.Repeat(" ", keyMaxBytes) + `}` },
		"it is not here":     func(s *keyServer) { s.CloseClientConnections(); s.Config.Handler = http.HandlerFunc(hijackAndClose) },
	} {
		t.Run(name, func(t *testing.T) {
			keys := newKeyServer(t)
			keys.set(func() { fail(keys) })
			d := entraDoor(t, keys)
			for range 3 { // the later ones are not fetched for
				a := d.post("/grid", `[]`, good(d, keys))
				refused(t, a, 503, keysUnreachable)
				require.Equal(t, "7", a.header.Get("Retry-After"))
			}
			require.LessOrEqual(t, keys.fetches.Load(), int64(1), "a key server in trouble is left alone")
			if name == "an error" {
				keys.set(func() { keys.status = 0 })
				d.clock.advance(keyRetryPause)
				require.Equal(t, 200, d.post("/grid", `[]`, good(d, keys)).status)
			}
		})
	}
}

func TestKeysThatCannotSignAreIgnored(t *testing.T) {
	keys := newKeyServer(t)
	d := entraDoor(t, keys)
	one, two := makeKey()[0], makeKey()[1]
	jwk := func(id, use string, key *rsa.PrivateKey) string {
		return fmt.Sprintf(`{"kty":"RSA","kid":%q,"use":%q,"n":%q,"e":"AQAB"}`, id, use, base64.RawURLEncoding.EncodeToString(key.N.Bytes()))
	}
	keys.set(func() {
		keys.body = `{"keys":[{"kty":"RSA","kid":"broken","n":"","e":""},{"kty":"oct","kid":"oct","k":"c2VjcmV0"},` + jwk("enc", "enc", two) + `,` + jwk("one", "sig", one) + `]}`
	})
	require.Equal(t, 200, d.post("/grid", `[]`, bearerOf(token(one, "one", entraClaims(d, keys, nil)))).status)
	refused(t, d.post("/grid", `[]`, bearerOf(token(two, "enc", entraClaims(d, keys, nil)))), 401, badToken)
	refused(t, d.post("/grid", `[]`, bearerOf(token(two, "one", entraClaims(d, keys, nil)))), 401, badToken)
}

func hijackAndClose(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func TestAKeyServerThatHangsDelaysOnlyUnknownKeys(t *testing.T) {
	keys := newKeyServer(t)
	d := entraDoor(t, keys)
	good := func() headers { return bearerOf(token(makeKey()[0], "one", entraClaims(d, keys, nil))) }
	require.Equal(t, 200, d.post("/grid", `[]`, good()).status)
	hang := make(chan struct{})
	keys.set(func() { keys.hang = hang })
	defer close(hang)
	d.clock.advance(keyMaxAge + time.Second)
	begin := time.Now()
	require.Equal(t, 200, d.post("/grid", `[]`, good()).status)
	require.Less(t, time.Since(begin), keyFetchTimeout, "known keys stay good")
	begin = time.Now()
	refused(t, d.post("/grid", `[]`, bearerOf(token(makeKey()[1], "two", entraClaims(d, keys, nil)))), 503, keysUnreachable)
	require.Less(t, time.Since(begin), 2*keyFetchTimeout)
}

// TestARotationUnderTrafficCostsOneFetch: the old key goes, all senders use the
// new one at once, and none of them is refused.
func TestARotationUnderTrafficCostsOneFetch(t *testing.T) {
	keys := newKeyServer(t)
	d := entraDoor(t, keys)
	one, two := makeKey()[0], makeKey()[1]
	require.Equal(t, 200, d.post("/grid", `[]`, bearerOf(token(one, "one", entraClaims(d, keys, nil)))).status)
	hang := make(chan struct{})
	keys.set(func() {
		keys.keys = map[string]*rsa.PrivateKey{"two": two}
		keys.hang = hang
	})
	fresh := bearerOf(token(two, "two", entraClaims(d, keys, nil)))
	statuses := make(chan int, 100)
	for range 100 {
		go func() {
			req := request("POST", `[]`, fresh)
			req.URL.Host, req.URL.Path = strings.TrimPrefix(d.base, "http://"), "/grid"
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				statuses <- 0
				return
			}
			_ = resp.Body.Close()
			statuses <- resp.StatusCode
		}()
	}
	require.Eventually(t, func() bool { return keys.fetches.Load() == 2 }, 10*time.Second, time.Millisecond)
	close(hang)
	for range 100 {
		require.Equal(t, 200, within(t, statuses))
	}
	require.LessOrEqual(t, keys.fetches.Load(), int64(3), "the first few may have come before the answer, and the last after it")
	refused(t, d.post("/grid", `[]`, bearerOf(token(one, "one", entraClaims(d, keys, nil)))), 401, badToken)
	require.LessOrEqual(t, keys.fetches.Load(), int64(4))
}

// TestAKeyServerThatHangsIsAnsweredWithinThePatience, also where that is shorter
// than the time for fetching keys.
func TestAKeyServerThatHangsIsAnsweredWithinThePatience(t *testing.T) {
	keys := newKeyServer(t)
	hang := make(chan struct{})
	defer close(hang)
	keys.set(func() { keys.hang = hang })
	d := open(t, nil, fmt.Sprintf(`
paths:
  - path: /aws
    sender: api_destination
    patience: 200ms
    auth: {oauth: {issuer: i, audiences: [a], jwks_url: "%s"}}
`, keys.URL))
	begin := time.Now()
	refused(t, d.post("/aws", `{}`, bearerOf(token(makeKey()[0], "one", object{"iss": "i", "aud": "a", "exp": d.clock.now().Add(time.Hour).Unix()}))), 503, keysUnreachable)
	require.Less(t, time.Since(begin), keyFetchTimeout)
}

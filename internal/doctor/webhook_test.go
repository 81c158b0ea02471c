package doctor

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// issuer signs tokens as Google does and offers its key.
type issuer struct {
	*httptest.Server
	key *rsa.PrivateKey
}

func startIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	i := &issuer{key: key}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{
			"kty": "RSA", "kid": "one", "use": "sig", "alg": "RS256",
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}})
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) token(t *testing.T, changes map[string]any) string {
	t.Helper()
	claims := map[string]any{
		"iss": "https://accounts.google.com", "aud": "https://helios.example.com/gcp", "email": "pusher@shop.iam.gserviceaccount.com", "email_verified": true,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	for name, value := range changes {
		claims[name] = value
	}
	part := func(v any) string {
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	signed := part(map[string]string{"alg": "RS256", "kid": "one"}) + "." + part(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	require.NoError(t, err)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func listener(keys string) env {
	return env{
		"HELIOS_WEBHOOK_ADDRESS": "127.0.0.1:0",
		"HELIOS_WEBHOOK_PATHS":   fmt.Sprintf("[{path: /gcp, name: gcp, sender: pubsub_push, auth: {google: {audiences: [https://helios.example.com/gcp], emails: [pusher@shop.iam.gserviceaccount.com], jwks_url: %q}}}]", keys),
	}
}

func TestAWrongAudienceIsSaidInWords(t *testing.T) {
	keys := startIssuer(t)
	e := listener(keys.URL)
	judge := func(changes map[string]any) []Finding {
		return ask(t, e, Options{Token: keys.token(t, changes)}, "webhook")
	}
	want(t, judge(nil), "token for /gcp", OK, "would be let in")
	found := judge(map[string]any{"aud": "https://elsewhere.example.com"})
	want(t, found, "token for /gcp", Failed, `wrong audience: the token's aud is ["https://elsewhere.example.com"]; allowed is ["https://helios.example.com/gcp"]`)
	want(t, found, "settings", OK, "/gcp")
	want(t, judge(map[string]any{"email": "stranger@shop.iam.gserviceaccount.com"}), "token for /gcp", Failed, "wrong identity")
	want(t, judge(map[string]any{"iss": "https://evil.example.com"}), "token for /gcp", Failed, "wrong issuer")
	want(t, judge(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), "token for /gcp", Failed, "expired token")
	want(t, ask(t, e, Options{Token: "no.token.atall"}, "webhook"), "token for /gcp", Failed, "bad token")
	want(t, ask(t, e, Options{Token: "x", TokenPath: "/other"}, "webhook"), "token for /other", Failed, `path "/other" is none of ["/gcp"] → give --token-path a path that the webhook listens at`)

	token := keys.token(t, nil)
	keys.Close()
	want(t, ask(t, e, Options{Token: token}, "webhook"), "token for /gcp", Failed, "keys unreachable")
}

func TestSettingsOfTheWebhookAreReadAsTheInputReadsThem(t *testing.T) {
	for paths, says := range map[string]string{
		"": "the list is empty",
		"[{path: /a, sender: event_grid, event_grid: {subscriptions: [s]}, auth: {api_key: {query: code, keys: [\"\"]}}}]": "keys is empty",
		"[{path: a, sender: hmac}]": "must begin with /",
		"{":                         "not a list",
		"[{path: /a, sender: event_grid, event_grid: {subscriptions: []}, auth: {api_key: {query: code, keys: [path-secret]}}}]": "subscriptions is empty",
	} {
		found := ask(t, env{"HELIOS_WEBHOOK_ADDRESS": "127.0.0.1:0", "HELIOS_WEBHOOK_PATHS": paths}, Options{}, "webhook")
		want(t, found, "settings", Failed, says)
		require.NotContains(t, fmt.Sprint(found), "path-secret")
	}
}

func TestTheCertificateAndTheAddressAreChecked(t *testing.T) {
	keys := startIssuer(t)
	e := listener(keys.URL)
	want(t, ask(t, e, Options{}, "webhook"), "certificate", Warned, "plain HTTP")

	cert, key := certificate(t, time.Now().Add(90*day))
	e["HELIOS_WEBHOOK_CERT_FILE"], e["HELIOS_WEBHOOK_KEY_FILE"] = cert, key
	want(t, ask(t, e, Options{}, "webhook"), "certificate", OK, "helios.example.com")
	want(t, ask(t, e, Options{Now: func() time.Time { return time.Now().Add(80 * day) }}, "webhook"), "certificate", Warned, "renew")
	want(t, ask(t, e, Options{Now: func() time.Time { return time.Now().Add(91 * day) }}, "webhook"), "certificate", Failed, "expired")
	e["HELIOS_WEBHOOK_KEY_FILE"] = cert
	require.True(t, AnyFailed(ask(t, e, Options{}, "webhook")))

	e = listener(keys.URL)
	e["HELIOS_WEBHOOK_ADDRESS"] = keys.Listener.Addr().String()
	want(t, ask(t, e, Options{}, "webhook"), "address", Warned, "can't be listened at")
}

func certificate(t *testing.T, until time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "helios"}, DNSNames: []string{"helios.example.com"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	rawKey, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	cert, key = filepath.Join(t.TempDir(), "tls.crt"), filepath.Join(t.TempDir(), "tls.key")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: rawKey}), 0o600))
	return cert, key
}

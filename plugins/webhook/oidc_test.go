package webhook

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keyServer is an issuer with real keys.
type keyServer struct {
	*httptest.Server
	mu      sync.Mutex
	keys    map[string]*rsa.PrivateKey
	status  int           // of answers; 0 is 200
	body    string        // of answers, instead of the keys
	hang    chan struct{} // not nil: answers only when it is closed
	fetches atomic.Int64
}

var makeKey = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var keys [2]*rsa.PrivateKey
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

func newKeyServer(t *testing.T) *keyServer {
	s := &keyServer{keys: map[string]*rsa.PrivateKey{"one": makeKey()[0]}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *keyServer) serve(w http.ResponseWriter, r *http.Request) {
	s.fetches.Add(1)
	s.mu.Lock()
	hang, status, body := s.hang, s.status, s.body
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	for id, key := range s.keys {
		set.Keys = append(set.Keys, map[string]string{
			"kty": "RSA", "kid": id, "use": "sig",
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		})
	}
	s.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
			return
		}
	}
	if status != 0 {
		w.WriteHeader(status)
	}
	if body != "" {
		_, _ = io.WriteString(w, body)
		return
	}
	_ = json.NewEncoder(w).Encode(set)
}

func (s *keyServer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func segment(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

type object map[string]any

// token signs claims with RS256.
func token(key *rsa.PrivateKey, id string, claims object) string {
	signed := segment(object{"alg": "RS256", "typ": "JWT", "kid": id}) + "." + segment(claims)
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func bearerOf(token string) headers {
	return headers{"Authorization": "Bearer " + token, "aeg-event-type": "Notification"}
}

const tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"

func entraDoor(t *testing.T, keys *keyServer) *door {
	return open(t, nil, fmt.Sprintf(`
retry_after: 7s
paths:
  - path: /grid
    sender: event_grid
    event_grid: {subscriptions: ["*"]}
    auth:
      entra: {tenant_id: %s, audiences: [api://helios, other], authority: "%s"}
`, tenant, keys.URL))
}

// entraClaims are those of a token of version 2, with changes.
func entraClaims(d *door, keys *keyServer, changes object) object {
	now := d.clock.now()
	c := object{
		"iss": keys.URL + "/" + tenant + "/v2.0", "aud": "api://helios", "azp": eventGridApplication, "tid": tenant,
		"iat": now.Add(-time.Minute).Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for name, value := range changes {
		if value == nil {
			delete(c, name)
		} else {
			c[name] = value
		}
	}
	return c
}

func TestEntraTokens(t *testing.T) {
	keys := newKeyServer(t)
	d := entraDoor(t, keys)
	one := makeKey()[0]
	now := d.clock.now()
	for name, c := range map[string]struct {
		changes object
		status  int
		why     reason
	}{
		"right, version 2":          {nil, 200, ""},
		"right, version 1":          {object{"iss": "https://sts.windows.net/" + tenant + "/", "azp": nil, "appid": eventGridApplication}, 200, ""},
		"several audiences":         {object{"aud": []string{"x", "api://helios"}}, 200, ""},
		"an application in caps":    {object{"azp": strings.ToUpper(eventGridApplication)}, 200, ""},
		"another issuer":            {object{"iss": "https://evil.example.com/"}, 401, wrongIssuer},
		"another tenant's":          {object{"iss": keys.URL + "/other/v2.0"}, 401, wrongIssuer},
		"version 2 with a slash":    {object{"iss": keys.URL + "/" + tenant + "/v2.0/"}, 401, wrongIssuer},
		"version 1 without a slash": {object{"iss": "https://sts.windows.net/" + tenant, "azp": nil, "appid": eventGridApplication}, 401, wrongIssuer},
		"no issuer":                 {object{"iss": nil}, 401, wrongIssuer},
		"an audience with a slash":  {object{"aud": "api://helios/"}, 401, wrongAudience},
		"no audience in a list":     {object{"aud": []string{}}, 401, wrongAudience},
		"an audience of no use":     {object{"aud": 7}, 401, badToken},
		"a slow clock over there":   {object{"nbf": now.Add(4 * time.Minute).Unix(), "iat": now.Add(4 * time.Minute).Unix()}, 200, ""},
		"an expiry that is text":    {object{"exp": "tomorrow"}, 401, badToken},
		"another tid":               {object{"tid": "other"}, 403, wrongIdentity},
		"another audience":          {object{"aud": "api://helios2"}, 401, wrongAudience},
		"no audience":               {object{"aud": nil}, 401, wrongAudience},
		"expired":                   {object{"exp": now.Add(-time.Second).Unix()}, 401, expiredToken},
		"without an expiry":         {object{"exp": nil}, 401, expiredToken},
		"not yet valid":             {object{"nbf": now.Add(time.Hour).Unix()}, 401, badToken},
		"issued in the future":      {object{"iat": now.Add(time.Hour).Unix()}, 401, badToken},
		"another application":       {object{"azp": "11111111-2222-3333-4444-555555555555"}, 403, wrongIdentity},
		"no application":            {object{"azp": nil}, 403, wrongIdentity},
		"two applications, one ok":  {object{"appid": "evil"}, 403, wrongIdentity},
		"an application of no use":  {object{"azp": 7}, 401, badToken},
	} {
		t.Run(name, func(t *testing.T) {
			a := d.post("/grid", `[]`, bearerOf(token(one, "one", entraClaims(d, keys, c.changes))))
			if c.status == 200 {
				require.Equal(t, 200, a.status, a.body)
				return
			}
			refused(t, a, c.status, c.why)
		})
	}
	require.EqualValues(t, 1, keys.fetches.Load(), "keys are kept")
}

func TestForgedTokens(t *testing.T) {
	keys := newKeyServer(t)
	d := entraDoor(t, keys)
	good := entraClaims(d, keys, nil)
	genuine := token(makeKey()[0], "one", good)
	require.Equal(t, 200, d.post("/grid", `[]`, bearerOf(genuine)).status)
	public, err := x509.MarshalPKIXPublicKey(&makeKey()[0].PublicKey)
	require.NoError(t, err)
	confused := func(secret []byte) string {
		signed := segment(object{"alg": "HS256", "kid": "one"}) + "." + segment(good)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(signed))
		return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	parts := strings.Split(genuine, ".")
	for name, forged := range map[string]string{
		"no algorithm":            segment(object{"alg": "none"}) + "." + segment(good) + ".",
		"no algorithm, signed":    segment(object{"alg": "none", "kid": "one"}) + "." + parts[1] + "." + parts[2],
		"in capitals":             segment(object{"alg": "NONE"}) + "." + segment(good) + ".",
		"the key as a secret":     confused(public),
		"the key in PEM":          confused(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		"another key":             token(makeKey()[1], "one", good),
		"other claims":            parts[0] + "." + segment(entraClaims(d, keys, object{"x": 1})) + "." + parts[2],
		"no signature":            parts[0] + "." + parts[1] + ".",
		"cut":                     genuine[:len(genuine)-5],
		"two tokens":              genuine + "." + genuine,
		"an embedded key":         segment(object{"alg": "RS256", "kid": "one", "jwk": object{"kty": "RSA", "n": "AQAB", "e": "AQAB"}}) + "." + parts[1] + "." + parts[2],
		"rubbish":                 "rubbish",
		"rubbish with three dots": "a.b.c",
	} {
		t.Run(name, func(t *testing.T) { refused(t, d.post("/grid", `[]`, bearerOf(forged)), 401, badToken) })
	}
	refused(t, d.post("/grid", `[]`, headers{"Authorization": "Basic " + genuine}), 401, noCredentials)
	refused(t, d.post("/grid", `[]`, headers{"Authorization": "Bearer "}), 401, noCredentials)
	refused(t, d.post("/grid", `[]`, nil), 401, noCredentials)
	require.EqualValues(t, 1, keys.fetches.Load(), "forged tokens don't make us fetch keys")
	require.Len(t, d.events(), 1)
}

func TestGoogleTokens(t *testing.T) {
	keys := newKeyServer(t)
	d := open(t, nil, fmt.Sprintf(`
paths:
  - path: /push
    sender: pubsub_push
    auth:
      google: {audiences: [https://helios.example.com/push], emails: [pusher@shop.iam.gserviceaccount.com], jwks_url: "%s"}
`, keys.URL))
	for name, c := range map[string]struct {
		changes object
		status  int
		why     reason
	}{
		"right":                   {nil, 200, ""},
		"an hour old, nearly":     {object{"iat": d.clock.now().Add(-59 * time.Minute).Unix(), "exp": d.clock.now().Add(time.Minute).Unix()}, 200, ""},
		"expired":                 {object{"exp": d.clock.now().Add(-time.Minute).Unix()}, 401, expiredToken},
		"without https":           {object{"iss": "accounts.google.com"}, 401, wrongIssuer},
		"another audience":        {object{"aud": "https://helios.example.com/push/"}, 401, wrongAudience},
		"another account":         {object{"email": "evil@shop.iam.gserviceaccount.com"}, 403, wrongIdentity},
		"no account":              {object{"email": nil}, 403, wrongIdentity},
		"not verified":            {object{"email_verified": false}, 403, wrongIdentity},
		"nothing about verified":  {object{"email_verified": nil}, 403, wrongIdentity},
		"verified in other words": {object{"email_verified": "true"}, 403, wrongIdentity},
	} {
		t.Run(name, func(t *testing.T) {
			claims := object{
				"iss": googleIssuer, "aud": "https://helios.example.com/push", "email": "pusher@shop.iam.gserviceaccount.com", "email_verified": true,
				"iat": d.clock.now().Unix(), "exp": d.clock.now().Add(time.Hour).Unix(), "sub": "1",
			}
			for n, v := range c.changes {
				claims[n] = v
				if v == nil {
					delete(claims, n)
				}
			}
			a := d.post("/push", `{"message":{}}`, bearerOf(token(makeKey()[0], "one", claims)))
			if c.status == 200 {
				require.Equal(t, 200, a.status, a.body)
				return
			}
			refused(t, a, c.status, c.why)
		})
	}
}

func TestClientCredentials(t *testing.T) {
	keys := newKeyServer(t)
	d := open(t, nil, fmt.Sprintf(`
paths:
  - path: /aws
    sender: api_destination
    auth:
      oauth: {issuer: https://login.example.com/, audiences: [helios], jwks_url: "%s", clients: [bus]}
`, keys.URL))
	claims := func(client string) object {
		return object{"iss": "https://login.example.com/", "aud": "helios", "client_id": client, "exp": d.clock.now().Add(time.Hour).Unix()}
	}
	require.Equal(t, 200, d.post("/aws", `{}`, bearerOf(token(makeKey()[0], "one", claims("bus")))).status)
	more := claims("bus")
	more["email_verified"] = "true"
	require.Equal(t, 200, d.post("/aws", `{}`, bearerOf(token(makeKey()[0], "one", more))).status, "nobody asked for an address")
	refused(t, d.post("/aws", `{}`, bearerOf(token(makeKey()[0], "one", claims("evil")))), 403, wrongIdentity)
	huge := claims("bus")
	huge["groups"] = strings.Repeat("x", 16<<10)
	require.Equal(t, 200, d.post("/aws", `{}`, bearerOf(token(makeKey()[0], "one", huge))).status)
	huge["groups"] = strings.Repeat("x", 32<<10)
	require.Equal(t, 431, d.raw("POST /aws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+token(makeKey()[0], "one", huge)+"\r\n\r\n"), "headers have a bound")
	refused(t, d.post("/aws", `{}`, bearerOf(token(makeKey()[0], "one", claims("")))), 403, wrongIdentity)
}

// elsewhere is a transport for which every host is one server.
type elsewhere struct{ server *httptest.Server }

func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", e.server.Listener.Addr().String()
	return http.DefaultTransport.RoundTrip(r)
}

func TestNationalClouds(t *testing.T) {
	for authority, first := range map[string]string{
		"https://login.microsoftonline.us":          "https://sts.windows.net/",
		"https://login.partner.microsoftonline.cn/": "https://sts.chinacloudapi.cn/",
	} {
		keys := newKeyServer(t)
		d := open(t, elsewhere{keys.Server}, fmt.Sprintf(`
paths:
  - path: /grid
    sender: event_grid
    event_grid: {subscriptions: ["*"]}
    auth:
      entra: {tenant_id: %s, audiences: [api://helios], applications: [ours], authority: "%s"}
`, tenant, authority))
		send := func(iss string) answer {
			return d.post("/grid", `[]`, bearerOf(token(makeKey()[0], "one", entraClaims(d, keys, object{"iss": iss, "azp": "ours"}))))
		}
		require.Equal(t, 200, send(strings.TrimSuffix(authority, "/")+"/"+tenant+"/v2.0").status)
		require.Equal(t, 200, send(first+tenant+"/").status)
		for _, other := range []string{"https://sts.windows.net/", "https://sts.chinacloudapi.cn/"} {
			if other != first {
				refused(t, send(other+tenant+"/"), 401, wrongIssuer)
			}
		}
	}
}

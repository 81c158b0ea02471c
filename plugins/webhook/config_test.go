package webhook

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/telemetry"
)

func nothing(*service.Message) error { return nil }

func keyInPEM(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

func TestMistakesAreNamed(t *testing.T) {
	anonymous := "auth: {anonymous: true}"
	for name, c := range map[string]struct{ yaml, want string }{
		"no paths":                {`paths: []`, "paths: the list is empty"},
		"no slash":                {`paths: [{path: e, sender: api_destination, ` + anonymous + `}]`, `path is "e"; it must begin with /`},
		"a space":                 {`paths: [{path: "/e f", sender: api_destination, ` + anonymous + `}]`, `neither query nor space`},
		"no port":                 {"address: nowhere\npaths: [{path: /e, sender: api_destination, " + anonymous + `}]`, `address "nowhere": address nowhere: missing port in address; it takes a host and a port`},
		"a port out of range":     {"address: 127.0.0.1:99999\npaths: [{path: /e, sender: api_destination, " + anonymous + `}]`, `address "127.0.0.1:99999": `},
		"twice":                   {`paths: [{path: /e, sender: api_destination, ` + anonymous + `}, {path: /e, name: x, sender: api_destination, ` + anonymous + `}]`, `path "/e" stands twice`},
		"a name twice":            {`paths: [{path: /e, name: x, sender: api_destination, ` + anonymous + `}, {path: /f, name: x, sender: api_destination, ` + anonymous + `}]`, `name "x" is that of the path /e already`},
		"a reserved name":         {`paths: [{path: /e, name: unknown, sender: api_destination, ` + anonymous + `}]`, `name "unknown"`},
		"an unknown sender":       {`paths: [{path: /e, sender: ftp, ` + anonymous + `}]`, "api_destination, cloudevents, event_grid"},
		"no auth":                 {`paths: [{path: /e, sender: api_destination}]`, "exactly one is required, of api_key, basic, oauth"},
		"two":                     {`paths: [{path: /e, sender: api_destination, auth: {anonymous: true, api_key: {header: x, keys: [sesame]}}}]`, `auth holds 2 of its members ["api_key" "anonymous"]`},
		"one that does not fit":   {`paths: [{path: /e, sender: pubsub_push, auth: {hmac: {header: x, secrets: [sesame]}}}]`, "which the sender pubsub_push can't send"},
		"an empty key":            {`paths: [{path: /e, sender: api_destination, auth: {api_key: {header: x, keys: [sesame, ""]}}}]`, "auth.api_key: keys is empty or holds an empty value"},
		"header and query":        {`paths: [{path: /e, sender: api_destination, auth: {api_key: {header: x, query: y, keys: [sesame]}}}]`, "give exactly one"},
		"no user":                 {`paths: [{path: /e, sender: api_destination, auth: {basic: {username: "", passwords: [sesame]}}}]`, "auth.basic: username is empty"},
		"no subscriptions":        {`paths: [{path: /e, sender: event_grid, ` + anonymous + `}]`, "event_grid.subscriptions is empty"},
		"an empty subscription":   {`paths: [{path: /e, sender: event_grid, event_grid: {subscriptions: [""]}, ` + anonymous + `}]`, "event_grid.subscriptions is empty"},
		"no origins":              {`paths: [{path: /e, sender: cloudevents, ` + anonymous + `}]`, "cloudevents.origins is empty"},
		"no topics":               {`paths: [{path: /e, sender: sns}]`, "sns.topics is empty"},
		"any tenant":              {`paths: [{path: /e, sender: event_grid, event_grid: {subscriptions: [x]}, auth: {entra: {tenant_id: common, audiences: [a]}}}]`, "the id of one directory is required"},
		"no audience":             {`paths: [{path: /e, sender: event_grid, event_grid: {subscriptions: [x]}, auth: {entra: {tenant_id: a, audiences: [""]}}}]`, "auth.entra: audiences is empty"},
		"no accounts":             {`paths: [{path: /e, sender: pubsub_push, auth: {google: {audiences: [a], emails: []}}}]`, "auth.google: emails is empty"},
		"keys at no URL":          {`paths: [{path: /e, sender: api_destination, auth: {oauth: {issuer: x, jwks_url: here, audiences: [a]}}}]`, `auth.oauth: jwks_url is "here"; a URL is required`},
		"a timestamp unsigned":    {`paths: [{path: /e, sender: hmac, auth: {hmac: {header: x, timestamp_header: y, secrets: [sesame]}}}]`, "a timestamp counts only when it is signed"},
		"nothing signed":          {`paths: [{path: /e, sender: hmac, auth: {hmac: {header: x, signed: "x", secrets: [sesame]}}}]`, "it must hold {body}"},
		"the body twice":          {`paths: [{path: /e, sender: hmac, auth: {hmac: {header: x, signed: "{body}{body}", secrets: [sesame]}}}]`, "it may hold {body} once"},
		"a negative rate":         {`paths: [{path: /e, sender: api_destination, rate_limit: {per_second: -1}, ` + anonymous + `}]`, "neither may be negative"},
		"no patience":             {`paths: [{path: /e, sender: api_destination, patience: 0s, ` + anonymous + `}]`, `patience is "0s"`},
		"a header that is secret": {`paths: [{path: /e, sender: api_destination, metadata_headers: [Authorization], ` + anonymous + `}]`, "must not get into events"},
		"half a certificate":      {"tls: {cert_file: x}\npaths: [{path: /e, sender: api_destination, " + anonymous + `}]`, "give both, or neither"},
		"no certificate":          {"tls: {cert_file: /nowhere, key_file: /nowhere}\npaths: [{path: /e, sender: api_destination, " + anonymous + `}]`, "reading tls.cert_file"},
		"no memory for a body":    {"max_buffered_bytes: 65536\npaths: [{path: /e, sender: api_destination, " + anonymous + `}]`, "memory for at least one body"},
		"no time":                 {"idle_timeout: 0s\npaths: [{path: /e, sender: api_destination, " + anonymous + `}]`, "idle_timeout is 0s; it must be positive"},
		"no requests":             {"max_in_flight: 0\npaths: [{path: /e, sender: api_destination, " + anonymous + `}]`, "max_in_flight is 0; at least 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newInputFromConfig(parsed(t, c.yaml), service.MockResources())
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "sesame", "secrets stay secret")
		})
	}
}

func TestAnAddressInUseIsNamed(t *testing.T) {
	d := open(t, nil, anyonePath)
	second, err := newInputFromConfig(parsed(t, "address: "+d.in.addr()+"\n"+anyonePath), service.MockResources())
	require.NoError(t, err)
	require.ErrorContains(t, second.Connect(context.Background()), "listening on address \""+d.in.addr())
	require.NoError(t, second.Close(context.Background()))
	require.NoError(t, second.Close(context.Background()), "closing twice is closing")
}

// written collects log lines, which come from several goroutines.
type written struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

func TestNeitherSecretsNorTokensAreLogged(t *testing.T) {
	builder, logs, port := service.NewStreamBuilder(), &written{}, freePort(t)
	builder.SetLogger(slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	require.NoError(t, builder.AddInputYAML(fmt.Sprintf(`
helios_webhook:
  address: 127.0.0.1:%d
  paths:
    - {path: /e, name: shop, sender: api_destination, auth: {api_key: {query: code, keys: [sesame-key]}}}
    - {path: /b, name: bus, sender: api_destination, auth: {oauth: {issuer: x, jwks_url: "http://127.0.0.1:1/", audiences: [a]}}}
`, port)))
	require.NoError(t, builder.AddConsumerFunc(func(context.Context, *service.Message) error { return nil }))
	stream, err := builder.Build()
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(context.Background()) }()
	d := &door{t: t, base: fmt.Sprintf("http://127.0.0.1:%d", port)}
	require.Eventually(t, func() bool { return within(t, d.later("/e?code=sesame-key", `{}`)).status == 200 }, 15*time.Second, 10*time.Millisecond)
	for range 20 {
		refused(t, d.post("/e?code=wrong-sesame", `{}`, nil), 401, wrongCredentials)
	}
	refused(t, d.post("/b", `{}`, bearerOf(token(makeKey()[0], "sesame", object{}))), 503, keysUnreachable)
	refused(t, d.post("/b", `{}`, bearerOf("sesame.sesame.sesame")), 401, badToken)
	refused(t, d.post("/sesame?code=sesame", `{}`, nil), 404, unknownPath)
	require.NoError(t, stream.StopWithin(10*time.Second))
	require.NoError(t, within(t, ended))
	require.Equal(t, 1, strings.Count(logs.String(), "wrong_credentials"), "once a minute, not for each request")
	require.Contains(t, logs.String(), "keys_unreachable")
	require.NotContains(t, strings.ReplaceAll(logs.String(), "/sesame", ""), "sesame")
}

func TestMetricsAreWellNamed(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range telemetry.Webhook() {
		require.True(t, strings.HasPrefix(m.Name, "helios_webhook_"))
		require.Equal(t, m.Kind == telemetry.Counter, strings.HasSuffix(m.Name, "_total"), m.Name)
		require.NotEmpty(t, m.Help)
		require.False(t, seen[m.Name])
		seen[m.Name] = true
	}
}

func TestALimiterKeepsItsRate(t *testing.T) {
	at := time.Unix(1000, 0)
	l := newLimiter(10, 5, at)
	taken := 0
	for range 1000 { // ten seconds, a hundred tries each
		if l.take(at) == 0 {
			taken++
		}
		at = at.Add(10 * time.Millisecond)
	}
	require.InDelta(t, 5+100, taken, 1)
	require.Zero(t, (*limiter)(nil).take(at))
}

func TestExamplesLint(t *testing.T) {
	view, ok := service.GlobalEnvironment().GetInputConfig("helios_webhook")
	require.True(t, ok)
	data, err := view.TemplateData()
	require.NoError(t, err)
	require.NotEmpty(t, data.Examples)
	linter := service.GlobalEnvironment().CoreConfigSchema("", "").NewStreamConfigLinter().SetSkipEnvVarCheck(true)
	for _, e := range data.Examples {
		lints, err := linter.LintYAML([]byte(e.Config))
		require.NoError(t, err)
		require.Empty(t, lints, e.Title)
	}
	for _, f := range data.Fields {
		require.NotEmpty(t, f.Description, f.FullName)
	}
}

// TestMistakesShowNoSecrets reads settings whose secret stands in the wrong place
// or has the wrong type, the way lint, the input and the doctor do.
func TestMistakesShowNoSecrets(t *testing.T) {
	for name, path := range map[string]string{
		"a key that is no list":         `{path: /e, sender: api_destination, auth: {api_key: {header: x, keys: sesame}}}`,
		"a key in an object":            `{path: /e, sender: api_destination, auth: {api_key: {header: x, keys: {a: sesame}}}}`,
		"a key in a list of lists":      `{path: /e, sender: api_destination, auth: {api_key: {header: x, keys: [[sesame]]}}}`,
		"keys that are an object":       `{path: /e, sender: api_destination, auth: {api_key: [sesame]}}`,
		"a key that is called wrong":    `{path: /e, sender: api_destination, auth: {api_key: {header: x, key: sesame}}}`,
		"a password that is no list":    `{path: /e, sender: api_destination, auth: {basic: {username: u, passwords: sesame}}}`,
		"a secret for no such auth":     `{path: /e, sender: hmac, auth: {hmca: {header: x, secrets: [sesame]}}}`,
		"a secret for the wrong sender": `{path: /e, sender: pubsub_push, auth: {hmac: {header: x, secrets: [sesame]}}}`,
		"a secret beside an empty one":  `{path: /e, sender: hmac, auth: {hmac: {header: x, secrets: [sesame, ""]}}}`,
		"two proofs":                    `{path: /e, sender: api_destination, auth: {api_key: {header: x, keys: [sesame]}, basic: {username: u, passwords: [sesame]}}}`,
		"auth that is text":             `{path: /e, sender: api_destination, auth: sesame}`,
		"a path that is text":           `sesame`,
		"broken YAML":                   `{path: /e, sender: hmac, auth: {hmac: {header: x, secrets: [sesame}}`,
	} {
		t.Run(name, func(t *testing.T) {
			said := ""
			yaml := "input: {helios_webhook: {paths: [" + path + "]}}"
			lints, err := service.GlobalEnvironment().CoreConfigSchema("", "").NewStreamConfigLinter().LintYAML([]byte(yaml))
			said += fmt.Sprintln(lints, err)
			_, err = Check(Settings{Address: "127.0.0.1:0", Paths: "[" + path + "]"})
			require.Error(t, err)
			said += fmt.Sprintln(err)
			builder := service.NewStreamBuilder()
			builder.DisableLinting()
			err = builder.SetYAML(yaml + "\noutput: {drop: {}}\nlogger: {level: NONE}\nhttp: {enabled: false}")
			said += fmt.Sprintln(err)
			if err == nil {
				stream, err := builder.Build()
				if err == nil {
					ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
					err = stream.Run(ctx)
					cancel()
				}
				said += fmt.Sprintln(err)
			}
			require.NotContains(t, said, "sesame")
		})
	}
}

// TestAPrintedConfigHidesSecrets: what Redpanda Connect shows of a running stream
// is scrubbed by what the fields say of themselves.
func TestAPrintedConfigHidesSecrets(t *testing.T) {
	builder := service.NewStreamBuilder()
	require.NoError(t, builder.SetYAML(`
input:
  helios_webhook:
    paths:
      - {path: /a, sender: api_destination, auth: {api_key: {header: x, keys: [sesame]}}}
      - {path: /b, sender: api_destination, auth: {basic: {username: u, passwords: [sesame]}}}
      - {path: /c, sender: hmac, auth: {hmac: {header: x, secrets: [sesame]}}}
`))
	text, err := builder.AsYAML()
	require.NoError(t, err)
	require.Contains(t, text, "helios_webhook")
	require.NotContains(t, text, "sesame")
}

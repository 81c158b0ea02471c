package webhook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

// Settings of a listener, as config/production.yaml fills them in.
type Settings struct {
	// Address is host:port; Paths is a YAML list on one line.
	Address, Paths string
	// CertFile and KeyFile are PEM files; empty: plain HTTP.
	CertFile, KeyFile string
}

// Listener is one whose settings were read as the input reads them. It doesn't
// listen.
type Listener struct{ routes map[string]*route }

// Check reads settings as the input does; what it finds wrong names the field
// and shows no secret.
func Check(s Settings) (*Listener, error) {
	var paths []any
	if yaml.Unmarshal([]byte(s.Paths), &paths) != nil {
		// The parser's own words would quote the secrets.
		return nil, errors.New("paths: not a list in YAML's flow style, such as [{path: /azure, sender: event_grid, …}]")
	}
	text, err := yaml.Marshal(map[string]any{
		whFieldAddress: s.Address, whFieldPaths: paths,
		whFieldTLS: map[string]string{whFieldCertFile: s.CertFile, whFieldKeyFile: s.KeyFile},
	})
	if err != nil {
		return nil, fmt.Errorf("paths: %w", err)
	}
	conf, err := inputSpec().ParseYAML(string(text), nil)
	if err != nil {
		return nil, err
	}
	lim, err := limitsFromConfig(conf)
	if err != nil {
		return nil, err
	}
	env := environment{transport: http.DefaultTransport, now: time.Now, fetched: func(string) func(bool) { return func(bool) {} }}
	routes, err := routesFromConfig(conf, lim, env)
	if err != nil {
		return nil, err
	}
	return &Listener{routes: routes}, nil
}

// Paths are those of all senders, sorted.
func (l *Listener) Paths() []string { return slices.Sorted(maps.Keys(l.routes)) }

// Refused is why a token would not be let in.
type Refused struct {
	// Reason is the label of helios_webhook_refused_total.
	Reason string
	// Detail quotes claims, never the token.
	Detail string
}

// Token judges a bearer token by the proof that a path asks for, as if a request
// had brought it; nil: it would be let in. Keys are fetched from the issuer.
func (l *Listener) Token(ctx context.Context, path, token string) *Refused {
	r, ok := l.routes[path]
	if !ok {
		return &Refused{"unknown_path", fmt.Sprintf("path %q is none of %q", path, l.Paths())}
	}
	b, ok := r.header.(*bearer)
	if !ok {
		return &Refused{"no_token_asked", fmt.Sprintf("path %s asks for no bearer token", path)}
	}
	err := b.checkHeader(ctx, &http.Request{Header: http.Header{"Authorization": {"Bearer " + token}}})
	var refusal *refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refusal):
		return &Refused{string(refusal.reason), refusal.detail}
	}
	return &Refused{"bad_token", err.Error()}
}

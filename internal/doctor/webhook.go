package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/helios-connect/helios/plugins/webhook"
)

// checkWebhook checks the listener's settings as the input reads them, its
// certificate, and a token when there is one.
func checkWebhook(ctx context.Context, r *run) {
	listener, err := webhook.Check(webhook.Settings{
		Address: r.get("HELIOS_WEBHOOK_ADDRESS"), Paths: r.get("HELIOS_WEBHOOK_PATHS"),
		CertFile: r.get("HELIOS_WEBHOOK_CERT_FILE"), KeyFile: r.get("HELIOS_WEBHOOK_KEY_FILE"),
	})
	if err != nil {
		r.fail("settings", "docs/connecting-clouds.md has an entry for each sender", "%v", err)
		return
	}
	r.ok("settings", "paths %s", strings.Join(listener.Paths(), ", "))
	checkAddress(r)
	checkCertificate(r)
	if r.Token != "" {
		checkToken(ctx, r, listener)
	}
}

// checkAddress listens for a moment. A service that runs holds the port itself.
func checkAddress(r *run) {
	at := r.get("HELIOS_WEBHOOK_ADDRESS")
	l, err := net.Listen("tcp", at)
	if err != nil {
		r.warn("address", "nothing to do while helios-connect runs here; otherwise take another address, or end what holds it", "%s can't be listened at: %v", at, err)
		return
	}
	_ = l.Close()
	r.ok("address", "%s is free", at)
}

func checkCertificate(r *run) {
	cert, key := r.get("HELIOS_WEBHOOK_CERT_FILE"), r.get("HELIOS_WEBHOOK_KEY_FILE")
	if cert == "" {
		r.warn("certificate", "set HELIOS_WEBHOOK_CERT_FILE and HELIOS_WEBHOOK_KEY_FILE, unless a proxy in front ends TLS: clouds push over HTTPS only", "none: the listener speaks plain HTTP")
		return
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err == nil && pair.Leaf == nil {
		pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0])
	}
	if err != nil {
		r.fail("certificate", "give a certificate with its chain, and its key, both in PEM", "%v", err)
		return
	}
	left := pair.Leaf.NotAfter.Sub(r.Now())
	detail := fmt.Sprintf("for %s, until %s", strings.Join(pair.Leaf.DNSNames, ", "), pair.Leaf.NotAfter.UTC().Format(time.DateOnly))
	switch {
	case left <= 0:
		r.fail("certificate", "renew it; the files are read again when they change", "expired: %s", detail)
	case pair.Leaf.NotBefore.After(r.Now()):
		r.fail("certificate", "check this machine's clock", "not valid before %s", pair.Leaf.NotBefore.UTC().Format(time.RFC3339))
	case left < 14*aDay:
		r.warn("certificate", "renew it; the files are read again when they change", "%s", detail)
	default:
		r.ok("certificate", "%s", detail)
	}
}

func checkToken(ctx context.Context, r *run, listener *webhook.Listener) {
	path := r.TokenPath
	if path == "" && len(listener.Paths()) == 1 {
		path = listener.Paths()[0]
	}
	what := "token for " + path
	refused := listener.Token(ctx, path, r.Token)
	if refused == nil {
		r.ok(what, "it would be let in")
		return
	}
	advice := map[string]string{
		"wrong_audience":   "give the sender's subscription the audience that the path lists, or list the token's in HELIOS_WEBHOOK_PATHS",
		"wrong_issuer":     "the token is of another tenant or another cloud: check tenant_id, or the kind of auth",
		"wrong_identity":   "list who sends in emails, applications or clients of the path",
		"expired_token":    "take a newer token; if it is new, this machine's clock is ahead",
		"unknown_path":     "give --token-path a path that the webhook listens at",
		"no_token_asked":   "a token proves nothing at this path: give --token-path another one",
		"keys_unreachable": "let this machine reach the key server: events are answered 503 until it does",
	}[refused.Reason]
	if advice == "" {
		advice = "take the token from the header Authorization of a delivery, all of it"
	}
	r.fail(what, advice, "%s: %s", strings.ReplaceAll(refused.Reason, "_", " "), refused.Detail)
}

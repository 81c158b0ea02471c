package webhook

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	// eventGridApplication is Event Grid's application in Azure's public cloud,
	// https://learn.microsoft.com/azure/event-grid/secure-webhook-delivery.
	eventGridApplication = "4962773b-9cdb-44cf-a8bf-237846a00ab7"

	entraAuthority = "https://login.microsoftonline.com/"
	googleIssuer   = "https://accounts.google.com"
	googleKeys     = "https://www.googleapis.com/oauth2/v3/certs"

	clockSkew = 5 * time.Minute // allowed to an issuer's clock, for iat
)

// bearer verifies tokens (RFC 6750, RFC 7519) that are signed with RS256. No
// other algorithm is accepted, so that neither none nor a public key taken for
// an HMAC secret gets through.
type bearer struct {
	verifier  *oidc.IDTokenVerifier
	issuers   []string
	audiences []string
	identify  func(*claims) *refusal // checks who the token was issued to
	now       func() time.Time
}

// claims are those by which a token's bearer is told.
type claims struct {
	ApplicationID string `json:"appid"` // Entra, version 1
	Authorized    string `json:"azp"`   // Entra, version 2, and others
	ClientID      string `json:"client_id"`
	Subject       string `json:"sub"`
	TenantID      string `json:"tid"`
	Email         string `json:"email"`
	// EmailVerified counts only when it is true, and spoils no token that is judged
	// by something else: some issuers write "true".
	EmailVerified any `json:"email_verified"`
}

// issuer is what all kinds of tokens need.
type issuer struct {
	issuers   []string
	audiences []string
	keysURL   string
}

func newBearer(from issuer, identify func(*claims) *refusal, env environment, name string) *bearer {
	keys := newKeySet(from.keysURL, env.transport, env.now, env.fetched(name))
	return &bearer{
		// Issuer and audience are compared here: there may be several, and go-oidc
		// takes Google's issuer without https too.
		verifier: oidc.NewVerifier("", keys, &oidc.Config{
			SkipClientIDCheck: true, SkipIssuerCheck: true,
			SupportedSigningAlgs: []string{oidc.RS256}, Now: env.now,
		}),
		issuers: from.issuers, audiences: from.audiences, identify: identify, now: env.now,
	}
}

func (b *bearer) checkHeader(ctx context.Context, r *http.Request) error {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return refuse(http.StatusUnauthorized, noCredentials, "the header Authorization holds no bearer token")
	}
	note := &unreachable{}
	verified, err := b.verifier.Verify(context.WithValue(ctx, unreachableKey{}, note), token)
	if note.err != nil {
		return refuse(http.StatusServiceUnavailable, keysUnreachable, "%v", note.err)
	}
	if err != nil {
		return tokenRefusal(err)
	}
	return b.check(verified)
}

func tokenRefusal(err error) *refusal {
	var expired *oidc.TokenExpiredError
	if errors.As(err, &expired) {
		return refuse(http.StatusUnauthorized, expiredToken, "the token expired at %s", expired.Expiry.UTC().Format(time.RFC3339))
	}
	return refuse(http.StatusUnauthorized, badToken, "%v", err)
}

// check decides by the claims of a token whose signature and times are right.
func (b *bearer) check(token *oidc.IDToken) error {
	if !slices.Contains(b.issuers, token.Issuer) {
		return refuse(http.StatusUnauthorized, wrongIssuer, "the token's iss is %s; allowed is %q", shorten(token.Issuer), b.issuers)
	}
	if !slices.ContainsFunc(token.Audience, func(a string) bool { return slices.Contains(b.audiences, a) }) {
		return refuse(http.StatusUnauthorized, wrongAudience, "the token's aud is %q; allowed is %q: make the sender's audience the same as the setting", token.Audience, b.audiences)
	}
	if token.IssuedAt.After(b.now().Add(clockSkew)) {
		return refuse(http.StatusUnauthorized, badToken, "the token's iat is %s, in the future", token.IssuedAt.UTC().Format(time.RFC3339))
	}
	var c claims
	if err := token.Claims(&c); err != nil {
		return refuse(http.StatusUnauthorized, badToken, "reading the token's claims: %v", err)
	}
	if r := b.identify(&c); r != nil {
		return r
	}
	return nil
}

// entraSettings are those of an application in Microsoft Entra.
type entraSettings struct {
	tenant       string
	authority    string
	audiences    []string
	applications []string // allowed callers
}

// entra accepts tokens of both versions: which of them is issued stands in the
// application's manifest
// (https://learn.microsoft.com/entra/identity-platform/access-tokens).
func entra(set entraSettings, env environment, name string) *bearer {
	authority := strings.TrimSuffix(set.authority, "/") + "/" + set.tenant
	allowed := folded(set.applications)
	from := issuer{
		issuers:   []string{authority + "/v2.0", firstIssuer(authority) + set.tenant + "/"},
		audiences: set.audiences,
		keysURL:   authority + "/discovery/v2.0/keys",
	}
	return newBearer(from, func(c *claims) *refusal {
		if c.TenantID != "" && !strings.EqualFold(c.TenantID, set.tenant) {
			return refuse(http.StatusForbidden, wrongIdentity, "the token's tid is %s, not the configured tenant", shorten(c.TenantID))
		}
		for _, id := range []string{c.ApplicationID, c.Authorized} {
			if id != "" && !allowed.holds(id) {
				return refuse(http.StatusForbidden, wrongIdentity, "the token's appid or azp is %s, which %s does not list", shorten(id), enFieldApplications)
			}
		}
		if c.ApplicationID == "" && c.Authorized == "" {
			return refuse(http.StatusForbidden, wrongIdentity, "the token has neither appid nor azp")
		}
		return nil
	}, env, name)
}

// firstIssuer is who issues tokens of version 1 beside an authority. China, which
// 21Vianet operates, is the only national cloud that has one of its own.
func firstIssuer(authority string) string {
	if u, err := url.Parse(authority); err == nil && strings.HasSuffix(u.Hostname(), ".cn") {
		return "https://sts.chinacloudapi.cn/"
	}
	return "https://sts.windows.net/"
}

// googleSettings are those of a Pub/Sub push subscription with authentication.
type googleSettings struct {
	audiences []string
	emails    []string // of service accounts
	issuer    string
	keysURL   string
}

// google accepts the tokens of push subscriptions
// (https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions).
func google(set googleSettings, env environment, name string) *bearer {
	allowed := exactly(set.emails)
	from := issuer{issuers: []string{set.issuer}, audiences: set.audiences, keysURL: set.keysURL}
	return newBearer(from, func(c *claims) *refusal {
		if !allowed.holds(c.Email) {
			return refuse(http.StatusForbidden, wrongIdentity, "the token's email is %s, which %s does not list", shorten(c.Email), goFieldEmails)
		}
		if c.EmailVerified != true {
			return refuse(http.StatusForbidden, wrongIdentity, "the token's email is not verified")
		}
		return nil
	}, env, name)
}

// oauthSettings are those of any issuer of client-credentials tokens.
type oauthSettings struct {
	issuer
	clients []string // empty: all that the issuer gives the audience
}

func oauth(set oauthSettings, env environment, name string) *bearer {
	allowed := exactly(set.clients)
	return newBearer(set.issuer, func(c *claims) *refusal {
		if allowed.empty() {
			return nil
		}
		for _, id := range []string{c.Authorized, c.ClientID, c.ApplicationID, c.Subject} {
			if id != "" {
				if allowed.holds(id) {
					return nil
				}
				return refuse(http.StatusForbidden, wrongIdentity, "the token's client is %s, which %s does not list", shorten(id), oaFieldClients)
			}
		}
		return refuse(http.StatusForbidden, wrongIdentity, "the token names no client: azp, client_id, appid or sub")
	}, env, name)
}

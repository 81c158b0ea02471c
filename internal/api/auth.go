package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/gorilla/websocket"
)

// Role is what somebody may do. A greater one may do all that a lesser may.
type Role uint8

const (
	// Nobody has shown who they are.
	Nobody Role = iota
	// Viewer may read everything.
	Viewer
	// Operator may also change what runs: replay, heal, acknowledge.
	Operator
	// Admin may also change who may do what.
	Admin
)

// String returns the role as people read it.
func (r Role) String() string { return [...]string{"nobody", "viewer", "operator", "admin"}[r] }

// Principal is who asks.
type Principal struct {
	Name string
	Role Role
}

// Authenticator says who sent a request. It returns ErrUnauthenticated when the
// request shows no valid credential.
type Authenticator interface {
	Authenticate(r *http.Request) (Principal, error)
}

// ErrUnauthenticated says that a request shows no valid credential.
var ErrUnauthenticated = errors.New("no valid credential")

// anyone lets everybody read who reaches the loopback.
type anyone struct{}

// Authenticate asks for nothing but a Host of the loopback.
func (anyone) Authenticate(r *http.Request) (Principal, error) {
	if !localHost(r) {
		return Principal{}, errForeignHost
	}
	return Principal{Name: "local", Role: Viewer}, nil
}

// localHost reports whether a request names the loopback: a page on the internet
// that makes its own name point to 127.0.0.1 sends that name.
func localHost(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = strings.Trim(r.Host, "[]")
	}
	return loopback(strings.ToLower(host))
}

var errForeignHost = errors.New("without a token the API answers only to localhost, 127.0.0.1 and [::1]")

// bearer lets those read who know the token.
type bearer struct{ sum [sha256.Size]byte }

func newBearer(token string) bearer { return bearer{sum: sha256.Sum256([]byte(token))} }

// Authenticate compares in a time that depends on neither token: what is compared
// are their hashes.
func (b bearer) Authenticate(r *http.Request) (Principal, error) {
	sum := sha256.Sum256([]byte(credential(r)))
	if subtle.ConstantTimeCompare(sum[:], b.sum[:]) != 1 {
		return Principal{}, ErrUnauthenticated
	}
	return Principal{Name: "token", Role: Viewer}, nil
}

// Subprotocols of WebSockets. Browsers let a page set no header but this, so it
// is where they put the token: base64url without padding.
const (
	protocolName   = "helios"
	protocolBearer = "helios.bearer."
)

// credential is the token that a request shows, or "".
func credential(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	protocols := websocket.Subprotocols(r)
	if i := slices.IndexFunc(protocols, func(p string) bool { return strings.HasPrefix(p, protocolBearer) }); i >= 0 {
		decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(protocols[i], protocolBearer))
		if err == nil {
			return string(decoded)
		}
	}
	return ""
}

// permit says with which status and words a request is refused; 0: it is not.
func (s *Server) permit(r *http.Request, needed Role) (status int, why string) {
	if needed == Nobody {
		return 0, ""
	}
	who, err := s.authenticator.Authenticate(r)
	switch {
	case errors.Is(err, errForeignHost):
		return http.StatusMisdirectedRequest, err.Error()
	case err != nil:
		return http.StatusUnauthorized, "send the token of " + EnvToken + " as Authorization: Bearer …"
	case who.Role < needed:
		return http.StatusForbidden, "this takes the role " + needed.String() + "; " + who.Name + " has the role " + who.Role.String()
	}
	return 0, ""
}

// metadataRole is where an operation says who may call it. One that does not is
// for administrators.
const metadataRole = "role"

// authorise is the middleware of all operations of the specification.
func (s *Server) authorise(ctx huma.Context, next func(huma.Context)) {
	needed, said := ctx.Operation().Metadata[metadataRole].(Role)
	if !said {
		needed = Admin
	}
	r, _ := humago.Unwrap(ctx)
	status, why := s.permit(r, needed)
	if status == 0 {
		next(ctx)
		return
	}
	if status == http.StatusUnauthorized {
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="helios"`)
	}
	_ = huma.WriteErr(s.huma, ctx, status, why) // the client is gone
}

// guard is authorise for what is no operation.
func (s *Server) guard(needed Role, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if status, why := s.permit(r, needed); status != 0 {
			if status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="helios"`)
			}
			problem(w, status, why)
			return
		}
		next(w, r)
	}
}

package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
)

// network puts into words why a server was not reached. ok is false when the
// error says something else.
func network(at string, err error) (d diagnosis, ok bool) {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &dns):
		return diagnosis{fmt.Sprintf("the name %s is not known", dns.Name),
			"check the spelling of " + at + ", and that this machine resolves it: private endpoints need the private DNS zone"}, true
	case errors.Is(err, syscall.ECONNREFUSED):
		return diagnosis{"nothing listens at " + at, "check the port, and that the server runs"}, true
	case errors.As(err, &unknown):
		return diagnosis{"the certificate of " + at + " is signed by an authority that this machine does not trust",
			"add the authority to the machine's store, or name its file in SSL_CERT_FILE"}, true
	case errors.As(err, &name):
		return diagnosis{"the certificate of " + at + " is for another name: " + name.Error(), "use the name that the certificate is for"}, true
	case errors.As(err, &invalid):
		return diagnosis{"the certificate of " + at + " is not valid: " + invalid.Error(), "renew it, and check this machine's clock"}, true
	case errors.As(err, &record):
		return diagnosis{at + " does not speak TLS", "switch TLS off for this connection, or use the TLS port"}, true
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return diagnosis{at + " did not answer in time", "check firewalls, security groups, network rules and the proxy between here and there"}, true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return diagnosis{at + " closed the connection without an answer", "check that both sides agree on TLS, and that nothing in between cuts connections"}, true
	}
	return d, false
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// maxSkew is how far a clock may be off before it is worth a word. AWS and Azure
// Storage refuse requests that are 15 minutes off.
const (
	warnSkew = 30 * time.Second
	maxSkew  = 5 * time.Minute
)

// doer is an HTTP client as the SDKs take it.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

// clock is a client that compares the Date of each answer with the time here.
type clock struct {
	next doer
	now  func() time.Time

	mu   sync.Mutex
	seen bool
	skew time.Duration // of the server's clock, above 0 when this one is behind
}

// Do sends a request.
func (c *clock) Do(req *http.Request) (*http.Response, error) {
	resp, err := c.next.Do(req)
	if err != nil {
		return resp, err
	}
	if there, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		c.mu.Lock()
		c.seen, c.skew = true, there.Sub(c.now()).Round(time.Second)
		c.mu.Unlock()
	}
	return resp, nil
}

// report says how far this machine's clock is off, as a server sees it.
func (c *clock) report(r *run, server string) {
	c.mu.Lock()
	seen, skew := c.seen, c.skew
	c.mu.Unlock()
	off, how := skew, "behind"
	if skew < 0 {
		off, how = -skew, "ahead of"
	}
	advice := "synchronise this machine's clock (chrony, systemd-timesyncd); signatures and tokens depend on it"
	switch {
	case !seen:
	case off > maxSkew:
		r.fail("clock", advice, "this machine's clock is %v %s that of %s", off, how, server)
	case off > warnSkew:
		r.warn("clock", advice, "this machine's clock is %v %s that of %s", off, how, server)
	default:
		r.ok("clock", "within %v of that of %s", warnSkew, server)
	}
}

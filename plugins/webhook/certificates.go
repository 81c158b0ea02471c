package webhook

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"
)

const (
	certificateTimeout  = 3 * time.Second
	certificateRetry    = time.Second // after a failed fetch
	certificatePause    = time.Second // between fetches in the long run: URLs in forged messages cost no more
	certificateBurst    = 16          // fetches after a quiet time: as many regions, or rotated certificates
	certificateMaxBytes = 64 << 10
	certificateMax      = 64 // kept; a region has one or two
	certificateSubject  = "sns.amazonaws.com"
)

// certificatePath is how SNS names its certificates. It keeps a request from
// making us fetch other things.
var certificatePath = regexp.MustCompile(`^/SimpleNotificationService-[0-9A-Za-z]+\.pem$`)

// certificates fetches the certificates by which SNS signs, and keeps them. They
// are authentic because they come by HTTPS from a pinned host; they must also be
// valid and issued to SNS.
type certificates struct {
	client  *http.Client
	now     func() time.Time
	fetched func(ok bool)

	mu    sync.Mutex
	known map[string]*certificate // by URL
	pace  *limiter                // of fetches
}

// certificate is one that is known, being fetched, or could not be had.
type certificate struct {
	done   chan struct{}
	leaf   *x509.Certificate
	err    *refusal
	failed time.Time
}

// pinnedClient asks only the host that it was told to.
func pinnedClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: transport, Timeout: certificateTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func newCertificates(transport http.RoundTripper, now func() time.Time, fetched func(ok bool)) *certificates {
	return &certificates{
		client: pinnedClient(transport), now: now, fetched: fetched, known: make(map[string]*certificate),
		pace: newLimiter(1/certificatePause.Seconds(), certificateBurst, now()),
	}
}

// key returns the public key of the certificate at u, whose host is pinned.
// Errors are *refusal.
func (c *certificates) key(ctx context.Context, u *url.URL) (*rsa.PublicKey, error) {
	// As written: one certificate has one name, however its URL could be encoded.
	if !certificatePath.MatchString(u.EscapedPath()) || u.RawQuery != "" || u.ForceQuery {
		return nil, refuse(http.StatusUnauthorized, badSignature, "SigningCertURL has the path %s; /SimpleNotificationService-….pem is expected", shorten(u.RequestURI()))
	}
	entry, wait := c.entry(u)
	if wait > 0 {
		return nil, refuse(http.StatusServiceUnavailable, keysUnreachable, "fetching the certificate of %s: that was done too often, and is allowed in %v", u.Host, wait.Round(time.Millisecond))
	}
	select {
	case <-entry.done:
	case <-ctx.Done():
		return nil, refuse(http.StatusServiceUnavailable, keysUnreachable, "fetching the certificate of %s: %v", u.Host, ctx.Err())
	}
	if entry.err != nil {
		return nil, entry.err
	}
	if now := c.now(); now.Before(entry.leaf.NotBefore) || now.After(entry.leaf.NotAfter) {
		return nil, refuse(http.StatusUnauthorized, badSignature, "the certificate %s is valid from %s to %s",
			u.Path, entry.leaf.NotBefore.UTC().Format(time.RFC3339), entry.leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return entry.leaf.PublicKey.(*rsa.PublicKey), nil
}

// entry returns the certificate's place, and starts to fetch it where that was
// not done, or failed a while ago. Requests wait for one fetch together. Where a
// fetch is not allowed yet, it returns how long that takes.
func (c *certificates) entry(u *url.URL) (entry *certificate, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.known[u.String()]
	if ok {
		select {
		case <-entry.done:
			if entry.err == nil || c.now().Sub(entry.failed) < certificateRetry {
				return entry, 0
			}
		default:
			return entry, 0
		}
	}
	if wait := c.pace.take(c.now()); wait > 0 {
		return nil, wait
	}
	c.makeRoom()
	entry = &certificate{done: make(chan struct{})}
	c.known[u.String()] = entry
	go c.fetch(u, entry)
	return entry, 0
}

// makeRoom forgets what could not be had, and all when that is not enough.
func (c *certificates) makeRoom() {
	if len(c.known) < certificateMax {
		return
	}
	for name, entry := range c.known {
		select {
		case <-entry.done:
			if entry.err != nil {
				delete(c.known, name)
			}
		default:
		}
	}
	if len(c.known) >= certificateMax {
		clear(c.known)
	}
}

func (c *certificates) fetch(u *url.URL, entry *certificate) {
	defer close(entry.done)
	raw, err := c.download(u)
	c.fetched(err == nil)
	if err == nil {
		entry.leaf, err = parseCertificate(raw, u.Host)
		if err != nil {
			entry.err = refuse(http.StatusUnauthorized, badSignature, "the certificate at %s%s: %v", u.Host, u.Path, err)
		}
	} else {
		entry.err = refuse(http.StatusServiceUnavailable, keysUnreachable, "fetching the certificate of %s: %v", u.Host, err)
	}
	entry.failed = c.now()
}

func (c *certificates) download(u *url.URL) ([]byte, error) {
	resp, err := c.client.Get(u.String())
	if err != nil {
		return nil, withoutURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answered %s", resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, certificateMaxBytes))
}

func parseCertificate(raw []byte, host string) (*x509.Certificate, error) {
	block, _ := pem.Decode(raw)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no certificate in PEM")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := leaf.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < rsaMinBits {
		return nil, fmt.Errorf("an RSA key of at least %d bits is required", rsaMinBits)
	}
	if leaf.IsCA {
		return nil, errors.New("it is an authority's, not a signer's")
	}
	if leaf.VerifyHostname(certificateSubject) != nil && leaf.VerifyHostname(host) != nil {
		return nil, fmt.Errorf("it is not issued to %s or %s", certificateSubject, host)
	}
	return leaf, nil
}

// withoutURL takes the URL, which may hold a token, out of a client's error.
func withoutURL(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

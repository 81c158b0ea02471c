package webhook

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"time"
)

// reloadPause is how often the certificate's files are looked at.
const reloadPause = 5 * time.Second

// serverCertificate is the listener's certificate, which is read again when its
// files change. A new one that is broken is reported, and the former stays.
type serverCertificate struct {
	certFile, keyFile string
	now               func() time.Time
	loaded            func(err error) // of every reload

	mu        sync.Mutex
	cert, key []byte // as last read, whether they were any good or not
	current   *tls.Certificate
	looked    time.Time
}

func newServerCertificate(certFile, keyFile string, now func() time.Time, loaded func(error)) (*serverCertificate, error) {
	c := &serverCertificate{certFile: certFile, keyFile: keyFile, now: now, loaded: loaded, looked: now()}
	if _, err := c.read(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *serverCertificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: c.get}
}

func (c *serverCertificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= reloadPause {
		c.looked = now
		if changed, err := c.read(); changed || err != nil {
			c.loaded(err)
		}
	}
	return c.current, nil
}

// expiry is when the certificate in use, or one of its chain, expires first. It looks
// at the files as get does, so that a new one counts before anybody connects.
func (c *serverCertificate) expiry() time.Time {
	_, _ = c.get(nil) // what is wrong with new files is reported there
	c.mu.Lock()
	defer c.mu.Unlock()
	first := c.current.Leaf.NotAfter
	for _, raw := range c.current.Certificate[1:] {
		if one, err := x509.ParseCertificate(raw); err == nil && one.NotAfter.Before(first) {
			first = one.NotAfter
		}
	}
	return first
}

// read reads the files and takes over what they hold, when that has changed and
// is good.
func (c *serverCertificate) read() (changed bool, err error) {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return false, fmt.Errorf("reading %s.%s: %w", whFieldTLS, whFieldCertFile, err)
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return false, fmt.Errorf("reading %s.%s: %w", whFieldTLS, whFieldKeyFile, err)
	}
	if bytes.Equal(cert, c.cert) && bytes.Equal(key, c.key) {
		return false, nil
	}
	c.cert, c.key = cert, key
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return true, fmt.Errorf("certificate %q with key %q: %w", c.certFile, c.keyFile, err)
	}
	c.current = &pair
	return true, nil
}

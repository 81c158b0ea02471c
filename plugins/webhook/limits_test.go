package webhook

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"
	"github.com/stretchr/testify/require"
)

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

const smallPath = `
max_body_bytes: 1000
max_buffered_bytes: 65536
max_header_bytes: 4096
max_connections: 50
header_timeout: 200ms
body_timeout: 300ms
paths:
  - path: /e
    sender: api_destination
    auth: {anonymous: true}
  - path: /key
    sender: api_destination
    auth: {api_key: {header: x-api-key, keys: [k]}}
  - path: /signed
    sender: hmac
    auth: {hmac: {header: X-Sig, secrets: [s]}}
  - path: /sns
    sender: sns
    sns: {topics: ["arn:aws:sns:eu-central-1:123456789012:orders"]}
`

// raw sends bytes and returns the status that comes back, or 0 when the
// connection is closed without an answer.
func (d *door) raw(text string) int {
	d.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.base, "http://"))
	require.NoError(d.t, err)
	defer conn.Close()
	require.NoError(d.t, conn.SetDeadline(time.Now().Add(15*time.Second)))
	_, _ = io.WriteString(conn, text)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		require.NotErrorIs(d.t, err, os.ErrDeadlineExceeded, "the connection must not stay")
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func zipped(t testing.TB, body []byte) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func TestBodiesEndAtTheirBound(t *testing.T) {
	d := open(t, nil, smallPath)
	fits := `{"a":"` + strings.Repeat("x", 1000-8) + `"}`
	require.Equal(t, 200, d.post("/e", fits, nil).status)
	refused(t, d.post("/e", fits+" ", nil), 413, tooLarge)
	require.Equal(t, 413, d.raw("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"), "by its claim alone")
	require.Equal(t, 413, d.raw("POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+strings.Repeat("100\r\n"+strings.Repeat("x", 256)+"\r\n", 8)))
	require.Equal(t, 401, d.raw("POST /key HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"), "who is unknown is told nothing else")

	gz := headers{"Content-Encoding": "gzip"}
	require.Equal(t, 200, d.post("/e", zipped(t, []byte(fits)), gz).status)
	require.Equal(t, fits, bodyOf(t, d.events()[1]))
	bomb := zipped(t, make([]byte, 500_000))
	require.Less(t, len(bomb), 1000)
	refused(t, d.post("/e", bomb, gz), 413, tooLarge)
	refused(t, d.post("/e", zipped(t, []byte(fits))[:20], gz), 400, malformed)
	refused(t, d.post("/e", fits, gz), 400, malformed)
	refused(t, d.post("/e", fits, headers{"Content-Encoding": "br"}), 415, unknownFormat)
	refused(t, d.post("/e", fits, headers{"Content-Encoding": "gzip, gzip"}), 415, unknownFormat)
	require.Len(t, d.events(), 2)
	require.Zero(t, d.in.handler.memory.used.Load(), "all memory is given back")
}

func TestBodiesThatLieAboutTheirLength(t *testing.T) {
	d := open(t, nil, smallPath)
	require.Equal(t, 503, d.raw("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{}"), "the rest never comes; the sender takes 408 for final")
	require.Equal(t, 503, d.raw("POST /sns HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{}"), "likewise")
	require.Equal(t, 408, d.raw("POST /signed HTTP/1.1\r\nHost: x\r\nX-Sig: 00\r\nContent-Length: 20\r\n\r\n{}"))
	require.Equal(t, 400, d.raw("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n{}"), "it is cut")
	require.Equal(t, 400, d.raw("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"))
	require.Equal(t, 400, d.raw("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}"))
	require.Equal(t, 400, d.raw("POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"))
	require.Empty(t, d.events())
}

func TestHeadersEndAtTheirBound(t *testing.T) {
	d := open(t, nil, smallPath)
	require.Equal(t, 431, d.raw("POST /e HTTP/1.1\r\nHost: x\r\nA: "+strings.Repeat("x", 20_000)+"\r\n\r\n"))
	require.Equal(t, 431, d.raw("POST /e HTTP/1.1\r\nHost: x\r\n"+strings.Repeat("A: x\r\n", 5000)+"\r\n"))
	begin := time.Now()
	d.raw("POST /e HTTP/1.1\r\nHost: x\r\nSlow: ")
	require.Less(t, time.Since(begin), 10*time.Second, "headers that never end")
	begin = time.Now()
	require.Equal(t, 401, d.raw("POST /key HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n"), "a body that nobody wants")
	require.Less(t, time.Since(begin), 10*time.Second)
}

func TestASlowHeaderAndASlowBodyDoNotOutliveTheirTime(t *testing.T) {
	d := open(t, nil, smallPath)
	for _, start := range []string{"POST /e HTTP/1.1\r\n", "POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(d.base, "http://"))
		require.NoError(t, err)
		_, err = io.WriteString(conn, start)
		require.NoError(t, err)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = io.Copy(io.Discard, conn)
		}()
		drip := time.NewTicker(20 * time.Millisecond)
		deadline := time.After(10 * time.Second)
	dripping:
		for {
			select {
			case <-drip.C:
				_, _ = io.WriteString(conn, "x") // keeps the connection lively
			case <-ended:
				break dripping
			case <-deadline:
				t.Fatal("the connection is still open")
			}
		}
		drip.Stop()
		_ = conn.Close()
	}
}

// TestASlowBodyIsAnsweredWithinThePatience, not when the sender has given up.
func TestASlowBodyIsAnsweredWithinThePatience(t *testing.T) {
	d := open(t, nil, strings.Replace(anyonePath, "patience: 20s", "patience: 200ms", 1)+"\nbody_timeout: 10m\n")
	begin := time.Now()
	require.Equal(t, 503, d.raw("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{}"))
	require.GreaterOrEqual(t, time.Since(begin), 200*time.Millisecond)
	require.Empty(t, d.events())
}

// TestSlowStrangersTakeNoPlace: bodies that never end are in the way of nobody
// whose request is there, however few may be in flight.
func TestSlowStrangersTakeNoPlace(t *testing.T) {
	d := open(t, nil, strings.Replace(smallPath, "body_timeout: 300ms", "body_timeout: 30s\nmax_in_flight: 2", 1))
	for range 20 {
		conn, _ := d.dial()
		_, err := io.WriteString(conn, "POST /signed HTTP/1.1\r\nHost: x\r\nX-Sig: 00\r\nContent-Length: 500\r\n\r\n{")
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return d.in.handler.memory.used.Load() >= 20*500 }, 10*time.Second, time.Millisecond, "their bodies are being read")
	require.Equal(t, 200, d.post("/e", `{}`, nil).status)
	require.Equal(t, 401, d.post("/signed", `{}`, headers{"X-Sig": "00"}).status)
}

// TestWaitingForAnAcknowledgementIsNotSlowness guards against the deadline of the
// body ending a request that has long been read.
func TestWaitingForAnAcknowledgementIsNotSlowness(t *testing.T) {
	d := listen(t, nil, smallPath)
	got := d.later("/e", `{}`)
	_, ack := d.read()
	select {
	case a := <-got:
		t.Fatalf("answered %d", a.status)
	case <-time.After(600 * time.Millisecond): // twice body_timeout
	}
	require.NoError(t, ack(t.Context(), nil))
	require.Equal(t, 200, within(t, got).status)
}

func TestTooManyConnectionsAndTooMuchMemory(t *testing.T) {
	d := listen(t, nil, strings.Replace(strings.Replace(smallPath, "header_timeout: 200ms", "header_timeout: 20s", 1), "max_buffered_bytes: 65536", "max_buffered_bytes: 65536\nmax_in_flight: 8", 1))
	var conns []net.Conn
	closed := 0
	for range 80 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(d.base, "http://"))
		require.NoError(t, err)
		defer conn.Close()
		conns = append(conns, conn)
	}
	for _, conn := range conns {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		if _, err := conn.Read(make([]byte, 1)); err != nil && !os.IsTimeout(err) {
			closed++
		}
	}
	require.Equal(t, 30, closed)
	for _, conn := range conns {
		_ = conn.Close()
	}
	require.Eventually(t, func() bool { return d.raw("GET /e HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") == 405 }, 10*time.Second, 5*time.Millisecond)

	var waiting []<-chan answer
	for range 8 {
		waiting = append(waiting, d.later("/e", `{}`))
	}
	require.Eventually(t, func() bool { return len(d.in.handler.slots) == 8 }, 10*time.Second, time.Millisecond)
	refused(t, d.post("/e", `{}`, nil), 503, busy)
	d.pipeline(nothing)
	for _, w := range waiting {
		require.Equal(t, 200, within(t, w).status)
	}
	require.Eventually(t, func() bool { return len(d.in.handler.slots) == 0 }, 10*time.Second, time.Millisecond)
	require.True(t, d.in.handler.memory.take(65536-5))
	refused(t, d.post("/e", `{"x":"more than five"}`, nil), 503, busy)
}

func TestTheCertificateIsReadAgain(t *testing.T) {
	a := newAuthority(t)
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	key := makeKey()[0]
	write := func(raw []byte) {
		require.NoError(t, os.WriteFile(certFile, raw, 0o600))
	}
	require.NoError(t, os.WriteFile(keyFile, keyInPEM(key), 0o600))
	write(inPEM(a.issue(t, key, time.Hour, "first.example.com")))
	d := open(t, nil, fmt.Sprintf("tls: {cert_file: %q, key_file: %q}\n%s", certFile, keyFile, smallPath))
	d.base = strings.Replace(d.base, "http:", "https:", 1)
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	reach := func(name string) error {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: name}}}
		resp, err := client.Post(d.base+"/e", "application/json", strings.NewReader(`{}`))
		if err == nil {
			require.Equal(t, 200, resp.StatusCode)
			require.Equal(t, 1, resp.ProtoMajor)
			_ = resp.Body.Close()
		}
		return err
	}
	require.NoError(t, reach("first.example.com"))
	write(inPEM(a.issue(t, key, time.Hour, "second.example.com")))
	require.NoError(t, reach("first.example.com"), "not looked at yet")
	d.clock.advance(reloadPause)
	require.NoError(t, reach("second.example.com"))
	write([]byte("broken"))
	d.clock.advance(reloadPause)
	require.NoError(t, reach("second.example.com"), "a broken one changes nothing")
	write(inPEM(a.issue(t, key, time.Hour, "third.example.com")))
	d.clock.advance(reloadPause)
	require.NoError(t, reach("third.example.com"))
	require.NoError(t, os.Remove(certFile))
	d.clock.advance(reloadPause)
	require.NoError(t, reach("third.example.com"))
}

// The end of a chain is that of its first certificate to expire, and a renewed one
// counts before anybody connects.
func TestTheCertificatesEndIsKnown(t *testing.T) {
	a, dir, key := newAuthority(t), t.TempDir(), makeKey()[0]
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	require.NoError(t, os.WriteFile(keyFile, keyInPEM(key), 0o600))
	write := func(valid ...time.Duration) {
		var chain []byte
		for _, v := range valid {
			chain = append(chain, inPEM(a.issue(t, key, v, "door.example.com"))...)
		}
		require.NoError(t, os.WriteFile(certFile, chain, 0o600))
	}
	now := time.Now()
	var failures int
	write(72 * time.Hour)
	c, err := newServerCertificate(certFile, keyFile, func() time.Time { return now }, func(err error) {
		if err != nil {
			failures++
		}
	})
	require.NoError(t, err)
	left := func() float64 { return time.Until(c.expiry()).Hours() }
	require.InDelta(t, 72, left(), 0.1)

	write(90*24*time.Hour, 48*time.Hour)
	require.InDelta(t, 72, left(), 0.1, "not looked at yet")
	now = now.Add(reloadPause)
	require.InDelta(t, 48, left(), 0.1, "one of the chain expires before the certificate")

	require.NoError(t, os.WriteFile(certFile, []byte("broken"), 0o600))
	now = now.Add(reloadPause)
	require.InDelta(t, 48, left(), 0.1, "the former one is in use")
	require.Equal(t, 1, failures)
}

// Prometheus reads it as soon as the listener is up.
func TestTheCertificatesEndIsMeasured(t *testing.T) {
	a, dir, key := newAuthority(t), t.TempDir(), makeKey()[0]
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	require.NoError(t, os.WriteFile(keyFile, keyInPEM(key), 0o600))
	raw := a.issue(t, key, 72*time.Hour, "door.example.com")
	require.NoError(t, os.WriteFile(certFile, inPEM(raw), 0o600))
	issued, err := x509.ParseCertificate(raw)
	require.NoError(t, err)

	mux, builder := http.NewServeMux(), service.NewStreamBuilder()
	builder.SetHTTPMux(mux)
	require.NoError(t, builder.SetLoggerYAML("level: OFF"))
	require.NoError(t, builder.SetMetricsYAML("prometheus: {}"))
	require.NoError(t, builder.AddInputYAML(fmt.Sprintf("helios_webhook:\n  address: 127.0.0.1:0\n  tls: {cert_file: %q, key_file: %q}\n  %s",
		certFile, keyFile, strings.ReplaceAll(strings.TrimSpace(smallPath), "\n", "\n  "))))
	require.NoError(t, builder.AddConsumerFunc(func(context.Context, *service.Message) error { return nil }))
	stream, err := builder.Build()
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(context.Background()) }()
	value := regexp.MustCompile(`(?m)^helios_webhook_certificate_expiry_timestamp_seconds(?:\{[^}]*\})? (\S+)$`)
	require.Eventually(t, func() bool {
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		found := value.FindStringSubmatch(answer.Body.String())
		if found == nil {
			return false
		}
		seconds, err := strconv.ParseFloat(found[1], 64)
		return err == nil && int64(seconds) == issued.NotAfter.Unix()
	}, 15*time.Second, 10*time.Millisecond)
	require.NoError(t, stream.StopWithin(10*time.Second))
	require.NoError(t, within(t, ended))
}

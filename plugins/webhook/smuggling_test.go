package webhook

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// dial opens a connection to the door that ends within a time.
func (d *door) dial() (net.Conn, *bufio.Reader) {
	d.t.Helper()
	conn, err := net.Dial("tcp", d.in.addr())
	require.NoError(d.t, err)
	d.t.Cleanup(func() { _ = conn.Close() })
	require.NoError(d.t, conn.SetDeadline(time.Now().Add(15*time.Second)))
	return conn, bufio.NewReader(conn)
}

// statuses reads answers until the connection is closed.
func statuses(t testing.TB, from *bufio.Reader) (all []int) {
	t.Helper()
	for {
		resp, err := http.ReadResponse(from, nil)
		if err != nil {
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
			return all
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		all = append(all, resp.StatusCode)
	}
}

// TestSmuggledRequests: whatever a proxy in front takes for the end of a body,
// each request that is found on a connection is authenticated by itself.
func TestSmuggledRequests(t *testing.T) {
	const inner = "POST /key HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
	for name, c := range map[string]struct {
		text   string
		want   []int
		events []string
	}{
		"a length and chunks, the chunks count": {
			"POST /key HTTP/1.1\r\nHost: x\r\nx-api-key: k\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + inner,
			[]int{200, 401}, []string{"{}"},
		},
		"a body that holds a request": {
			fmt.Sprintf("POST /key HTTP/1.1\r\nHost: x\r\nx-api-key: k\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%q", len(inner)+12, inner),
			[]int{200}, []string{fmt.Sprintf("%q", inner)},
		},
		"chunks in other words":  {"POST /key HTTP/1.1\r\nHost: x\r\nx-api-key: k\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", []int{501}, nil},
		"chunks twice":           {"POST /key HTTP/1.1\r\nHost: x\r\nx-api-key: k\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", []int{501}, nil},
		"chunks and identity":    {"POST /key HTTP/1.1\r\nHost: x\r\nx-api-key: k\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", []int{501}, nil},
		"a length with a sign":   {"POST /key HTTP/1.1\r\nHost: x\r\nx-api-key: k\r\nContent-Length: +2\r\n\r\n{}", []int{400}, nil},
		"two lengths":            {"POST /key HTTP/1.1\r\nHost: x\r\nx-api-key: k\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\n{}", []int{400}, nil},
		"a space before a colon": {"POST /key HTTP/1.1\r\nHost: x\r\nx-api-key: k\r\nContent-Length : 2\r\n\r\n{}", []int{400}, nil},
		"a folded header":        {"POST /key HTTP/1.1\r\nHost: x\r\nx-api-key:\r\n k\r\n\tx\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", []int{401}, nil},
		"two hosts":              {"POST /key HTTP/1.1\r\nHost: x\r\nHost: y\r\nx-api-key: k\r\nContent-Length: 2\r\n\r\n{}", []int{400}, nil},
		"HTTP/2 without asking":  {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{404}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, nil, smallPath)
			conn, answers := d.dial()
			_, err := io.WriteString(conn, c.text)
			require.NoError(t, err)
			require.Equal(t, c.want, statuses(t, answers))
			var got []string
			for _, m := range d.events() {
				got = append(got, bodyOf(t, m))
			}
			require.Equal(t, c.events, got)
		})
	}
}

// TestPipelinedRequestsAreAnsweredInTurn: HTTP/1.1 lets a sender not wait.
func TestPipelinedRequestsAreAnsweredInTurn(t *testing.T) {
	d := open(t, nil, smallPath)
	conn, answers := d.dial()
	text := ""
	for n := range 5 {
		key := "k"
		if n == 2 {
			key = "wrong"
		}
		body := fmt.Sprintf(`{"n":%d}`, n)
		text += fmt.Sprintf("POST /key HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\nContent-Length: %d\r\n\r\n%s", key, len(body), body)
	}
	_, err := io.WriteString(conn, text+"POST /key HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	require.Equal(t, []int{200, 200, 401, 200, 200, 401}, statuses(t, answers))
	require.Len(t, d.events(), 4)
	require.Equal(t, `{"n":4}`, bodyOf(t, d.events()[3]))
}

// TestABodyIsAskedForOnlyOfThoseWhoAreKnown: the sender waits for 100 before it
// sends a large body.
func TestABodyIsAskedForOnlyOfThoseWhoAreKnown(t *testing.T) {
	d := open(t, nil, smallPath)
	const ask = "POST /key HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\nContent-Length: %s\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
	conn, answers := d.dial()
	_, _ = fmt.Fprintf(conn, ask, "k", "2")
	line, err := answers.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "100 Continue")
	_, _ = io.WriteString(conn, "{}")
	_, _ = answers.ReadString('\n')
	require.Equal(t, []int{200}, statuses(t, answers))
	for status, c := range map[int][2]string{401: {"wrong", "2"}, 413: {"k", "99999"}} {
		conn, answers = d.dial()
		_, _ = fmt.Fprintf(conn, ask, c[0], c[1])
		require.Equal(t, []int{status}, statuses(t, answers), "and no 100 before it")
	}
	require.Len(t, d.events(), 1)
}

// TestChunksThatAreMostlyWrappingEnd: extensions and trailers are no data, and
// end all the same.
func TestChunksThatAreMostlyWrappingEnd(t *testing.T) {
	d := open(t, nil, smallPath)
	const start = "POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	require.Equal(t, 400, d.raw(start+strings.Repeat("1;"+strings.Repeat("x", 2000)+"\r\n \r\n", 100)+"0\r\n\r\n"))
	require.Equal(t, 400, d.raw(start+"2\r\n{}\r\n0\r\n"+strings.Repeat("A: "+strings.Repeat("x", 1000)+"\r\n", 50)+"\r\n"))
	require.Equal(t, 400, d.raw(start+"ffffffffffffffffff\r\n{}"))
	require.Empty(t, d.events())
	require.Equal(t, 200, d.raw(start+"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"))
	require.Zero(t, d.in.handler.memory.used.Load())
}

// TestOverTLS: silence is no handshake, HTTP/2 is not spoken, nor are versions
// before 1.2.
func TestOverTLS(t *testing.T) {
	a, key, dir := newAuthority(t), makeKey()[0], t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	require.NoError(t, os.WriteFile(keyFile, keyInPEM(key), 0o600))
	require.NoError(t, os.WriteFile(certFile, inPEM(a.issue(t, key, time.Hour, "door.example.com")), 0o600))
	d := open(t, nil, fmt.Sprintf("tls: {cert_file: %q, key_file: %q}\n%s", certFile, keyFile, smallPath))
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	shake := func(change func(*tls.Config)) (*tls.Conn, error) {
		conf := &tls.Config{RootCAs: roots, ServerName: "door.example.com"}
		change(conf)
		raw, _ := d.dial()
		conn := tls.Client(raw, conf)
		return conn, conn.Handshake()
	}
	conn, err := shake(func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} })
	require.NoError(t, err)
	require.Equal(t, "http/1.1", conn.ConnectionState().NegotiatedProtocol)
	_, err = shake(func(c *tls.Config) { c.NextProtos = []string{"h2"} })
	require.ErrorContains(t, err, "no application protocol")
	_, err = shake(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })
	require.ErrorContains(t, err, "protocol version")
	silent, answers := d.dial()
	begin := time.Now()
	_, _ = answers.ReadByte()
	require.Less(t, time.Since(begin), 10*time.Second, "header_timeout bounds the handshake too")
	_ = silent.Close()
	plain, answers := d.dial()
	_, _ = io.WriteString(plain, "POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
	require.Equal(t, []int{400}, statuses(t, answers), "plain HTTP on the TLS port")
	require.Empty(t, d.events())
}

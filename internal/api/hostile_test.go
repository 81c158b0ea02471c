package api

import (
	"bufio"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/storetest"
)

// send sends a request and returns the answer with its whole body.
func send(t *testing.T, method, url string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	// As it comes: nothing is followed or unpacked.
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(text)
}

func requireProblem(t *testing.T, status int, resp *http.Response, body, about string) {
	t.Helper()
	require.Equal(t, status, resp.StatusCode, "%s: %s", about, body)
	require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"), about)
	require.Equal(t, status, into[struct{ Status int }](t, body).Status, about)
	require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"), about)
}

var routes = []string{
	"/", "/docs", "/console.js", "/api/v1/stats", "/api/v1/events", "/api/v1/verdicts", "/api/v1/verdicts/" + strings.Repeat("0", 32),
	"/api/v1/health", "/api/v1/health/detailed", "/ws/events", "/ws/verdicts", "/metrics", "/openapi.json",
}

func TestOtherMethodsAreToldWhatIsAllowed(t *testing.T) {
	_, base := newServer(t, storetest.SQLite(t), "", nowhere)
	for _, path := range routes {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"} {
			resp, body := send(t, method, base+path, strings.NewReader(`{"a":1}`))
			requireProblem(t, 405, resp, body, method+path)
			require.Equal(t, "GET, HEAD, OPTIONS", resp.Header.Get("Allow"))
		}
		resp, body := send(t, "OPTIONS", base+path, nil, "Origin", "https://evil.example", "Access-Control-Request-Method", "GET")
		require.Equal(t, 204, resp.StatusCode)
		require.Empty(t, body)
		for name := range resp.Header {
			require.NotContains(t, name, "Access-Control", "no other origin may read")
		}
	}
	for _, method := range []string{"GET", "POST", "OPTIONS", "DELETE"} {
		for _, path := range []string{"/nothing", "/api", "/api/v1/events/", "/api/v1/verdicts/a/b", "//api/v1/events", "/api/../api/v1/events", "/./docs", "/docs/..%2f..", "//evil.example/%2e%2e"} {
			resp, body := send(t, method, base+path, nil)
			requireProblem(t, 404, resp, body, method+path)
		}
	}
	resp, body := send(t, "POST", base+"/api/v1/events", io.LimitReader(zeros{}, 50<<20))
	requireProblem(t, 405, resp, body, "a body of 50 MB")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestHeadSaysWhatGetWould(t *testing.T) {
	dsn := storetest.SQLite(t)
	storetest.Write(t, dsn, "events", storetest.Event(nil))
	_, base := newServer(t, dsn, "", nowhere)
	for _, path := range []string{"/", "/console.js", "/docs", "/api/v1/events", "/api/v1/health", "/metrics", "/openapi.json"} {
		got, _ := send(t, "GET", base+path, nil)
		resp, body := send(t, "HEAD", base+path, nil)
		require.Equal(t, 200, resp.StatusCode, path)
		require.Empty(t, body, path)
		require.Equal(t, got.Header.Get("Content-Type"), resp.Header.Get("Content-Type"), path)
	}
}

func TestPagesAreKeptByBrowsersAndDataIsNot(t *testing.T) {
	_, base := newServer(t, storetest.SQLite(t), "", nowhere)
	for path := range pageFiles {
		resp, _ := send(t, "GET", base+path, nil)
		require.Equal(t, "no-cache", resp.Header.Get("Cache-Control"), path)
		again, body := send(t, "GET", base+path, nil, "If-None-Match", resp.Header.Get("ETag"))
		require.Equal(t, 304, again.StatusCode, path)
		require.Empty(t, body)
	}
	for _, path := range []string{"/api/v1/stats", "/api/v1/events", "/api/v1/health/detailed", "/metrics", "/nothing"} {
		resp, _ := send(t, "GET", base+path, nil)
		require.Equal(t, "no-store", resp.Header.Get("Cache-Control"), path)
		require.Equal(t, "same-origin", resp.Header.Get("Cross-Origin-Resource-Policy"), path)
	}
}

func TestLargeAnswersAreCompressedForThoseWhoTakeIt(t *testing.T) {
	dsn := storetest.SQLite(t)
	var events []string
	for i := range 100 {
		events = append(events, storetest.Event(map[string]any{"id": fmt.Sprint(i)}))
	}
	storetest.Write(t, dsn, "events", events...)
	_, base := newServer(t, dsn, "", nowhere)
	for _, path := range []string{"/api/v1/events?limit=100", "/console.js"} {
		plain, text := send(t, "GET", base+path, nil)
		require.Empty(t, plain.Header.Get("Content-Encoding"))
		packed, body := send(t, "GET", base+path, nil, "Accept-Encoding", "gzip")
		require.Equal(t, "gzip", packed.Header.Get("Content-Encoding"), path)
		require.Contains(t, packed.Header.Get("Vary"), "Accept-Encoding")
		require.Less(t, len(body), len(text)/2, path)
		reader, err := gzip.NewReader(strings.NewReader(body))
		require.NoError(t, err)
		unpacked, err := io.ReadAll(reader)
		require.NoError(t, err)
		require.Equal(t, text, string(unpacked))
	}
}

func TestOnlyTheHeaderAndTheSubprotocolCarryTheToken(t *testing.T) {
	_, base := newServer(t, storetest.SQLite(t), secret, nowhere)
	basic := base64.StdEncoding.EncodeToString([]byte("helios:" + secret))
	for _, path := range []string{"/api/v1/stats", "/api/v1/events", "/metrics", "/ws/events"} {
		for _, query := range []string{"?token=" + secret, "?access_token=" + secret, "?authorization=Bearer%20" + secret} {
			resp, body := send(t, "GET", base+path+query, nil)
			requireProblem(t, 401, resp, body, path+query)
			require.NotContains(t, body, secret)
		}
		for name, headers := range map[string][]string{
			"cookie": {"Cookie", "token=" + secret}, "basic": {"Authorization", "Basic " + basic}, "bare": {"Authorization", secret},
			"empty": {"Authorization", "Bearer "}, "longer": {"Authorization", "Bearer " + secret + "x"}, "api key": {"X-API-Key", secret},
		} {
			resp, body := send(t, "GET", base+path, nil, headers...)
			requireProblem(t, 401, resp, body, path+" "+name)
		}
	}
}

// The tenth of a second that a comparison byte by byte would tell can't be measured
// reliably; that hashes of the same length are compared is in bearer.
func TestTokensOfAnyLengthAreRefused(t *testing.T) {
	b := newBearer(secret)
	for n := range len(secret) + 5 {
		r, err := http.NewRequest(http.MethodGet, "/", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+strings.Repeat(secret, 2)[:n])
		_, err = b.Authenticate(r)
		require.Equal(t, n == len(secret), err == nil, n)
	}
}

func TestNamesOfOtherMachinesAreNotAnsweredWithoutAToken(t *testing.T) {
	_, base := newServer(t, storetest.SQLite(t), "", nowhere)
	for _, path := range routes {
		for _, host := range []string{"evil.example", "localhost.evil.example", "127.0.0.1.nip.example:80", "0.0.0.0", "[::]:8088", "192.168.1.7", "2130706433", "localhost.", "[fe80::1]", "::1", "127.1"} {
			status, body, header := get(t, base+path, "Host", host)
			if host == "::1" { // without brackets it is the address all the same
				continue
			}
			require.Equal(t, http.StatusMisdirectedRequest, status, "%s %s: %s", host, path, body)
			require.Equal(t, "application/problem+json", header.Get("Content-Type"))
		}
		status, _, _ := get(t, base+path, "Host", "LocalHost:1")
		require.NotEqual(t, http.StatusMisdirectedRequest, status)
	}
}

func TestOnlyAddressesOfTheLoopbackAreOneWithoutAToken(t *testing.T) {
	for address, allowed := range map[string]bool{
		"127.0.0.2:0": true, "[::1]:0": true, "[::ffff:127.0.0.1]:0": true, "localhost:0": true,
		"[::ffff:0.0.0.0]:0": false, "[::ffff:10.0.0.1]:0": false, "0:0": false, "0x7f000001:0": false, "2130706433:0": false, "127.1:0": false, "[fe80::1%lo]:0": false,
		"localhost.evil.example:0": false, "ip6-localhost:0": false, "*:0": false, " 127.0.0.1:0": false, "127.0.0.1\n:0": false, "[::1]": false, "::1:8088": false,
	} {
		err := Access{Address: address}.Validate()
		require.Equal(t, allowed, err == nil, "%q: %v", address, err)
	}
}

func TestPagesOfOtherOriginsGetNoStreamWhateverTheyCallThemselves(t *testing.T) {
	for _, token := range []string{"", secret} {
		_, base := newServer(t, storetest.SQLite(t), token, nowhere)
		host := strings.TrimPrefix(base, "http://")
		_, port, err := net.SplitHostPort(host)
		require.NoError(t, err)
		for origin, allowed := range map[string]bool{
			"http://" + host: true, "": true,
			"null": false, "https://evil.example": false, "http://127.0.0.1": false, "http://127.0.0.1:1": false, "http://localhost:" + port: false,
			"http://" + host + ".evil.example": false, "http://evil.example/?" + host: false, "http://" + host + "@evil.example": false, "file://": false, "::": false,
		} {
			header := http.Header{}
			if origin != "" {
				header.Set("Origin", origin)
			}
			if token != "" {
				header.Set("Authorization", "Bearer "+token)
			}
			conn, resp, err := websocket.DefaultDialer.Dial("ws://"+host+"/ws/events", header)
			require.Equal(t, allowed, err == nil, origin)
			if err == nil {
				require.NoError(t, conn.Close())
				continue
			}
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			requireProblem(t, 403, resp, string(body), origin)
		}
		headers := []string{"Authorization", "Bearer " + secret}
		resp, body := send(t, "GET", base+"/ws/events", nil, headers...)
		requireProblem(t, 400, resp, body, "no WebSocket at all")
	}
}

func TestCursorsThatNobodyMadeAreRefusedOrHarmless(t *testing.T) {
	storetest.InBothDialects(t, func(t *testing.T, dsn string) {
		storetest.Write(t, dsn, "events", storetest.Event(nil))
		storetest.Write(t, dsn, "verdicts", storetest.Verdict(1, 1, 0, nil))
		_, base := newServer(t, dsn, "", nowhere)
		id := strings.Repeat("f", 32)
		for text, refused := range map[string]bool{
			`{"l":"v","t":9223372036854775807,"i":"` + id + `"}`: false, `{"l":"v","t":-9223372036854775808,"i":"` + id + `"}`: false,
			`{"l":"v","t":1,"i":"` + id + `","o":-9223372036854775808,"r":2147483647}`: false,
			`{"l":"v","t":1,"i":"` + id + `","r":4611686018427387904}`:                 true, `{"l":"v","t":1,"i":"` + id + `","r":-1}`: true,
			`{"l":"v","t":1e400,"i":"` + id + `"}`: true, `{"l":"v","t":"1","i":"` + id + `"}`: true, `{"l":"v","t":1,"i":"' OR 1=1 --"}`: true,
			`{"l":"e","t":1,"i":"` + id + `"}`: true, `{"l":"v","t":1}`: true, `null`: true, `[]`: true, `{`: true, "\x00": true, "\xff\xfe": true,
		} {
			for _, history := range []string{"", "history=true&"} {
				document := text
				if history != "" {
					document = strings.Replace(text, `"l":"v"`, `"l":"h"`, 1)
				}
				resp, body := send(t, "GET", base+"/api/v1/verdicts?"+history+"cursor="+base64.RawURLEncoding.EncodeToString([]byte(document)), nil)
				if refused {
					requireProblem(t, 422, resp, body, document)
				} else {
					require.Equal(t, 200, resp.StatusCode, "%s: %s", document, body)
				}
			}
		}
		for _, query := range []string{"since=0001-01-01T00:00:00Z", "since=0000-01-01T00:00:00Z", "until=9999-12-31T23:59:59.999999999Z", "since=9999-12-31T23:59:59Z&until=0000-01-01T00:00:00%2B14:00"} {
			for _, path := range []string{"/api/v1/events?", "/api/v1/verdicts?", "/api/v1/verdicts?history=true&"} {
				resp, body := send(t, "GET", base+path+query, nil)
				require.Equal(t, 200, resp.StatusCode, "%s: %s", query, body)
			}
		}
	})
}

func TestNoAnswerIsAnythingButJSON(t *testing.T) {
	dsn := storetest.SQLite(t)
	storetest.Write(t, dsn, "events", storetest.Event(map[string]any{"type": "<script>alert(1)</script>", "correlationid": "\u202e\u2028\ufeff</script>"}))
	_, base := newServer(t, dsn, "", nowhere)
	for _, accept := range []string{"", "*/*", "text/html", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "application/xml", "application/cbor", "nonsense", strings.Repeat("a/b,", 500)} {
		for path, status := range map[string]int{"/api/v1/events": 200, "/api/v1/events?limit=0": 422, "/api/v1/nothing": 404} {
			resp, body := send(t, "GET", base+path, nil, "Accept", accept)
			require.Equal(t, status, resp.StatusCode)
			require.Regexp(t, `^application/(problem\+)?json$`, resp.Header.Get("Content-Type"), accept)
			require.True(t, json.Valid([]byte(body)), "%.20s %s", accept, body)
		}
	}
}

// One that sends its request byte by byte does not hold a connection for long.
func TestSlowRequestsAreEnded(t *testing.T) {
	_, base := newServer(t, storetest.SQLite(t), "", nowhere)
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, conn) // until it is closed
	}()
	started, ticker := time.Now(), time.NewTicker(200*time.Millisecond)
	defer ticker.Stop()
	_, err = io.WriteString(conn, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
	require.NoError(t, err)
	for {
		select {
		case <-gone:
			require.Less(t, time.Since(started), 2*headerPatience)
			return
		case <-ticker.C:
			_, _ = io.WriteString(conn, "x") // it may be closed by now
			require.Less(t, time.Since(started), 2*headerPatience)
		}
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	_, base := newServer(t, storetest.SQLite(t), "", nowhere)
	ask := func(conn net.Conn, patience time.Duration) error {
		_, err := io.WriteString(conn, "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
		_, err = bufio.NewReader(conn).ReadString('\n')
		return err
	}
	var conns []net.Conn
	for range maxConnections + 1 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		require.NoError(t, err)
		defer conn.Close()
		conns = append(conns, conn)
	}
	for _, conn := range conns[:maxConnections] {
		require.NoError(t, ask(conn, 20*time.Second))
	}
	last := conns[maxConnections]
	require.Error(t, ask(last, 300*time.Millisecond), "one more waits")
	require.NoError(t, conns[0].Close())
	require.NoError(t, last.SetReadDeadline(time.Now().Add(20*time.Second)))
	line, err := bufio.NewReader(last).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "200")
}

func TestHugeQuestionsAreRefused(t *testing.T) {
	_, base := newServer(t, storetest.SQLite(t), "", nowhere)
	for _, query := range []string{"key=" + strings.Repeat("x", 5000), "tenant=" + strings.Repeat("%27", 1025), "status=" + strings.Repeat("matched,", 600), "cursor=" + strings.Repeat("A", 513), strings.Repeat("a=1&", 1000)} {
		for _, path := range []string{"/api/v1/verdicts?", "/ws/verdicts?type=" + strings.Repeat("*", 5000) + "&"} {
			resp, body := send(t, "GET", base+path+query, nil)
			requireProblem(t, 422, resp, body, path+query[:20])
			require.Less(t, len(body), 64<<10)
		}
	}
	// What is too large to be read at all is refused by the HTTP server itself, which
	// may close the connection before the client has sent the rest.
	if resp, err := http.Get(base + "/api/v1/events?key=" + strings.Repeat("x", 100_000)); err == nil {
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
	}
}

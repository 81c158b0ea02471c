package webhook

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	snsRegion = "sns.eu-central-1.amazonaws.com"
	snsTopicA = "arn:aws:sns:eu-central-1:123456789012:orders"
	certPath  = "/SimpleNotificationService-0123456789abcdef.pem"
)

// authority is a local certificate authority.
type authority struct {
	cert *x509.Certificate
	key  *rsa.PrivateKey
	next atomic.Int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{key: makeKey()[1]}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "local authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	require.NoError(t, err)
	a.cert, err = x509.ParseCertificate(raw)
	require.NoError(t, err)
	return a
}

// issue returns a certificate for names, valid from now on for a time.
func (a *authority) issue(t testing.TB, key *rsa.PrivateKey, valid time.Duration, names ...string) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.next.Add(1) + 1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(valid),
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	require.NoError(t, err)
	return raw
}

func inPEM(raw []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
}

// cloud plays the hosts of SNS: all names lead to it.
type cloud struct {
	*httptest.Server
	transport *http.Transport
	files     map[string][]byte // by path
	confirmed atomic.Int64
	fetched   atomic.Int64
	status    atomic.Int64
}

func newCloud(t testing.TB, a *authority, hosts ...string) *cloud {
	t.Helper()
	c := &cloud{files: map[string][]byte{}}
	c.status.Store(200)
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("Action") == "ConfirmSubscription" {
			c.confirmed.Add(1)
			w.WriteHeader(int(c.status.Load()))
			return
		}
		c.fetched.Add(1)
		body, ok := c.files[r.URL.Path]
		if !ok {
			w.WriteHeader(int(404))
		}
		_, _ = w.Write(body)
	}))
	key := makeKey()[0]
	c.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{a.issue(t, key, time.Hour, hosts...)}, PrivateKey: key}}}
	c.StartTLS()
	t.Cleanup(c.Close)
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	c.transport = &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, c.Listener.Addr().String())
		},
	}
	t.Cleanup(c.transport.CloseIdleConnections)
	return c
}

// sign signs a message as SNS does; the text is built here anew, after the
// documentation, and not by what is tested.
func sign(key *rsa.PrivateKey, m object) string {
	hash := crypto.SHA1
	if m["SignatureVersion"] == "2" {
		hash = crypto.SHA256
	}
	var text strings.Builder
	names := []string{"Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"}
	for _, name := range names {
		inNotification := name != "SubscribeURL" && name != "Token"
		inOthers := name != "Subject"
		value, ok := m[name].(string)
		if ok && (m["Type"] == "Notification" && inNotification || m["Type"] != "Notification" && inOthers) {
			fmt.Fprintf(&text, "%s\n%s\n", name, value)
		}
	}
	h := hash.New()
	h.Write([]byte(text.String()))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, hash, h.Sum(nil))
	if err != nil {
		panic(err)
	}
	m["Signature"] = base64.StdEncoding.EncodeToString(sig)
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func notification(changes object) object {
	m := object{
		"Type": "Notification", "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b", "TopicArn": snsTopicA, "Subject": "Grüße",
		"Message": "{\"a\":\"line\\nbreak\"}", "Timestamp": "2026-11-23T20:00:00.000Z", "SignatureVersion": "2",
		"SigningCertURL": "https://" + snsRegion + certPath, "UnsubscribeURL": "https://" + snsRegion + "/?Action=Unsubscribe",
	}
	for name, value := range changes {
		m[name] = value
		if value == nil {
			delete(m, name)
		}
	}
	return m
}

func confirmationMessage(changes object) object {
	m := notification(object{
		"Type": "SubscriptionConfirmation", "Subject": nil, "Token": "tok", "Message": "You have chosen to subscribe",
		"SubscribeURL": "https://" + snsRegion + "/?Action=ConfirmSubscription&TopicArn=" + snsTopicA + "&Token=tok",
	})
	for name, value := range changes {
		m[name] = value
	}
	return m
}

const snsPath = `
paths:
  - path: /sns
    sender: sns
    sns: {topics: ["` + snsTopicA + `"]}
`

var textPlain = headers{"Content-Type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": "Notification"}

func snsDoor(t *testing.T) (*door, *cloud, *authority) {
	a := newAuthority(t)
	c := newCloud(t, a, snsRegion)
	c.files[certPath] = inPEM(a.issue(t, makeKey()[0], time.Hour, "sns.amazonaws.com"))
	return open(t, c.transport, snsPath), c, a
}

func TestSignedNotificationsAreTaken(t *testing.T) {
	d, c, _ := snsDoor(t)
	key := makeKey()[0]
	for _, version := range []string{"1", "2"} {
		for _, subject := range []any{"Grüße", nil} {
			body := sign(key, notification(object{"SignatureVersion": version, "Subject": subject}))
			require.Equal(t, 200, d.post("/sns", body, textPlain).status)
			got := d.events()
			require.Equal(t, body, bodyOf(t, got[len(got)-1]))
		}
	}
	require.EqualValues(t, 1, c.fetched.Load(), "the certificate is kept")
	require.Len(t, d.events(), 4)
}

func TestForgedNotificationsAreRefused(t *testing.T) {
	d, c, a := snsDoor(t)
	key := makeKey()[0]
	c.files["/SimpleNotificationService-aaaa.pem"] = inPEM(a.issue(t, key, -time.Minute, "sns.amazonaws.com"))
	c.files["/SimpleNotificationService-bbbb.pem"] = inPEM(a.issue(t, key, time.Hour, "evil.example.com"))
	c.files["/SimpleNotificationService-cccc.pem"] = []byte("no certificate")
	c.files["/SimpleNotificationService-dddd.pem"] = inPEM(a.cert.Raw)
	c.files["/evil.pem"] = c.files[certPath]
	certAt := func(url string) string { return sign(key, notification(object{"SigningCertURL": url})) }
	for name, body := range map[string]string{
		"another key":         sign(makeKey()[1], notification(nil)),
		"a changed message":   strings.Replace(sign(key, notification(nil)), "line", "lime", 1),
		"a changed topic":     strings.Replace(sign(key, notification(nil)), ":orders", ":order2", 1),
		"version 1 as 2":      strings.Replace(sign(key, notification(object{"SignatureVersion": "1"})), `"SignatureVersion":"1"`, `"SignatureVersion":"2"`, 1),
		"version 3":           sign(key, notification(object{"SignatureVersion": "3"})),
		"no version":          sign(key, notification(object{"SignatureVersion": nil})),
		"no signature":        strings.Replace(sign(key, notification(nil)), `"Signature":`, `"Sig":`, 1),
		"http":                certAt("http://" + snsRegion + certPath),
		"another host":        certAt("https://evil.example.com" + certPath),
		"a host that ends so": certAt("https://evil" + snsRegion + certPath),
		"a host behind ours":  certAt("https://" + snsRegion + ".evil.com" + certPath),
		"a user":              certAt("https://" + snsRegion + "@evil.com" + certPath),
		"a bucket":            certAt("https://sns.eu-central-1.s3.amazonaws.com" + certPath),
		"no region":           certAt("https://sns.evil.amazonaws.com" + certPath),
		"a port":              certAt("https://" + snsRegion + ":8443" + certPath),
		"another path":        certAt("https://" + snsRegion + "/evil.pem"),
		"no URL":              certAt(""),
		"China's, elsewhere":  certAt("https://" + snsRegion + ".cn" + certPath),
		"behind China's":      certAt("https://sns.cn-north-1.amazonaws.com.cn.evil.com" + certPath),
		"another in China":    certAt("https://sqs.cn-north-1.amazonaws.com.cn" + certPath),
		"a host in capitals":  certAt("https://SNS.EU-CENTRAL-1.amazonaws.com" + certPath),
		"a dot at the end":    certAt("https://" + snsRegion + "." + certPath),
		"an encoded host":     certAt("https://sns.eu-central-1%2eamazonaws.com" + certPath),
		"a backslash":         certAt("https://evil.com\\@" + snsRegion + certPath),
		"a fragment":          certAt("https://" + snsRegion + certPath + "#x"),
		"no host":             certAt("https:" + certPath),
		"an expired one":      certAt("https://" + snsRegion + "/SimpleNotificationService-aaaa.pem"),
		"somebody else's":     certAt("https://" + snsRegion + "/SimpleNotificationService-bbbb.pem"),
		"no certificate":      certAt("https://" + snsRegion + "/SimpleNotificationService-cccc.pem"),
		"an authority's":      certAt("https://" + snsRegion + "/SimpleNotificationService-dddd.pem"),
	} {
		t.Run(name, func(t *testing.T) { refused(t, d.post("/sns", body, textPlain), 401, badSignature) })
	}
	refused(t, d.post("/sns", sign(key, notification(object{"TopicArn": snsTopicA + "2"})), textPlain), 403, notAllowed)
	good := sign(key, notification(nil))
	for name, body := range map[string]string{
		"a second message": strings.Replace(good, `{`, `{"Message":"evil",`, 1),
		"a raw message":    `hello`,
		"another type":     sign(key, notification(object{"Type": "Other"})),
		"no type":          sign(key, notification(object{"Type": nil})),
		// The same signed text, cut into other members.
		"another id":                sign(key, notification(object{"Subject": nil, "MessageId": "165545c9\nSubject\nx"})),
		"a line break in the URL":   sign(key, notification(object{"SigningCertURL": "https://" + snsRegion + certPath + "\n"})),
		"a message that is no text": strings.Replace(good, `"MessageId":"`, `"MessageId":7,"x":"`, 1),
	} {
		t.Run(name, func(t *testing.T) { refused(t, d.post("/sns", body, textPlain), 400, malformed) })
	}
	require.Equal(t, 200, d.post("/sns", strings.Replace(good, `{`, `{"message":"ignored",`, 1), textPlain).status, "only exact names count")
	require.Len(t, d.events(), 1)
}

func TestASignedTextCannotBeCutIntoAnotherMessage(t *testing.T) {
	d, _, _ := snsDoor(t)
	genuine := notification(object{"MessageId": "m-1", "Subject": "hello"})
	require.Equal(t, 200, d.post("/sns", sign(makeKey()[0], genuine), textPlain).status)
	genuine["MessageId"] = "m-1\nSubject\nhello" // what is signed stays the same
	delete(genuine, "Subject")
	raw, err := json.Marshal(genuine)
	require.NoError(t, err)
	refused(t, d.post("/sns", string(raw), textPlain), 400, malformed)
	require.Len(t, d.events(), 1)
}

func TestSNSInChina(t *testing.T) {
	const host, topic = "sns.cn-north-1.amazonaws.com.cn", "arn:aws-cn:sns:cn-north-1:123456789012:orders"
	a := newAuthority(t)
	c := newCloud(t, a, host)
	c.files[certPath] = inPEM(a.issue(t, makeKey()[0], time.Hour, host))
	d := open(t, c.transport, strings.Replace(snsPath, snsTopicA, topic, 1))
	there := object{"TopicArn": topic, "SigningCertURL": "https://" + host + certPath}
	require.Equal(t, 200, d.post("/sns", sign(makeKey()[0], notification(there)), textPlain).status)
	there["SubscribeURL"] = "https://" + host + "/?Action=ConfirmSubscription&TopicArn=" + topic + "&Token=tok"
	require.Equal(t, 200, d.post("/sns", sign(makeKey()[0], confirmationMessage(there)), textPlain).status)
	require.EqualValues(t, 1, c.confirmed.Load())
}

func TestSubscriptionsAreConfirmedForListedTopicsOnly(t *testing.T) {
	d, c, _ := snsDoor(t)
	key := makeKey()[0]
	require.Equal(t, 200, d.post("/sns", sign(key, confirmationMessage(nil)), textPlain).status)
	require.EqualValues(t, 1, c.confirmed.Load())
	for _, url := range []string{
		"https://evil.example.com/?Action=ConfirmSubscription&Token=tok&TopicArn=" + snsTopicA,
		"https://" + snsRegion + "/?Action=DeleteTopic&Token=tok&TopicArn=" + snsTopicA,
		"https://" + snsRegion + "/?Action=ConfirmSubscription&Token=tok&TopicArn=" + snsTopicA + "2",
		"http://" + snsRegion + "/?Action=ConfirmSubscription&Token=tok&TopicArn=" + snsTopicA, "",
	} {
		refused(t, d.post("/sns", sign(key, confirmationMessage(object{"SubscribeURL": url})), textPlain), 403, notAllowed)
	}
	refused(t, d.post("/sns", sign(key, confirmationMessage(object{"TopicArn": "arn:aws:sns:eu-central-1:1:x"})), textPlain), 403, notAllowed)
	refused(t, d.post("/sns", sign(makeKey()[1], confirmationMessage(nil)), textPlain), 401, badSignature)
	require.EqualValues(t, 1, c.confirmed.Load(), "nothing else was asked for")
	c.status.Store(500)
	refused(t, d.post("/sns", sign(key, confirmationMessage(nil)), textPlain), 503, confirmationFails)
	require.Equal(t, 200, d.post("/sns", sign(key, confirmationMessage(object{"Type": "UnsubscribeConfirmation"})), textPlain).status)
	require.EqualValues(t, 2, c.confirmed.Load(), "an end is not undone")
	require.Empty(t, d.events())
}

func TestACertificateThatCannotBeFetchedIsNotTheSendersFault(t *testing.T) {
	a := newAuthority(t)
	c := newCloud(t, a, "another.example.com") // its TLS certificate is not SNS's
	d := open(t, c.transport, snsPath)
	body := sign(makeKey()[0], notification(nil))
	refused(t, d.post("/sns", body, textPlain), 503, keysUnreachable)
	require.Zero(t, c.fetched.Load())

	d, c, _ = snsDoor(t)
	kept := c.files[certPath]
	delete(c.files, certPath)
	refused(t, d.post("/sns", body, textPlain), 503, keysUnreachable)
	c.files[certPath] = kept
	refused(t, d.post("/sns", body, textPlain), 503, keysUnreachable)
	require.EqualValues(t, 1, c.fetched.Load(), "failures are not repeated at once")
	d.clock.advance(certificateRetry)
	require.Equal(t, 200, d.post("/sns", body, textPlain).status)
}

func TestForgedNotificationsDoNotUseUpTheRate(t *testing.T) {
	a := newAuthority(t)
	c := newCloud(t, a, snsRegion)
	c.files[certPath] = inPEM(a.issue(t, makeKey()[0], time.Hour, "sns.amazonaws.com"))
	d := open(t, c.transport, snsPath+"    rate_limit: {per_second: 0.5, burst: 2}\n")
	good := sign(makeKey()[0], notification(nil))
	for range 5 {
		refused(t, d.post("/sns", sign(makeKey()[1], notification(nil)), textPlain), 401, badSignature)
		require.Equal(t, 200, d.post("/sns", sign(makeKey()[0], confirmationMessage(nil)), textPlain).status, "a handshake is no event")
	}
	require.Equal(t, 200, d.post("/sns", good, textPlain).status)
	require.Equal(t, 200, d.post("/sns", good, textPlain).status)
	last := d.post("/sns", good, textPlain)
	refused(t, last, 429, rateLimited)
	require.Equal(t, "2", last.header.Get("Retry-After"))
	require.Zero(t, d.in.handler.memory.used.Load())
}

// TestSNSIsAskedForItsPassword: SNS shows the user and password of its URL only
// to a server that asks for them.
func TestSNSIsAskedForItsPassword(t *testing.T) {
	a := newAuthority(t)
	c := newCloud(t, a, snsRegion)
	c.files[certPath] = inPEM(a.issue(t, makeKey()[0], time.Hour, "sns.amazonaws.com"))
	d := open(t, c.transport, snsPath+"    auth: {basic: {username: topic, passwords: [sesame]}}\n")
	body := sign(makeKey()[0], notification(nil))
	first := d.post("/sns", body, textPlain)
	refused(t, first, 401, noCredentials)
	require.Equal(t, `Basic realm="helios"`, first.header.Get("WWW-Authenticate"))
	wrong := d.post("/sns", body, headers{"Authorization": "Basic dG9waWM6d3Jvbmc="})
	refused(t, wrong, 401, wrongCredentials)
	require.Equal(t, `Basic realm="helios"`, wrong.header.Get("WWW-Authenticate"))
	require.Equal(t, 200, d.post("/sns", body, headers{"Authorization": "Basic dG9waWM6c2VzYW1l"}).status)
	refused(t, d.post("/sns", sign(makeKey()[1], notification(nil)), headers{"Authorization": "Basic dG9waWM6c2VzYW1l"}), 401, badSignature)
}

// TestForgedCertificateNamesAreNotAllFetched: who sends names of certificates
// that do not exist makes us ask SNS for few of them, and is in nobody's way whose
// certificate is known.
func TestForgedCertificateNamesAreNotAllFetched(t *testing.T) {
	d, c, _ := snsDoor(t)
	key := makeKey()[0]
	require.Equal(t, 200, d.post("/sns", sign(key, notification(nil)), textPlain).status)
	for n := range 200 {
		body := sign(key, notification(object{"SigningCertURL": fmt.Sprintf("https://%s/SimpleNotificationService-%d.pem", snsRegion, n)}))
		refused(t, d.post("/sns", body, textPlain), 503, keysUnreachable)
	}
	require.EqualValues(t, certificateBurst, c.fetched.Load())
	require.Equal(t, 200, d.post("/sns", sign(key, notification(nil)), textPlain).status)
	c.files["/SimpleNotificationService-rotated.pem"] = c.files[certPath]
	rotated := sign(key, notification(object{"SigningCertURL": "https://" + snsRegion + "/SimpleNotificationService-rotated.pem"}))
	refused(t, d.post("/sns", rotated, textPlain), 503, keysUnreachable)
	d.clock.advance(certificatePause)
	require.Equal(t, 200, d.post("/sns", rotated, textPlain).status)

	for name, url := range map[string]string{
		"percent-encoded": "/SimpleNotificationService-%30123456789abcdef.pem", "a query": certPath + "?", "dots": "/x/.." + certPath,
		"an encoded slash": "/%2e%2e" + certPath, "two slashes": "/" + certPath, "a parameter": certPath + ";x",
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, d.post("/sns", sign(key, notification(object{"SigningCertURL": "https://" + snsRegion + url})), textPlain), 401, badSignature)
		})
	}
}

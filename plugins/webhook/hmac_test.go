package webhook

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

func mac(h func() hash.Hash, secret, text string) []byte {
	m := hmac.New(h, []byte(secret))
	m.Write([]byte(text))
	return m.Sum(nil)
}

func TestSignaturesOfKnownSenders(t *testing.T) {
	d := open(t, nil, `
paths:
  - path: /github
    sender: hmac
    metadata_headers: [X-GitHub-Event]
    auth: {hmac: {header: X-Hub-Signature-256, prefix: "sha256=", secrets: ["It's a Secret to Everybody", new]}}
  - path: /slack
    sender: hmac
    auth: {hmac: {header: X-Slack-Signature, prefix: "v0=", signed: "v0:{timestamp}:{body}", timestamp_header: X-Slack-Request-Timestamp, secrets: [s]}}
  - path: /stripe
    sender: hmac
    auth: {hmac: {header: Stripe-Signature, prefix: "v1=", signed: "{timestamp}.{body}", timestamp_header: Stripe-Signature, timestamp_prefix: "t=", secrets: [s]}}
  - path: /standard
    sender: hmac
    auth: {hmac: {header: webhook-signature, prefix: "v1,", encoding: base64, signed: "{id}.{timestamp}.{body}", timestamp_header: webhook-timestamp, id_header: webhook-id, secrets: [s]}}
  - path: /sha512
    sender: hmac
    auth: {hmac: {header: X-Sig, algorithm: sha512, secrets: [s]}}
  - path: /sha1
    sender: hmac
    auth: {hmac: {header: X-Sig, algorithm: sha1, encoding: base64, secrets: [s]}}
`)
	now := strconv.FormatInt(d.clock.now().Unix(), 10)
	hexed := func(b []byte) string { return hex.EncodeToString(b) }
	based := func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

	// The example of GitHub's documentation.
	a := d.post("/github", "Hello, World!", headers{"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"})
	require.Equal(t, 200, a.status)
	kind, _ := d.events()[0].MetaGet("x-github-event")
	require.Equal(t, "push", kind)
	require.Equal(t, 200, d.post("/github", "x", headers{"X-Hub-Signature-256": "sha256=" + hexed(mac(sha256.New, "new", "x"))}).status)

	require.Equal(t, 200, d.post("/slack", "b", headers{"X-Slack-Request-Timestamp": now, "X-Slack-Signature": "v0=" + hexed(mac(sha256.New, "s", "v0:"+now+":b"))}).status)
	require.Equal(t, 200, d.post("/stripe", "b", headers{"Stripe-Signature": "t=" + now + ",v1=" + hexed(mac(sha256.New, "old", "")) + ",v1=" + hexed(mac(sha256.New, "s", now+".b")) + ",v0=x"}).status)
	require.Equal(t, 200, d.post("/standard", "b", headers{"webhook-id": "m1", "webhook-timestamp": now, "webhook-signature": "v1,AAAA v1," + based(mac(sha256.New, "s", "m1."+now+".b"))}).status)
	require.Equal(t, 200, d.post("/sha512", "b", headers{"X-Sig": hexed(mac(sha512.New, "s", "b"))}).status)
	require.Equal(t, 200, d.post("/sha1", "b", headers{"X-Sig": based(mac(sha1.New, "s", "b"))}).status)
	taken := len(d.events())

	good := hexed(mac(sha256.New, "new", "x"))
	for name, signature := range map[string]string{
		"of another body": hexed(mac(sha256.New, "new", "y")), "of another secret": hexed(mac(sha256.New, "old", "x")),
		"cut": good[:32], "too long": good + "00", "no hex": "zz", "of another algorithm": hexed(mac(sha1.New, "new", "x")),
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, d.post("/github", "x", headers{"X-Hub-Signature-256": "sha256=" + signature}), 401, badSignature)
		})
	}
	refused(t, d.post("/github", "x", headers{"X-Hub-Signature-256": good}), 401, badSignature)
	refused(t, d.post("/github", "x", headers{"X-Hub-Signature-256": "sha256="}), 401, badSignature)
	refused(t, d.post("/github", "x", nil), 401, noCredentials)
	require.Len(t, d.events(), taken)
}

// TestSecretsThatAreBytes: those of Standard Webhooks are no text.
func TestSecretsThatAreBytes(t *testing.T) {
	raw := string([]byte{0, 0xff, 0x80, 'x', 0, 1, 2, 3})
	d := open(t, nil, `
paths:
  - path: /standard
    sender: hmac
    auth: {hmac: {header: webhook-signature, prefix: "v1,", encoding: base64, signed: "{id}.{timestamp}.{body}", timestamp_header: webhook-timestamp, id_header: webhook-id, secret_encoding: base64, secrets: ["whsec_`+base64.StdEncoding.EncodeToString([]byte(raw))+`"]}}
  - path: /hex
    sender: hmac
    auth: {hmac: {header: X-Sig, secret_encoding: hex, secrets: ["`+hex.EncodeToString([]byte(raw))+`"]}}
`)
	now := strconv.FormatInt(d.clock.now().Unix(), 10)
	signed := headers{"webhook-id": "m1", "webhook-timestamp": now, "webhook-signature": "v1," + base64.StdEncoding.EncodeToString(mac(sha256.New, raw, "m1."+now+".b"))}
	require.Equal(t, 200, d.post("/standard", "b", signed).status)
	refused(t, d.post("/standard", "c", signed), 401, badSignature)
	require.Equal(t, 200, d.post("/hex", "b", headers{"X-Sig": hex.EncodeToString(mac(sha256.New, raw, "b"))}).status)
	for _, encoding := range []string{"base64", "hex"} {
		_, err := newInputFromConfig(parsed(t, `paths: [{path: /e, sender: hmac, auth: {hmac: {header: x, secret_encoding: `+encoding+`, secrets: ["not sesame!"]}}}]`), service.MockResources())
		require.ErrorContains(t, err, "auth.hmac: secrets[0] with secret_encoding: "+encoding)
		require.NotContains(t, err.Error(), "sesame")
	}
}

func TestSignaturesAgeAndCannotBeMovedInTime(t *testing.T) {
	d := open(t, nil, `
paths:
  - path: /h
    sender: hmac
    auth: {hmac: {header: X-Sig, signed: "{timestamp}.{body}", timestamp_header: X-Time, tolerance: 1m, secrets: [s]}}
`)
	at := func(shift time.Duration) string {
		return strconv.FormatInt(d.clock.now().Add(shift).Unix(), 10)
	}
	signed := func(when string) headers {
		return headers{"X-Time": when, "X-Sig": hex.EncodeToString(mac(sha256.New, "s", when+".b"))}
	}
	millis := fmt.Sprint(d.clock.now().UnixMilli())
	for _, when := range []string{at(0), at(-50 * time.Second), at(50 * time.Second), millis, d.clock.now().UTC().Format(time.RFC3339)} {
		require.Equal(t, 200, d.post("/h", "b", signed(when)).status, when)
	}
	for _, when := range []string{at(-62 * time.Second), at(62 * time.Second), "", "soon", "0", "-1", "99999999999999999999"} {
		refused(t, d.post("/h", "b", signed(when)), 401, staleTimestamp)
	}
	old := signed(at(0))
	d.clock.advance(2 * time.Minute)
	refused(t, d.post("/h", "b", old), 401, staleTimestamp)
	old["X-Time"] = at(0)
	refused(t, d.post("/h", "b", old), 401, badSignature)
}

func FuzzSignature(f *testing.F) {
	f.Add("v1=aa,t=1", "b", "{timestamp}.{body}", "v1=")
	f.Add("x y z", "", "{body}", "")
	f.Fuzz(func(t *testing.T, header, body, template, prefix string) {
		set := hmacSettings{header: "S", prefix: prefix, algorithm: "sha256", encoding: "hex", signed: template, secrets: []string{"secret"}, tolerance: time.Hour}
		if len(parts(template)) > 0 && template != "" {
			set.timestampHeader, set.timestampPrefix = "S", "t="
		}
		s, err := newSignature(set, func() time.Time { return time.Unix(1, 0) })
		if err != nil {
			return
		}
		r := request("POST", body, headers{"S": header})
		// Nobody can know the MAC of an unknown secret.
		require.Error(t, s.checkBody(t.Context(), r, []byte(body)))
	})
}

func TestTheSignatureIsThatOfTheBodyAsItCame(t *testing.T) {
	d := open(t, nil, benchPath)
	wire := zipped(t, []byte("hello"))
	h := headers{"Content-Encoding": "gzip", "X-Sig": hex.EncodeToString(mac(sha256.New, "secret", wire))}
	require.Equal(t, 200, d.post("/h", wire, h).status)
	require.Equal(t, "hello", bodyOf(t, d.events()[0]))
	h["X-Sig"] = hex.EncodeToString(mac(sha256.New, "secret", "hello"))
	refused(t, d.post("/h", wire, h), 401, badSignature)
}

package convert_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/helios-connect/helios/plugins/canonical/convert"
)

// tree is a JSON value whose objects keep the order of their members.
type tree struct {
	names    []string
	children []*tree
	scalar   json.RawMessage
	array    bool
}

func parseTree(t testing.TB, raw []byte) *tree {
	raw = bytes.TrimSpace(raw)
	switch raw[0] {
	case '{':
		d := json.NewDecoder(bytes.NewReader(raw))
		_, err := d.Token()
		require.NoError(t, err)
		n := &tree{}
		for d.More() {
			name, err := d.Token()
			require.NoError(t, err)
			var child json.RawMessage
			require.NoError(t, d.Decode(&child))
			n.names = append(n.names, name.(string))
			n.children = append(n.children, parseTree(t, child))
		}
		return n
	case '[':
		var list []json.RawMessage
		require.NoError(t, json.Unmarshal(raw, &list))
		n := &tree{array: true}
		for _, e := range list {
			n.children = append(n.children, parseTree(t, e))
		}
		return n
	default:
		return &tree{scalar: raw}
	}
}

func (n *tree) write(out *bytes.Buffer) {
	if n.scalar != nil {
		out.Write(n.scalar)
		return
	}
	brackets := "{}"
	if n.array {
		brackets = "[]"
	}
	out.WriteByte(brackets[0])
	for i, c := range n.children {
		if i > 0 {
			out.WriteByte(',')
		}
		if !n.array {
			name, _ := json.Marshal(n.names[i])
			out.Write(name)
			out.WriteString(" :\n")
		}
		c.write(out)
	}
	out.WriteByte(brackets[1])
}

// objects lists the objects at or below n.
func (n *tree) objects() (list []*tree) {
	if n.scalar == nil && !n.array {
		list = append(list, n)
	}
	for _, c := range n.children {
		list = append(list, c.objects()...)
	}
	return list
}

func (n *tree) String() string {
	var out bytes.Buffer
	n.write(&out)
	return out.String()
}

// envelopes are documents of every kind; samples are added where they are there.
func envelopes(t testing.TB) []string {
	list := []string{eventBridge, cloudEvent, eventGrid, pubSub, sns(eventBridge), sns("hi"), sqsRecord(cloudEvent),
		records(sqsRecord(sns(eventBridge))), "[" + eventGrid + "]", records(sqsRecord(eventBridge), sqsRecord("x"))}
	return list
}

// summary is what must not depend on the order of members.
func summary(t testing.TB, results []convert.Result) string {
	var out strings.Builder
	for _, r := range results {
		if r.Event == nil {
			fmt.Fprintln(&out, r.Reason)
			continue
		}
		e := attributes(t, r.Event)
		delete(e, convert.AttrEnvelope) // its text follows the order
		text, err := json.Marshal(e)
		require.NoError(t, err)
		fmt.Fprintln(&out, string(text))
	}
	return out.String()
}

func TestTheOrderOfMembersDoesNotMatter(t *testing.T) {
	documents := envelopes(t)
	samplesIfThere(t, func(body []byte) { documents = append(documents, string(body)) })
	c := converter(t, convert.Options{})
	rapid.Check(t, func(rt *rapid.T) {
		n := parseTree(t, []byte(rapid.SampledFrom(documents).Draw(rt, "document")))
		want := summary(t, c.Convert(convert.Input{Body: []byte(n.String()), Now: received.UnixNano()}))
		for _, o := range n.objects() {
			order := rapid.Permutation(indices(len(o.names))).Draw(rt, "order")
			names, children := make([]string, len(order)), make([]*tree, len(order))
			for i, j := range order {
				names[i], children[i] = o.names[j], o.children[j]
			}
			o.names, o.children = names, children
		}
		got := summary(t, c.Convert(convert.Input{Body: []byte(n.String()), Now: received.UnixNano()}))
		require.Equal(t, want, got, n.String())
	})
}

func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// samplesIfThere visits the samples that hold events, small ones only.
func samplesIfThere(t testing.TB, visit func(body []byte)) {
	t.Helper()
	c := converter(t, convert.Options{})
	samplesOrNone(t, func(_ string, body []byte) {
		if len(body) < 8192 && c.Convert(convert.Input{Body: body})[0].Reason == convert.Converted {
			visit(body)
		}
	})
}

func TestExtraMembersSurviveAndChangeNothingElse(t *testing.T) {
	documents := envelopes(t)
	samplesIfThere(t, func(body []byte) { documents = append(documents, string(body)) })
	c := converter(t, convert.Options{})
	rapid.Check(t, func(rt *rapid.T) {
		n := parseTree(t, []byte(rapid.SampledFrom(documents).Draw(rt, "document")))
		before := c.Convert(convert.Input{Body: []byte(n.String()), Now: received.UnixNano()})
		want := identities(t, before)
		o := rapid.SampledFrom(n.objects()).Draw(rt, "where")
		name := rapid.SampledFrom([]string{"zz", "Zz", "x-y", "tenancy", "ünï", "a b"}).Draw(rt, "name")
		value := rapid.SampledFrom([]string{`"surplus-1"`, `["surplus-1"]`, `{"deep":{"er":"surplus-1"}}`, `"surplus-1\n"`}).Draw(rt, "value")
		o.names, o.children = append(o.names, name), append(o.children, &tree{scalar: json.RawMessage(value)})
		after := c.Convert(convert.Input{Body: []byte(n.String()), Now: received.UnixNano()})
		require.Equal(t, want, identities(t, after), n.String())
		var all strings.Builder
		for _, r := range after {
			all.Write(r.Event)
		}
		require.Contains(t, all.String(), "surplus-1", n.String())
	})
}

// identities are the attributes that an extra member may not touch.
func identities(t testing.TB, results []convert.Result) (list [][]any) {
	for _, r := range results {
		require.NoError(t, r.Err)
		e := attributes(t, r.Event)
		list = append(list, []any{e["id"], e["source"], e["type"], e["time"], e["cloud"], e["tenant"], e["correlationid"], e[convert.AttrFormat]})
	}
	return list
}

func TestAMissingMemberIsRefusedOrHarmless(t *testing.T) {
	documents := envelopes(t)
	samplesIfThere(t, func(body []byte) { documents = append(documents, string(body)) })
	c := converter(t, convert.Options{})
	rapid.Check(t, func(rt *rapid.T) {
		n := parseTree(t, []byte(rapid.SampledFrom(documents).Draw(rt, "document")))
		o := rapid.SampledFrom(n.objects()).Draw(rt, "where")
		if len(o.names) > 0 {
			i := rapid.IntRange(0, len(o.names)-1).Draw(rt, "which")
			o.names, o.children = append(o.names[:i:i], o.names[i+1:]...), append(o.children[:i:i], o.children[i+1:]...)
		}
		checkResults(t, []byte(n.String()), c.Convert(convert.Input{Body: []byte(n.String()), Now: received.UnixNano()}))
	})
}

// checkResults is the law for any input: each part is a canonical event or is
// handed back with a reason.
func checkResults(t testing.TB, body []byte, results []convert.Result) {
	require.NotEmpty(t, results)
	for _, r := range results {
		if r.Reason == convert.Converted {
			require.NoError(t, r.Err)
			attributes(t, r.Event)
			continue
		}
		require.Error(t, r.Err)
		require.Nil(t, r.Event)
		require.NotEmpty(t, r.Err.Error())
		require.True(t, bytes.Contains(body, r.Raw))
	}
}

// FuzzConvert: whatever comes in, the converter answers, and what it calls an
// event is one, by an independent check, and is left alone the second time.
func FuzzConvert(f *testing.F) {
	for _, d := range envelopes(f) {
		f.Add([]byte(d), uint8(0))
	}
	samplesOrNone(f, func(_ string, body []byte) {
		if len(body) < 4096 {
			f.Add(body, uint8(0))
		}
	})
	f.Add([]byte(payload), uint8(1))
	f.Add([]byte("\xff\x00"), uint8(2))
	metadata := []convert.Metadata{nil,
		headers{"ce_id": "1", "ce_type": "t", "ce_source": "s", "ce_time": "2026-11-23T18:28:01Z", "ce_Odd-Name": "x"},
		headers{"gcp_pubsub_message_id": "m", "gcp_pubsub_publish_time_unix": "1795458481"}}
	c := converter(f, convert.Options{})
	f.Fuzz(func(t *testing.T, body []byte, which uint8) {
		original := bytes.Clone(body)
		results := c.Convert(convert.Input{Body: body, Metadata: metadata[int(which)%len(metadata)], Now: received.UnixNano()})
		require.Equal(t, original, body, "the body is not changed")
		checkResults(t, body, results)
		var events [][]byte
		for _, r := range results {
			if r.Event != nil {
				events = append(events, r.Event)
			}
		}
		for _, e := range events {
			again := c.Convert(convert.Input{Body: e, Now: 1})
			require.Len(t, again, 1)
			require.NoError(t, again[0].Err)
			require.Equal(t, string(e), string(again[0].Event))
		}
	})
}

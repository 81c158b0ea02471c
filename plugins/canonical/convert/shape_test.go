package convert_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/helios-connect/helios/plugins/canonical/convert"
)

// text is all that results say.
func text(results []convert.Result) string {
	var out strings.Builder
	for _, r := range results {
		fmt.Fprintf(&out, "%s|%s|%v|%v|%s|%s|%s|%s|%s\n", r.Event, r.Raw, r.Reason, r.Err, r.Tenant, r.Type, r.Key, r.Cloud, r.TraceParent)
	}
	return out.String()
}

// TestWhatWasSeenBeforeChangesNothing: a converter that remembers the shapes of
// earlier documents gives what a new one gives, whatever is done to the members
// of the next: their order, their names, names that stand twice, more of them.
func TestWhatWasSeenBeforeChangesNothing(t *testing.T) {
	documents := envelopes(t)
	samplesIfThere(t, func(body []byte) { documents = append(documents, string(body)) })
	used := converter(t, convert.Options{})
	rapid.Check(t, func(rt *rapid.T) {
		n := parseTree(t, []byte(rapid.SampledFrom(documents).Draw(rt, "document")))
		for range rapid.IntRange(0, 3).Draw(rt, "changes") {
			changeMembers(rt, rapid.SampledFrom(n.objects()).Draw(rt, "where"))
		}
		in := convert.Input{Body: []byte(n.String()), Now: received.UnixNano()}
		want := text(converter(t, convert.Options{}).Convert(in))
		for range 2 { // the second time its shape is known for sure
			require.Equal(t, want, text(used.Convert(in)), n.String())
		}
	})
}

// TestALargeShapeIsNotTakenForAnother: what has too many names to be remembered
// is not mixed up with what comes to its place.
func TestALargeShapeIsNotTakenForAnother(t *testing.T) {
	c := converter(t, convert.Options{})
	for size := range 40 { // whatever its place is
		large := strings.TrimSuffix(eventBridge, "}") + fmt.Sprintf(`,"%s":1,"%s":2}`, strings.Repeat("x", 2000), strings.Repeat("y", 1+size))
		require.NoError(t, c.Convert(convert.Input{Body: []byte(large)})[0].Err)
		for _, doc := range []string{`{}`, `{"a":1}`, `[{}]`} {
			in := convert.Input{Body: []byte(doc)}
			require.Equal(t, text(converter(t, convert.Options{}).Convert(in)), text(c.Convert(in)))
		}
	}
}

// TestMoreNamesThanAreKept: documents whose names are remembered, and others when
// there is no more room for names, give what a new converter gives.
func TestMoreNamesThanAreKept(t *testing.T) {
	used := converter(t, convert.Options{})
	for i := range 400 {
		for _, doc := range []string{eventBridge, pubSub} {
			doc = strings.NewReplacer(`"region"`, fmt.Sprintf(`"region%d"`, i), `"team"`, fmt.Sprintf(`"team%d":"\\","ce-team%d"`, i, i)).Replace(doc)
			in := convert.Input{Body: []byte(doc), Now: received.UnixNano()}
			want := text(converter(t, convert.Options{}).Convert(in))
			for range 4 {
				require.Equal(t, want, text(used.Convert(in)), doc)
			}
		}
	}
}

func changeMembers(rt *rapid.T, o *tree) {
	if len(o.names) == 0 {
		return
	}
	i, j := rapid.IntRange(0, len(o.names)-1).Draw(rt, "one"), rapid.IntRange(0, len(o.names)-1).Draw(rt, "other")
	switch rapid.IntRange(0, 5).Draw(rt, "change") {
	case 0:
		o.names[i], o.names[j], o.children[i], o.children[j] = o.names[j], o.names[i], o.children[j], o.children[i]
	case 1:
		o.names[i], o.names[j] = o.names[j], o.names[i]
	case 2:
		o.names[i] = o.names[j] // twice
	case 3:
		o.names, o.children = nil, nil
	case 4:
		o.names[i] = strings.Map(func(r rune) rune { return r ^ 1 }, o.names[i]) // of the same length
	default:
		for k := range rapid.SampledFrom([]int{1, 2, 30, 200}).Draw(rt, "more") {
			o.names, o.children = append(o.names, fmt.Sprintf("more-%08d", k)), append(o.children, o.children[j])
		}
	}
}

// TestTheEventsOfOneDocumentKeepTheirNames: what a rule found in a further
// attribute of one event is not overwritten by the next.
func TestTheEventsOfOneDocumentKeepTheirNames(t *testing.T) {
	c := converter(t, convert.Options{
		Tenant:      []convert.Rule{{Paths: []string{"region"}}},
		Correlation: []convert.Rule{{Paths: []string{"account"}}},
	})
	other := strings.NewReplacer("eu-west-1", "us-east-2", "123456789012", "210987654321").Replace(eventBridge)
	in := convert.Input{Body: []byte("[" + eventBridge + "," + other + "]"), Now: received.UnixNano()}
	c.Convert(in) // its buffers have their size
	results := c.Convert(in)
	require.Len(t, results, 2)
	for i, want := range [][2]string{{"eu-west-1", "123456789012"}, {"us-east-2", "210987654321"}} {
		require.NoError(t, results[i].Err)
		require.Equal(t, want, [2]string{string(results[i].Tenant), string(results[i].Key)})
	}
}

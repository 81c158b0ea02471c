package convert_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/helios-connect/helios/plugins/canonical/convert"
)

// plannable are documents for which plans are made, and some with members that
// forbid it.
func plannable() []string {
	attributes := func(more string) string {
		return strings.Replace(pubSub, `"team":"a"`, more, 1)
	}
	with := func(doc, more string) string { return strings.TrimSuffix(doc, "}") + "," + more + "}" }
	return []string{
		eventBridge, eventGrid, pubSub,
		attributes(`"ce-tenant":"t","ce-datacontenttype":"application/json","ce-correlationid":"k","ce-dataschema":"s"`),
		attributes(`"ce-cloud":"other"`), attributes(`"ce-further":"f"`), attributes(`"ce-team":"a","team":"b"`),
		attributes(`"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"`), attributes(`"googclient_traceparent":"x"`),
		with(eventBridge, `"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"`),
		with(eventBridge, `"extra":"e","count":1,"inside":{"a":"b"},"none":{},"heliosformat":"x"`),
		with(eventGrid, `"extra":"e","tenant":"t","cloud":"c"`),
	}
}

// otherValues are what scalars are replaced by.
var otherValues = []string{`""`, `"x"`, `"a longer text than it was, with ümlauts"`, `"a\"b"`, `"\u0041"`, `"1.0"`, `"0.3"`, `"9.9"`,
	`"2026-11-23T18:28:01Z"`, `"2026-11-23t18:28:60z"`, `"no time"`, `"Microsoft.EventGrid.SubscriptionValidationEvent"`, `"application/xml"`,
	`"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"`, `"eyJvcmRlcl9pZCI6IngifQ=="`, `"bm8ganNvbg=="`, `"e30="`,
	`0`, `-12`, `123456789`, `1234567890`, `1.5e3`, `true`, `false`, `null`}

// scalars lists the values below n that are neither objects nor arrays.
func (n *tree) scalars() (list []*tree) {
	if n.scalar != nil {
		return []*tree{n}
	}
	for _, c := range n.children {
		list = append(list, c.scalars()...)
	}
	return list
}

// TestAPlanGivesWhatTheMembersGive: a document that is converted by a plan becomes
// what a new converter, which has none, makes of it, whatever its values are.
func TestAPlanGivesWhatTheMembersGive(t *testing.T) {
	for _, opt := range []convert.Options{
		{},
		{Format: convert.EventGrid},
		{StrictCloud: true, Attributes: map[string]string{"team": "subject", "orderingKey": "id"}},
		{Correlation: []convert.Rule{{Paths: []string{"account", "extra", "further", "data.amount"}}, {Paths: []string{"id"}}},
			Tenant: []convert.Rule{{Types: []string{"com.*"}, Paths: []string{"region", "tenant", "team"}}}},
	} {
		rapid.Check(t, func(rt *rapid.T) {
			n := parseTree(t, []byte(rapid.SampledFrom(plannable()).Draw(rt, "document")))
			for range rapid.IntRange(0, 1).Draw(rt, "changes") {
				changeMembers(rt, rapid.SampledFrom(n.objects()).Draw(rt, "where"))
			}
			used := converter(t, opt)
			for range 22 { // the plan is there after 19
				used.Convert(convert.Input{Body: []byte(n.String())})
			}
			scalars := n.scalars()
			for range rapid.IntRange(0, 3).Draw(rt, "values") {
				if len(scalars) > 0 {
					rapid.SampledFrom(scalars).Draw(rt, "which").scalar = json.RawMessage(rapid.SampledFrom(otherValues).Draw(rt, "value"))
				}
			}
			in := convert.Input{Body: []byte(n.String()), Now: received.UnixNano(), Cloud: rapid.SampledFrom([]string{"", "gcp"}).Draw(rt, "cloud")}
			if rapid.Bool().Draw(rt, "headers") {
				in.Metadata = headers{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
			}
			require.Equal(t, text(converter(t, opt).Convert(in)), text(used.Convert(in)), n.String())
		})
	}
}

// TestPlansAreMade: for the native events of all clouds.
func TestPlansAreMade(t *testing.T) {
	for i, doc := range plannable() {
		c := converter(t, convert.Options{})
		for range 40 {
			c.Convert(convert.Input{Body: []byte(doc)})
		}
		if i < 4 {
			require.True(t, c.HasPlan(), doc)
		}
	}
	c := converter(t, convert.Options{})
	for range 40 {
		c.Convert(convert.Input{Body: []byte(strings.Replace(pubSub, `"team":"a"`, `"traceparent":"x"`, 1))})
	}
	require.False(t, c.HasPlan(), "what a traceparent holds decides")
}

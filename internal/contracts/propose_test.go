package contracts

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/schema"
	"github.com/helios-connect/helios/plugins/schema/contract"
)

const order = `{"type":"object","required":["id","customer","status","items"],"properties":{
	"id":{"type":"string"},
	"customer":{"type":"object","required":["id"],"properties":{"id":{"type":"string","pattern":"^cus-"}}},
	"status":{"enum":["paid"]},
	"amount":{"type":"integer","minimum":0},
	"items":{"type":"array","items":{"type":"object","required":["sku.no"],"properties":{"sku.no":{"type":"string"},"qty":{"type":"integer"}},"additionalProperties":false}}}}`

const kept = `{"id":"1","customer":{"id":"cus-1","vip":true},"status":"paid","amount":5,"items":[{"sku.no":"a","qty":1},{"sku.no":"b"}]}`

func accepts(t *testing.T, text, payload string) bool {
	t.Helper()
	c, err := contract.Compile("test", []byte(text), contract.Options{AssertFormat: true})
	require.NoError(t, err)
	var j contract.Judge
	return len(j.Failures(c, []byte(payload))) == 0
}

func TestMechanicalChangesAreFollowed(t *testing.T) {
	require.True(t, accepts(t, order, kept))
	for _, test := range []struct {
		name    string
		samples []string
		steps   []string
		kept    string // the older payload after the mapping
	}{
		{
			"a renamed member",
			[]string{strings.Replace(kept, `"id":"cus-1"`, `"customer_id":"cus-1"`, 1), strings.Replace(kept, `"id":"cus-1"`, `"customer_id":"cus-2","new":1`, 1)},
			[]string{`/customer: the member "id" is now called "customer_id"`},
			`{"amount":5,"customer":{"customer_id":"cus-1","vip":true},"id":"1","items":[{"qty":1,"sku.no":"a"},{"sku.no":"b"}],"status":"paid"}`,
		},
		{
			"a renamed member of every element, with dots in its names",
			[]string{strings.ReplaceAll(kept, `sku.no`, `article.no~`)},
			[]string{`/items/*: the member "sku.no" is now called "article.no~"`},
			`{"amount":5,"customer":{"id":"cus-1","vip":true},"id":"1","items":[{"article.no~":"a","qty":1},{"article.no~":"b"}],"status":"paid"}`,
		},
		{"a member left out", []string{strings.Replace(kept, `"id":"1",`, ``, 1)}, []string{`the payload: the member "id" is no longer required`}, ""},
		{"a wider number", []string{strings.Replace(kept, `"amount":5`, `"amount":5.5`, 1)}, []string{`/amount: integer is widened to number`}, ""},
		{"another type", []string{strings.Replace(kept, `"amount":5`, `"amount":null`, 1)}, []string{`/amount: integer is widened to integer or null`}, ""},
		{"another value", []string{strings.Replace(kept, `"paid"`, `"refunded"`, 1)}, []string{`/status: "refunded" allowed too`}, ""},
		{"a lower bound", []string{strings.Replace(kept, `5,`, `-3,`, 1), strings.Replace(kept, `5,`, `-20,`, 1)}, []string{`/amount: minimum is -20 instead of 0`}, ""},
		{"a new member of a closed object, with several values", []string{strings.Replace(kept, `"qty":1`, `"qty":1,"gift":true`, 1), strings.Replace(kept, `"qty":1`, `"qty":1,"gift":false`, 1)}, []string{`/items/*: the new member "gift" (boolean) is known, and optional`}, ""},
		{
			"a new member of a closed object, always the same", []string{strings.Replace(kept, `"qty":1`, `"qty":1,"unit":"piece"`, 1)},
			[]string{`/items/*: the new member "unit" (string) is known; older payloads get its default "piece"`},
			`{"amount":5,"customer":{"id":"cus-1","vip":true},"id":"1","items":[{"qty":1,"sku.no":"a","unit":"piece"},{"sku.no":"b","unit":"piece"}],"status":"paid"}`,
		},
		{
			"two changes, one hidden behind the other",
			[]string{strings.NewReplacer(`"id":"cus-1"`, `"customer_id":"cus-1"`, `"qty":1`, `"qty":1.5`).Replace(kept)},
			[]string{`/customer: the member "id" is now called "customer_id"`, `/items/*/qty: integer is widened to number`},
			`{"amount":5,"customer":{"customer_id":"cus-1","vip":true},"id":"1","items":[{"qty":1,"sku.no":"a"},{"sku.no":"b"}],"status":"paid"}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var samples [][]byte
			for _, s := range test.samples {
				require.False(t, accepts(t, order, s))
				samples = append(samples, []byte(s))
			}
			p, err := Propose(order, samples)
			require.NoError(t, err)
			require.Equal(t, test.steps, p.Steps)
			require.Empty(t, p.Open)
			for _, s := range test.samples {
				require.True(t, accepts(t, p.Text, s), p.Text)
			}
			older := kept
			require.Equal(t, test.kept != "", p.Mapping != "")
			if p.Mapping != "" {
				var m schema.Mappings
				out, err := m.Upgrade(p.Mapping, []byte(kept))
				require.NoError(t, err, p.Mapping)
				older = string(out)
				require.Equal(t, test.kept, older)
				for _, s := range test.samples { // what is new already keeps the next version after it, too
					out, err := m.Upgrade(p.Mapping, []byte(s))
					require.NoError(t, err)
					require.True(t, accepts(t, p.Text, string(out)))
					again, err := m.Upgrade(p.Mapping, out)
					require.NoError(t, err)
					require.JSONEq(t, string(out), string(again))
				}
			}
			require.True(t, accepts(t, p.Text, older), "what kept the version before keeps the next one after its mapping")
		})
	}
}

func TestWhatIsNotMechanicalIsLeftToAPerson(t *testing.T) {
	p, err := Propose(order, [][]byte{[]byte(strings.Replace(kept, `cus-1`, `x`, 1))})
	require.NoError(t, err)
	require.Empty(t, p.Steps)
	require.Equal(t, []string{`/customer/id is "x", which doesn't match the pattern ^cus- (pattern, 1 sample)`}, p.Open)

	// Two members could be the renamed one: nobody knows which.
	p, err = Propose(order, [][]byte{[]byte(strings.Replace(kept, `"id":"cus-1"`, `"a":"cus-1","b":"cus-1"`, 1))})
	require.NoError(t, err)
	require.Equal(t, []string{`/customer: the member "id" is no longer required`}, p.Steps)

	_, err = Propose(order, [][]byte{[]byte(kept)})
	require.ErrorIs(t, err, ErrNothingToMend)
	_, err = Propose(`true`, nil)
	require.ErrorContains(t, err, "that is an object")
}

package contract_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/schema/contract"
)

func compile(t testing.TB, schema string, opt contract.Options) *contract.Contract {
	t.Helper()
	c, err := contract.Compile("test", []byte(schema), opt)
	require.NoError(t, err)
	return c
}

func failuresOf(t testing.TB, c *contract.Contract, payload string) []contract.Failure {
	t.Helper()
	var j contract.Judge
	return j.Failures(c, []byte(payload))
}

func TestFailuresNameTheValueTheRuleAndWhatIsAllowed(t *testing.T) {
	c := compile(t, string(demoSchema(t, "com.example.order.paid")), contract.Options{AssertFormat: true})
	for _, test := range []struct{ name, was, is, pointer, rule, text string }{
		{"another type", `"qty":4,"price":177.48`, `"qty":"4","price":177.48`, "/items/0/qty", "type", `/items/0/qty is "4", a string; the contract asks for integer`},
		{"a fraction", `"qty":4,"price":177.48`, `"qty":4.5,"price":177.48`, "/items/0/qty", "type", `/items/0/qty is 4.5, a number; the contract asks for integer`},
		{"absent", `"currency":"PLN",`, ``, "", "required", `the payload lacks "currency", which the contract requires`},
		{"too small", `"price":29.44`, `"price":-1`, "/items/2/price", "minimum", `/items/2/price is -1; the contract allows nothing below 0`},
		{"no match in words", `"status":"paid"`, `"status":"PAID"`, "/status", "pattern", `/status is "PAID", which doesn't match the pattern ^[a-z]+$`},
		{"no match", `"PLN"`, `"zloty"`, "/currency", "pattern", `/currency is "zloty", which doesn't match the pattern ^[A-Za-z]{3}$`},
		{"sensitive", `"cus-12927"`, `"jane@example.com"`, "/customer/id", "pattern", `/customer/id is (sensitive), which doesn't match the pattern ^cus-[0-9]+$`},
		{"no alternative", `"amount":1560.20`, `"amount":"12,50"`, "/amount", "anyOf", `/amount fits none of 2 alternatives; of the nearest, /amount is "12,50", which doesn't match the pattern ^[0-9]+([.][0-9]{1,2})?$`},
		{"too few", paid[strings.Index(paid, `{"sku"`) : len(paid)-2], ``, "/items", "minItems", `/items has 0 elements; the contract asks for at least 1`},
		{"twice", `"status":"paid"`, `"status":"paid","status":"x"`, "/status", "duplicate_member", `/status: the member stands twice, and which one is meant can't be known`},
		{"twice, where the contract says nothing", `"tenant":"acme"`, `"tenant":"acme","x":{"a":[{"b":1,"\u0062":2}]}`, "/x/a/0/b", "duplicate_member", `/x/a/0/b: the member stands twice, and which one is meant can't be known`},
		{"out of reach", `1560.20`, `1e400000`, "/amount", "exponent", `/amount: the number 1e400000 is out of reach: exponent beyond ±1000: "1e400000"`},
		{"no UTF-8", `"acme"`, "\"\xff\"", "", "syntax", `the payload can't be read: invalid JSON at byte 44: found byte 0xff, expected valid UTF-8 in a string`},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Contains(t, paid, test.was)
			failures := failuresOf(t, c, strings.Replace(paid, test.was, test.is, 1))
			require.Len(t, failures, 1)
			require.Equal(t, test.pointer, failures[0].Pointer)
			require.Equal(t, test.rule, failures[0].Rule)
			require.Equal(t, test.text, failures[0].Text)
			require.NotContains(t, failures[0].Text+failures[0].Value, "jane")
		})
	}
	t.Run("several at once", func(t *testing.T) {
		require.Len(t, failuresOf(t, c, `{"order_id":7,"tenant":"","items":{}}`), 4)
	})
	require.Empty(t, failuresOf(t, c, paid))
	require.Empty(t, failuresOf(t, c, " "+paid+"\n"))
}

func TestSensitiveValuesAreHiddenWhereverTheyAreDescribed(t *testing.T) {
	c := compile(t, `{"$defs":{"secret":{"x-helios-sensitive":true,"type":"string","maxLength":3}},
		"properties":{"a":{"$ref":"#/$defs/secret"},"b":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/secret"}]},
		"c":{"type":"array","items":{"x-helios-sensitive":true,"properties":{"d":{"type":"integer"}}}},
		"e":{"type":"object","additionalProperties":{"x-helios-sensitive":true,"type":"integer"}},
		"f":{"patternProperties":{"^k":{"x-helios-sensitive":true,"enum":["known"]}}},"open":{"type":"integer"}}}`, contract.Options{})
	failures := failuresOf(t, c, `{"a":"hunter2","b":"hunter2","c":[{"d":"hunter2"}],"e":{"x":"hunter2"},"f":{"k1":"hunter2"},"open":"shown"}`)
	require.Len(t, failures, 6)
	for _, f := range failures {
		require.NotContains(t, f.Text+f.Value, "hunter2")
	}
	require.Contains(t, failures, contract.Failure{Pointer: "/open", Rule: "type", Value: `"shown"`, Text: `/open is "shown", a string; the contract asks for integer`})
}

func TestHostileSchemasAreRefusedWithAReason(t *testing.T) {
	branches := `{"$defs":{"z":{"type":"string"}`
	for c := 'y'; c >= 'a'; c-- {
		next := string(c + 1)
		branches += `,"` + string(c) + `":{"anyOf":[{"$ref":"#/$defs/` + next + `"},{"$ref":"#/$defs/` + next + `"}]}`
	}
	branches += `},"$ref":"#/$defs/a"}`
	for _, test := range []struct{ name, schema, err string }{
		{"no JSON", `{"type":`, "contract test: the schema is no JSON that can be read: invalid JSON at byte 8"},
		{"a number", `7`, "a schema is an object, true or false"},
		{"an unknown type", `{"type":"text"}`, "/type"},
		{"a dangling $ref", `{"properties":{"a":{"$ref":"#/$defs/b"}}}`, "#/$defs/b"},
		{"a $ref to a URL", `{"$ref":"https://schemas.example.com/order.json"}`, "none is fetched"},
		{"a $ref to a file", `{"$ref":"file:///etc/passwd"}`, "none is fetched"},
		{"a $ref to itself", `{"$ref":"#"}`, "leads back to itself"},
		{"a circle", `{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/b"}]},"b":{"anyOf":[{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}`, "leads back to itself"},
		{"branches", branches, "look at one value more than 4096 times"},
		{"10 MB", `{"description":"` + strings.Repeat("x", 10<<20) + `"}`, "at most 1048576 are allowed"},
		{"depth", strings.Repeat(`{"not":`, 200) + "true" + strings.Repeat("}", 200), "at most 128 are allowed"},
		{"many subschemas", `{"allOf":[` + strings.Repeat(`{},`, 10_000) + `{}]}`, "at most 10000 are allowed"},
		{"a bad pattern", `{"pattern":"("}`, "pattern"},
		{"no UTF-8", "{\"title\":\"\xff\"}", "valid UTF-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := contract.Compile("test", []byte(test.schema), contract.Options{})
			require.ErrorContains(t, err, test.err)
			require.Less(t, len(err.Error()), 500)
		})
	}
}

func TestRecursiveContractsJudgeDeepPayloads(t *testing.T) {
	c := compile(t, `{"type":"object","properties":{"child":{"$ref":"#"}},"additionalProperties":false}`, contract.Options{})
	deep := strings.Repeat(`{"child":`, 400) + "{}" + strings.Repeat("}", 400)
	require.Empty(t, failuresOf(t, c, deep))
	require.Equal(t, "type", failuresOf(t, c, strings.Replace(deep, "{}", "7", 1))[0].Rule)
	require.Equal(t, "syntax", failuresOf(t, c, strings.Repeat(`{"child":`, 5000)+"{}"+strings.Repeat("}", 5000))[0].Rule)
}

// A contract that tries two ways on each level would look at the innermost value
// 2^40 times.
func TestJudgingEndsWhereAlternativesMultiply(t *testing.T) {
	c := compile(t, `{"anyOf":[{"type":"integer"},{"items":{"$ref":"#"},"minItems":1,"type":"array","allOf":[{"items":{"$ref":"#"}}]}]}`, contract.Options{})
	begun := time.Now()
	failures := failuresOf(t, c, strings.Repeat("[", 40)+`7`+strings.Repeat("]", 40))
	require.Len(t, failures, 1)
	require.Equal(t, "effort", failures[0].Rule)
	require.Less(t, time.Since(begun), 10*time.Second)
}

// Go's regular expressions take time in proportion to the text; a backtracking
// engine would not come to an end with this one.
func TestNoPatternExplodes(t *testing.T) {
	c := compile(t, `{"type":"string","pattern":"^(([a-z])+.)+[A-Z]([a-z])+$"}`, contract.Options{})
	begun := time.Now()
	require.Equal(t, "pattern", failuresOf(t, c, `"`+strings.Repeat("a", 100_000)+`"`)[0].Rule)
	require.Less(t, time.Since(begun), 10*time.Second)
}

func TestNumbersAreExact(t *testing.T) {
	c := compile(t, `{"type":"integer","maximum":9007199254740993,"not":{"const":9007199254740992}}`, contract.Options{})
	for payload, ok := range map[string]bool{
		"9007199254740993": true, "9007199254740992": false, "9007199254740994": false, "9007199254740991": true,
		"9007199254740993.0": true, "9007199254740993.5": false, "1e2": true, "1.5e1": true, "1.55e1": false, "-0": true,
	} {
		require.Equal(t, ok, len(failuresOf(t, c, payload)) == 0, payload)
	}
	cents := compile(t, `{"multipleOf":0.01}`, contract.Options{})
	for payload, ok := range map[string]bool{"19.99": true, "0.07": true, "0.075": false, "1e-2": true, "1e-3": false, "123456789012345678.91": true, "123456789012345678.911": false} {
		require.Equal(t, ok, len(failuresOf(t, cents, payload)) == 0, payload)
	}
}

func TestAStringStandsForAnIntegerOnlyWhenAllowed(t *testing.T) {
	schema := `{"properties":{"n":{"type":"integer"},"list":{"type":"array","items":{"type":["integer","null"]}},"s":{"type":"string"},
		"keep":{"enum":[{"type":"integer"}]},"ref":{"$ref":"#/properties/n"}}}`
	strict, lenient := compile(t, schema, contract.Options{}), compile(t, schema, contract.Options{ProtoJSON: true})
	for payload, ok := range map[string]bool{
		`{"n":"9223372036854775807"}`: true, `{"n":"-1","list":["5",null,6],"ref":"7"}`: true,
		`{"n":"1.5"}`: false, `{"n":"x"}`: false, `{"n":""}`: false, `{"n":"007"}`: false, `{"s":5}`: false, `{"keep":{"type":"5"}}`: false,
	} {
		require.NotEmpty(t, failuresOf(t, strict, payload), payload)
		require.Equal(t, ok, len(failuresOf(t, lenient, payload)) == 0, payload)
	}
	require.Empty(t, failuresOf(t, lenient, `{"n":1,"keep":{"type":"integer"}}`))
}

// Google publishes schemas of its events and events to test with; its schemas
// call integers what its events write as strings.
func TestGooglesSchemasAcceptGooglesEventsWithLeniency(t *testing.T) {
	root := "../../../../shared/data/cloud-events/google-cloudevents"
	var refused, accepted, pairs int
	err := filepath.WalkDir(filepath.Join(root, "testdata"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		folder, err := filepath.Rel(filepath.Join(root, "testdata"), filepath.Dir(path))
		if err != nil {
			return err
		}
		name, _, _ := strings.Cut(filepath.Base(path), "-")
		schema, err := os.ReadFile(filepath.Join(root, "jsonschema", folder, name+".json"))
		if err != nil {
			return nil // no schema for this one
		}
		payload, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pairs++
		if len(failuresOf(t, compile(t, string(schema), contract.Options{}), string(payload))) > 0 {
			refused++
		}
		if failures := failuresOf(t, compile(t, string(schema), contract.Options{ProtoJSON: true}), string(payload)); len(failures) == 0 {
			accepted++
		} else {
			t.Logf("%s: %v", path, failures)
		}
		return nil
	})
	if os.IsNotExist(err) {
		t.Skip("Google's samples aren't here")
	}
	require.NoError(t, err)
	require.Equal(t, []int{19, 6}, []int{pairs, refused}, "payloads with a schema, and refused by the letter of it")
	require.Equal(t, pairs, accepted)
}

func TestEveryContractOfTheDemoIsPlanned(t *testing.T) {
	files, err := filepath.Glob("../../../config/schemas/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		yes, why := compile(t, string(text), contract.Options{AssertFormat: true}).Planned()
		require.True(t, yes, "%s: %s", file, why)
	}
}

// FuzzPlan holds the plan against the library: they must agree on every schema
// and payload, and neither may panic.
func FuzzPlan(f *testing.F) {
	f.Add(`{"type":"object","required":["a"],"properties":{"a":{"type":"integer","minimum":3}},"additionalProperties":false}`, `{"a":4}`)
	f.Add(`{"oneOf":[{"type":"string","minLength":2},{"enum":["x",1,null,true]}],"not":{"const":"yy"}}`, `"yy"`)
	f.Add(`{"prefixItems":[{"type":"number"}],"items":{"pattern":"^a"},"contains":{"const":"ab"},"uniqueItems":true}`, `[1,"ab","ac"]`)
	f.Add(`{"if":{"properties":{"k":{"const":1}}},"then":{"required":["v"]},"else":{"maxProperties":1},"patternProperties":{"^x":{"multipleOf":0.5}}}`, `{"k":1,"v":2,"x":1.5}`)
	f.Add(`{"format":"date-time","maxLength":30}`, `"2026-02-29T23:59:60Z"`)
	f.Fuzz(func(t *testing.T, schema, payload string) {
		c, err := contract.Compile("fuzz", []byte(schema), contract.Options{AssertFormat: true})
		if err != nil || !json.Valid([]byte(payload)) {
			return
		}
		var j contract.Judge
		accepted := len(j.Failures(c, []byte(payload))) == 0
		byLibrary, err := contract.ByLibrary(c, []byte(payload))
		if err != nil { // what holds whatever the contract says
			require.False(t, accepted, "%s %s: %v", schema, payload, err)
			return
		}
		require.Equal(t, byLibrary, accepted, "%s %s", schema, payload)
	})
}

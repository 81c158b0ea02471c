package infer_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/helios-connect/helios/plugins/schema/infer"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// fataler is what testing.T and rapid.T share.
type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

// learn adds documents of one type, which must all be taken.
func learn(t fataler, s infer.Settings, docs ...string) *infer.Contract {
	t.Helper()
	in, err := infer.New(s)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for i, d := range docs {
		e := infer.Event{Type: "t", Tenant: "acme", Source: fmt.Sprintf("/s%d", len(d)%3), Data: []byte(d)}
		if reason, ok := in.Add(e); !ok {
			t.Fatalf("document %d was refused: %v: %s", i, reason, d)
		}
	}
	return &in.Report().Contracts[0]
}

// validator compiles the proposal with every format as a rule.
func validator(t fataler, c *infer.Contract) func(string) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.JSONSchema()))
	if err != nil {
		t.Fatalf("reading the proposal: %v", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("mem:///proposal.json", doc); err != nil {
		t.Fatalf("adding the proposal: %v", err)
	}
	schema, err := compiler.Compile("mem:///proposal.json")
	if err != nil {
		t.Fatalf("compiling the proposal: %v\n%s", err, c.JSONSchema())
	}
	return func(d string) error {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(d))
		if err != nil {
			return err
		}
		return schema.Validate(v)
	}
}

func yamlOf(t fataler, c *infer.Contract) string {
	t.Helper()
	y, err := c.YAML()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(y)
}

// sameAsJSON checks that the YAML says what the JSON says.
func sameAsJSON(t fataler, c *infer.Contract) {
	t.Helper()
	var fromYAML, fromJSON any
	if err := yaml.Unmarshal([]byte(yamlOf(t, c)), &fromYAML); err != nil {
		t.Fatalf("reading the YAML: %v\n%s", err, yamlOf(t, c))
	}
	if err := json.Unmarshal(c.JSONSchema(), &fromJSON); err != nil {
		t.Fatalf("reading the JSON: %v", err)
	}
	again, err := json.Marshal(fromYAML)
	if err != nil {
		t.Fatalf("writing the YAML as JSON: %v", err)
	}
	want, _ := json.Marshal(fromJSON)
	if string(again) != string(want) {
		t.Fatalf("YAML and JSON differ:\n%s\n%s", again, want)
	}
}

// repeat makes n documents out of a format with a number in it.
func repeat(n int, format string) (docs []string) {
	for i := range n {
		docs = append(docs, strings.ReplaceAll(format, "%d", fmt.Sprint(i)))
	}
	return docs
}

func TestProposals(t *testing.T) {
	for _, c := range []struct {
		name      string
		docs      []string
		set       infer.Settings
		has, lack []string
	}{
		{"whole numbers are integers, whatever their size", repeat(30, `{"a":900719925474099300%d}`), infer.Settings{},
			[]string{`"type": "integer"`}, nil},
		{"whole numbers spelled with a fraction are numbers", repeat(30, `{"a":%d.00}`), infer.Settings{}, []string{`"type": "number"`}, []string{"integer"}},
		{"null beside a type makes it nullable", append(repeat(30, `{"a":"x%d y"}`), `{"a":null}`), infer.Settings{}, []string{`"null"`, `"string"`}, nil},
		{"a field in every object is required", append(repeat(30, `{"a":1,"b":2}`), `{"a":1}`), infer.Settings{}, []string{"\"required\": [\n    \"a\"\n  ]"}, nil},
		{"three events justify no more than types", repeat(3, `{"a":"x","u":"https://example.com/%d"}`), infer.Settings{}, []string{`"string"`}, []string{"required", "const", "enum", "format"}},
		{"a repeated string is a constant", repeat(30, `{"a":"EUR"}`), infer.Settings{}, []string{`"const": "EUR"`}, nil},
		{"two values among thirty are no enum", append(repeat(29, `{"a":"x"}`), `{"a":"y"}`), infer.Settings{}, nil, []string{"enum", "const"}},
		{"two values among sixty are one", append(repeat(59, `{"a":"x"}`), `{"a":"y"}`), infer.Settings{}, []string{"enum"}, nil},
		{"an enum takes null in", append(repeat(60, `{"a":"x"}`), `{"a":null}`), infer.Settings{}, []string{`"enum"`, `null`}, nil},
		{"a prefix and digits are a pattern", repeat(30, `{"a":"ord-%d"}`), infer.Settings{}, []string{`"pattern": "^ord-[0-9]+$"`}, nil},
		{"different prefixes are none", append(repeat(15, `{"a":"ord-%d"}`), repeat(15, `{"a":"inv-%d"}`)...), infer.Settings{}, nil, []string{"pattern"}},
		{"integers as strings are noticed", repeat(30, `{"a":"%d"}`), infer.Settings{}, []string{`[1-9][0-9]{0,18}`}, nil},
		{"formats need all values", repeat(30, `{"d":"2026-11-27","t":"2026-11-27T10:00:%dZ","u":"00000000-0000-4000-8000-000000000000","e":"a%d@example.com","l":"https://example.com/%d","v4":"192.0.2.%d","v6":"2001:db8::%d"}`),
			infer.Settings{}, []string{`"date"`, `"uuid"`, `"email"`, `"uri"`, `"ipv4"`, `"ipv6"`}, []string{`"date-time"`}},
		{"one that differs ends the format", append(repeat(60, `{"u":"https://example.com/%d"}`), `{"u":"none"}`), infer.Settings{}, nil, []string{"format"}},
		{"ranges are evidence unless asked for", repeat(30, `{"a":%d}`), infer.Settings{}, nil, []string{"minimum", "maximum"}},
		{"ranges have a margin", append(repeat(30, `{"a":%d}`), `{"a":5e1}`), infer.Settings{Ranges: true}, []string{`"minimum": 0`, `"maximum": 100`}, nil},
		{"a margin is at least the value again", append(repeat(30, `{"a":-%d}`), `{"a":-51}`), infer.Settings{Ranges: true}, []string{`"minimum": -1000`, `"maximum": 0`}, nil},
		{"arrays that are never empty", repeat(30, `{"a":[1,2,%d]}`), infer.Settings{}, []string{`"minItems": 1`, `"items"`}, nil},
		{"many names are a map", []string{wide(0, 150), wide(100, 150)}, infer.Settings{}, []string{`"additionalProperties"`}, []string{`"properties"`, `"k1"`}},
		{"numbered names are a map of that pattern", []string{`{"m":{"1":true,"2":true,"3":false}}`, `{"m":{"4":true,"5":null}}`}, infer.Settings{}, []string{`"patternProperties"`, `"^[0-9]+$"`}, []string{`"1"`}},
		{"addresses as names aren't shown", []string{`{"m":{"ada@example.com":{"n":1}}}`}, infer.Settings{}, []string{`"@"`}, []string{"ada"}},
		{"sensitive values aren't proposed", repeat(60, `{"user":{"apiToken":"sk-1","Password":{"x":"hunter2"}}}`), infer.Settings{}, []string{"x-helios-sensitive"}, []string{"sk-1", "hunter2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := learn(t, c.set, c.docs...)
			text := string(p.JSONSchema())
			for _, s := range c.has {
				require.Contains(t, text, s)
			}
			for _, s := range c.lack {
				require.NotContains(t, text, s)
			}
			valid := validator(t, p)
			for _, d := range c.docs {
				require.NoError(t, valid(d))
			}
			sameAsJSON(t, p)
		})
	}
}

// wide is an object with n numbered members.
func wide(from, n int) string {
	var b strings.Builder
	for i := from; i < from+n; i++ {
		fmt.Fprintf(&b, `,"k%d":%d`, i, i)
	}
	return "{" + b.String()[1:] + "}"
}

func TestAProposalRefusesWhatTheSampleSpeaksAgainst(t *testing.T) {
	valid := validator(t, learn(t, infer.Settings{}, repeat(30, `{"id":"ord-%d","n":%d,"currency":"EUR"}`)...))
	require.NoError(t, valid(`{"id":"ord-77","n":99,"currency":"EUR","new":[]}`))
	for _, bad := range []string{
		`{"id":"ord-7","n":1}`, `{"id":"ord-7","n":1.5,"currency":"EUR"}`, `{"id":"ord-x","n":1,"currency":"EUR"}`,
		`{"id":"ord-7","n":1,"currency":"USD"}`, `{"id":null,"n":1,"currency":"EUR"}`, `[]`,
	} {
		require.Error(t, valid(bad), bad)
	}
}

func TestSensitiveValuesStandNowhere(t *testing.T) {
	docs := repeat(60, `{"email":"a%d@private.example","cards":[{"pan":"411111111111111%d"}],"contact":"b%d@private.example","phoneNumber":4915%d,"m":{"c@private.example":1}}`)
	p := learn(t, infer.Settings{Ranges: true}, docs...)
	text := yamlOf(t, p) + string(p.JSONSchema())
	for _, secret := range []string{"private", "4111", "4915"} {
		require.NotContains(t, text, secret)
	}
	require.Contains(t, text, "example redacted")
}

func TestHostileNamesAndValuesStayInTheirComment(t *testing.T) {
	p := learn(t, infer.Settings{}, repeat(60, "{\"a\\nb: c\":\"x\\n- y\\u001b[2J\",\"<<\":\"~\",\"null\":\"on\",\"\":\"#\",\"\\u202e\":\"\\u0085\"}")...)
	sameAsJSON(t, p)
	require.NotContains(t, yamlOf(t, p), "\x1b")
}

func TestWhatCannotBeLearnedFromIsCountedWithItsReason(t *testing.T) {
	in, err := infer.New(infer.Settings{})
	require.NoError(t, err)
	for data, want := range map[string]infer.Reason{
		"":                              infer.InvalidJSON,
		"{":                             infer.InvalidJSON,
		"{} {}":                         infer.InvalidJSON,
		"[1]":                           infer.NotObject,
		"null":                          infer.NotObject,
		"{\"a\":\"\xff\"}":              infer.InvalidUTF8,
		`{"a":{"b":1,"\u0062":2}}`:      infer.DuplicateMember,
		`{"a":1e99999}`:                 infer.NumberTooLarge,
		strings.Repeat(`{"a":`, 100000): infer.TooDeep,
		strings.Repeat(`[`, 100000):     infer.TooDeep,
	} {
		got, ok := in.Add(infer.Event{Type: "t", Data: []byte(data)})
		require.False(t, ok, "%.20q", data)
		require.Equal(t, want, got, "%.20q", data)
	}
	r := in.Report()
	require.Equal(t, 3, r.Refused[infer.InvalidJSON])
	require.Equal(t, 2, r.Contracts[0].Refused[infer.TooDeep])
	require.Contains(t, yamlOf(t, &r.Contracts[0]), "WARNING: 2 events not learned from: nested too deeply.")
}

func TestMemoryIsBoundedWhateverTheSample(t *testing.T) {
	t.Run("nodes", func(t *testing.T) {
		var docs []string
		for i := range 200 { // 200 objects of 150 members are more than MaxNodes
			docs = append(docs, fmt.Sprintf(`{"f%d":%s}`, i, wide(i, 150)))
		}
		p := learn(t, infer.Settings{MinEvents: 1, Confidence: 0.1}, docs...)
		require.True(t, p.Bounded)
		require.Less(t, len(p.JSONSchema()), 5<<20)
		valid := validator(t, p)
		for _, d := range docs {
			require.NoError(t, valid(d))
		}
	})
	t.Run("depth", func(t *testing.T) {
		deep := strings.Repeat(`{"a":[`, 100) + strings.Repeat(`]}`, 100)
		p := learn(t, infer.Settings{}, deep)
		require.Less(t, strings.Count(string(p.JSONSchema()), "{"), 2*infer.MaxDepth+5)
		require.NoError(t, validator(t, p)(deep))
	})
	t.Run("types", func(t *testing.T) {
		in, err := infer.New(infer.Settings{})
		require.NoError(t, err)
		for i := range infer.MaxTypes + 10 {
			in.Add(infer.Event{Type: fmt.Sprint(i), Data: []byte(`{}`)})
		}
		require.Len(t, in.Report().Contracts, infer.MaxTypes)
		require.Equal(t, 10, in.Report().Refused[infer.TooManyTypes])
	})
}

// The members of a map are merged for the report; what one of them left out for
// want of nodes must not be described by what another holds.
func TestAMapOfMembersThatLostFieldsSaysNothingOfThem(t *testing.T) {
	for range 20 { // maps are merged in any order
		for _, docs := range [][]string{
			{`{"m":{"1":{"x":1},"2":{},"3":{},"4":{},"5":{}}}`, `{"m":{"2":{"x":"s"}}}`},
			{`{"m":{"1":[1],"2":[],"3":[],"4":[],"5":[]}}`, `{"m":{"2":["s"]}}`},
			{`{"m":{"1":[{}],"2":{},"3":{},"4":{},"5":{}}}`, `{"m":{"1":[{"x":1}],"2":{"x":"s"}}}`},
		} {
			in, err := infer.New(eager)
			require.NoError(t, err)
			in.SetNodes(7)
			for _, d := range docs {
				_, ok := in.Add(infer.Event{Type: "t", Data: []byte(d)})
				require.True(t, ok)
			}
			c := &in.Report().Contracts[0]
			require.True(t, c.Bounded)
			require.Contains(t, string(c.JSONSchema()), "patternProperties")
			valid := validator(t, c)
			for _, d := range docs {
				require.NoError(t, valid(d), "%s", c.JSONSchema())
			}
		}
	}
}

func TestSettingsThatMakeNoSense(t *testing.T) {
	for _, s := range []infer.Settings{{MinEvents: -1}, {MaxEnum: 65}, {Confidence: 1}, {Confidence: -1}} {
		_, err := infer.New(s)
		require.Error(t, err)
	}
}

// orders runs over the sample as the command does.
func orders(t *testing.T, path string) (infer.Report, string) {
	var progress bytes.Buffer
	r, err := infer.Files{Paths: []string{path}, Type: "com.example.*.placed", Progress: &progress}.Infer(context.Background())
	require.NoError(t, err)
	return r, progress.String()
}

func TestGoldenYAML(t *testing.T) {
	r, progress := orders(t, "testdata/orders.jsonl")
	got, err := r.YAML()
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile("testdata/orders.yaml", got, 0o644))
	}
	want, err := os.ReadFile("testdata/orders.yaml")
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "run with -update when this is meant")
	sameAsJSON(t, &r.Contracts[0])
	require.Equal(t, "64 lines read, 60 events learned from, 1 type\n1 line not learned from: invalid JSON\n"+
		"1 line not learned from: data is no object\n1 line not learned from: a member stands twice\n", progress)
}

func TestTheExampleInTheDocsIsWhatComesOut(t *testing.T) {
	page, err := os.ReadFile("../../../docs/contracts-infer.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(page), "```yaml\n")
	require.True(t, ok)
	example, _, _ := strings.Cut(rest, "```")
	require.NotEmpty(t, example)
	golden, err := os.ReadFile("testdata/orders.yaml")
	require.NoError(t, err)
	require.Contains(t, string(golden), example)
}

func TestCompressedFilesAndBarePayloads(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "bare.gz")
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, "{\"a\":1}\n\n{\"a\":2}")
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
	r, err := infer.Files{Paths: []string{path}, Bare: "com.example.bare", Progress: io.Discard}.Infer(context.Background())
	require.NoError(t, err)
	require.Equal(t, "com.example.bare", r.Contracts[0].Type)
	require.Equal(t, 2, r.Contracts[0].Events)

	require.NoError(t, os.WriteFile(path, b.Bytes()[:b.Len()-9], 0o600))
	_, err = infer.Files{Paths: []string{path}, Bare: "x", Progress: io.Discard}.Infer(context.Background())
	require.ErrorContains(t, err, "bare.gz")
	_, err = infer.Files{Paths: []string{filepath.Join(dir, "none")}, Progress: io.Discard}.Infer(context.Background())
	require.ErrorContains(t, err, "none")
}

func TestAnEndlessLineCostsOnlyItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "long")
	long := `{"a":"` + strings.Repeat("x", infer.MaxLineBytes) + `"}`
	require.NoError(t, os.WriteFile(path, []byte("{\"a\":1}\n"+long+"\n{\"a\":2}\n"), 0o600))
	r, err := infer.Files{Paths: []string{path}, Bare: "x", Progress: io.Discard}.Infer(context.Background())
	require.NoError(t, err)
	require.Equal(t, 2, r.Contracts[0].Events)
	require.Equal(t, 1, r.Refused[infer.TooLong])
}

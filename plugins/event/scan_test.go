package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/event"
)

// canonical is a typical event of 450 bytes.
const canonical = `{"specversion":"1.0","id":"6f1c2b7e-92a4-4b6e-9d35-0a1b2c3d4e5f","source":"/orders/eu","type":"com.example.order.paid","time":"2026-11-23T18:28:01.123456Z","cloud":"aws","tenant":"acme","correlationid":"ord-000012345","ingesttime":"2026-11-23T18:28:01.456Z","subject":"ord-000012345","datacontenttype":"application/json","data":{"order_id":"ord-000012345","amount":129.95,"currency":"EUR","items":[{"sku":"A-1","qty":2},{"sku":"B-2","qty":1}]}}`

var canonicalPaths = []string{"id", "source", "type", "time", "cloud", "tenant", "correlationid", "data.amount", "data.currency"}

func scan(t testing.TB, doc string, paths ...string) ([]string, error) {
	t.Helper()
	p, err := event.CompilePaths(paths...)
	require.NoError(t, err)
	out := make([][]byte, p.Len())
	var s event.Scanner
	err = s.Scan([]byte(doc), p, out)
	got := make([]string, len(out))
	for i, o := range out {
		got[i] = string(o)
	}
	return got, err
}

func TestScanFindsWhatIsAskedFor(t *testing.T) {
	for _, c := range []struct {
		name, doc string
		paths     []string
		want      []string
	}{
		{"a typical event", canonical, canonicalPaths, []string{
			`"6f1c2b7e-92a4-4b6e-9d35-0a1b2c3d4e5f"`, `"/orders/eu"`, `"com.example.order.paid"`, `"2026-11-23T18:28:01.123456Z"`,
			`"aws"`, `"acme"`, `"ord-000012345"`, `129.95`, `"EUR"`}},
		{"nothing is there", `{}`, []string{"a", "b.c"}, []string{"", ""}},
		{"the same path twice", `{"a":1}`, []string{"a", "a", "a"}, []string{"1", "1", "1"}},
		{"a path and its prefix", `{"a":{"b":[1,2]}}`, []string{"a", "a.b", "a.b.1"}, []string{`{"b":[1,2]}`, `[1,2]`, `2`}},
		{"a number is a member or an element", `{"a":{"1":"m"},"b":["x","y"]}`, []string{"a.1", "b.1", "b.01", "b.2"}, []string{`"m"`, `"y"`, "", ""}},
		{"dots and tildes in names", `{"a.b":1,"c~d":2}`, []string{"a~1b", "c~0d"}, []string{"1", "2"}},
		{"escaped names", "{\"\\u0069d\":1,\"corr\\u0065lationid\":\"x\"}", []string{"id", "correlationid"}, []string{"1", `"x"`}},
		{"a scalar on the way", `{"a":1}`, []string{"a.b"}, []string{""}},
		{"white space everywhere", " \n{ \"a\" \t: [ 1 , { \"b\" : null } ] , \"c\" : \"\" }\r\n", []string{"a.1.b", "c", "a.0"}, []string{"null", `""`, "1"}},
		{"long names with a common beginning", `{"correlationid":1,"correlationie":2,"correlat":3}`, []string{"correlat", "correlationid", "correlationie"}, []string{"3", "1", "2"}},
		{"twice, but not asked for", `{"a":1,"a":2,"b":{"c":1,"c":2}}`, []string{"d"}, []string{""}},
		{"a short name at the very end", `{"a":{"b":1}}`, []string{"a.b"}, []string{"1"}},
		{"characters beyond ASCII", `{"grüße":"世界"}`, []string{"grüße"}, []string{`"世界"`}},
		{"half a surrogate pair, as in encoding/json", `{"a":"\ud800"}`, []string{"a"}, []string{`"\ud800"`}},
		{"DEL and line separators are plain", "{\"a\":\"\x7f\u2028\"}", []string{"a"}, []string{"\"\x7f\u2028\""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := scan(t, c.doc, c.paths...)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestScanRefusesWithPlaceAndReason(t *testing.T) {
	for _, c := range []struct{ name, doc, want string }{
		{"nothing", ``, `invalid JSON at byte 0: found the end of the document, expected a JSON object`},
		{"an array", `[]`, `invalid JSON at byte 0: found '[', expected a JSON object`},
		{"a byte order mark", "\xef\xbb\xbf{}", `invalid JSON at byte 0: found byte 0xef, expected a JSON object`},
		{"a truncated string", `{"a":"b`, `invalid JSON at byte 7: found the end of the document, expected the closing '"' of a string`},
		{"a truncated object", `{"a":1`, `invalid JSON at byte 6: found the end of the document, expected ',' or '}'`},
		{"trailing garbage", `{} x`, `invalid JSON at byte 3: found 'x', expected nothing after the JSON object`},
		{"two objects", `{}{}`, `invalid JSON at byte 2: found '{', expected nothing after the JSON object`},
		{"a trailing comma", `{"a":1,}`, `invalid JSON at byte 7: found '}', expected a member name in quotes`},
		{"a trailing comma in an array", `{"a":[1,]}`, `invalid JSON at byte 8: found ']', expected a value`},
		{"the wrong bracket", `{"a":[1}`, `invalid JSON at byte 7: found '}', expected ',' or ']'`},
		{"the other wrong bracket", `{"a":{]`, `invalid JSON at byte 6: found ']', expected a member name in quotes`},
		{"a leading zero", `{"a":01}`, `invalid JSON at byte 6: found '1', expected ',' or '}'`},
		{"a bare point", `{"a":1.}`, `invalid JSON at byte 7: found '}', expected a digit`},
		{"an empty exponent", `{"a":1e+}`, `invalid JSON at byte 8: found '}', expected a digit`},
		{"NaN", `{"a":NaN}`, `invalid JSON at byte 5: found 'N', expected a value`},
		{"half a literal", `{"a":nul}`, `invalid JSON at byte 5: found 'n', expected a value`},
		{"a raw line break", "{\"a\":\"x\ny\"}", `invalid JSON at byte 7: found byte 0x0a, expected a control character to be escaped in a string`},
		{"an unknown escape", `{"a":"\x"}`, `invalid JSON at byte 7: found 'x', expected one of "\/bfnrtu after a backslash`},
		{"a short escape", `{"a":"\u12g4"}`, `invalid JSON at byte 10: found 'g', expected four hexadecimal digits after \u`},
		{"invalid UTF-8", "{\"a\":\"x\xffy\"}", `invalid JSON at byte 7: found byte 0xff, expected valid UTF-8 in a string`},
		{"an encoded surrogate", "{\"a\":\"\xed\xa0\x80\"}", `invalid JSON at byte 6: found byte 0xed, expected valid UTF-8 in a string`},
		{"no colon", `{"a" 1}`, `invalid JSON at byte 5: found '1', expected ':' after a member name`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := scan(t, c.doc, "a", "b")
			require.EqualError(t, err, c.want)
			var syntax *event.SyntaxError
			require.ErrorAs(t, err, &syntax)
		})
	}
}

func TestScanRefusesWantedMembersThatStandTwice(t *testing.T) {
	for _, doc := range []string{
		`{"a":1,"a":1}`, `{"b":{"c":1},"b":{}}`, `{"b":{"c":1,"x":0,"c":2}}`, `{"a":1,"\u0061":2}`, `{"b":[],"b":1}`,
	} {
		_, err := scan(t, doc, "a", "b.c")
		require.ErrorIs(t, err, event.ErrDuplicateMember, doc)
		var member *event.MemberError
		require.ErrorAs(t, err, &member)
		require.Contains(t, err.Error(), `"`+member.Name+`" at byte `)
	}
	_, err := scan(t, `{"x":[{"c":1},{"c":1}]}`, "x.0.c", "x.1.c")
	require.NoError(t, err, "members of two objects are not twice in one")
}

func TestScanBoundsDepth(t *testing.T) {
	nested := func(n int) string {
		return strings.Repeat(`{"a":`, n-1) + `{}` + strings.Repeat(`}`, n-1)
	}
	_, err := scan(t, nested(event.MaxDepth), "b")
	require.NoError(t, err)
	_, err = scan(t, nested(event.MaxDepth+1), "b")
	require.ErrorIs(t, err, event.ErrDepth)
	_, err = scan(t, `{"a":`+strings.Repeat(`[`, 1_000_000), "a")
	require.ErrorIs(t, err, event.ErrDepth)
}

func TestScannerIsReusable(t *testing.T) {
	var s event.Scanner
	small, large := event.MustCompilePaths("a"), event.MustCompilePaths("a", "b", "c.d", "c.e")
	for range 3 {
		out := make([][]byte, 4)
		require.NoError(t, s.Scan([]byte(`{"a":1}`), small, out))
		require.Error(t, s.Scan([]byte(`{"a":1,"c":{"d":[[[`), large, out))
		require.NoError(t, s.Scan([]byte(`{"a":1,"c":{"d":2}}`), large, out))
		require.Equal(t, [][]byte{[]byte("1"), nil, []byte("2"), nil}, out)
	}
}

func TestOpenListsMembersAndElements(t *testing.T) {
	var s event.Scanner
	p := event.MustCompilePaths("b.c")
	out := make([][]byte, 1)
	members, err := s.Open([]byte(` {"a":1,"b":{"c":[2]},"\u0061":{"x":{}} } `), p, out, nil)
	require.NoError(t, err)
	require.Equal(t, "[2]", string(out[0]))
	require.Equal(t, "a=1 b={\"c\":[2]} a={\"x\":{}}", list(members))
	members, err = s.Open([]byte(`[1, {"a":2}, [] ]`), p, out, members[:0])
	require.NoError(t, err)
	require.Equal(t, `=1 ={"a":2} =[]`, list(members))
	_, err = s.Open([]byte(`{"a":1} x`), p, out, nil)
	require.Error(t, err)
	require.NoError(t, s.Scan([]byte(`{"b":{"c":1}}`), p, out), "Scan collects nothing afterwards")
}

func list(members []event.Member) string {
	var parts []string
	for _, m := range members {
		parts = append(parts, string(m.Name)+"="+string(m.Value))
	}
	return strings.Join(parts, " ")
}

func TestCompilePathsRefusesEmptySegments(t *testing.T) {
	for _, path := range []string{"", ".", "a.", ".a", "a..b"} {
		_, err := event.CompilePaths("ok", path)
		require.ErrorIs(t, err, event.ErrPath, path)
		require.Contains(t, err.Error(), fmt.Sprintf("%q", path))
	}
}

// FuzzScan holds Scan against encoding/json: the same documents are valid,
// apart from the documented differences, and the same values are found.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{canonical, `{}`, `{"id":"\ud800\u0041","data":{"amount":-1.5e+3,"0":[true,null]}}`,
		`{"a.b":[[1,{"c":"\\"}],2]}`, `{"data":{"amount":1},"data":2}`, "{\"a\":\"\xff\"}", ` { "id" : [ ] } `, `{"items":[{"id":1},{"id":2}]}`} {
		f.Add([]byte(seed))
	}
	paths := []string{"id", "data", "data.amount", "data.0.1", "a~1b.0.1.c", "items.1.id", "correlationid", "a", "id"}
	p := event.MustCompilePaths(paths...)
	segments := [][]string{{"id"}, {"data"}, {"data", "amount"}, {"data", "0", "1"}, {"a.b", "0", "1", "c"}, {"items", "1", "id"}, {"correlationid"}, {"a"}, {"id"}}
	var s event.Scanner
	out := make([][]byte, p.Len())
	f.Fuzz(func(t *testing.T, doc []byte) {
		err := s.Scan(doc, p, out)
		trimmed := bytes.TrimLeft(doc, " \t\r\n")
		valid := json.Valid(doc) && utf8.Valid(doc) && len(trimmed) > 0 && trimmed[0] == '{'
		if !valid {
			require.Error(t, err)
			return
		}
		if err != nil {
			require.True(t, errors.Is(err, event.ErrDuplicateMember) || errors.Is(err, event.ErrDepth), err)
			return
		}
		for i, path := range segments {
			require.Equal(t, string(lookUp(t, doc, path)), string(out[i]), paths[i])
		}
	})
}

// lookUp finds a value with encoding/json.
func lookUp(t *testing.T, raw json.RawMessage, path []string) json.RawMessage {
	if len(path) == 0 {
		return raw
	}
	switch raw[0] {
	case ' ', '\n', '\r', '\t':
		return lookUp(t, bytes.TrimLeft(raw, " \n\r\t"), path)
	case '{':
		var members map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(raw, &members))
		if m, ok := members[path[0]]; ok {
			return lookUp(t, m, path[1:])
		}
	case '[':
		var elements []json.RawMessage
		require.NoError(t, json.Unmarshal(raw, &elements))
		for i := range elements {
			if fmt.Sprint(i) == path[0] {
				return lookUp(t, elements[i], path[1:])
			}
		}
	}
	return nil
}

// order is an event of 480 bytes and 19 values, as it comes from one of three
// clouds; shape names a member.
func order(i int, shape string) []byte {
	cloud := [...]string{"aws", "azure", "gcp"}[i%3]
	at := time.Date(2026, 11, 23, 18, 28, 1, i*1000, time.UTC).Format(time.RFC3339Nano)
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"%s-%012d","source":"/shops/%s/checkout","type":"com.example.order.paid","time":"%s","datacontenttype":"application/json","cloud":"%s","tenant":"acme","correlationid":"ord-%012d","ingesttime":"%s","data":{"order_id":"ord-%012d","amount":%d.%02d,"%s":"EUR","customer":{"id":"c-%06d","country":"DE"},"items":[{"sku":"A-1","quantity":2},{"sku":"B-7","quantity":1}]}}`,
		cloud, i, cloud, at, cloud, i, at, i, i%1000, i%100, shape, i%99999)
}

// BenchmarkScan finds 9 paths in events of 480 bytes.
func BenchmarkScan(b *testing.B) {
	for _, c := range []struct {
		name  string
		shape func(i int) string
	}{
		{"the same shape", func(int) string { return "currency" }},
		{"12 shapes in turns", func(i int) string { return fmt.Sprint("currency", i%12) }},
		{"always another shape", func(i int) string { return fmt.Sprintf("%08x", uint32(i)*0x9e3779b1) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			docs := make([][]byte, 4096)
			for i := range docs {
				docs[i] = order(i, c.shape(i))
			}
			p := event.MustCompilePaths(canonicalPaths...)
			out := make([][]byte, p.Len())
			var s event.Scanner
			b.SetBytes(int64(len(docs[0])))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := s.Scan(docs[i%len(docs)], p, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestScanAllocatesNothing(t *testing.T) {
	p := event.MustCompilePaths(canonicalPaths...)
	doc := []byte(canonical)
	out := make([][]byte, p.Len())
	var s event.Scanner
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if s.Scan(doc, p, out) != nil {
			t.Fail()
		}
	}))
}

// BenchmarkValid is the yardstick: encoding/json only checking the same event.
func BenchmarkValid(b *testing.B) {
	doc := []byte(canonical)
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if !json.Valid(doc) {
			b.Fatal("the event is valid")
		}
	}
}

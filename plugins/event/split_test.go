package event_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/event"
)

// FuzzAppendMembers holds the splitter against Open: on valid documents they
// find the same, and on others the splitter comes to an end.
func FuzzAppendMembers(f *testing.F) {
	for _, seed := range []string{canonical, `[1,"a\\\"]",{"x":[]} , null ]`, ` { "a\"b" : { "c" : "}" } , "d":-1.5e3 } `, `{}`, `[]`, `{"a":"\\"}`, `{"x":{"a":1,"a":[2]},"y":{},"":{"z":{"a":{}}}}`, `{"x":{"a":{"x":{"b":1}}`, `{"a`, `{"a":}`, `[,]`, `{"a"`, "{\"\xff\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got := event.AppendMembers(nil, doc)
		var s event.Scanner
		want, err := s.Open(doc, event.MustCompilePaths(), nil, nil)
		first := byte(0)
		for _, c := range doc {
			if c > ' ' {
				first = c
				break
			}
		}
		if err != nil || first != '{' && first != '[' {
			return
		}
		require.Equal(t, list(want), list(got))
	})
}

// FuzzAppendElements: of a valid array it finds what Open finds, and what it says
// to be elements lies in the document, in order, with nothing but commas and
// spaces between.
func FuzzAppendElements(f *testing.F) {
	for _, seed := range []string{`[1,"a\\\"]",{"x":[]} , null ]`, `[]`, ` [ ] `, `[,]`, `[1,]`, `[1 2]`, `[1`, `[{"a":}]`, `[1]]`, `{"a":1}`, `[{"a":"]"},{"b`, "[\"\xff\",2]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, ok := event.AppendElements(nil, doc)
		rest := doc
		for _, e := range got {
			require.NotEmpty(t, e.Value)
			before, after, found := bytes.Cut(rest, e.Value)
			require.True(t, found)
			require.Empty(t, bytes.Trim(before, " \n\r\t,["), "between elements")
			rest = after
		}
		if ok {
			require.Equal(t, "]", string(bytes.Trim(rest, " \n\r\t")))
		}
		var s event.Scanner
		want, err := s.Open(doc, event.MustCompilePaths(), nil, nil)
		if err == nil && bytes.HasPrefix(bytes.TrimLeft(doc, " \n\r\t"), []byte("[")) {
			require.Equal(t, len(want) > 0, ok)
			require.Equal(t, list(want), list(got))
		}
	})
}

// FuzzSkipString holds SkipString against a reader of one byte at a time, on
// whatever follows the opening quote.
func FuzzSkipString(f *testing.F) {
	for _, seed := range []string{``, `"`, `\"`, `\\"`, `abc"`, `abcdefg\"hi"`, `0123456\`, `0123456789012345678901234567890123456789\\\"xyz" "`, "\xff\x00\xa2\xdc\"", strings.Repeat(`\\`, 30) + `"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, rest []byte) {
		doc := append([]byte(`{"`), rest...)
		want := len(doc)
		for i := 2; i < len(doc); i++ {
			if doc[i] == '\\' {
				i++
			} else if doc[i] == '"' {
				want = i + 1
				break
			}
		}
		require.Equal(t, want, event.SkipString(doc, 1))
	})
}

// BenchmarkAppendMembers splits the canonical event of BenchmarkScan.
func BenchmarkAppendMembers(b *testing.B) {
	var members []event.Member
	doc := []byte(canonical)
	b.ReportAllocs()
	for b.Loop() {
		members = event.AppendMembers(members[:0], doc)
	}
}

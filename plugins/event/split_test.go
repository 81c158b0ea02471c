package event_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/event"
)

// FuzzAppendMembers holds the splitter against Open: on valid documents they
// find the same, and on others the splitter comes to an end.
func FuzzAppendMembers(f *testing.F) {
	for _, seed := range []string{canonical, `[1,"a\\\"]",{"x":[]} , null ]`, ` { "a\"b" : { "c" : "}" } , "d":-1.5e3 } `, `{}`, `[]`, `{"a":"\\"}`, `{"a`, `{"a":}`, `[,]`, `{"a"`, "{\"\xff\""} {
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

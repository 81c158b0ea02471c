package event_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/event"
)

func TestUnquoteRefusesWhatIsNoString(t *testing.T) {
	for _, raw := range []string{``, `"`, `1`, `"a`, `"a"b"`, `"a" `, `"\"`, "\"\n\"", `"\u12"`} {
		_, err := event.Unquote(nil, []byte(raw))
		require.Error(t, err, raw)
	}
}

func TestStringBytesIsAViewWhereNothingIsEscaped(t *testing.T) {
	raw := []byte(`"plain"`)
	b, scratch, ok := event.StringBytes(raw, nil)
	require.True(t, ok)
	require.Nil(t, scratch)
	require.Same(t, &raw[1], &b[0])
	b, scratch, ok = event.StringBytes([]byte(`"a\n\ud83d\ude00\ud83dx\/"`), scratch)
	require.True(t, ok)
	require.Equal(t, "a\n😀\uFFFDx/", string(b))
	require.Same(t, &scratch[0], &b[0])
	_, _, ok = event.StringBytes([]byte(`12`), nil)
	require.False(t, ok)
	_, _, ok = event.StringBytes(nil, nil)
	require.False(t, ok)
}

// FuzzText holds Unquote and AppendQuoted against encoding/json.
func FuzzText(f *testing.F) {
	for _, seed := range []string{`"a\u0000\ud800\udc00\udc00"`, `"\b\f\n\r\t\/\\\""`, "plain", "\xff\xed\xa0\x80"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		quoted := event.AppendQuoted(nil, text)
		require.Equal(t, string(quoted), string(event.AppendQuoted(nil, string(text))))
		var back string
		require.NoError(t, json.Unmarshal(quoted, &back))
		want := string([]rune(string(text))) // invalid bytes become U+FFFD one by one
		require.Equal(t, want, back)
		mine, err := event.Unquote(nil, quoted)
		require.NoError(t, err)
		require.Equal(t, back, string(mine))

		var decoded string
		got, err := event.Unquote([]byte("kept"), text)
		if len(text) == 0 || text[0] != '"' || text[len(text)-1] != '"' || !utf8.Valid(text) || json.Unmarshal(text, &decoded) != nil {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.Equal(t, "kept"+decoded, string(got))
	})
}

package event_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/helios-connect/helios/plugins/event"
)

// Globs are held against regular expressions.
func TestGlobsMatchAnyRunOfCharacters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		glob := rapid.StringMatching(`[ab.*]{0,8}`).Draw(t, "glob")
		s := rapid.StringMatching(`[ab.]{0,10}`).Draw(t, "s")
		want := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(glob), `\*`, ".*") + "$").MatchString(s)
		require.Equal(t, want, event.MatchesAny([]string{glob}, s))
	})
	require.True(t, event.MatchesAny(nil, "anything"))
	require.False(t, event.MatchesAny([]string{"a", "b*"}, "c"))
}

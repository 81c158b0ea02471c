package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

func TestTheVerdictLogDropsWhatIsNoLongerRemembered(t *testing.T) {
	a, b := engine.Identity{1}, engine.Identity{2}
	current := map[engine.Identity]uint32{a: 1, b: 1}
	remembered := func(id engine.Identity, revision uint32) bool { return current[id] == revision }

	var l verdictLog
	require.EqualValues(t, -1, l.oldest(remembered))
	l.add(10, a, 1)
	l.add(11, b, 1)
	require.EqualValues(t, 10, l.oldest(remembered))
	current[a] = 2
	l.add(15, a, 2)
	require.EqualValues(t, 11, l.oldest(remembered), "a correction replaces the verdict before it")
	delete(current, b)
	require.EqualValues(t, 15, l.oldest(remembered), "a forgotten fact is read no more")
	delete(current, a)
	require.EqualValues(t, -1, l.oldest(remembered))
	require.EqualValues(t, 16, l.next)
}

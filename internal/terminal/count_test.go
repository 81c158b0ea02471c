package terminal

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsCountedAgreesWithItsNumber(t *testing.T) {
	for want, n := range map[string]int64{"0 events are": 0, "1 event is": 1, "2 events are": 2, "21 events are": 21} {
		require.Equal(t, want, Count(n, "event is", "events are"))
	}
}

package reconcile

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

// nextCollection is how large the heap may become before the next collection.
func nextCollection() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.NextGC
}

// resident is the memory of the machine that the process takes, in bytes.
func resident(t *testing.T) int {
	t.Helper()
	var size, pages int
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("only Linux tells what memory a process takes: ", err)
	}
	_, err = fmt.Sscan(string(text), &size, &pages)
	require.NoError(t, err)
	return pages * os.Getpagesize()
}

func TestHeadroomPutsCollectionsOffWithoutTakingMemory(t *testing.T) {
	none := nextCollection()
	before := resident(t)
	var h headroom
	first, second := h.take(), h.take()
	require.Greater(t, nextCollection(), none+headroomBytes, "GOGC is 100: as much garbage as is live")
	require.Less(t, resident(t), before+headroomBytes/4)
	first()
	first()
	require.Greater(t, nextCollection(), none+headroomBytes, "the second buffer still holds messages")
	second()
	require.Less(t, nextCollection(), none+headroomBytes)
}

func TestAMemoryLimitHasNoHeadroom(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64 - 1))
	none := nextCollection()
	var h headroom
	defer h.take()()
	require.Less(t, nextCollection(), none+headroomBytes)
}

func TestOnlyABufferThatHoldsMessagesTakesHeadroom(t *testing.T) {
	users := func() int {
		sharedHeadroom.mu.Lock()
		defer sharedHeadroom.mu.Unlock()
		return sharedHeadroom.users
	}
	before := users()
	for hold, want := range map[bool]int{true: before + 1, false: before} {
		b := runningBuffer(t, fmt.Sprintf(pairConfig, hold))
		require.Equal(t, want, users(), "hold_acks: %t", hold)
		require.NoError(t, b.Close(t.Context()))
		require.Equal(t, before, users())
	}
}

package reconcile

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/fstest"

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
	const size = 64 << 20
	h := headroom{size: size}
	first, second := h.take(), h.take()
	require.Greater(t, nextCollection(), none+size, "GOGC is 100: as much garbage as is live")
	require.Less(t, resident(t), before+size/4)
	first()
	first()
	require.Greater(t, nextCollection(), none+size, "the second buffer still holds messages")
	second()
	require.Less(t, nextCollection(), none+size)
}

func TestAMemoryLimitHasNoHeadroom(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64 - 1))
	none := nextCollection()
	h := headroom{size: 64 << 20}
	defer h.take()()
	require.Less(t, nextCollection(), none+64<<20)
}

func TestHeadroomIsAPartOfTheMemoryThatTheProcessMayUse(t *testing.T) {
	const machine = "MemTotal:       16384000 kB\nMemFree:         1 kB\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing known": {nil, unknownMemory},
		"a machine":     {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n"}, 16384000 << 10},
		"a container": {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20},
		"a container without a limit": {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "max\n"}, 16384000 << 10},
		"a service": {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/system.slice/helios.service\n",
			"sys/fs/cgroup/system.slice/helios.service/memory.max": "1073741824\n"}, 1 << 30},
		"a container of version 1": {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "5:cpu:/docker/a\n4:memory:/docker/a\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n"}, 256 << 20},
		"no limit of version 1": {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "4:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 16384000 << 10},
	} {
		root := fstest.MapFS{}
		for file, text := range c.files {
			root[file] = &fstest.MapFile{Data: []byte(text)}
		}
		require.Equal(t, c.want, memoryLimit(root), name)
	}
	require.Equal(t, 16<<20, headroomOf(256<<20))
	require.Equal(t, headroomMost, headroomOf(16<<30))
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

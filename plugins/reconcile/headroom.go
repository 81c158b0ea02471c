package reconcile

import (
	"math"
	"runtime/debug"
	"strings"
	"sync"
)

// headroomBytes is how much more garbage may gather between two collections, at
// Go's default GOGC, while a buffer of the process holds messages.
const headroomBytes = 64 << 20

// headroom makes collections rarer while messages are held. Redpanda Connect
// keeps each of them, several objects an event, until its batch is acknowledged,
// and a collection has to look at all of them; in a process whose heap is small
// otherwise the next one is due a few thousand events later. A piece of memory
// that counts as live puts that off. Nobody ever writes to it, so that no memory
// of the machine stands behind it.
type headroom struct {
	mu      sync.Mutex
	users   int
	reserve *strings.Builder // the one way to memory that isn't cleared
}

// sharedHeadroom is that of the process, whatever its number of buffers.
var sharedHeadroom headroom

// take keeps the headroom until the function that it returns is called.
// A process with a memory limit (GOMEMLIMIT) has none: the limit would count it.
func (h *headroom) take() (release func()) {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return func() {}
	}
	h.add(1)
	return sync.OnceFunc(func() { h.add(-1) })
}

func (h *headroom) add(users int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users += users
	switch {
	case h.users == 0:
		h.reserve = nil
	case h.reserve == nil:
		h.reserve = new(strings.Builder)
		h.reserve.Grow(headroomBytes)
	}
}

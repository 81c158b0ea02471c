package reconcile

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
)

const (
	// headroomMost is how much more garbage, in bytes, may gather between two
	// collections at Go's default GOGC while a buffer of the process holds
	// messages, and headroomPart which part of the memory it may take.
	headroomMost = 192 << 20
	headroomPart = 16
)

// headroom makes collections rarer while messages are held. Redpanda Connect
// keeps each of them, several objects an event, until its batch is acknowledged,
// and a collection has to look at all of them; in a process whose heap is small
// otherwise the next one is due a few thousand events later. A piece of memory
// that counts as live puts that off. Nobody ever writes to it, so that no memory
// of the machine stands behind it.
type headroom struct {
	mu      sync.Mutex
	size    int // in bytes; 0: to be found out
	users   int
	reserve *strings.Builder // the one way to memory that isn't cleared
}

// sharedHeadroom is that of the process, whatever its number of buffers.
var sharedHeadroom headroom

// headroomOf returns the headroom, in bytes, of a process that may use so much
// memory.
func headroomOf(memory int64) int { return int(min(headroomMost, memory/headroomPart)) }

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
		if h.size == 0 {
			h.size = headroomOf(memoryLimit(os.DirFS("/")))
		}
		h.reserve = new(strings.Builder)
		h.reserve.Grow(h.size)
	}
}

// unknownMemory is assumed where the machine doesn't tell: 1 GiB.
const unknownMemory = 1 << 30

// memoryLimit returns how many bytes of memory the process may use: those of the
// machine, or of its control group (v2 or v1), as a container has one.
func memoryLimit(root fs.FS) int64 {
	limit := int64(math.MaxInt64)
	lower := func(file string) {
		text, _ := fs.ReadFile(root, file)
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 { // v2 says "max" for none
			limit = min(limit, n)
		}
	}
	info, _ := fs.ReadFile(root, "proc/meminfo")
	if fields := strings.Fields(string(info)); len(fields) > 1 && fields[0] == "MemTotal:" {
		if kib, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
			limit = min(limit, kib<<10)
		}
	}
	groups, _ := fs.ReadFile(root, "proc/self/cgroup")
	for _, line := range strings.Split(string(groups), "\n") {
		id, rest, _ := strings.Cut(line, ":")
		controllers, group, _ := strings.Cut(rest, ":")
		for _, dir := range []string{"", group} { // a container sees its own group as the root
			switch {
			case id == "0":
				lower(path.Join("sys/fs/cgroup", dir, "memory.max"))
			case controllers == "memory":
				lower(path.Join("sys/fs/cgroup/memory", dir, "memory.limit_in_bytes"))
			}
		}
	}
	if limit == math.MaxInt64 {
		return unknownMemory
	}
	return limit
}

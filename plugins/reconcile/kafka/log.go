package kafka

import (
	"log/slog"
	"sync"
	"time"
)

// logEvery is how often a problem that repeats is logged.
const logEvery = 10 * time.Second

// repeats logs the first of a kind at once and then at most one every logEvery,
// with how many there were.
type repeats struct {
	log *slog.Logger

	mu    sync.Mutex
	kinds map[string]*repeated
}

type repeated struct {
	logged time.Time
	count  int
}

// warn logs a problem; its message is its kind.
func (r *repeats) warn(kind string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kinds == nil {
		r.kinds = make(map[string]*repeated)
	}
	k := r.kinds[kind]
	if k == nil {
		k = &repeated{}
		r.kinds[kind] = k
	}
	k.count++
	if now := time.Now(); now.Sub(k.logged) >= logEvery {
		r.log.Warn(kind, append(args, "count", k.count)...)
		k.logged, k.count = now, 0
	}
}

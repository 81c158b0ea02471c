package webhook

import (
	"sync"
	"time"
)

// limiter lets a sender's requests through at a rate, with a burst (a token
// bucket). A nil limiter lets all through.
type limiter struct {
	rate  float64 // tokens a second
	burst float64

	mu     sync.Mutex
	tokens float64
	at     time.Time
}

func newLimiter(rate float64, burst int, now time.Time) *limiter {
	if rate == 0 {
		return nil
	}
	return &limiter{rate: rate, burst: float64(burst), tokens: float64(burst), at: now}
}

// take takes a token, or returns how long it will be until there is one.
func (l *limiter) take(now time.Time) (wait time.Duration) {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if passed := now.Sub(l.at); passed > 0 {
		l.tokens = min(l.burst, l.tokens+passed.Seconds()*l.rate)
	}
	l.at = now
	if l.tokens >= 1 {
		l.tokens--
		return 0
	}
	// A fraction of a nanosecond is no permission.
	return max(1, time.Duration((1-l.tokens)/l.rate*float64(time.Second)))
}

package demo

import "time"

const (
	// fullLane is how many events wait in the clouds when these stand still since
	// one has as many as may wait in it: half of max_queued in the pipelines.
	fullLane = 1000
	// backlogFloor is how many events may be on their way whatever the rate.
	backlogFloor = 10_000
	// backlogSeconds is how long what is on its way may take to arrive.
	backlogSeconds = 2
	// relief is in how many seconds a backlog beyond that is worked off.
	relief = 5
	// leastRate of the clouds in events per second: a cloud that says nothing is
	// stalled, which is no fault of the traffic.
	leastRate = 100
	// recovery is by which factor a lowered rate rises in a second.
	recovery = 1.1
)

// governor lowers the rate of the clouds to what the slowest stage takes, so that
// no queue grows without end: neither those of the clouds nor the log, which the
// store reads. The clouds' time goes on meanwhile, and with it every window.
type governor struct {
	asked  float64 // events per second
	ingest string  // what limits the rate when the clouds' events are not taken

	rate  float64 // of the clouds now, events per second
	limit string  // what keeps the rate down; empty: it is kept
	at    time.Time
	done  int64         // events dealt with at the last look
	pace  float64       // events dealt with per second, as of late
	lost  time.Duration // by the clouds, for good
}

// look returns the rate of the clouds from now on. Between two looks lies a second
// or so.
func (g *governor) look(now time.Time, a arrivals, lost time.Duration) float64 {
	done, passed := min(a.judged, a.storedEvents), now.Sub(g.at).Seconds()
	first := g.at.IsZero()
	switch pace := float64(done-g.done) / passed; {
	case first:
		g.rate = g.asked
	case g.pace == 0:
		g.pace = pace
	default:
		g.pace = (g.pace + pace) / 2
	}
	fell := lost > g.lost
	g.at, g.done, g.lost = now, done, lost
	if first || done == 0 {
		return g.rate // the pipelines are about to begin
	}
	backlog, stage := a.backlog(g.ingest)
	switch excess := float64(backlog) - max(backlogFloor, backlogSeconds*g.pace); {
	case excess > 0:
		g.rate, g.limit = max(g.pace-excess/relief, g.pace/10, leastRate), stage
	case fell && a.waiting >= fullLane:
		g.rate, g.limit = max(g.pace, leastRate), g.ingest
	default:
		g.rate = recovery * max(g.rate, g.pace)
	}
	if g.rate >= g.asked {
		g.rate, g.limit = g.asked, ""
		if fell {
			g.limit = limitClouds
		}
	}
	return g.rate
}

// What can limit the rate.
const (
	limitClouds    = "the simulated clouds make no more"
	limitIngest    = "ingest takes no more"
	limitEmulators = "the emulators take no more; see --direct"
	limitReconcile = "reconciliation takes no more"
	limitStore     = "the store takes no more"
)

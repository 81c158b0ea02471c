package kafka

import (
	"context"
	"time"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

// idleWatch measures time during which input could be taken, which is what
// stalls a participant. It asks the broker for the ends of the logs; once
// everything below the answer is applied, the time between this question and
// the one before it counts. Time behind the end, without a broker, or while
// partitions are restored, counts nothing.
type idleWatch struct {
	results chan endsAnswer // of the question under way, one at most
	asking  bool
	waiting *endsAnswer // not yet read up to

	askedAt time.Time     // of the last question
	counted time.Duration // running time at the last one that was answered and read up to
	counts  bool          // there is one
}

// endsAnswer is where the log ended at some moment after asked, and the marks
// as they were at asked: an event logged after the ends can't have moved them.
type endsAnswer struct {
	asked time.Duration // running time
	marks engine.Marks
	ends  map[int32]logRange
	err   error
}

// staleAfter is how long an answer may wait to be read up to: after that the
// partitions are behind, and nobody's silence means anything.
const staleAfter = time.Second

// reached says that everything up to the waiting answer is applied, and
// returns the time that counts.
func (w *idleWatch) reached() (elapsed time.Duration) {
	if w.counts {
		elapsed = w.waiting.asked - w.counted
	}
	w.counted, w.counts = w.waiting.asked, true
	w.waiting = nil
	return elapsed
}

// behind says that the answer was not read up to in time.
func (w *idleWatch) behind() { w.waiting, w.counts = nil, false }

// observe counts idle time. The caller holds the lock.
func (s *session) observe(owned map[int32]bool) {
	w := &s.idle
	select {
	case answer := <-w.results:
		w.asking = false
		if answer.err != nil {
			w.behind()
		} else {
			w.waiting = &answer
			s.report(answer.ends)
			s.noteLost(answer.ends)
		}
	default:
	}
	switch {
	case w.waiting != nil && s.caughtUp(owned, w.waiting.ends):
		marks := w.waiting.marks
		s.arrivals.Tick(w.reached())
		wall := s.wall()
		for _, p := range s.partitions {
			p.engine.AdoptMarks(marks, wall)
		}
	case w.waiting != nil && s.conf.Running()-w.waiting.asked > staleAfter:
		w.behind()
	}
	if !w.asking && w.waiting == nil && time.Since(w.askedAt) >= s.conf.LookInterval {
		s.ask()
	}
}

// ask asks for the ends in the background.
func (s *session) ask() {
	answer := endsAnswer{asked: s.conf.Running(), marks: s.arrivals.Marks()}
	s.idle.asking, s.idle.askedAt = true, time.Now()
	go func() {
		ctx, cancel := context.WithTimeout(s.ctx, 2*staleAfter)
		defer cancel()
		answer.ends, answer.err = s.logRanges(ctx, s.conf.Topic)
		s.idle.results <- answer
	}()
}

// caughtUp says whether every partition that is ours is live and has applied
// all events below the ends.
func (s *session) caughtUp(owned map[int32]bool, ends map[int32]logRange) bool {
	for id := range owned {
		if s.partitions[id] == nil {
			return false
		}
	}
	for id, p := range s.partitions {
		if end, ok := ends[id]; !ok || p.phase != live || p.pos < end.end {
			return false
		}
	}
	return len(s.partitions) > 0
}

// report tells the observer where the partitions stand.
func (s *session) report(ends map[int32]logRange) {
	stats := make([]PartitionStats, 0, len(s.partitions))
	for id, p := range s.partitions {
		stats = append(stats, PartitionStats{
			Partition: id, Phase: p.phase.String(),
			Committed: p.committedPos, Lag: max(0, ends[id].end-p.pos), Reread: p.pos - p.low(), Pending: len(p.pending),
			Engine: p.engine.Stats(),
		})
	}
	s.conf.Observer.Observed(stats)
}

// noteLost goes on where the log begins when retention was faster than us.
func (s *session) noteLost(ends map[int32]logRange) {
	for id, p := range s.partitions {
		if lost := p.lost(ends[id].start, s.wall()); lost > 0 {
			s.conf.Observer.Lost(id, lost)
			s.conf.Log.Error("Events were deleted before they were read: their facts may lack participants",
				"topic", s.conf.Topic, "partition", id, "count", lost, "log_start", ends[id].start)
		}
	}
}

package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// onFetched keeps the metadata of the committed offsets for onAssigned, which
// the client calls next and which isn't given it.
func (s *session) onFetched(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetched = make(map[int32]kmsg.OffsetFetchResponseGroupTopicPartition)
	for _, g := range resp.Groups {
		for _, t := range g.Topics { // the group reads one topic only
			for _, p := range t.Partitions {
				s.fetched[p.Partition] = p
			}
		}
	}
	for _, t := range resp.Topics { // brokers before Kafka 3.0
		for _, p := range t.Partitions {
			s.fetched[p.Partition] = kmsg.OffsetFetchResponseGroupTopicPartition{
				Partition: p.Partition, Offset: p.Offset, Metadata: p.Metadata,
			}
		}
	}
	return nil
}

// onAssigned stages the assigned partitions and says where to read them from.
// Their closed facts are read back meanwhile; until then they are paused, so
// that one assignment does not hold up the other partitions.
func (s *session) onAssigned(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	assigned := offsets[s.conf.Topic]
	if len(assigned) == 0 {
		return offsets, nil
	}
	<-s.ready
	logs, err := s.logEnds(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]int32, 0, len(assigned))
	for id := range assigned {
		ids = append(ids, id)
	}
	s.group.Client().PauseFetchPartitions(map[string][]int32{s.conf.Topic: ids})

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return nil, ErrClosed
	}
	for _, id := range ids {
		from, err := s.committedState(id, logs)
		if err != nil {
			return nil, err
		}
		if err := s.stage(id, from, logs.verdicts[id]); err != nil {
			return nil, err
		}
		assigned[id] = kgo.NewOffset().At(from.Low).WithEpoch(-1)
	}
	return offsets, nil
}

// logRange is the part of a partition's log that exists.
type logRange struct{ start, end int64 }

// logEnds of both topics by partition. For the verdicts the end is the high
// watermark and not the last stable offset: the marker of the last transaction
// of an owner before us may not be written yet.
type logEnds struct{ events, verdicts map[int32]logRange }

func (s *session) logEnds(ctx context.Context) (ends logEnds, err error) {
	if ends.events, err = s.logRanges(ctx, s.conf.Topic); err != nil {
		return ends, err
	}
	ends.verdicts, err = s.logRanges(ctx, s.conf.VerdictTopic)
	return ends, err
}

func (s *session) logRanges(ctx context.Context, topic string) (map[int32]logRange, error) {
	starts, err := s.admin.ListStartOffsets(ctx, topic)
	if err == nil {
		err = starts.Error()
	}
	var ends kadm.ListedOffsets
	if err == nil {
		ends, err = s.admin.ListEndOffsets(ctx, topic)
	}
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("asking where topic %q begins and ends: %w", topic, err)
	}
	ranges := make(map[int32]logRange, len(ends[topic]))
	for id, end := range ends[topic] {
		ranges[id] = logRange{start: starts[topic][id].Offset, end: end.Offset}
	}
	return ranges, nil
}

// committedState reads what was committed, as far as the logs still bear it out.
func (s *session) committedState(id int32, logs logEnds) (commitState, error) {
	events, ok := logs.events[id]
	verdicts, ok2 := logs.verdicts[id]
	if !ok || !ok2 {
		return commitState{}, fmt.Errorf("partition %d is in only one of the topics %q and %q: give both the same number of partitions",
			id, s.conf.Topic, s.conf.VerdictTopic)
	}
	// Without a state of ours nothing is known, so nothing is read back.
	fresh := func(at int64) commitState { return commitState{Low: at, Pos: at, VerdictLow: verdicts.end} }

	was, ok := s.fetched[id]
	if !ok || was.Offset < 0 {
		return fresh(events.start), nil
	}
	metadata := ""
	if was.Metadata != nil {
		metadata = *was.Metadata
	}
	state, known, err := decodeCommit(was.Offset, metadata)
	if err != nil {
		return commitState{}, fmt.Errorf("partition %d of topic %q in group %q: %w", id, s.conf.Topic, s.conf.Group, err)
	}
	if !known {
		s.conf.Log.Warn("The committed offset carries no state of Helios: judging anew from there",
			"topic", s.conf.Topic, "partition", id, "offset", was.Offset)
		state = fresh(was.Offset)
	}
	return s.withinLog(id, state, events), nil
}

// withinLog fits a committed state to the log. Events that retention deleted
// before their fact was closed are lost; a log that ends before the committed
// offset is another one than was read.
func (s *session) withinLog(id int32, state commitState, events logRange) commitState {
	if state.Low < events.start {
		s.conf.Observer.Lost(id, events.start-state.Low)
		s.conf.Log.Error("Events were deleted before they could be read again: their facts may lack participants",
			"topic", s.conf.Topic, "partition", id, "committed", state.Low, "log_start", events.start)
		skipped := state.skipped()
		state.Low, state.Pos = events.start, max(state.Pos, events.start)
		skipped.dropBelow(state.Low)
		state.Skipped = skipped.encode(state.Low)
	}
	if state.Pos > events.end {
		s.conf.Log.Error("The log ends before the committed position: the topic was truncated or created anew",
			"topic", s.conf.Topic, "partition", id, "position", state.Pos, "log_end", events.end)
		if state.Low > events.end {
			state.Low = events.start
		}
		state.Pos, state.Skipped = max(state.Low, events.end), ""
	}
	return state
}

// stage gives a partition an engine and starts reading its closed facts back.
func (s *session) stage(id int32, from commitState, verdicts logRange) error {
	s.drop(id, true) // a revocation of it was swallowed
	conf := s.conf.Engine
	conf.Arrivals = s.arrivals
	conf.MaxOpen, conf.MaxClosed = s.limits.share(conf.MaxOpen), s.limits.share(conf.MaxClosed)
	p, err := newPartition(id, from, s.shape, s.conf.MaxReread, conf)
	if err != nil {
		return err
	}
	p.traces = s.conf.Tracer.NewFacts()
	ctx, cancel := context.WithCancel(s.ctx)
	p.cancel = cancel
	s.partitions[id] = p
	read := logRange{start: max(from.VerdictLow, verdicts.start), end: verdicts.end}
	go s.restore(ctx, p, read)
	return nil
}

// restore reads a partition's closed facts back and makes it restored. It tries
// until it succeeds or the partition is dropped.
func (s *session) restore(ctx context.Context, p *partition, read logRange) {
	begun := time.Now()
	r := verdictReader{
		client: s.client, topic: s.conf.VerdictTopic, partition: p.id, from: read.start, end: read.end,
		take: func(recs []*kgo.Record) bool { return s.restoreClosed(p, recs) },
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := r.run(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		s.repeats.warn("Reading verdicts back was interrupted", "topic", r.topic, "partition", p.id, "offset", r.from, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.phase == staged {
		p.phase = restored
		s.conf.Observer.Restored(p.id, r.verdicts, time.Since(begun))
	}
}

// restoreClosed puts closed facts back into a staged partition, and reports
// false when the partition is no longer wanted.
func (s *session) restoreClosed(p *partition, recs []*kgo.Record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.phase != staged {
		return false
	}
	for _, rec := range recs {
		if err := p.restoreClosed(rec); err != nil {
			// A record of somebody else's, or of an incompatible version: the
			// fact is unknown from here on.
			s.repeats.warn("A verdict can't be read back", "topic", rec.Topic, "partition", rec.Partition, "offset", rec.Offset, "error", err)
		}
	}
	return true
}

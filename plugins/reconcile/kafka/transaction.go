package kafka

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// newCommitID names one transaction among all that were ever committed.
func newCommitID() string { return rand.Text()[:16] }

// maxAborts in a row end the session, so that the next one waits before it
// tries again.
const maxAborts = 20

// commit writes all that is pending, and where the partitions stand, in one
// transaction. An error means that this session's state can't be trusted any
// more; a transaction that was merely aborted is none.
func (s *session) commit() error {
	owned := s.owned()
	s.mu.Lock()
	s.audit(owned)
	wall := s.wall()
	var snapshots []*snapshot
	for _, p := range s.partitions {
		if snap := p.snapshot(wall); snap != nil {
			snapshots = append(snapshots, snap)
		}
	}
	s.mu.Unlock()

	// From here on partitions may be revoked: being expelled from the group
	// between the offset commit and the end of the transaction would otherwise
	// hang for ever. A revocation makes the transaction abort.
	s.group.AllowRebalance()
	s.committedAt = time.Now()
	if len(snapshots) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.conf.TransactionTimeout+s.conf.SessionTimeout/3)
	defer cancel()
	result, err := s.transact(ctx, snapshots)
	s.conf.Observer.Transaction(result, time.Since(s.committedAt))
	if err != nil {
		return err
	}
	if result == Aborted {
		if s.aborts++; s.aborts >= maxAborts {
			return fmt.Errorf("%d transactions in a row were aborted", s.aborts)
		}
		return nil
	}
	s.aborts = 0
	s.finish(snapshots)
	return nil
}

// transact runs one transaction. Aborted is no error.
func (s *session) transact(ctx context.Context, snapshots []*snapshot) (TransactionResult, error) {
	if err := s.group.Begin(); err != nil {
		return Failed, fmt.Errorf("beginning a transaction: %w", err)
	}
	if err := s.write(ctx, snapshots); err != nil {
		// A failed record does not keep the session from committing the others.
		if _, abortErr := s.group.End(ctx, kgo.TryAbort); abortErr != nil {
			return Failed, fmt.Errorf("aborting a transaction after %w: %w", err, abortErr)
		}
		if isFatal(err) {
			return Failed, fmt.Errorf("writing verdicts: %w", err)
		}
		s.repeats.warn("A transaction was aborted: its records were refused", "error", err)
		return Aborted, nil
	}
	commit := newCommitID()
	topic, err := s.offsets(snapshots, commit)
	if err != nil {
		_, abortErr := s.group.End(ctx, kgo.TryAbort)
		return Failed, errors.Join(err, abortErr)
	}
	committed, err := s.group.End(kgo.PreTxnCommitFnContext(ctx, func(req *kmsg.TxnOffsetCommitRequest) error {
		topic.TopicID = topicID(req, s.conf.Topic)
		req.Topics = []kmsg.TxnOffsetCommitRequestTopic{topic}
		return nil
	}), kgo.TryCommit)
	switch {
	case err != nil:
		return Failed, fmt.Errorf("ending a transaction: %w", err)
	case committed:
		return Committed, nil
	}
	// The broker may have committed although the answer was lost.
	there, err := s.isCommitted(ctx, snapshots, commit)
	switch {
	case err != nil:
		return Failed, fmt.Errorf("asking whether a transaction was committed: %w", err)
	case there:
		return Confirmed, nil
	}
	return Aborted, nil
}

// isFatal tells errors after which this producer can't go on.
func isFatal(err error) bool {
	return errors.Is(err, kgo.ErrClientClosed) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// write produces the outputs of all snapshots and waits for the answers.
func (s *session) write(ctx context.Context, snapshots []*snapshot) error {
	var mu sync.Mutex
	var failed error
	for _, snap := range snapshots {
		for _, o := range snap.outputs {
			rec := s.record(snap.part.id, o)
			s.group.Produce(ctx, rec, func(rec *kgo.Record, err error) {
				mu.Lock()
				defer mu.Unlock()
				o.offset = rec.Offset
				failed = errors.Join(failed, err)
			})
		}
	}
	if err := s.group.Client().Flush(ctx); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	return failed
}

// offsets is what the transaction commits: every partition that has output in
// it, even if its offset has not moved, because brokers fence an expelled
// member only by what it commits.
func (s *session) offsets(snapshots []*snapshot, commit string) (kmsg.TxnOffsetCommitRequestTopic, error) {
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	topic.Topic = s.conf.Topic
	for _, snap := range snapshots {
		snap.seal(commit)
		metadata, err := snap.state.encode()
		if err != nil {
			return topic, fmt.Errorf("partition %d: %w", snap.part.id, err)
		}
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = snap.part.id, snap.state.Low, -1, &metadata
		topic.Partitions = append(topic.Partitions, p)
	}
	return topic, nil
}

// topicID is the id that the client put beside the topic's name. Without one
// the client commits by name.
func topicID(req *kmsg.TxnOffsetCommitRequest, name string) (id [16]byte) {
	for _, t := range req.Topics {
		if t.Topic == name {
			return t.TopicID
		}
	}
	return id
}

// isCommitted looks for the commit id in the group's offsets, waiting for
// transactions that are still undecided. Any partition will do: either all
// carry the id or none, and one that is no longer ours may carry another's.
func (s *session) isCommitted(ctx context.Context, snapshots []*snapshot, commit string) (bool, error) {
	for {
		offsets, err := s.admin.FetchOffsetsForTopics(kadm.RequireStable(ctx), s.conf.Group, s.conf.Topic)
		if err == nil {
			err = offsets.Error()
		}
		if err == nil {
			for _, snap := range snapshots {
				if at, ok := offsets.Lookup(s.conf.Topic, snap.part.id); ok {
					if state, known, _ := decodeCommit(at.At, at.Metadata); known && state.Commit == commit {
						return true, nil
					}
				}
			}
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("%w (last answer: %w)", ctx.Err(), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// finish takes the committed outputs off the partitions and hands them on.
func (s *session) finish(snapshots []*snapshot) {
	s.mu.Lock()
	for _, snap := range snapshots {
		if snap.part.phase == live { // else it was revoked meanwhile
			snap.part.committed(snap)
		}
	}
	s.mu.Unlock()
	for _, snap := range snapshots {
		s.handOver(snap.part.id, snap.outputs)
	}
}

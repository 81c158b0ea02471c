package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxPoll is how many events are applied between two looks at everything else.
const maxPoll = 10_000

// expireChunk is how many facts one partition closes in one turn of the loop,
// so that a burst of deadlines doesn't hold up the events.
const expireChunk = 2_000

// session is one membership of the group, from joining to leaving. After any
// error it is closed with all its state, and another one begins.
type session struct {
	*Input
	group *kgo.GroupTransactSession
	plain *kgo.Client // restoring and asking: never in the group or a transaction
	admin *kadm.Client
	ctx   context.Context // ends with the session
	ready chan struct{}   // closed when group is set: callbacks may come before

	limits limits

	// Guarded by the input's lock.
	partitions map[int32]*partition
	fetched    map[int32]kmsg.OffsetFetchResponseGroupTopicPartition
	idle       idleWatch
	over       bool // closed: stage nothing any more

	committedAt time.Time
	aborts      int // in a row
}

// open joins the group.
func (in *Input) open(ctx context.Context, limits limits) (*session, error) {
	plain, err := kgo.NewClient(in.client(kgo.DisableClientMetrics())...)
	if err != nil {
		return nil, fmt.Errorf("creating the Kafka client: %w", err)
	}
	s := &session{
		Input: in, limits: limits, plain: plain, admin: kadm.NewClient(plain), ctx: ctx, ready: make(chan struct{}),
		partitions: make(map[int32]*partition), committedAt: time.Now(),
	}
	s.idle.results = make(chan endsAnswer, 1)
	s.group, err = kgo.NewGroupTransactSession(in.client(s.options()...)...)
	if err != nil {
		plain.Close()
		return nil, fmt.Errorf("creating the Kafka consumer: %w", err)
	}
	close(s.ready)
	return s, nil
}

func (s *session) options() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.ConsumerGroup(s.conf.Group),
		kgo.ConsumeTopics(s.conf.Topic),
		kgo.TransactionalID(s.transactionalID),
		kgo.TransactionTimeout(s.conf.TransactionTimeout),
		kgo.SessionTimeout(s.conf.SessionTimeout),
		kgo.RebalanceTimeout(s.conf.SessionTimeout),
		kgo.HeartbeatInterval(min(3*time.Second, s.conf.SessionTimeout/5)),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(s.limits.record),
		kgo.ProducerLinger(0),
		kgo.OnOffsetsFetched(s.onFetched),
		kgo.AdjustFetchOffsetsFn(s.onAssigned),
		kgo.OnPartitionsRevoked(s.onRevoked),
		kgo.OnPartitionsLost(s.onRevoked),
	}
	if s.conf.Instance != "" {
		opts = append(opts, kgo.InstanceID(s.conf.Instance))
	}
	return opts
}

// close leaves the group and gives up all state.
func (s *session) close() {
	// Leaving takes a request; a broker that is away must not hold up a stop.
	left := make(chan struct{})
	go func() {
		defer close(left)
		s.group.CloseAllowingRebalance()
	}()
	select {
	case <-left:
	case <-time.After(5 * time.Second):
	}
	s.plain.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for id, p := range s.partitions {
		p.drop()
		delete(s.partitions, id)
	}
}

// fence ends the transaction that a former self may have left open, which the
// group's offsets would otherwise wait for until its timeout.
func (s *session) fence(stop context.Context) error {
	ctx, cancel := context.WithTimeout(stop, s.conf.SessionTimeout)
	defer cancel()
	if _, _, err := s.group.Client().ProducerID(ctx); err != nil {
		return fmt.Errorf("taking over transactional id %q: %w", s.transactionalID, err)
	}
	return nil
}

// run polls, applies and commits until stop ends, then returns nil.
func (s *session) run(stop context.Context) error {
	if err := s.fence(stop); err != nil {
		return err
	}
	turn := min(s.conf.CommitInterval, s.conf.LookInterval)
	for stop.Err() == nil {
		poll, cancel := context.WithTimeout(stop, turn)
		fetches := s.group.PollRecords(poll, maxPoll)
		cancel()
		if err := s.fetchError(fetches); err != nil {
			return err
		}
		full := s.advance(fetches)
		if !full && time.Since(s.committedAt) < s.conf.CommitInterval {
			s.group.AllowRebalance()
			continue
		}
		if err := s.commit(); err != nil {
			return err
		}
	}
	return nil
}

// maxPending is how many outputs may wait for the commit interval to pass.
const maxPending = 10_000

// advance applies what was polled and lets time pass. full says that it is
// better to commit now.
func (s *session) advance(fetches kgo.Fetches) (full bool) {
	owned := s.owned()
	s.mu.Lock()
	resumed := s.promote(owned, fetches)
	s.apply(fetches)
	s.observe(owned)
	wall := s.wall()
	pending := 0
	for _, p := range s.partitions {
		if p.phase == live {
			p.engine.Expire(expireChunk, wall)
		}
		pending += len(p.pending)
	}
	s.mu.Unlock()
	if len(resumed) > 0 {
		s.group.Client().ResumeFetchPartitions(map[string][]int32{s.conf.Topic: resumed})
	}
	return pending >= maxPending
}

// owned are the partitions that the client knows to have.
func (s *session) owned() map[int32]bool {
	owned := make(map[int32]bool)
	for id := range s.group.Client().CommittedOffsets()[s.conf.Topic] {
		owned[id] = true
	}
	return owned
}

// promote lets restored partitions take records, once the client says that
// they are assigned or has brought a record of them.
func (s *session) promote(owned map[int32]bool, fetches kgo.Fetches) (resumed []int32) {
	fetches.EachPartition(func(ftp kgo.FetchTopicPartition) {
		if len(ftp.Records) > 0 {
			owned[ftp.Partition] = true
		}
	})
	for id, p := range s.partitions {
		if p.phase == restored && owned[id] {
			p.promote(s.wall())
			resumed = append(resumed, id)
		}
	}
	return resumed
}

func (s *session) apply(fetches kgo.Fetches) {
	wall := s.wall()
	fetches.EachPartition(func(ftp kgo.FetchTopicPartition) {
		if len(ftp.Records) == 0 {
			return
		}
		p := s.partitions[ftp.Partition]
		if p == nil {
			return // revoked while the records were on their way
		}
		before := p.rebuilt
		for _, rec := range ftp.Records {
			p.take(rec, wall)
		}
		if n := p.rebuilt - before; n > 0 {
			s.conf.Observer.Rebuilt(p.id, n)
		}
		p.received.flush(s.conf.Observer.Received)
		p.repeated.flush(s.conf.Observer.Repeated)
	})
}

// fetchError returns the first error that a new session may cure.
func (s *session) fetchError(fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		var lost *kgo.ErrDataLoss
		var member *kgo.ErrGroupSession
		switch {
		case errors.Is(e.Err, context.DeadlineExceeded), errors.Is(e.Err, context.Canceled):
		case errors.As(e.Err, &lost), errors.As(e.Err, &member):
			// The client goes on by itself: from the log's start, or by
			// joining again.
			s.repeats.warn("Reading events was interrupted", "topic", e.Topic, "partition", e.Partition, "error", e.Err)
		default:
			return fmt.Errorf("reading partition %d of topic %q: %w", e.Partition, e.Topic, e.Err)
		}
	}
	return nil
}

// onRevoked drops the partitions before the group may give them away.
func (s *session) onRevoked(_ context.Context, _ *kgo.Client, revoked map[string][]int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range revoked[s.conf.Topic] {
		s.drop(id, false)
	}
}

// audit drops live partitions that the client no longer has: the group session
// swallows a revocation while it still has to abort because of an earlier one.
func (s *session) audit(owned map[int32]bool) {
	for id, p := range s.partitions {
		if !owned[id] && (p.phase == live || p.phase == rebuilding) {
			s.drop(id, true)
		}
	}
}

func (s *session) drop(id int32, stale bool) {
	if p := s.partitions[id]; p != nil {
		p.drop()
		delete(s.partitions, id)
		s.conf.Observer.Dropped(id, stale)
	}
}

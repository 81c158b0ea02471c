package kafka_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/plugins/reconcile/kafka"
)

// results counts how transactions ended.
type results struct {
	observer
	mu    sync.Mutex
	count map[kafka.TransactionResult]int
}

func (r *results) Transaction(result kafka.TransactionResult, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == nil {
		r.count = map[kafka.TransactionResult]int{}
	}
	r.count[result]++
}

func (r *results) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprint(r.count)
}

func (r *results) of(result kafka.TransactionResult) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count[result]
}

// pairs sends complete facts, half of an event at a time, from one number on.
func pairs(b *broker, from, n int) {
	for i := from; i < from+n; i++ {
		key := fmt.Sprintf("k%04d", i)
		p := i % b.partitions
		b.send(fact{partition: p, key: key, cloud: "aws", at: i % 5}, fact{partition: p, key: key, cloud: "gcp", at: i % 5})
	}
}

// eachOnce wants n keys, each with one verdict.
func eachOnce(t *testing.T, vs []verdict, n int) {
	t.Helper()
	seen := map[string]bool{}
	for _, v := range vs {
		require.False(t, seen[v.Key], "two verdicts for %s", v)
		require.Equal(t, "matched", v.Status, v)
		seen[v.Key] = true
	}
	require.Len(t, seen, n)
}

func TestACommitWhoseAnswerIsLostIsNotWrittenAgain(t *testing.T) {
	b := startBroker(t, 2)
	conf := b.config("g", orders)
	seen := &results{}
	conf.Observer = seen
	b.start(conf)
	verdicts := b.follow(embedded.TopicVerdicts)
	pairs(b, 0, 4)
	verdicts.untilCount(4)

	b.hideCommit()
	pairs(b, 4, 4)
	verdicts.untilCount(8)
	pairs(b, 8, 4)
	eachOnce(t, verdicts.untilCount(12), 12)
	require.Equal(t, 1, seen.of(kafka.Confirmed), "%v", seen)
	require.Zero(t, seen.of(kafka.Failed), "%v", seen)
}

// hideCommit lets the broker carry the next commit out, and answer that
// something went wrong: the client takes that for an abort.
func (b *broker) hideCommit() {
	var under, done atomic.Bool
	b.kafka.Cluster().ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		end := req.(*kmsg.EndTxnRequest)
		if under.Load() || done.Load() || !end.Commit {
			return nil, nil, false
		}
		under.Store(true)
		again := *end
		var resp *kmsg.EndTxnResponse
		var err error
		b.kafka.Cluster().SleepControl(func() { resp, err = again.RequestWith(b.t.Context(), b.producer) })
		under.Store(false)
		done.Store(true)
		if err != nil || resp.ErrorCode != 0 {
			b.t.Errorf("the commit was not carried out: %v %v", err, resp)
			return nil, nil, false
		}
		answer := end.ResponseKind().(*kmsg.EndTxnResponse)
		answer.ErrorCode = kerr.UnknownServerError.Code
		return answer, nil, true
	})
}

func TestRefusedRequestsAbortAndNothingIsLostOrDoubled(t *testing.T) {
	for _, fault := range []kfake.Fault{
		{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.CoordinatorLoadInProgress},
		{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.IllegalGeneration},
		{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.OffsetMetadataTooLarge},
		{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.UnknownServerError},
		{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.ProducerFenced},
		{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.InvalidProducerEpoch},
		{Keys: []kmsg.Key{kmsg.Produce}, Topic: embedded.TopicVerdicts, Err: kerr.TopicAuthorizationFailed},
		{Keys: []kmsg.Key{kmsg.Produce}, Topic: embedded.TopicVerdicts, Err: kerr.InvalidProducerEpoch},
		{Keys: []kmsg.Key{kmsg.Produce}, Topic: embedded.TopicVerdicts, Err: kerr.NotEnoughReplicasAfterAppend},
		{Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true, Err: kerr.UnknownServerError, When: func(req kmsg.Request) bool {
			return req.(*kmsg.InitProducerIDRequest).TransactionalID != nil
		}},
		{Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.CoordinatorLoadInProgress},
		{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.UnknownMemberID},
		{Keys: []kmsg.Key{kmsg.Fetch}, Topic: embedded.TopicEvents, Err: kerr.UnknownServerError},
	} {
		name := fmt.Sprint(fault.Keys[0].Name(), " ", fault.Err.Message)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, 2)
			conf := b.config("g", orders)
			conf.Instance = "one"
			seen := &results{}
			conf.Observer = seen
			verdicts := b.follow(embedded.TopicVerdicts)
			fault.Count = 2
			var h *kfake.FaultHandle
			switch fault.Keys[0] {
			case kmsg.InitProducerID, kmsg.OffsetFetch: // only made at the start
				h = b.kafka.Cluster().Fault(fault)
				b.start(conf)
			default:
				b.start(conf)
				b.send(fact{key: "first", cloud: "aws"}, fact{key: "first", cloud: "gcp"})
				verdicts.untilCount(1)
				h = b.kafka.Cluster().Fault(fault)
			}
			defer h.Remove()
			pairs(b, 0, 2)
			pairs(b, 2, 20)
			verdicts.until("the verdicts", func() bool { return countKeys(verdicts.verdicts(), "k") >= 22 })
			pairs(b, 22, 4)
			verdicts.until("more verdicts", func() bool { return countKeys(verdicts.verdicts(), "k") >= 26 })
			eachOnce(t, verdicts.verdicts(), len(verdicts.verdicts()))
			require.Positive(t, h.Hits())
			t.Log(h.Hits(), seen)
		})
	}
}

func TestCloseInMidWindowEmitsNoVerdictForAnOpenFact(t *testing.T) {
	b := startBroker(t, 1)
	conf := b.config("g", orders)
	in := b.start(conf)
	verdicts := b.follow(embedded.TopicVerdicts)
	b.send(
		fact{key: "done", cloud: "aws", at: 0}, fact{key: "open", cloud: "aws", at: 1},
		fact{key: "done", cloud: "gcp", at: 0},
	)
	verdicts.untilCount(1)
	stop(t, in)
	_, err := in.Deliveries(t.Context())
	for err == nil {
		_, err = in.Deliveries(t.Context())
	}
	require.ErrorIs(t, err, kafka.ErrClosed)

	// The next one finds it open, and completes it.
	b.start(conf)
	b.send(fact{key: "open", cloud: "gcp", at: 1})
	vs := verdicts.untilCount(2)
	require.Equal(t, "done r1 matched (complete) missing=[] stalled=[]", vs[0].String())
	require.Equal(t, "open r1 matched (complete) missing=[] stalled=[]", vs[1].String())
}

func TestABrokerThatRestartsLosesAndDoublesNothing(t *testing.T) {
	b := startBrokerIn(t, embedded.KafkaConfig{Dir: t.TempDir(), Partitions: 2, Retention: 24 * time.Hour})
	conf := b.config("g", orders)
	conf.Instance = "one"
	b.start(conf)
	verdicts := b.follow(embedded.TopicVerdicts)
	pairs(b, 0, 20)
	b.send(fact{partition: 0, key: "open", cloud: "aws", at: 2})
	verdicts.untilCount(20)

	b.restart()
	b.send(fact{partition: 0, key: "open", cloud: "gcp", at: 2})
	pairs(b, 30, 20)
	eachOnce(t, verdicts.untilCount(41), 41)
}

// restart stops the broker and starts it again on the same port and directory.
func (b *broker) restart() {
	b.t.Helper()
	var port int
	_, err := fmt.Sscanf(b.kafka.Addrs()[0], "127.0.0.1:%d", &port)
	require.NoError(b.t, err)
	b.kafka.Close()
	b.conf.Port = port
	require.Eventually(b.t, func() bool {
		b.kafka, err = embedded.StartKafka(b.t.Context(), b.conf)
		return err == nil
	}, eventually, 50*time.Millisecond, "the broker does not come back")
}

func TestPartitionsThatMoveBetweenMembersJudgeEveryFactOnce(t *testing.T) {
	const partitions = 6
	b := startBroker(t, partitions)
	conf := b.config("g", orders)
	verdicts := b.follow(embedded.TopicVerdicts)
	first := b.start(conf)
	sent := 0
	more := func(n int) {
		// Each fact is open for a while: its second event comes with the next call.
		for i := range n {
			k := sent + i
			b.send(fact{partition: k % partitions, key: fmt.Sprintf("k%04d", k), cloud: "aws", at: k % 5})
			if k >= 60 {
				b.send(fact{partition: (k - 60) % partitions, key: fmt.Sprintf("k%04d", k-60), cloud: "gcp", at: k % 5})
			}
		}
		sent += n
	}
	more(200)
	second := b.start(conf)
	more(200)
	third := b.start(conf)
	more(200)
	stop(t, first)
	more(200)
	stop(t, third)
	more(200)
	verdicts.untilCount(sent - 60)
	stop(t, second)
	eachOnce(t, verdicts.verdicts(), sent-60)
}

func TestAFrozenProcessThatWakesUpWritesNothingAfterItsPartitionsMoved(t *testing.T) {
	b := startBroker(t, 2)
	conf := b.config("g", orders)
	verdicts := b.follow(embedded.TopicVerdicts)
	frozen := b.crashable(conf)
	pairs(b, 0, 20)
	verdicts.untilCount(20)
	b.send(fact{partition: 0, key: "open", cloud: "aws", at: 0})

	// The wire holds everything back past the session timeout.
	frozen.freeze()
	pairs(b, 20, 20)
	b.start(conf)
	verdicts.untilCount(40)
	frozen.thaw()
	pairs(b, 40, 40)
	b.send(fact{partition: 0, key: "open", cloud: "gcp", at: 0})
	eachOnce(t, verdicts.untilCount(81), 81)
}

// A cloud is silent on every partition: facts that wait for it alone are
// indeterminate, are so again and only once after a crash, and are corrected
// when it comes back.
func TestFactsOfASilentCloudAreIndeterminateOnceWhateverCrashes(t *testing.T) {
	const partitions, n = 3, 30
	b := startBroker(t, partitions)
	conf := b.config("g", orders)
	conf.Instance = "one"
	conf.Engine.IdleTimeout = 300 * time.Millisecond
	verdicts := b.follow(embedded.TopicVerdicts)
	key := func(i int) string { return fmt.Sprintf("k%04d", i) }
	w := b.crashable(conf)
	for i := range n {
		b.send(fact{partition: i % partitions, key: key(i), cloud: "aws", at: i % 5}, fact{partition: i % partitions, key: "old" + key(i), cloud: "gcp", at: i % 5})
	}
	// aws alone moves on past every deadline.
	for p := range partitions {
		b.send(fact{partition: p, key: fmt.Sprint("mark", p), cloud: "aws", at: 100})
	}
	verdicts.until("all old facts to be missing", func() bool { return countStatus(verdicts.verdicts(), "missing") == n })
	w.kill()
	w = b.crashable(conf)
	verdicts.until("all facts to be indeterminate", func() bool { return countStatus(verdicts.verdicts(), "indeterminate") >= n })
	w.kill()
	w = b.crashable(conf)
	for i := range n / 2 {
		b.send(fact{partition: i % partitions, key: key(i), cloud: "gcp", at: i % 5})
	}
	verdicts.until("half of them to be corrected", func() bool { return countStatus(verdicts.verdicts(), "matched") == n/2 })
	w.kill()
	b.crashable(conf)
	for p := range partitions {
		b.send(fact{partition: p, key: fmt.Sprint("mark", p), cloud: "gcp", at: 100})
	}
	verdicts.until("the others to be missing", func() bool { return countStatus(verdicts.verdicts(), "missing") >= n+n/2 })

	last, seen := map[string]string{}, map[string]bool{}
	for _, v := range verdicts.verdicts() {
		id := fmt.Sprint(v.Key, v.Revision, v.OpenedAt)
		require.False(t, seen[id], "two verdicts %s", v)
		seen[id] = true
		last[v.Key] = v.Status
	}
	for i := range n {
		want := "missing"
		if i < n/2 {
			want = "matched"
		}
		require.Equal(t, want, last[key(i)])
		require.Equal(t, "missing", last["old"+key(i)])
	}
}

func countKeys(vs []verdict, prefix string) (n int) {
	for _, v := range vs {
		if strings.HasPrefix(v.Key, prefix) {
			n++
		}
	}
	return n
}

func countStatus(vs []verdict, status string) (n int) {
	for _, v := range vs {
		if v.Status == status {
			n++
		}
	}
	return n
}

func TestNobodyIsStalledWhileTheBrokerIsAway(t *testing.T) {
	b := startBrokerIn(t, embedded.KafkaConfig{Dir: t.TempDir(), Partitions: 1, Retention: 24 * time.Hour})
	conf := b.config("g", orders)
	conf.Engine.IdleTimeout = 500 * time.Millisecond
	conf.LookInterval = 20 * time.Millisecond
	// The clock stands still but for the outage: how fast the machine is doesn't matter.
	var running, questions atomic.Int64
	conf.Running = func() time.Duration { questions.Add(1); return time.Duration(running.Load()) }
	b.start(conf)
	verdicts := b.follow(embedded.TopicVerdicts)
	b.send(fact{key: "a", cloud: "aws", at: 0}, fact{key: "b", cloud: "gcp", at: 0}, fact{key: "mark", cloud: "aws", at: 100})
	verdicts.untilCount(1)

	var port int
	_, err := fmt.Sscanf(b.kafka.Addrs()[0], "127.0.0.1:%d", &port)
	require.NoError(t, err)
	b.kafka.Close()
	running.Add(int64(3 * conf.Engine.IdleTimeout))
	// What was asked before the outage and within it has got no answer by the time
	// that something is asked again.
	asked := questions.Load()
	require.Eventually(t, func() bool { return questions.Load() >= asked+2 }, time.Minute, 10*time.Millisecond)
	b.conf.Port = port
	b.kafka, err = embedded.StartKafka(t.Context(), b.conf)
	require.NoError(t, err)
	b.send(fact{key: "a", cloud: "gcp", at: 1})
	vs := verdicts.untilCount(2)
	require.Equal(t, "b r1 missing (deadline) missing=[aws] stalled=[]", vs[0].String())
	require.Equal(t, "a r1 matched (complete) missing=[] stalled=[]", vs[1].String())
}

func TestStartRefusesTopicsThatWouldLoseState(t *testing.T) {
	b := startBroker(t, 3)
	make := func(name string, partitions int, configs map[string]string) string {
		require.NoError(t, b.kafka.Cluster().CreateTopic(name, int32(partitions), configs))
		return name
	}
	long := map[string]string{"retention.ms": "-1"}
	for says, change := range map[string]func(*kafka.Config){
		"both need the same number": func(c *kafka.Config) { c.VerdictTopic = make("two", 2, long) },
		"cleanup.policy=compact": func(c *kafka.Config) {
			c.VerdictTopic = make("compacted", 3, map[string]string{"cleanup.policy": "compact"})
		},
		`topic "short" keeps its records for 1s`: func(c *kafka.Config) { c.Topic = make("short", 3, map[string]string{"retention.ms": "1000"}) },
		`topic "none" can't be used`:             func(c *kafka.Config) { c.DLQTopic = "none" },
		"correction_horizon + window":            func(c *kafka.Config) { c.VerdictTopic = make("brief", 3, map[string]string{"retention.ms": "60000"}) },
	} {
		t.Run(says, func(t *testing.T) {
			conf := b.config("g", orders)
			change(&conf)
			in, err := kafka.New(conf)
			require.NoError(t, err)
			require.ErrorContains(t, in.Start(t.Context()), says)
			stop(t, in)
		})
	}
}

func TestAVerdictThatTheTopicCantTakeStopsNothing(t *testing.T) {
	b := startBroker(t, 1)
	conf := b.config("g", orders)
	conf.Engine.Sample = true
	b.start(conf)
	verdicts, letters := b.follow(embedded.TopicVerdicts), b.follow(embedded.TopicDLQ)
	big := make([]byte, 600_000)
	for i := range big {
		big[i] = 'x'
	}
	// Without its sample the first fits; the key of the second stands in it
	// too often; both are too large for what the broker compresses in a batch.
	wide := fact{key: "wide", cloud: "aws", at: 0}
	wide.raw = string(wide.json()[:len(wide.json())-2]) + `,"pad":"` + string(big) + `"}}`
	require.NoError(t, b.producer.ProduceSync(t.Context(),
		&kgo.Record{Topic: embedded.TopicEvents, Value: []byte(wide.raw)},
		&kgo.Record{Topic: embedded.TopicEvents, Value: fact{key: string(big), cloud: "aws", id: "x", at: 0}.json()},
	).FirstErr())
	b.send(fact{key: "mark", cloud: "gcp", at: 100})
	vs := verdicts.untilCount(1)
	require.Equal(t, "wide r1 missing (deadline) missing=[gcp] stalled=[]", vs[0].String())
	letters.untilCount(1)
	require.Equal(t, kafka.ReasonOversize, string(letters.records()[0].Headers[0].Value))
	b.send(fact{key: "mark", cloud: "aws", at: 100})
	require.Equal(t, "mark r1 matched (complete) missing=[] stalled=[]", verdicts.untilCount(2)[1].String())
}

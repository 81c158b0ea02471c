package kafka_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/plugins/reconcile/engine"
	"github.com/helios-connect/helios/plugins/reconcile/kafka"
)

// crashRules has one expectation and clock a partition, so that what is judged
// in one does not depend on how far another has been read.
func crashRules(partitions int) (rules []engine.Expectation) {
	for p := range partitions {
		rules = append(rules, engine.Expectation{
			Name: fmt.Sprintf("p%d", p), Tenants: []string{fmt.Sprintf("t%d", p)}, Clock: fmt.Sprintf("c%d", p),
			Expect: []string{"aws", "azure", "gcp"}, Window: 10 * time.Second, AllowedLateness: 5 * time.Second,
			Compare: []engine.Compare{{Field: "data.amount"}},
		})
	}
	return rules
}

// crashEvents is traffic in which, at every moment, facts are open, closed,
// corrected, under pressure, forgotten and late at once.
func crashEvents(r *rand.Rand, partition, n int) (events []fact) {
	clouds := []string{"aws", "azure", "gcp"}
	for i := range n / 3 {
		key := fmt.Sprintf("p%d-k%04d", partition, i)
		amount := r.IntN(3)
		for _, c := range clouds {
			e := fact{partition: partition, key: key, cloud: c, at: i, amount: amount}
			switch r.IntN(20) {
			case 0:
				continue // missing
			case 1:
				e.amount = 99 // mismatched
			case 2:
				events = append(events, e) // a duplicate beside it
			case 3:
				e.raw = `{"not":"an event"}`
			}
			events = append(events, e)
		}
	}
	// Displace some events: a little, beyond their verdict, beyond its memory.
	for range n / 5 {
		i := r.IntN(len(events))
		j := min(len(events)-1, i+[]int{3, 60, 200, 600}[r.IntN(4)])
		e := events[i]
		copy(events[i:j], events[i+1:j+1])
		events[j] = e
	}
	// Everybody moves on, so that everything closes.
	for i, c := range clouds {
		events = append(events, fact{partition: partition, key: fmt.Sprintf("p%d-end%d", partition, i), cloud: c, at: n + 1000})
	}
	return events
}

func crashJSON(e fact) fact {
	if e.raw == "" {
		at := time.Unix(epoch+int64(e.at), 0).UTC().Format(time.RFC3339)
		e.raw = fmt.Sprintf(`{"specversion":"1.0","id":"%s/%s","source":"/%s","type":"order","time":%q,"cloud":%q,"tenant":"t%d","correlationid":%q,"ingesttime":%q,"data":{"amount":%d}}`,
			e.key, e.cloud, e.cloud, at, e.cloud, e.partition, e.key, at, e.amount)
	}
	return e
}

// uninterrupted judges the events of one partition in one go, with the bound on
// what must be read again.
type uninterrupted struct {
	verdicts map[string]string
	flagged  int
}

func (u *uninterrupted) Verdict(v *engine.Verdict) {
	u.verdicts[fmt.Sprintf("%s r%d", v.Key, v.Revision)] = v.Status.String() + " " + v.ClosedBy.String()
}

func judgeUninterrupted(t *testing.T, conf engine.Config, maxReread int, events []fact) *uninterrupted {
	u := &uninterrupted{verdicts: map[string]string{}}
	conf.State, conf.Arrivals = true, nil
	judge, err := engine.New(conf, u)
	require.NoError(t, err)
	for i, e := range events {
		if out := judge.Apply([]byte(e.raw), uint64(i), 1); out.Reason != engine.ReasonNone {
			u.flagged++
		}
		reread := func() int {
			if low, open := judge.OldestToken(); open {
				return i + 1 - int(low)
			}
			return 0
		}
		if reread() > maxReread {
			for judge.Expire(1000, 1) {
			}
		}
		for reread() > maxReread {
			judge.CloseOldest(1)
		}
	}
	for judge.Expire(1000, 1) {
	}
	return u
}

// crashStreams is the traffic of all partitions, with what must come of it.
func crashStreams(t *testing.T, r *rand.Rand, conf engine.Config, partitions, perPartition, maxReread int) (streams [][]fact, want map[string]string, flagged int) {
	want = map[string]string{}
	for p := range partitions {
		var stream []fact
		for _, e := range crashEvents(r, p, perPartition) {
			stream = append(stream, crashJSON(e))
		}
		u := judgeUninterrupted(t, conf, maxReread, stream)
		for k, v := range u.verdicts {
			want[k] = v
		}
		flagged += u.flagged
		streams = append(streams, stream)
	}
	return streams, want, flagged
}

func crashSchedules() int {
	if n, err := strconv.Atoi(os.Getenv("HELIOS_CRASH_SCHEDULES")); err == nil {
		return n
	}
	return 6
}

func TestKilledAnywhereTheVerdictsAreThoseOfAnUninterruptedRun(t *testing.T) {
	for seed := range crashSchedules() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			testCrashes(t, uint64(seed))
		})
	}
}

func testCrashes(t *testing.T, seed uint64) {
	const partitions, perPartition, maxReread = 3, 1500, 120
	r := rand.New(rand.NewPCG(seed, 1))
	b := startBroker(t, partitions)
	conf := b.config("g", crashRules(partitions)...)
	conf.Instance, conf.MaxReread = "one", maxReread
	conf.Engine.CorrectionHorizon = time.Hour // what is forgotten when depends on when was committed

	streams, want, flagged := crashStreams(t, r, conf.Engine, partitions, perPartition, maxReread)
	verdicts, letters := b.follow(embedded.TopicVerdicts), b.follow(embedded.TopicDLQ)
	w := b.crashable(conf)
	kills := 0
	for sent := 0; sent < perPartition+1000; {
		chunk := 20 + r.IntN(300)
		for p := range streams {
			b.send(streams[p][min(sent, len(streams[p])):min(sent+chunk, len(streams[p]))]...)
		}
		sent += chunk
		if r.IntN(3) > 0 {
			continue
		}
		select {
		case <-b.killAt(w, 1+r.IntN(12), r.IntN(2) == 0):
		case <-time.After(200 * time.Millisecond): // it has nothing to say any more
			w.kill()
		}
		kills++
		w = b.crashable(conf)
	}
	t.Logf("%d kills, %d verdicts, %d flagged", kills, len(want), flagged)

	verdicts.wait(func() bool { return len(verdicts.records()) >= len(want) })
	letters.wait(func() bool { return len(letters.records()) >= flagged })
	compareVerdicts(t, want, verdicts.verdicts())
	require.Len(t, origins(letters), flagged)

	// A last kill, and nothing more may come.
	w.kill()
	caughtUp := make(chan struct{})
	conf.Observer = &untilCaughtUp{partitions: partitions, done: caughtUp}
	b.crashable(conf)
	select {
	case <-caughtUp:
	case <-time.After(eventually):
		t.Fatal("the last instance did not catch up")
	}
	compareVerdicts(t, want, b.followN(embedded.TopicVerdicts, len(want)).verdicts())
	require.Equal(t, origins(letters), origins(b.followN(embedded.TopicDLQ, flagged)))
}

// compareVerdicts wants each revision once, in order, and as want says.
func compareVerdicts(t *testing.T, want map[string]string, verdicts []verdict) {
	t.Helper()
	got, revisions := map[string]string{}, map[string]int{}
	for _, v := range verdicts {
		k := fmt.Sprintf("%s r%d", v.Key, v.Revision)
		require.NotContains(t, got, k, "a verdict was committed twice")
		got[k] = v.Status + " " + v.ClosedBy
		require.Equal(t, revisions[v.Key]+1, v.Revision, "revisions of %s are in order", v.Key)
		revisions[v.Key] = v.Revision
	}
	var wrong []string
	for k, v := range want {
		if got[k] != v {
			wrong = append(wrong, fmt.Sprintf("%s: want %q, got %q", k, v, got[k]))
		}
	}
	for k, v := range got {
		if want[k] == "" {
			wrong = append(wrong, fmt.Sprintf("%s: got %q, want none", k, v))
		}
	}
	sort.Strings(wrong)
	require.Empty(t, wrong, "%d of %d verdicts", len(wrong), len(want))
}

func (b *broker) followN(topic string, n int) *reader {
	r := b.follow(topic)
	r.untilCount(n)
	return r
}

// origins lists which events the dead letters are, and fails on a repeat.
func origins(r *reader) (list []string) {
	seen := map[string]bool{}
	for _, rec := range r.records() {
		for _, h := range rec.Headers {
			if h.Key == kafka.HeaderOrigin {
				require.False(r.t, seen[string(h.Value)], "event %s was dead-lettered twice", h.Value)
				seen[string(h.Value)] = true
				list = append(list, string(h.Value))
			}
		}
	}
	sort.Strings(list)
	return list
}

// untilCaughtUp closes done at the third look at which everything is applied.
type untilCaughtUp struct {
	observer
	partitions, looks int
	done              chan struct{}
}

func (u *untilCaughtUp) Observed(stats []kafka.PartitionStats) {
	if len(stats) != u.partitions {
		return
	}
	for _, s := range stats {
		if s.Phase != "live" || s.Lag > 0 {
			return
		}
	}
	if u.looks++; u.looks == 3 {
		close(u.done)
	}
}

// observer ignores everything.
type observer struct{}

func (observer) Received(string, string, int)                       {}
func (observer) Repeated(string, string, int)                       {}
func (observer) Restored(int32, int, time.Duration)                 {}
func (observer) Rebuilt(int32, int)                                 {}
func (observer) Lost(int32, int64)                                  {}
func (observer) Dropped(int32, bool)                                {}
func (observer) Transaction(kafka.TransactionResult, time.Duration) {}
func (observer) Committed([]kafka.Delivery)                         {}
func (observer) Overflowed(int)                                     {}
func (observer) Observed([]kafka.PartitionStats)                    {}

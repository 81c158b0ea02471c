package kafka

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

// life plays a partition's events, commits at given positions, and crashes at
// others, with a log of its own instead of a broker.
type life struct {
	t      *testing.T
	conf   engine.Config
	shape  metadataShape
	reread int64
	events []*kgo.Record
	wall   func(offset int64) int64

	part     *partition
	low      int64 // committed
	metadata string
	log      []*kgo.Record // of verdicts
	next     int64
	written  []string // what was committed, in order
	crashes  int
}

const second = int64(time.Second)

func (l *life) begin() {
	from := commitState{}
	if l.metadata != "" {
		var known bool
		var err error
		from, known, err = decodeCommit(l.low, l.metadata)
		require.NoError(l.t, err)
		require.True(l.t, known)
	}
	p, err := newPartition(0, from, l.shape, l.reread, l.conf)
	require.NoError(l.t, err)
	for _, rec := range l.log {
		if rec.Offset >= from.VerdictLow {
			require.NoError(l.t, p.restoreClosed(rec))
		}
	}
	p.phase = restored
	// The wall clock has gone on: what is read again is judged by position, not
	// by the time of day.
	p.promote(l.wall(from.Pos) + 365*24*3600*second)
	l.part = p
}

// commit writes what a transaction would.
func (l *life) commit(wall int64) {
	snap := l.part.snapshot(wall)
	if snap == nil {
		return
	}
	for _, o := range snap.outputs {
		if f := o.flagged; f != nil {
			l.written = append(l.written, fmt.Sprintf("%s %d", f.Reason, f.Record.Offset))
			continue
		}
		rec := verdictRecord("v", 0, o.verdict, o.trace)
		rec.Offset, o.offset = l.next, l.next
		l.next++
		l.log = append(l.log, rec)
		l.written = append(l.written, string(o.verdict.JSON))
	}
	l.next++ // the marker
	snap.seal("id")
	text, err := snap.state.encode()
	require.NoError(l.t, err)
	l.low, l.metadata = snap.state.Low, text
	l.part.committed(snap)
}

// play applies all events. At commits[pos] it commits, at crashes[pos] all that
// is in memory is lost.
func (l *life) play(commits, crashes map[int64]bool) {
	l.begin()
	for offset := l.low; offset < int64(len(l.events)); offset++ {
		rec := l.events[offset]
		was := l.part.phase
		wall := l.wall(offset)
		if was == rebuilding {
			wall += 365 * 24 * 3600 * second
		}
		l.part.take(rec, wall)
		if l.part.phase == live {
			// What is due is written at once: what is open pins what may be
			// forgotten, so that would depend on it.
			for l.part.engine.Expire(1000, wall) {
			}
			if commits[offset] {
				l.commit(wall)
			}
			if crashes[offset] {
				delete(crashes, offset)
				l.crashes++
				l.part.drop()
				l.begin()
				offset = l.low - 1
			}
		}
	}
	for l.part.engine.Expire(1000, l.wall(int64(len(l.events)))) {
	}
	l.commit(l.wall(int64(len(l.events))))
}

// lifeEvents draws a stream with every kind of event at every age.
func lifeEvents(r *rand.Rand, n int) (events []*kgo.Record) {
	clouds := []string{"aws", "gcp", "azure"}
	for i := range n {
		at := int64(i) * second / 2
		age := []int64{0, 0, 0, 0, 1, 2, 4, 12, 30, 70}[r.IntN(10)] * second
		fact := max(0, int64(i)-age/second*2) / 3
		key := fmt.Sprintf("k%d", fact)
		cloud := clouds[r.IntN(3)]
		switch r.IntN(30) {
		case 0:
			cloud = fmt.Sprint("stranger", r.IntN(3)) // unexpected
		case 1:
			events = append(events, &kgo.Record{Offset: int64(i), Value: []byte(`{"no":"event"}`)})
			continue
		case 2: // of the future by the wall clock, not by the one of a later reader
			doc := fmt.Appendf(nil, `{"id":"f%d","source":"/x","type":"order","time":%q,"cloud":%q,"correlationid":%q,"data":{"amount":1}}`,
				i, time.Unix(0, at+2*3600*second).UTC().Format(time.RFC3339Nano), cloud, key)
			events = append(events, &kgo.Record{Offset: int64(i), Value: doc})
			continue
		}
		// Repeats are equal: a representative that changes without changing the
		// verdict is in no verdict's state, so a crash loses it.
		seen := fact*3*second/2 + int64(len(cloud))*second/4
		stamp := time.Unix(0, seen).UTC().Format(time.RFC3339Nano)
		doc := fmt.Appendf(nil, `{"id":"%s%s","source":"/x","type":"order","time":%q,"cloud":%q,"correlationid":%q,"ingesttime":%q,"data":{"amount":%d}}`,
			cloud, key, stamp, cloud, key, stamp, min(1, (fact*7+int64(len(cloud)))%5))
		events = append(events, &kgo.Record{Offset: int64(i), Value: doc})
	}
	return events
}

func lives() int {
	if n, err := strconv.Atoi(os.Getenv("HELIOS_LIVES")); err == nil {
		return n
	}
	return 300
}

// A partition that crashes anywhere and is restored from what was committed
// writes, byte for byte, what one writes that commits at the same positions and
// never crashes: nothing twice, nothing less, nothing else.
func TestARestoredPartitionIsTheOneThatWasCommitted(t *testing.T) {
	rules := []engine.Expectation{{
		Name: "orders", Expect: []string{"aws", "azure", "gcp"}, Window: 6 * time.Second, AllowedLateness: 3 * time.Second,
		Compare: []engine.Compare{{Field: "data.amount"}},
	}}
	shape, err := shapeOf(rules)
	require.NoError(t, err)
	crashed, flagged := 0, map[string]int{}
	for seed := range lives() {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		events := lifeEvents(r, 400)
		conf := engine.Config{
			Expectations: rules, CorrectionHorizon: []time.Duration{10 * time.Second, 40 * time.Second}[r.IntN(2)],
			MaxOpen: 1000, MaxClosed: 1000, Sample: r.IntN(2) == 0, State: true,
		}
		reread := []int64{20, 1000}[r.IntN(2)]
		commits, crashes := map[int64]bool{}, map[int64]bool{}
		for i := range int64(len(events)) {
			commits[i] = r.IntN(7) == 0
			if r.IntN(25) == 0 {
				crashes[i] = true
			}
		}
		play := func(crashes map[int64]bool) *life {
			l := &life{t: t, conf: conf, shape: shape, reread: reread, events: events,
				wall: func(offset int64) int64 { return offset * second / 2 }}
			l.play(commits, crashes)
			return l
		}
		want := play(nil)
		got := play(crashes)
		crashed += got.crashes
		for _, line := range want.written {
			var reason string
			var offset int
			if n, _ := fmt.Sscanf(line, "%s %d", &reason, &offset); n == 2 && line[0] != '{' {
				flagged[reason]++
			}
		}
		if !equalOutputs(want.written, got.written) {
			t.Fatalf("seed %d, horizon %s, reread %d:\n%s", seed, conf.CorrectionHorizon, reread, firstDifference(want.written, got.written))
		}
	}
	require.Greater(t, crashed, lives(), "the schedules crash too rarely")
	for _, reason := range []string{"too_late", "future", "unreadable"} {
		require.Positive(t, flagged[reason], reason)
	}
	t.Log(crashed, "crashes,", flagged)
}

func equalOutputs(a, b []string) bool {
	return firstDifference(a, b) == ""
}

// firstDifference compares outputs as sets: only the order in which facts that
// are due are written may differ.
func firstDifference(want, got []string) string {
	count := map[string]int{}
	for _, w := range want {
		count[withoutDecision(w)]++
	}
	for _, g := range got {
		count[withoutDecision(g)]--
	}
	for _, w := range want {
		if count[withoutDecision(w)] > 0 {
			return "lacks " + w + "\nhas   " + unwanted(count, got)
		}
	}
	if u := unwanted(count, got); u != "" {
		return "has   " + u
	}
	return ""
}

func unwanted(count map[string]int, got []string) string {
	for _, g := range got {
		if count[withoutDecision(g)] < 0 {
			return g
		}
	}
	return ""
}

// withoutDecision blanks the wall clock at which a verdict was written.
func withoutDecision(line string) string {
	const name = `"decided_at":"`
	i := strings.Index(line, name)
	if i < 0 {
		return line
	}
	rest := line[i+len(name):]
	return line[:i] + rest[strings.IndexByte(rest, '"'):]
}

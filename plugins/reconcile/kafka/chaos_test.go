package kafka_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/helios-connect/helios/internal/embedded"
)

func chaosSchedules() int {
	if n, err := strconv.Atoi(os.Getenv("HELIOS_CHAOS_SCHEDULES")); err == nil {
		return n
	}
	return 2
}

// Members of one group are killed, frozen past their session and thawed, leave
// and join, while events flow. Whoever judges, the verdicts are those of an
// uninterrupted run.
func TestWhateverMembersDoTheVerdictsAreThoseOfAnUninterruptedRun(t *testing.T) {
	for seed := range chaosSchedules() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			testChaos(t, uint64(seed))
		})
	}
}

func testChaos(t *testing.T, seed uint64) {
	const partitions, perPartition, maxReread = 4, 2000, 150
	r := rand.New(rand.NewPCG(seed, 2))
	b := startBrokerIn(t, embedded.KafkaConfig{
		Partitions: partitions, Retention: 24 * time.Hour,
		Options: []kfake.Opt{kfake.GroupMinSessionTimeout(500 * time.Millisecond)},
	})
	conf := b.config("g", crashRules(partitions)...)
	conf.MaxReread = maxReread
	conf.SessionTimeout, conf.TransactionTimeout = 1500*time.Millisecond, time.Second
	conf.Engine.CorrectionHorizon = time.Hour // what is forgotten when depends on when was committed

	streams, want, flagged := crashStreams(t, r, conf.Engine, partitions, perPartition, maxReread)
	verdicts, letters := b.follow(embedded.TopicVerdicts), b.follow(embedded.TopicDLQ)
	members := []*process{b.crashable(conf), b.crashable(conf)}
	var frozen []*process
	did := map[string]int{}
	for sent := 0; sent < perPartition+1000; {
		chunk := 20 + r.IntN(200)
		for p := range streams {
			b.send(streams[p][min(sent, len(streams[p])):min(sent+chunk, len(streams[p]))]...)
		}
		sent += chunk
		i := r.IntN(len(members))
		switch action := r.IntN(8); {
		case action == 0 && len(members) > 1:
			did["kill"]++
			members[i].kill()
			members = append(members[:i], members[i+1:]...)
		case action == 1 && len(members) > 1:
			did["leave"]++
			stop(t, members[i].input)
			members = append(members[:i], members[i+1:]...)
		case action == 2 && len(members) > 1:
			did["freeze"]++
			members[i].freeze()
			frozen = append(frozen, members[i])
			members = append(members[:i], members[i+1:]...)
		case action == 3 && len(frozen) > 0:
			did["thaw"]++
			frozen[0].thaw()
			members, frozen = append(members, frozen[0]), frozen[1:]
		case action == 4 && len(members) < 4:
			did["join"]++
			members = append(members, b.crashable(conf))
		case action == 5:
			members[i].cutConnections()
			did["reset"]++
		}
		<-time.After(time.Duration(r.IntN(100)) * time.Millisecond) // lets the schedule, not the outcome, vary
	}
	for _, p := range frozen {
		p.thaw()
	}
	t.Logf("%v, %d verdicts, %d flagged", did, len(want), flagged)
	verdicts.wait(func() bool { return len(verdicts.records()) >= len(want) })
	letters.wait(func() bool { return len(letters.records()) >= flagged })
	compareVerdicts(t, want, verdicts.verdicts())
	if n := len(origins(letters)); n != flagged {
		t.Fatalf("%d events were dead-lettered, want %d", n, flagged)
	}
}

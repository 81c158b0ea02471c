//go:build unix

package chaos

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/internal/redistest"
	"github.com/helios-connect/helios/tests/ingest"
	"github.com/helios-connect/helios/tests/program"
)

// provider is a cloud that events are pulled from, and what can be recognised of
// its protocol on the wire.
type provider struct {
	name   string
	start  func(t testing.TB) ingest.Cloud
	hands  string // in an answer that hands messages out
	delete string // in a request that deletes or acknowledges messages
}

var providers = []provider{
	{
		name: "SQS", start: func(t testing.TB) ingest.Cloud { return ingest.StartSQS(t) },
		hands: `"ReceiptHandle"`, delete: "AmazonSQS.DeleteMessageBatch",
	},
	{
		// gRPC frames are binary, but texts in them stand as they are. A request of
		// Acknowledge holds the subscription (field 1) and then ids (field 2, tag
		// 0x12); one that extends deadlines goes on with another tag.
		name: "Pub-Sub", start: func(t testing.TB) ingest.Cloud { return ingest.StartPubSub(t) },
		hands: `"specversion"`, delete: "/subscriptions/orders\x12",
	},
	{
		name: "Storage queue", start: func(t testing.TB) ingest.Cloud { return ingest.StartStorageQueue(t) },
		hands: "<MessageText>", delete: "DELETE /",
	},
}

// pull is everything between a cloud and the log.
type pull struct {
	t       *testing.T
	cloud   ingest.Cloud
	broker  *ingest.Broker
	server  *redistest.Server
	redis   *gate // between the program and Redis
	door    *gate // between the program and the cloud
	program *program.Process
	lives   []time.Time // when each process was started
	expired bool        // the cloud handed out again what the last one held
}

func openPull(t *testing.T, of provider) *pull {
	t.Helper()
	p := &pull{t: t, cloud: of.start(t), broker: ingest.StartBroker(t), server: redistest.Start(t)}
	var err error
	p.redis, err = openGate(p.server.Addr())
	require.NoError(t, err)
	t.Cleanup(p.redis.close)
	p.door, err = openGate(p.cloud.Addr())
	require.NoError(t, err)
	t.Cleanup(p.door.close)
	p.program = ingest.New(t, binary, p.cloud, p.door.address(), p.broker,
		"HELIOS_DEDUPE=redis", "HELIOS_REDIS_URL=redis://"+p.redis.address())
	p.live()
	t.Cleanup(p.program.Kill)
	return p
}

// live starts the program, for the first time or anew.
func (p *pull) live() {
	p.t.Helper()
	p.lives = append(p.lives, time.Now())
	p.program.Start(p.t)
}

// pullPoints are the steps between receipt and confirmation.
func pullPoints(of provider) []point[*pull] {
	door := func(t trap) func(p *pull, count int, fire func()) {
		return func(p *pull, count int, fire func()) { t.count, t.fire = count, fire; p.door.set(&t) }
	}
	redis := func(t trap) func(p *pull, count int, fire func()) {
		return func(p *pull, count int, fire func()) { t.count, t.fire = count, fire; p.redis.set(&t) }
	}
	kafka := func(stored bool) func(p *pull, count int, fire func()) {
		return func(p *pull, count int, fire func()) { trapProduce(p.broker.Cluster(), stored, count, fire) }
	}
	return []point[*pull]{
		{"messages are handed out, and are lost", door(trap{from: answers, holds: of.hands})},
		{"messages have been handed out", door(trap{from: answers, holds: of.hands, passes: true})},
		{"a claim is sent, and is lost", redis(trap{from: requests, holds: "NX"})},
		{"a claim has been made, its answer is lost", redis(trap{from: requests, holds: "NX", passes: true})},
		{"the log is written, and has not stored it", kafka(false)},
		{"the log has stored it, its answer is lost", kafka(true)},
		{"a confirmation is sent, and is lost", redis(trap{from: requests, holds: confirming})},
		{"a confirmation has been made, its answer is lost", redis(trap{from: requests, holds: confirming, passes: true})},
		{"a deletion is sent, and is lost", door(trap{from: requests, holds: of.delete})},
		{"a deletion has been made, its answer is lost", door(trap{from: requests, holds: of.delete, passes: true})},
	}
}

// account is what a producer knows: how often it sent each event, and which of
// its messages were none.
type account struct {
	mu     sync.Mutex
	events map[string]int
	broken map[string]bool // by their bytes
}

// producer sends events until told to stop: a tenth of them twice, and here and
// there what is none.
type producer struct {
	account
	stop, done chan struct{}
}

// Every few milliseconds a few messages, so that some are under way whenever the
// program dies, and no emulator falls behind.
const (
	producerPause = 25 * time.Millisecond
	atOnce        = 4
)

func startProducer(t *testing.T, cloud ingest.Cloud, random *rand.Rand) *producer {
	p := &producer{account: account{events: map[string]int{}, broken: map[string]bool{}}, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		tick := time.NewTicker(producerPause)
		defer tick.Stop()
		for n := 0; ; {
			select {
			case <-p.stop:
				return
			case <-tick.C:
			}
			for range 1 + random.IntN(atOnce) {
				n++
				p.send(t, cloud, fmt.Sprintf("e-%d", n), random)
			}
		}
	}()
	return p
}

func (p *producer) send(t *testing.T, cloud ingest.Cloud, id string, random *rand.Rand) {
	if random.IntN(20) == 0 {
		body := `{"id": "` + id + `", `
		p.mu.Lock()
		p.broken[body] = true
		p.mu.Unlock()
		cloud.Send(t, body)
		return
	}
	times := 1
	if random.IntN(10) == 0 {
		times = 2
	}
	p.mu.Lock()
	p.events[id] = times
	p.mu.Unlock()
	for range times {
		cloud.Send(t, cloud.Event(id))
	}
}

// finish stops sending and waits until the cloud holds nothing any more, and so
// has been told of everything that it is done.
func (p *producer) finish(t *testing.T, cloud ingest.Cloud) {
	t.Helper()
	close(p.stop)
	<-p.done
	require.Eventually(t, func() bool { return cloud.Held(t) == 0 }, 2*time.Minute, 50*time.Millisecond, "the cloud still holds messages")
}

// TestKilledWhileItPullsNothingIsLost kills the program at points between the
// receipt of messages and their deletion, each time at a step of its own, while
// producers go on. HELIOS_CHAOS_SEED repeats a run. HELIOS_CHAOS_ROUNDS says how
// often each point is tried; without it four are drawn.
func TestKilledWhileItPullsNothingIsLost(t *testing.T) {
	seed, rounds := fromEnv(t, "HELIOS_CHAOS_SEED", uint64(time.Now().UnixNano())), fromEnv(t, "HELIOS_CHAOS_ROUNDS", 0)
	t.Logf("HELIOS_CHAOS_SEED=%d", seed)
	for i, of := range providers {
		t.Run(of.name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			p := openPull(t, of)
			sent := startProducer(t, p.cloud, rand.New(rand.NewPCG(seed, uint64(i)+100)))
			var deaths []death
			for range max(rounds, 1) {
				order := random.Perm(len(pullPoints(of)))
				if rounds == 0 {
					order = order[:4]
				}
				for _, n := range order {
					deaths = append(deaths, p.dieAt(pullPoints(of)[n], 1+random.IntN(5)))
					p.live()
				}
			}
			if late, ok := p.cloud.(interface{ Expire() }); ok {
				late.Expire()
				p.expired = true
			}
			sent.finish(t, p.cloud)
			p.judge(&sent.account, deaths)
		})
	}
}

// death is a kill and what Redis held when the process was gone.
type death struct {
	at        string
	confirmed map[string]bool // by the names of keys
}

func (p *pull) dieAt(at point[*pull], count int) death {
	p.t.Helper()
	killed := make(chan struct{})
	at.arm(p, count, func() {
		p.program.Kill()
		close(killed)
	})
	select {
	case <-killed:
	case <-time.After(time.Minute):
		p.t.Fatalf("nobody came to the point %q\n%s", at.name, p.program.Log())
	}
	return death{at: at.name, confirmed: p.confirmed()}
}

// TestOutagesWhileItPullsLoseNothing takes the broker away under traffic, and
// then, at a claim, Redis, for HELIOS_CHAOS_OUTAGE each [3 seconds]. The program
// lives on, and what it has not written yet stays in the cloud.
//
// Redis comes back empty: what it had confirmed is forgotten, so that an event may
// then lie in the log as often as it was sent. One that was sent once lies there
// once.
func TestOutagesWhileItPullsLoseNothing(t *testing.T) {
	seed := fromEnv(t, "HELIOS_CHAOS_SEED", uint64(time.Now().UnixNano()))
	t.Logf("HELIOS_CHAOS_SEED=%d", seed)
	outage := time.Duration(fromEnv(t, "HELIOS_CHAOS_OUTAGE", 3)) * time.Second
	for i, of := range providers {
		t.Run(of.name, func(t *testing.T) {
			t.Parallel()
			p := openPull(t, of)
			sent := startProducer(t, p.cloud, rand.New(rand.NewPCG(seed, uint64(i))))
			p.awaitWritten(50)
			p.broker.Close()
			time.Sleep(outage)
			p.broker.Restart(t)
			p.awaitWritten(50)

			gone := make(chan struct{})
			p.redis.set(&trap{from: requests, holds: "NX", count: 1, fire: func() {
				p.server.Kill(t)
				close(gone)
			}})
			<-gone
			time.Sleep(outage)
			p.server.Restart(t)
			p.awaitWritten(50)
			sent.finish(t, p.cloud)

			events, _, broken := p.written()
			require.Empty(t, without(sent.events, events), "were sent and are not in helios.events")
			require.Empty(t, without(events, sent.events), "are in helios.events and were not sent")
			require.Empty(t, without(sent.broken, broken), "were sent and are not in helios.dlq")
			require.Empty(t, without(broken, sent.broken), "are in helios.dlq and were not sent")
			repeats := 0
			for id, places := range events {
				require.LessOrEqual(t, len(places), sent.events[id], "event %s is in the log more often than it was sent", id)
				repeats += len(places) - 1
			}
			// What is no event has no key, and a Storage queue hands out again what
			// could not be written within its 30 seconds.
			for body, places := range broken {
				require.LessOrEqual(t, len(places), 1+int(outage/(30*time.Second)), body)
			}
			t.Logf("%d events, %d written again after Redis lost its memory, %d dead letters", len(events), repeats, len(broken))
		})
	}
}

// awaitWritten waits until so many more events have been written.
func (p *pull) awaitWritten(more int64) {
	p.t.Helper()
	goal := p.broker.Written(p.t, embedded.TopicEvents) + more
	require.Eventually(p.t, func() bool { return p.broker.Written(p.t, embedded.TopicEvents) >= goal }, 2*time.Minute, 50*time.Millisecond)
}

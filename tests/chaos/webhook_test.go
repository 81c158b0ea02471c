//go:build unix

package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/internal/redistest"
	"github.com/helios-connect/helios/tests/program"
)

// The front door as it stands in production: webhook, canonical event, dedupe in
// Redis, Kafka with all replicas. Only the terms are shorter, so that a claim
// whose owner was killed is free again soon.
const doorConfig = `
http: {address: %q}
input:
  helios_dedupe:
    claim_expiry: 1s
    redis: {url: %q}
    input:
      helios_webhook:
        address: %q
        paths:
          - path: /in
            sender: hmac
            patience: 10s
            auth: {hmac: {header: X-Sig, secrets: [%q]}}
      processors:
        - helios_canonical: {cloud: shop}
output:
  redpanda:
    seed_brokers: [%q]
    topic: helios.events
    key: ${! @helios_key }
    acks: all
    batching: {count: 50, period: 5ms}
logger: {level: WARN}
`

// door is everything between the senders and the log.
type door struct {
	t       *testing.T
	broker  embedded.KafkaConfig
	kafka   *embedded.Kafka
	server  *redistest.Server
	redis   *gate // between the program and Redis
	web     *gate // between the senders and the program
	program *program.Process
}

func openDoor(t *testing.T) *door {
	t.Helper()
	server := redistest.Start(t)
	listens, admin := program.FreeAddress(t), program.FreeAddress(t)
	_, port, err := net.SplitHostPort(program.FreeAddress(t))
	require.NoError(t, err)
	d := &door{t: t, server: server, broker: embedded.KafkaConfig{Dir: t.TempDir(), Partitions: 2}}
	d.broker.Port, err = strconv.Atoi(port)
	require.NoError(t, err)
	d.startBroker()
	t.Cleanup(func() { d.kafka.Close() })
	for _, g := range []struct {
		gate   **gate
		target string
	}{{&d.redis, server.Addr()}, {&d.web, listens}} {
		*g.gate, err = openGate(g.target)
		require.NoError(t, err)
		t.Cleanup((*g.gate).close)
	}
	config := filepath.Join(t.TempDir(), "door.yaml")
	text := fmt.Sprintf(doorConfig, admin, "redis://"+d.redis.address(), listens, secret, d.kafka.Addrs()[0])
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	d.program = &program.Process{Binary: binary, Args: []string{"run", config}, Ready: "http://" + admin + "/ready"}
	d.program.Start(t)
	t.Cleanup(d.program.Kill)
	return d
}

// startBroker starts the broker at its address, with what it held before.
func (d *door) startBroker() {
	d.t.Helper()
	var err error
	d.kafka, err = embedded.StartKafka(d.t.Context(), d.broker)
	require.NoError(d.t, err)
}

// logged returns how often each event lies in the log.
func (d *door) logged() map[string]int {
	d.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(d.kafka.Addrs()...), kgo.ConsumeTopics(embedded.TopicEvents),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(d.t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Minute)
	defer cancel()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, embedded.TopicEvents)
	require.NoError(d.t, err)
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	counts := map[string]int{}
	for left > 0 {
		fetches := client.PollFetches(ctx)
		require.NoError(d.t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			var e struct{ ID string }
			require.NoError(d.t, json.Unmarshal(r.Value, &e), "%s", r.Value)
			counts[e.ID]++
			left--
		})
	}
	return counts
}

// point is a step between receipt and confirmation at which the program dies.
type point[T any] struct {
	name string
	arm  func(of T, count int, fire func())
}

func atRedis(t trap) func(d *door, count int, fire func()) {
	return func(d *door, count int, fire func()) {
		t.count, t.fire = count, fire
		d.redis.set(&t)
	}
}

func atWeb(t trap) func(d *door, count int, fire func()) {
	return func(d *door, count int, fire func()) {
		t.count, t.fire = count, fire
		d.web.set(&t)
	}
}

func atKafka(stored bool) func(d *door, count int, fire func()) {
	return func(d *door, count int, fire func()) { trapProduce(d.kafka.Cluster(), stored, count, fire) }
}

// trapProduce fires at the count-th produce request, before or after the broker
// has stored it. After means that the answer finds nobody.
func trapProduce(cluster *kfake.Cluster, stored bool, count int, fire func()) {
	var once sync.Mutex
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		once.Lock()
		defer once.Unlock()
		if count--; count != 0 {
			cluster.KeepControl()
			return nil, nil, false
		}
		fire()
		if stored {
			return nil, nil, false
		}
		return nil, errors.New("the sender is gone"), true
	})
}

// confirming is what only a confirmation in Redis holds: its value.
const confirming = "\r\n!\r\n"

var points = []point[*door]{
	{"a request arrives, and is lost", atWeb(trap{from: requests})},
	{"a request has arrived", atWeb(trap{from: requests, passes: true})},
	{"a claim is sent, and is lost", atRedis(trap{from: requests, holds: "NX"})},
	{"a claim has been made, its answer is lost", atRedis(trap{from: requests, holds: "NX", passes: true})},
	{"the log is written, and has not stored it", atKafka(false)},
	{"the log has stored it, its answer is lost", atKafka(true)},
	{"a confirmation is sent, and is lost", atRedis(trap{from: requests, holds: confirming})},
	{"a confirmation has been made, its answer is lost", atRedis(trap{from: requests, holds: confirming, passes: true})},
	{"an answer is sent, and is lost", atWeb(trap{from: answers})},
	{"an answer has been received", atWeb(trap{from: answers, passes: true})},
}

// TestKilledAtAnyPointNothingIsLost kills the program at every point in turn,
// each time at a step of its own, while senders go on. HELIOS_CHAOS_SEED repeats
// a run, HELIOS_CHAOS_ROUNDS says how often each point is tried [1].
func TestKilledAtAnyPointNothingIsLost(t *testing.T) {
	seed, rounds := fromEnv(t, "HELIOS_CHAOS_SEED", uint64(time.Now().UnixNano())), fromEnv(t, "HELIOS_CHAOS_ROUNDS", 1)
	t.Logf("HELIOS_CHAOS_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	d := openDoor(t)
	book := newLedger()
	senders := startCrowd("http://"+d.web.address()+"/in", book)
	for range rounds {
		for _, i := range random.Perm(len(points)) {
			killed := make(chan struct{})
			points[i].arm(d, 1+random.IntN(20), func() {
				d.program.Kill()
				close(killed)
			})
			select {
			case <-killed:
			case <-time.After(time.Minute):
				t.Fatalf("nobody came to the point %q", points[i].name)
			}
			d.program.Start(t)
		}
	}
	senders.finish()

	require.Len(t, book.taken, len(book.attempts), "every sender goes on until it is answered with success")
	counts := d.logged()
	for id := range book.taken {
		require.NotZero(t, counts[id], "event %s was answered with success and is not in the log", id)
	}
	repeats := 0
	for id, n := range counts {
		require.LessOrEqual(t, n, book.attempts[id], "event %s is in the log more often than it was sent", id)
		repeats += n - 1
	}
	t.Logf("%d kills, %d events, %d of them in the log more than once", d.program.Kills(), len(counts), repeats)

	// What was confirmed is not written again, however often it is sent.
	again := &crowd{url: senders.url, client: senders.client, ledger: newLedger()}
	for id := range counts {
		if len(again.ledger.taken) == 200 {
			break
		}
		again.deliver(id)
	}
	require.Equal(t, counts, d.logged())
}

// TestOutagesLoseNothing takes the broker and then Redis away under traffic, for
// HELIOS_CHAOS_OUTAGE each [3 seconds]. Senders are answered 503 meanwhile, or
// wait. Redis comes back empty: what it had confirmed is forgotten, so an event
// may lie in the log as often as it was sent, and no more.
func TestOutagesLoseNothing(t *testing.T) {
	outage := time.Duration(fromEnv(t, "HELIOS_CHAOS_OUTAGE", 3)) * time.Second
	d := openDoor(t)
	book := newLedger()
	senders := startCrowd("http://"+d.web.address()+"/in", book)
	book.await(t, 100)
	d.kafka.Close()
	time.Sleep(outage)
	d.startBroker()
	book.await(t, 100)
	d.server.Kill(t)
	time.Sleep(outage)
	d.server.Restart(t)
	book.await(t, 100)
	senders.finish()

	require.Len(t, book.taken, len(book.attempts))
	counts := d.logged()
	for id := range book.taken {
		require.NotZero(t, counts[id], "event %s was answered with success and is not in the log", id)
	}
	for id, n := range counts {
		require.LessOrEqual(t, n, book.attempts[id], "event %s is in the log more often than it was sent", id)
	}
	t.Logf("%d events", len(counts))
}

// TestTheAnswerWaitsForTheBroker delays the broker's acknowledgement: the
// sender must not hear of success before it.
func TestTheAnswerWaitsForTheBroker(t *testing.T) {
	d := openDoor(t)
	release, reached := make(chan struct{}), make(chan struct{})
	d.kafka.Cluster().ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		close(reached)
		d.kafka.Cluster().SleepControl(func() { <-release })
		return nil, nil, false
	})
	answered := make(chan struct{})
	sender := &crowd{url: "http://" + d.web.address() + "/in", client: &http.Client{Timeout: senderAnswer}, ledger: newLedger()}
	go func() {
		sender.deliver("slow")
		close(answered)
	}()
	<-reached
	select {
	case <-answered:
		t.Fatal("success was answered while the broker had not acknowledged")
	case <-time.After(time.Second): // long enough for an answer that waits for nothing
	}
	close(release)
	<-answered
	require.Equal(t, map[string]int{"slow": 1}, d.logged())
}

func fromEnv(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, name)
	return n
}

package reconcile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// virtual gives a buffer a clock that only the test moves.
type virtual struct {
	*buffer
	at time.Time
}

func virtualBuffer(t *testing.T, config string) *virtual {
	t.Helper()
	v := &virtual{idleBuffer(t, config), time.Unix(1_700_000_000, 0)}
	v.now = func() time.Time { return v.at }
	v.lastIn = v.at
	return v
}

// pass lets time pass in ticks, and closes what is due.
func (v *virtual) pass(d time.Duration) {
	for ; d > 0; d -= time.Second {
		v.mu.Lock()
		v.at = v.at.Add(time.Second)
		v.mu.Unlock()
		v.tick(time.Second, v.at)
		for v.expire() {
		}
	}
}

// fill makes verdicts until intake has to wait, and returns how many there are.
func fill(t *testing.T, b *buffer) int {
	t.Helper()
	for i := 0; b.waitingOut() < queueLimit; i++ {
		key := fmt.Sprint("fill-", i)
		take(t, b, orderEvent(key, "aws", 0, 1), orderEvent(key, "gcp", 0, 1))
	}
	return b.waitingOut()
}

// Not a sleep but a look: the call under test has come to wait.
func awaitWaiting(t *testing.T, b *buffer) {
	t.Helper()
	require.Eventually(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.waiting > 0
	}, 10*time.Second, time.Millisecond)
}

func TestIntakeStopsWhileTheOutputIsBlockedAndThatStallsNobody(t *testing.T) {
	v := virtualBuffer(t, orderConfig("idle_timeout: 10s"))
	take(t, v.buffer, orderEvent("open", "aws", 0, 1))
	require.Equal(t, queueLimit, fill(t, v.buffer))
	taken := make(chan error, 1)
	go func() {
		taken <- v.WriteBatch(context.Background(), service.MessageBatch{service.NewMessage(orderEvent("more", "aws", 1, 1))}, (&acked{}).fn)
	}()
	awaitWaiting(t, v.buffer)
	v.pass(time.Hour)
	require.Equal(t, queueLimit, v.waitingOut(), "nothing closes: no cloud was silent for its own sake")
	require.Equal(t, 1, v.engine.Stats().Open)
	batch, ack, err := v.ReadBatch(t.Context())
	require.NoError(t, err)
	require.NoError(t, ack(t.Context(), nil))
	require.NotEmpty(t, batch)
	require.NoError(t, <-taken)
	deliverAll(t, v.buffer)
	v.pass(time.Minute)
	for _, m := range deliverAll(t, v.buffer) {
		require.Equal(t, "indeterminate", meta(m, metaStatus), "now they are silent, and closing goes on")
	}
	require.Zero(t, v.engine.Stats().Open)
}

func TestRefusedVerdictsCountAsWaitingForTheOutput(t *testing.T) {
	v := virtualBuffer(t, orderConfig(""))
	v.retryFirst, v.retryMost = time.Hour, time.Hour
	fill(t, v.buffer)
	for len(v.queue) > 0 {
		_, ack, err := v.ReadBatch(t.Context())
		require.NoError(t, err)
		require.NoError(t, ack(t.Context(), errors.New("refused")))
	}
	ctx, cancel := context.WithCancel(t.Context())
	refused := make(chan error, 1)
	go func() { refused <- v.WriteBatch(ctx, nil, (&acked{}).fn) }()
	awaitWaiting(t, v.buffer)
	cancel()
	require.ErrorIs(t, <-refused, context.Canceled)
}

func TestReadBatchHonoursItsContext(t *testing.T) {
	b := idleBuffer(t, orderConfig(""))
	for range 2000 { // a broadcast that is lost hangs
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan error, 1)
		go func() {
			_, _, err := b.ReadBatch(ctx)
			got <- err
		}()
		cancel()
		select {
		case err := <-got:
			require.ErrorIs(t, err, context.Canceled)
		case <-time.After(10 * time.Second):
			t.Fatal("ReadBatch outlived its context")
		}
	}
}

// An input that has run into its limit on unacknowledged messages is silent
// because the output is.
func TestAnOutputThatDeliversNothingMakesNoCloudSilent(t *testing.T) {
	v := virtualBuffer(t, orderConfig("idle_timeout: 10s"))
	take(t, v.buffer, orderEvent("open", "aws", 0, 1))
	take(t, v.buffer, orderEvent("done", "aws", 0, 1), orderEvent("done", "gcp", 0, 1))
	v.pass(time.Hour)
	require.Equal(t, 1, v.engine.Stats().Open)
	deliverAll(t, v.buffer)
	v.pass(time.Minute)
	require.Zero(t, v.engine.Stats().Open)
}

func TestABufferThatIsStarvedNamesTheLikelyCauseOnce(t *testing.T) {
	v := virtualBuffer(t, orderConfig("idle_timeout: 20s"))
	var out bytes.Buffer
	v.log = service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(&out, nil)))
	take(t, v.buffer, orderEvent("open", "aws", 0, 1))
	v.pass(19 * time.Second)
	require.Empty(t, out.String())
	for range 10 {
		v.at = v.at.Add(time.Second)
		v.tick(time.Second, v.at)
	}
	require.Equal(t, 1, strings.Count(out.String(), "limit on unacknowledged messages is too low"), out.String())
	require.Contains(t, out.String(), "1 batch is unacknowledged")
}

// Intake waits for one chunk at most, however much is due.
func TestFactsCloseInChunksBetweenWhichIntakeGoesOn(t *testing.T) {
	const facts = 100_000
	v := virtualBuffer(t, orderConfig("hold_acks: false"))
	var batch service.MessageBatch
	for i := range facts {
		batch = append(batch, service.NewMessage(orderEvent(fmt.Sprint("k", i), "aws", 0, 1)))
	}
	batch = append(batch, service.NewMessage(orderEvent("later", "aws", 1000, 1)), service.NewMessage(orderEvent("later", "gcp", 1000, 1)))
	v.expired = v.at // intake itself does not look
	require.NoError(t, v.WriteBatch(t.Context(), batch, (&acked{}).fn))
	closed := len(deliverAll(t, v.buffer))
	for calls := 0; ; calls++ {
		require.Less(t, calls, 10*facts/expireChunk, "closing comes to an end")
		more := v.expire()
		n := len(deliverAll(t, v.buffer))
		require.LessOrEqual(t, n, expireChunk, "facts closed under one lock")
		closed += n
		if !more {
			break
		}
	}
	require.Equal(t, facts+1, closed)
}

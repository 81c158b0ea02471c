package dedupe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/internal/redistest"
)

// source is an input that the test feeds, and that remembers its answers.
type source struct {
	batches chan service.MessageBatch
	answers chan error
}

func newSource() *source {
	return &source{batches: make(chan service.MessageBatch, 1000), answers: make(chan error, 1000)}
}

func (*source) Connect(context.Context) error { return nil }
func (*source) Close(context.Context) error   { return nil }

func (s *source) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	select {
	case b, ok := <-s.batches:
		if !ok {
			return nil, nil, service.ErrEndOfInput
		}
		return b, func(_ context.Context, err error) error { s.answers <- err; return nil }, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func (s *source) give(ids ...int) {
	b := make(service.MessageBatch, len(ids))
	for i, id := range ids {
		b[i] = service.NewMessage(fmt.Appendf(nil, `{"source":"s","id":"%d","cloud":"aws"}`, id))
	}
	s.batches <- b
}

func open(t testing.TB, child service.BatchInput, backend Backend, hold, forward bool) *reader {
	t.Helper()
	res := service.MockResources()
	r := newReader(child, backend, settings{terms: testTerms, hold: hold, forward: forward, waiting: 100, keyer: byDefault(t)}, newMeter(res.Metrics()), res.Logger())
	require.NoError(t, r.Connect(context.Background()))
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	return r
}

var testTerms = Terms{Claim: time.Second, Confirm: time.Minute}

func take(t testing.TB, r *reader) (service.MessageBatch, service.AckFunc) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	b, ack, err := r.ReadBatch(ctx)
	require.NoError(t, err)
	return b, ack
}

func answer(t *testing.T, s *source) error {
	t.Helper()
	select {
	case err := <-s.answers:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the source got no answer")
		return nil
	}
}

func silent(t *testing.T, s *source) {
	t.Helper()
	select {
	case err := <-s.answers:
		t.Fatalf("the source got an answer early: %v", err)
	default:
	}
}

var bg = context.Background()

// backends runs a test on each backend.
func backends(t *testing.T, test func(t *testing.T, b Backend)) {
	t.Run("memory", func(t *testing.T) { test(t, NewMemory(testTerms, 1000)) })
	t.Run("redis", func(t *testing.T) {
		b, err := NewRedis(redistest.Start(t).URL(), "test:", nil, testTerms)
		require.NoError(t, err)
		test(t, b)
	})
	t.Run("redis as a cluster is asked", func(t *testing.T) {
		b, err := NewRedis(redistest.Start(t).URL(), "test:", nil, testTerms)
		require.NoError(t, err)
		b.(*redisBackend).cluster = true
		test(t, b)
	})
}

func TestABackendDoesWhatTheTableDoes(t *testing.T) {
	backends(t, func(t *testing.T, b Backend) {
		ask := func(owner string, keys ...Key) []Answer {
			answers := make([]Answer, len(keys))
			require.NoError(t, b.Claim(bg, owner, keys, answers))
			return answers
		}
		x, y, z := keyOf(1), keyOf(2), keyOf(3)
		require.Equal(t, []Answer{Claimed, Claimed}, ask("a", x, y))
		require.Equal(t, []Answer{Claimed, Claimed}, ask("a", x, y), "whose answer got lost asks again")
		require.Equal(t, []Answer{Busy, Claimed}, ask("b", x, z))
		require.NoError(t, b.Release(bg, "b", []Key{x}))
		require.Equal(t, []Answer{Busy}, ask("b", x), "only the owner releases")
		require.NoError(t, b.Confirm(bg, []Key{x}))
		require.NoError(t, b.Release(bg, "a", []Key{x, y}))
		require.Equal(t, []Answer{Confirmed, Claimed}, ask("b", x, y))
		require.NoError(t, b.Renew(bg, "a", []Key{x, y}))
		require.Eventually(t, func() bool { return ask("c", y)[0] == Claimed }, 5*time.Second, 50*time.Millisecond, "a claim expires")
	})
}

func TestARedeliveryWaitsForTheClaimAndHoldsUpNobody(t *testing.T) {
	backends(t, func(t *testing.T, b Backend) {
		s := newSource()
		r := open(t, s, b, false, false)
		s.give(1, 2, 2)
		first, ackFirst := take(t, r)
		require.Len(t, first, 2, "a repeat within the batch is its duplicate")
		s.give(2, 3)
		s.give(4)
		second, ackSecond := take(t, r)
		require.Len(t, second, 1)
		third, ackThird := take(t, r)
		require.Len(t, third, 1)
		require.NoError(t, ackThird(bg, nil))
		require.NoError(t, answer(t, s), "the unrelated batch")
		require.NoError(t, ackSecond(bg, nil))
		silent(t, s)
		require.NoError(t, ackFirst(bg, nil))
		require.NoError(t, answer(t, s))
		require.NoError(t, answer(t, s))
		s.give(1, 2, 3, 4)
		require.NoError(t, answer(t, s), "confirmed duplicates are acknowledged")
	})
}

func TestWhatIsRefusedIsHandedOnAgainAndWhatWentThroughIsNot(t *testing.T) {
	s := newSource()
	r := open(t, service.AutoRetryNacksBatched(s), NewMemory(testTerms, 100), false, false)
	s.give(1, 2, 3)
	b, ack := take(t, r)
	require.NoError(t, ack(bg, service.NewBatchError(b, errors.New("no")).Failed(1, errors.New("no"))))
	silent(t, s)
	again, ack := take(t, r)
	require.Len(t, again, 1)
	raw, _ := again[0].AsBytes()
	require.Contains(t, string(raw), `"id":"2"`)
	require.NoError(t, ack(bg, errors.New("no")))
	silent(t, s)
	_, ack = take(t, r)
	require.NoError(t, ack(bg, nil))
	require.NoError(t, answer(t, s))
}

func TestDuplicatesAreForwardedAsEvidence(t *testing.T) {
	s := newSource()
	r := open(t, s, NewMemory(testTerms, 100), false, true)
	s.give(1, 1)
	b, ack := take(t, r)
	require.Len(t, b, 2)
	require.NoError(t, ack(bg, nil))
	require.NoError(t, answer(t, s))
	s.give(1)
	b, ack = take(t, r)
	reason, _ := b[0].MetaGet(metaReason)
	require.Equal(t, reasonDuplicate, reason)
	silent(t, s)
	require.NoError(t, ack(bg, nil))
	require.NoError(t, answer(t, s))
}

func TestRedisKilledInMidBatchLosesNothing(t *testing.T) {
	for _, hold := range []bool{false, true} {
		t.Run(fmt.Sprintf("hold=%v", hold), func(t *testing.T) {
			server := redistest.Start(t)
			b, err := NewRedis(server.URL(), "test:", nil, testTerms)
			require.NoError(t, err)
			s := newSource()
			r := open(t, s, b, hold, false)
			s.give(1, 2)
			_, ack := take(t, r)
			server.Kill(t)
			acked := make(chan error, 1)
			go func() { acked <- ack(bg, nil) }()
			s.give(3)
			if !hold {
				require.NoError(t, <-acked)
				require.NoError(t, answer(t, s))
				_, ack = take(t, r)
				require.NoError(t, ack(bg, nil))
				require.NoError(t, answer(t, s))
				server.Restart(t)
				return
			}
			server.Restart(t)
			require.NoError(t, <-acked)
			require.NoError(t, answer(t, s))
			_, ack = take(t, r)
			require.NoError(t, ack(bg, nil))
			require.NoError(t, answer(t, s))
			s.give(1, 2, 3)
			require.NoError(t, answer(t, s), "all are confirmed")
		})
	}
}

func TestTwoReadersOfOneRedisHandEachEventOnOnce(t *testing.T) {
	server := redistest.Start(t)
	const events = 2000
	var mu sync.Mutex
	times := map[string]int{}
	var all sync.WaitGroup
	for range 2 {
		b, err := NewRedis(server.URL(), "test:", nil, Terms{Claim: 10 * time.Second, Confirm: time.Minute})
		require.NoError(t, err)
		s := newSource()
		r := open(t, s, b, true, false)
		for i := 0; i < events; i += 20 {
			ids := make([]int, 20)
			for j := range ids {
				ids[j] = i + j
			}
			s.give(ids...)
		}
		close(s.batches)
		all.Go(func() {
			for {
				got, ack, err := r.ReadBatch(bg)
				if err != nil {
					return
				}
				mu.Lock()
				for _, m := range got {
					raw, _ := m.AsBytes()
					times[string(raw)]++
				}
				mu.Unlock()
				_ = ack(bg, nil)
			}
		})
		t.Cleanup(func() { require.Len(t, s.answers, events/20) })
	}
	all.Wait()
	require.Len(t, times, events)
	for id, n := range times {
		require.Equal(t, 1, n, id)
	}
}

func TestTheInputIsConnectedWhenTheWrappedOneIs(t *testing.T) {
	env := service.NewEnvironment()
	require.NoError(t, env.RegisterInput("unreachable", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.Input, error) {
		return unreachable{}, nil
	}))
	for _, backend := range []string{backendNone, backendMemory} {
		conf, err := inputSpec().ParseYAML("{backend: "+backend+", input: {unreachable: {}}}", env)
		require.NoError(t, err)
		in, err := newInputFromParsed(conf, service.MockResources())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(bg, 100*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, in.Connect(ctx), context.DeadlineExceeded, backend)
		require.NoError(t, in.Close(bg))
	}
}

// unreachable never connects.
type unreachable struct{ service.Input }

func (unreachable) Connect(context.Context) error { return errors.New("nobody answers") }
func (unreachable) Close(context.Context) error   { return nil }

package dedupe

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/internal/redistest"
)

// shortTerms let claims expire within a test.
var shortTerms = Terms{Claim: 1200 * time.Millisecond, Confirm: time.Minute}

// counted counts what a reader asks of its backend, and can refuse it.
type counted struct {
	Backend
	claims, renewals, confirmed atomic.Int64
	lost                        atomic.Bool // answers to claims get lost
}

func (c *counted) Renew(ctx context.Context, owner string, keys []Key) error {
	c.renewals.Add(1)
	return c.Backend.Renew(ctx, owner, keys)
}

func (c *counted) Confirm(ctx context.Context, keys []Key) error {
	c.confirmed.Add(int64(len(keys)))
	return c.Backend.Confirm(ctx, keys)
}

func (c *counted) Claim(ctx context.Context, owner string, keys []Key, answers []Answer) error {
	err := c.Backend.Claim(ctx, owner, keys, answers)
	c.claims.Add(1)
	if c.lost.CompareAndSwap(true, false) {
		return errors.New("the answer got lost")
	}
	return err
}

// onBoth runs a test on each backend, with claims that expire soon.
func onBoth(t *testing.T, test func(t *testing.T, b *counted)) {
	t.Run("memory", func(t *testing.T) { test(t, &counted{Backend: NewMemory(shortTerms, 1000)}) })
	t.Run("redis", func(t *testing.T) {
		b, err := NewRedis(redistest.Start(t).URL(), "test:", nil, shortTerms)
		require.NoError(t, err)
		test(t, &counted{Backend: b})
	})
}

func openShort(t *testing.T, child service.BatchInput, b Backend, forward bool) *reader {
	t.Helper()
	res := service.MockResources()
	r := newReader(child, b, settings{terms: shortTerms, forward: forward, waiting: 100, keyer: byDefault(t)}, newMeter(res.Metrics()), res.Logger())
	require.NoError(t, r.Connect(bg))
	t.Cleanup(func() { _ = r.Close(bg) })
	return r
}

// byDefault is the keyer of events that are told apart as usual.
func byDefault(t testing.TB) *keyer {
	t.Helper()
	k, err := newKeyer(defaultKey)
	require.NoError(t, err)
	return k
}

func (s *source) key(t *testing.T, id string) Key {
	t.Helper()
	key, _ := byDefault(t).key([]byte(`{"source":"s","id":"` + id + `","cloud":"aws"}`))
	require.True(t, key.Valid())
	return key
}

// nothing requires that a reader hands on nothing yet.
func nothing(t *testing.T, r *reader) {
	t.Helper()
	select {
	case o := <-r.out:
		t.Fatalf("%d events were handed on", len(o.messages))
	default:
	}
}

// TestASlowOutputKeepsItsClaim: however long the rest of the pipeline takes, the
// claims of a living process do not expire, and a redelivery elsewhere waits.
func TestASlowOutputKeepsItsClaim(t *testing.T) {
	onBoth(t, func(t *testing.T, b *counted) {
		s, elsewhere := newSource(), newSource()
		r, other := openShort(t, s, b, false), openShort(t, elsewhere, b, false)
		s.give(1)
		_, ack := take(t, r)
		elsewhere.give(1)
		began := time.Now()
		require.Eventually(t, func() bool {
			nothing(t, other)
			return b.renewals.Load() >= 4 && time.Since(began) > 2*shortTerms.Claim
		}, 20*time.Second, 5*time.Millisecond, "two terms pass")
		silent(t, elsewhere)
		require.NoError(t, ack(bg, nil))
		require.NoError(t, answer(t, s))
		require.NoError(t, answer(t, elsewhere), "it is a duplicate now")
		nothing(t, other)
	})
}

// TestWhatWasReadAheadKeepsItsClaim while nobody takes it, comes in the order of
// reading, and a repetition in the next batch is the duplicate, not the event.
func TestWhatWasReadAheadKeepsItsClaim(t *testing.T) {
	onBoth(t, func(t *testing.T, b *counted) {
		s, elsewhere := newSource(), newSource()
		r, other := openShort(t, s, b, false), openShort(t, elsewhere, b, false)
		s.give(1)
		s.give(1, 2)
		s.give(2, 3)
		require.Eventually(t, func() bool { return b.claims.Load() == 3 }, 10*time.Second, time.Millisecond)
		elsewhere.give(3, 2, 1)
		began := time.Now()
		require.Eventually(t, func() bool {
			nothing(t, other)
			return time.Since(began) > 2*shortTerms.Claim
		}, 20*time.Second, 5*time.Millisecond, "two terms pass")
		for _, id := range []string{"1", "2", "3"} {
			got, ack := take(t, r)
			require.Len(t, got, 1)
			raw, _ := got[0].AsBytes()
			require.Contains(t, string(raw), `"id":"`+id+`"`)
			require.NoError(t, ack(bg, nil))
		}
		for range 3 {
			require.NoError(t, answer(t, s))
		}
		require.NoError(t, answer(t, elsewhere))
		nothing(t, other)
	})
}

// TestADeadProcessesClaimExpires, and its event is handed on then, not before.
func TestADeadProcessesClaimExpires(t *testing.T) {
	onBoth(t, func(t *testing.T, b *counted) {
		s := newSource()
		r := openShort(t, s, b, false)
		answers := make([]Answer, 1)
		began := time.Now()
		require.NoError(t, b.Backend.Claim(bg, "dead", []Key{s.key(t, "1")}, answers))
		require.Equal(t, Claimed, answers[0])
		s.give(1)
		_, ack := take(t, r)
		require.GreaterOrEqual(t, time.Since(began), shortTerms.Claim-10*time.Millisecond)
		silent(t, s)
		require.NoError(t, b.Backend.Release(bg, "dead", []Key{s.key(t, "1")}), "who is dead has no claim to release")
		require.NoError(t, b.Backend.Claim(bg, "third", []Key{s.key(t, "1")}, answers))
		require.Equal(t, Busy, answers[0])
		require.NoError(t, ack(bg, nil))
		require.NoError(t, answer(t, s))
	})
}

// TestARefusedEventGoesToWhoWaits: the claim is released, not left to expire.
func TestARefusedEventGoesToWhoWaits(t *testing.T) {
	b := NewMemory(Terms{Claim: time.Hour, Confirm: 2 * time.Hour}, 100)
	s, elsewhere := newSource(), newSource()
	r, other := openShort(t, s, b, false), openShort(t, elsewhere, b, false)
	s.give(1, 2)
	got, ack := take(t, r)
	elsewhere.give(2, 1)
	require.NoError(t, ack(bg, service.NewBatchError(got, errors.New("no")).Failed(0, errors.New("no"))))
	require.Error(t, answer(t, s), "the source is told")
	again, ackAgain := take(t, other)
	require.Len(t, again, 1, "the refused one only")
	raw, _ := again[0].AsBytes()
	require.Contains(t, string(raw), `"id":"1"`)
	silent(t, elsewhere)
	require.NoError(t, ackAgain(bg, nil))
	require.NoError(t, answer(t, elsewhere))
}

// TestAClaimWhoseAnswerGotLostIsReleased: the event passes unprotected, and when
// it is refused nobody has to wait for the claim to expire.
func TestAClaimWhoseAnswerGotLostIsReleased(t *testing.T) {
	b := &counted{Backend: NewMemory(Terms{Claim: time.Hour, Confirm: 2 * time.Hour}, 100)}
	b.lost.Store(true)
	s := newSource()
	r := openShort(t, s, b, false)
	s.give(1)
	_, ack := take(t, r)
	r.downTil.Store(0) // the backend is back
	require.NoError(t, ack(bg, errors.New("no")))
	require.Error(t, answer(t, s))
	answers := make([]Answer, 1)
	require.NoError(t, b.Backend.Claim(bg, "other", []Key{s.key(t, "1")}, answers))
	require.Equal(t, Claimed, answers[0])
}

// TestEvidenceIsDurableOrComesAgain: a forwarded duplicate that is refused is not
// acknowledged at its source, whether it stands in its event's batch or not, and
// none is confirmed a second time.
func TestEvidenceIsDurableOrComesAgain(t *testing.T) {
	b := &counted{Backend: NewMemory(testTerms, 100)}
	s := newSource()
	r := openShort(t, s, b, true)
	no := errors.New("no")
	s.give(1, 1)
	got, ack := take(t, r)
	require.Len(t, got, 2)
	require.NoError(t, ack(bg, service.NewBatchError(got, no).Failed(1, no)), "the event is durable, its repeat is not")
	require.Error(t, answer(t, s))
	require.EqualValues(t, 1, b.confirmed.Load())
	for _, verdict := range []error{no, nil} {
		s.give(1)
		got, ack = take(t, r)
		reason, _ := got[0].MetaGet(metaReason)
		require.Equal(t, reasonDuplicate, reason)
		silent(t, s)
		require.NoError(t, ack(bg, verdict))
		if verdict != nil {
			require.Error(t, answer(t, s))
		} else {
			require.NoError(t, answer(t, s))
		}
	}
	require.EqualValues(t, 1, b.confirmed.Load(), "what is confirmed stays so for its term")
}

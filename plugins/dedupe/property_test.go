package dedupe

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// scene is a source that redelivers what is not acknowledged, some processes
// that share one Table, and an output. All randomness and time is the test's.
type scene struct {
	t         *rapid.T
	now       time.Time
	terms     Terms
	table     *Table
	acked     map[int]bool      // events: acknowledged to the source
	durable   map[int]bool      // taken by the output
	confirmed map[int]time.Time // when last
	open      []*flight
	owners    int
}

// flight is one delivery in some process.
type flight struct {
	owner  string
	events []int
	d      *Delivery
	handed []int // indexes that are downstream
}

func keyOf(e int) Key { return Key{1, byte(e)} }

func (s *scene) deliver(events []int) {
	keys := make([]Key, len(events))
	for i, e := range events {
		keys[i] = keyOf(e)
	}
	s.owners++
	f := &flight{owner: fmt.Sprint("o", s.owners), events: events, d: NewDelivery(keys)}
	s.open = append(s.open, f)
	s.claim(f)
}

func (s *scene) claim(f *flight) {
	for _, i := range f.d.Waiting(nil) {
		e := f.events[i]
		a := s.table.Claim(s.now, f.owner, keyOf(e))
		at, was := s.confirmed[e]
		known := was && s.now.Before(at.Add(s.terms.Confirm))
		require.Equal(s.t, known, a == Confirmed, "event %d is confirmed: its duplicate, and nothing else, is held back", e)
		if a == Claimed {
			f.handed = append(f.handed, i)
		}
		f.d.Answer(i, a)
	}
	s.settle(f)
}

func (s *scene) settle(f *flight) {
	settled, failed := f.d.Settled()
	if !settled {
		return
	}
	for i, o := range s.open {
		if o == f {
			s.open = append(s.open[:i], s.open[i+1:]...)
			break
		}
	}
	if len(failed) > 0 {
		return // refused: the source delivers it again
	}
	for _, e := range f.events {
		require.True(s.t, s.durable[e], "event %d was acknowledged at its source and is not durable", e)
		require.Contains(s.t, s.confirmed, e, "event %d was acknowledged before it was confirmed", e)
		s.acked[e] = true
	}
}

func (s *scene) end(f *flight, fine bool) {
	for _, i := range f.handed {
		e := f.events[i]
		if !fine {
			s.table.Release(f.owner, keyOf(e))
			f.d.Refuse(i)
			continue
		}
		s.durable[e], s.confirmed[e] = true, s.now
		s.table.Confirm(s.now, keyOf(e))
		f.d.Acknowledge(i)
	}
	f.handed = nil
	s.settle(f)
}

func (s *scene) pick() *flight {
	if len(s.open) == 0 {
		return nil
	}
	return rapid.SampledFrom(s.open).Draw(s.t, "delivery")
}

// TestNothingIsLostAndNothingConfirmedIsHandedOnAgain runs random schedules of
// deliveries, settlements, crashes and expiries.
func TestNothingIsLostAndNothingConfirmedIsHandedOnAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := Terms{Claim: 10 * time.Second, Confirm: time.Minute}
		s := &scene{t: t, now: time.Unix(0, 0), terms: terms, table: NewTable(terms, 1000),
			acked: map[int]bool{}, durable: map[int]bool{}, confirmed: map[int]time.Time{}}
		const events = 6
		onOne := func(act func(*flight)) func(*rapid.T) {
			return func(*rapid.T) {
				if f := s.pick(); f != nil {
					act(f)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"deliver": func(t *rapid.T) {
				s.deliver(rapid.SliceOfN(rapid.IntRange(0, events-1), 1, 5).Draw(t, "events"))
			},
			"poll":        onOne(s.claim),
			"acknowledge": onOne(func(f *flight) { s.end(f, true) }),
			"refuse":      onOne(func(f *flight) { s.end(f, false) }),
			"renew": onOne(func(f *flight) {
				for _, i := range f.handed {
					s.table.Renew(s.now, f.owner, keyOf(f.events[i]))
				}
			}),
			"crash": onOne(func(f *flight) {
				for i, o := range s.open {
					if o == f {
						s.open = append(s.open[:i], s.open[i+1:]...)
						return
					}
				}
			}),
			"time": func(t *rapid.T) {
				s.now = s.now.Add(time.Duration(rapid.IntRange(1, 30_000).Draw(t, "milliseconds")) * time.Millisecond)
			},
		})
		s.drain(events)
	})
}

// drain delivers what is open until the source is empty, within a bound.
func (s *scene) drain(events int) {
	for round := 0; round < 10; round++ {
		for e := range events {
			if !s.acked[e] {
				s.deliver([]int{e})
			}
		}
		for _, f := range append([]*flight(nil), s.open...) {
			s.end(f, true)
		}
		s.now = s.now.Add(s.terms.Claim)
		for _, f := range append([]*flight(nil), s.open...) {
			s.claim(f)
		}
	}
	for e := range events {
		require.True(s.t, s.durable[e] && s.acked[e], "event %d is lost", e)
	}
	require.Empty(s.t, s.open)
}

func TestTheTableIsBounded(t *testing.T) {
	table := NewTable(Terms{Claim: time.Second, Confirm: time.Hour}, 100)
	now := time.Unix(0, 0)
	for i := range 10_000 {
		key := Key{1, byte(i), byte(i >> 8)}
		require.Equal(t, Claimed, table.Claim(now, "a", key))
		table.Confirm(now, key)
		require.LessOrEqual(t, table.Len(), 100)
	}
	require.Equal(t, Confirmed, table.Claim(now, "b", Key{1, 0x0f, 0x27}), "the latest are kept")
	table.expire(now.Add(time.Hour))
	require.Zero(t, table.Len())
}

// TestOneKeyOverAndOverTakesNoMemory: neither a duplicate that is confirmed again
// nor an event that is refused for ever fills the queues before anything expires.
func TestOneKeyOverAndOverTakesNoMemory(t *testing.T) {
	table := NewTable(Terms{Claim: time.Hour, Confirm: 24 * time.Hour}, 100)
	now := time.Unix(0, 0)
	for n := range 50_000 {
		now = now.Add(time.Millisecond)
		table.Confirm(now, keyOf(1))
		require.Equal(t, Claimed, table.Claim(now, "a", keyOf(2)))
		table.Renew(now, "a", keyOf(2))
		if n%2 == 0 {
			table.Release("a", keyOf(2))
		}
	}
	require.LessOrEqual(t, cap(table.confirmed.items), 4*compactAbove)
	require.LessOrEqual(t, cap(table.claims.items), 4*compactAbove)
	require.Equal(t, Confirmed, table.Claim(now, "b", keyOf(1)))
	require.Equal(t, Busy, table.Claim(now, "b", keyOf(2)))
	table.expire(now.Add(time.Hour))
	require.Equal(t, 1, table.Len())
	table.expire(now.Add(24 * time.Hour))
	require.Zero(t, table.Len())
	require.True(t, table.claims.empty() && table.confirmed.empty())
}

func TestKeys(t *testing.T) {
	k := byDefault(t)
	keyOf := func(doc string) Key { key, _ := k.key([]byte(doc)); return key }
	one := keyOf(`{"source":"s","id":"1","cloud":"aws"}`)
	require.True(t, one.Valid())
	require.Equal(t, one, keyOf(`{"id":"\u0031","data":{"id":"2"},"cloud":"aws","source":"s"}`))
	for _, other := range []string{
		`{"source":"s","id":"1","cloud":"gcp"}`, `{"source":"s","id":"1"}`, `{"source":"s1","id":"","cloud":"aws"}`,
		`{"source":"s","id":"1","cloud":"aws","heliosattempt":1}`, `{"source":"s","id":"2","cloud":"aws"}`,
		`{"source":"s","id":"1","cloud":"aws","tenant":"a"}`, `{"source":"s","id":"1","tenant":"aws"}`,
	} {
		require.NotEqual(t, one, keyOf(other), other)
	}
	require.Equal(t, keyOf(`{"source":"s","id":"1","heliosattempt":2}`), keyOf(`{"source":"s","id":"1","heliosattempt":"2"}`))
	for _, none := range []string{``, `[]`, `{"id":"1"}`, `{"source":"s","id":1}`, `{"source":"","id":"1"}`, `{"source":"s","id":"1"`} {
		require.False(t, keyOf(none).Valid(), none)
	}
}

func TestKeysOfOtherPaths(t *testing.T) {
	k, err := newKeyer([]string{"data.payment_id", "type"})
	require.NoError(t, err)
	keyOf := func(doc string) Key { key, _ := k.key([]byte(doc)); return key }
	one := keyOf(`{"source":"a","id":"1","cloud":"aws","type":"t","data":{"payment_id":"p"}}`)
	require.True(t, one.Valid())
	require.Equal(t, one, keyOf(`{"source":"b","id":"2","cloud":"aws","type":"t","data":{"payment_id":"p"}}`))
	for _, other := range []string{
		`{"cloud":"gcp","type":"t","data":{"payment_id":"p"}}`, `{"cloud":"aws","type":"u","data":{"payment_id":"p"}}`,
		`{"cloud":"aws","type":"t","data":{"payment_id":"p"},"heliosattempt":1}`, `{"cloud":"aws","type":"p","data":{"payment_id":"t"}}`,
	} {
		require.True(t, keyOf(other).Valid(), other)
		require.NotEqual(t, one, keyOf(other), other)
	}
	require.False(t, keyOf(`{"source":"a","id":"1","cloud":"aws","type":"t","data":{}}`).Valid())
}

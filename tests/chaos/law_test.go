//go:build unix

package chaos

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	endian "encoding/binary"
	"sort"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/tests/ingest"
)

// copies are the places of one event, or of one message that was none: in which
// lives of the program it was written, in ascending order.
type copies []int

// judge holds the topics against the producer's account:
//
//   - Every event lies in helios.events, and what was none in helios.dlq; nothing
//     else lies there.
//   - Nothing was confirmed before it was in the log.
//   - One process writes an event once, however often it was sent.
//   - The next process writes it again only if its confirmation had not been made
//     when the one before was killed: it can't be known then whether it was
//     written. That is what at-least-once leaves.
//   - In the end every event is confirmed.
//
// What is no event has no key, so a message of that kind may lie in helios.dlq
// once for each process, and for the last one once more where deadlines were made
// to pass while it lived.
func (p *pull) judge(sent *account, deaths []death) {
	t := p.t
	t.Helper()
	events, names, broken := p.written()
	require.Empty(t, without(sent.events, events), "were sent and are not in helios.events")
	require.Empty(t, without(events, sent.events), "are in helios.events and were not sent")
	require.Empty(t, without(sent.broken, broken), "were sent and are not in helios.dlq")
	require.Empty(t, without(broken, sent.broken), "are in helios.dlq and were not sent")
	for body, places := range broken {
		if last := len(places) - 1; p.expired && last > 0 && places[last] == places[last-1] && places[last] == len(p.lives)-1 {
			places = places[:last]
		}
		require.IsIncreasing(t, append(copies{-1}, places...), "%s was written twice by one process", body)
	}
	settled, repeats := p.confirmed(), 0
	for id, places := range events {
		require.True(t, settled[names[id]], "event %s is in the log and not confirmed", id)
		require.IsIncreasing(t, append(copies{-1}, places...), "event %s was written twice by one process", id)
		repeats += len(places) - 1
		for life, d := range deaths {
			written := sort.SearchInts(places, life+1)    // copies before this death
			again := written > 0 && written < len(places) // and after it
			require.False(t, d.confirmed[names[id]] && written == 0, "event %s was confirmed before it was written, by the time of %q", id, d.at)
			require.False(t, again && d.confirmed[names[id]], "event %s was confirmed by the time of %q, and written again", id, d.at)
		}
	}
	t.Logf("%d kills, %d events, %d of them written again after a kill, %d dead letters", len(deaths), len(events), repeats, len(broken))
}

// without returns the keys of one map that another one lacks.
func without[A, B any](one map[string]A, other map[string]B) (missing []string) {
	for key := range one {
		if _, ok := other[key]; !ok {
			missing = append(missing, key)
		}
	}
	sort.Strings(missing)
	return missing
}

// written returns the copies of each event, the name of its key in Redis, and
// the copies of what was refused.
func (p *pull) written() (events map[string]copies, names map[string]string, refused map[string]copies) {
	p.t.Helper()
	events, names, refused = map[string]copies{}, map[string]string{}, map[string]copies{}
	for _, r := range p.broker.Records(p.t, embedded.TopicEvents) {
		e := ingest.Parse(p.t, r)
		require.Equal(p.t, "ord-"+e.ID, string(r.Key))
		events[e.ID] = append(events[e.ID], p.lifeAt(r.Timestamp))
		names[e.ID] = keyName(e)
	}
	for _, r := range p.broker.Records(p.t, embedded.TopicDLQ) {
		headers := map[string]string{}
		for _, h := range r.Headers {
			headers[h.Key] = string(h.Value)
		}
		require.Equal(p.t, "unreadable", headers["helios-reason"], "%s", r.Value)
		require.NotEmpty(p.t, headers["helios-detail"])
		refused[string(r.Value)] = append(refused[string(r.Value)], p.lifeAt(r.Timestamp))
	}
	return events, names, refused
}

// lifeAt returns which process a record's timestamp, which its producer gave, is
// from.
func (p *pull) lifeAt(at time.Time) int {
	return sort.Search(len(p.lives), func(i int) bool { return p.lives[i].Truncate(time.Millisecond).After(at) }) - 1
}

// keyName is the name under which helios_dedupe keeps an event: 128 bits of the
// SHA-256 of participant, tenant, source and id, each behind its length.
func keyName(e ingest.Event) string {
	var text []byte
	for _, part := range []string{e.Cloud, e.Tenant, e.Source, e.ID} {
		text = append(endian.BigEndian.AppendUint32(text, uint32(len(part))), part...)
	}
	sum := sha256.Sum256(text)
	return "helios:dedupe:" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// confirmed returns the names of the keys that are confirmed in Redis.
func (p *pull) confirmed() map[string]bool {
	p.t.Helper()
	client := redis.NewClient(&redis.Options{Addr: p.server.Addr()})
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	names, err := client.Keys(ctx, "helios:dedupe:*").Result()
	require.NoError(p.t, err)
	held := map[string]bool{}
	if len(names) == 0 {
		return held
	}
	values, err := client.MGet(ctx, names...).Result()
	require.NoError(p.t, err)
	for i, v := range values {
		if v == "!" {
			held[names[i]] = true
		}
	}
	return held
}

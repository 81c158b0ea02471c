package query

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/helios-connect/helios/plugins/store"
)

// EventFilter says which events are wanted. Empty fields ask for all.
type EventFilter struct {
	Tenant, Type, Cloud, Key string
	// Since and Until bound the event time: from, inclusive, and to, exclusive.
	Since, Until time.Time
}

// Event is one stored event.
type Event struct {
	// Time of the event and of its receipt, exact to the nanosecond, in UTC. The
	// second is zero when the event does not say it.
	Time, IngestTime                     time.Time
	Tenant, Cloud, Source, ID, Type, Key string
	// JSON is the canonical event as it came.
	JSON []byte

	identity string
}

// Events lists events, the latest event time first. Rows that are stored while
// pages are read neither repeat another nor hide one.
func (db *DB) Events(ctx context.Context, f EventFilter, page Page) (Listing[Event], error) {
	after, err := parseCursor(listEvents, page.After)
	if err != nil {
		return Listing[Event]{}, err
	}
	reader, err := db.open(ctx)
	if err != nil {
		return Listing[Event]{}, err
	}
	limit := min(max(page.Limit, 1), MaxLimit)
	s := eventStatement(reader)
	s.equal("tenant", f.Tenant)
	s.equal("type", f.Type)
	s.equal("cloud", f.Cloud)
	s.equal("key", f.Key)
	s.between("time", f.Since, f.Until)
	if after != nil {
		// The first condition is implied by the second, and is what an index
		// on the time understands in both dialects.
		at := reader.Time(after.time())
		s.and("time <= ?", at)
		if reader.Postgres {
			s.and("(time, identity) < (?, ?::uuid)", at, after.ID)
		} else {
			identity, _ := hex.DecodeString(after.ID) // checked by parseCursor
			s.and("(time, identity) < (?, ?)", at, identity)
		}
	}
	s.add(" ORDER BY time DESC, identity DESC LIMIT ?", limit+1)
	return list(ctx, s, limit, scanEvent, func(e Event) cursor {
		return cursor{List: listEvents, Nanos: e.Time.UnixNano(), ID: e.identity}
	})
}

func eventStatement(reader *store.Reader) *statement {
	s := &statement{reader: reader}
	identity := "lower(hex(identity))"
	if reader.Postgres {
		identity = "replace(identity::text, '-', '')"
	}
	s.add("SELECT " + identity + ", time_ns, coalesce(ingest_ns, 0), tenant, cloud, source, id, type, key, event FROM " + tableEvents)
	return s
}

func scanEvent(scan func(...any) error) (e Event, size int, err error) {
	var at, ingest int64
	err = scan(&e.identity, &at, &ingest, &e.Tenant, &e.Cloud, &e.Source, &e.ID, &e.Type, &e.Key, &e.JSON)
	e.Time = time.Unix(0, at).UTC()
	if ingest != 0 {
		e.IngestTime = time.Unix(0, ingest).UTC()
	}
	return e, len(e.JSON), err
}

package query

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/helios-connect/helios/plugins/store"
)

// VerdictFilter says which verdicts are wanted. Empty fields ask for all.
type VerdictFilter struct {
	Tenant, Type, Key string
	// Statuses are the wanted ones; none: all.
	Statuses []string
	// Missing is a cloud that the verdict says to be missing.
	Missing string
	// Since and Until bound the time of the decision: from, inclusive, and to,
	// exclusive.
	Since, Until time.Time
	// History asks for every revision, instead of each fact's current verdict.
	History bool
}

// Verdict is one revision of the verdict of a fact.
type Verdict struct {
	// ID of the fact: 32 hexadecimal digits.
	ID string
	// OpenedAt and DecidedAt are exact to the nanosecond, in UTC.
	OpenedAt, DecidedAt           time.Time
	Revision                      int
	Tenant, Type, Key             string
	Status, ClosedBy, Expectation string
	// JSON is the verdict as it came.
	JSON []byte
}

// Verdicts lists verdicts, the latest decision first. A fact that is corrected
// while pages are read moves before the first of them; with History nothing ever
// moves.
func (db *DB) Verdicts(ctx context.Context, f VerdictFilter, page Page) (Listing[Verdict], error) {
	kind, table := listVerdicts, tableVerdicts
	if f.History {
		kind, table = listHistory, tableHistory
	}
	after, err := parseCursor(kind, page.After)
	if err != nil {
		return Listing[Verdict]{}, err
	}
	reader, err := db.open(ctx)
	if err != nil {
		return Listing[Verdict]{}, err
	}
	limit := min(max(page.Limit, 1), MaxLimit)
	s := verdictStatement(reader, table)
	s.equal("tenant", f.Tenant)
	s.equal("type", f.Type)
	s.equal("key", f.Key)
	if n := len(f.Statuses); n > 0 {
		wanted := make([]any, n)
		for i, status := range f.Statuses {
			wanted[i] = text(status)
		}
		s.and("status IN (?"+strings.Repeat(", ?", n-1)+")", wanted...)
	}
	if f.Missing != "" {
		contains := "EXISTS (SELECT 1 FROM json_each(missing) WHERE value = ?)"
		if reader.Postgres {
			contains = "? = ANY (missing)"
		}
		s.and(contains, text(f.Missing))
	}
	s.between("decided_at", f.Since, f.Until)
	if after != nil {
		// As for events: the first condition is for the index.
		at := reader.Time(after.time())
		s.and("decided_at <= ?", at)
		s.and("(decided_at, id, opened_ns, revision) < (?, ?, ?, ?)", at, after.ID, after.Opened, after.Revision)
	}
	s.add(" ORDER BY decided_at DESC, id DESC, opened_ns DESC, revision DESC LIMIT ?", limit+1)
	return list(ctx, s, limit, scanVerdict, func(v Verdict) cursor {
		return cursor{List: kind, Nanos: v.DecidedAt.UnixNano(), ID: v.ID, Opened: v.OpenedAt.UnixNano(), Revision: v.Revision}
	})
}

// Most of what a fact is shown with.
const (
	maxRevisions  = 100
	maxFactEvents = 100
)

// Fact is all that the store knows of one fact.
type Fact struct {
	// Revisions are the latest ones, the first of them first. There is at least
	// one.
	Revisions []Verdict
	// Events are the latest ones, the first of them first.
	Events []Event
}

// Fact reads the latest 100 revisions and 100 events of a fact. It returns
// ErrNotFound when the fact has no verdict.
func (db *DB) Fact(ctx context.Context, id string) (fact Fact, err error) {
	reader, err := db.open(ctx)
	if err != nil {
		return fact, err
	}
	s := verdictStatement(reader, tableHistory)
	s.and("id = ?", text(id))
	s.add(" ORDER BY opened_ns DESC, revision DESC LIMIT ?", maxRevisions)
	revisions, err := list(ctx, s, maxRevisions, scanVerdict, func(Verdict) cursor { return cursor{} })
	if err != nil {
		return fact, err
	}
	if len(revisions.Rows) == 0 {
		return fact, ErrNotFound
	}
	slices.Reverse(revisions.Rows)
	fact.Revisions = revisions.Rows
	last := fact.Revisions[len(fact.Revisions)-1]
	s = eventStatement(reader)
	s.equal("key", last.Key)
	s.equal("tenant", last.Tenant)
	s.equal("type", last.Type)
	s.add(" ORDER BY time DESC, identity DESC LIMIT ?", maxFactEvents)
	events, err := list(ctx, s, maxFactEvents, scanEvent, func(Event) cursor { return cursor{} })
	if err != nil {
		return fact, err
	}
	slices.Reverse(events.Rows)
	fact.Events = events.Rows
	return fact, nil
}

func verdictStatement(reader *store.Reader, table string) *statement {
	s := &statement{reader: reader}
	s.add("SELECT id, opened_ns, decided_ns, revision, tenant, type, key, status, closed_by, expectation, verdict FROM " + table)
	return s
}

func scanVerdict(scan func(...any) error) (v Verdict, size int, err error) {
	var opened, decided int64
	err = scan(&v.ID, &opened, &decided, &v.Revision, &v.Tenant, &v.Type, &v.Key, &v.Status, &v.ClosedBy, &v.Expectation, &v.JSON)
	v.OpenedAt, v.DecidedAt = time.Unix(0, opened).UTC(), time.Unix(0, decided).UTC()
	return v, len(v.JSON), err
}

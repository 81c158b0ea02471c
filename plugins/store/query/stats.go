package query

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/helios-connect/helios/plugins/store"
)

// Figures of one window.
type Figures struct {
	// Events by cloud, by event time.
	Events map[string]int64
	// Verdicts are the current ones by status, by the time of the decision.
	Verdicts map[string]int64
	// DeadLetters by reason, by the time of the refusal.
	DeadLetters map[string]int64
}

// maxGroups bounds the names that a window is broken down by: what comes from
// outside, such as the name of a cloud, could be anything.
const maxGroups = 50

// Overflow stands for all names beyond the largest ones.
const Overflow = "other"

// counted is what windows are counted from: rows, by a name and a time, and their
// sums by the hour. A name longer than the sums keep is cut as theirs are.
type counted struct {
	table, hourly   string
	name, time, sum string
	into            func(*Figures) map[string]int64
}

var figures = []counted{
	{tableEvents, "helios_events_hourly", "cloud", "time", "events", func(f *Figures) map[string]int64 { return f.Events }},
	{tableVerdicts, "helios_verdicts_hourly", "status", "decided_at", "facts", func(f *Figures) map[string]int64 { return f.Verdicts }},
	{tableDeadLetters, "helios_dead_letters_hourly", "reason", "recorded_at", "letters", func(f *Figures) map[string]int64 { return f.DeadLetters }},
}

// Stats counts over windows that all begin before now, whatever lies after it
// included, in the order in which they are given. The sums by the hour answer for
// whole hours and the rows for the one that a window begins in, in one statement
// and so from one state of the store. What retention dropped still counts.
func (db *DB) Stats(ctx context.Context, now time.Time, windows ...time.Duration) ([]Figures, error) {
	reader, err := db.open(ctx)
	if err != nil {
		return nil, err
	}
	answer := make([]Figures, len(windows))
	for i := range answer {
		answer[i] = Figures{Events: map[string]int64{}, Verdicts: map[string]int64{}, DeadLetters: map[string]int64{}}
	}
	for _, one := range figures {
		names, err := one.count(ctx, reader, now, windows)
		if err != nil {
			return nil, err
		}
		for at, n := range names {
			name := n.name
			if at >= maxGroups {
				name = Overflow
			}
			for w, rows := range n.rows {
				if rows > 0 {
					one.into(&answer[w])[name] += rows
				}
			}
		}
	}
	return answer, nil
}

// named counts the rows of a name in each window.
type named struct {
	name string
	rows []int64
}

// count returns the names, the most frequent of all windows together first.
func (c *counted) count(ctx context.Context, reader *store.Reader, now time.Time, windows []time.Duration) ([]named, error) {
	s := &statement{reader: reader}
	for w, length := range windows {
		since := now.Add(-length)
		first := since.Truncate(time.Hour) // the first hour that is whole
		if first.Before(since) {
			first = first.Add(time.Hour)
		}
		if w > 0 {
			s.add(" UNION ALL ")
		}
		s.add("SELECT CAST(? AS INTEGER) AS place, "+c.name+" AS name, CAST(sum("+c.sum+") AS BIGINT) AS n FROM "+c.hourly+" WHERE hour >= ? GROUP BY "+c.name, w, reader.Time(first))
		s.add(" UNION ALL SELECT CAST(? AS INTEGER), substr("+c.name+", 1, 256), count(*) FROM "+c.table+" WHERE "+c.time+" >= ? AND "+c.time+" < ? GROUP BY 2",
			w, reader.Time(since), reader.Time(first))
	}
	found := map[string]*named{}
	err := s.rows(ctx, func(scan func(...any) error) (bool, error) {
		var place int
		var name string
		var n int64
		if err := scan(&place, &name, &n); err != nil {
			return false, err
		}
		if found[name] == nil {
			found[name] = &named{name: name, rows: make([]int64, len(windows))}
		}
		found[name].rows[place] += n
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	names := make([]named, 0, len(found))
	for _, n := range found {
		names = append(names, *n)
	}
	slices.SortFunc(names, func(a, b named) int {
		if most := slices.Max(b.rows) - slices.Max(a.rows); most != 0 {
			return int(most)
		}
		return strings.Compare(a.name, b.name)
	})
	return names, nil
}

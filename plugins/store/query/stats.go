package query

import (
	"context"
	"time"
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

// Stats counts over windows that all end now, in the order in which they are
// given. It reads every row of the longest.
func (db *DB) Stats(ctx context.Context, now time.Time, windows ...time.Duration) ([]Figures, error) {
	figures := make([]Figures, len(windows))
	for i := range figures {
		figures[i] = Figures{Events: map[string]int64{}, Verdicts: map[string]int64{}, DeadLetters: map[string]int64{}}
	}
	for _, one := range []struct {
		table, group, time string
		into               func(*Figures) map[string]int64
	}{
		{tableEvents, "cloud", "time", func(f *Figures) map[string]int64 { return f.Events }},
		{tableVerdicts, "status", "decided_at", func(f *Figures) map[string]int64 { return f.Verdicts }},
		{tableDeadLetters, "reason", "recorded_at", func(f *Figures) map[string]int64 { return f.DeadLetters }},
	} {
		err := db.count(ctx, now, windows, one.table, one.group, one.time, func(window int, name string, n int64) {
			if n > 0 {
				one.into(&figures[window])[name] += n
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return figures, nil
}

// count groups the rows of a table, all windows in one pass.
func (db *DB) count(ctx context.Context, now time.Time, windows []time.Duration, table, group, column string, add func(window int, name string, n int64)) error {
	reader, err := db.open(ctx)
	if err != nil {
		return err
	}
	var longest time.Duration
	s := &statement{reader: reader}
	s.add("SELECT " + group)
	for _, w := range windows {
		s.add(", sum(CASE WHEN "+column+" >= ? THEN 1 ELSE 0 END)", reader.Time(now.Add(-w)))
		longest = max(longest, w)
	}
	s.add(" FROM " + table)
	s.and(column+" >= ?", reader.Time(now.Add(-longest)))
	s.add(" GROUP BY " + group + " ORDER BY count(*) DESC, " + group)
	groups := 0
	return s.rows(ctx, func(scan func(...any) error) (bool, error) {
		var name string
		counts := make([]int64, len(windows))
		into := []any{&name}
		for i := range counts {
			into = append(into, &counts[i])
		}
		if err := scan(into...); err != nil {
			return false, err
		}
		if groups++; groups > maxGroups {
			name = Overflow
		}
		for i, n := range counts {
			add(i, name, n)
		}
		return true, nil
	})
}

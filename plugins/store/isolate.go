package store

import (
	"context"
	"errors"
)

// fault says what an error of a database is about.
type fault uint8

const (
	// faultStore: the database can't take anything at the moment, whatever the
	// rows: connection lost, disk full, table missing, permission denied.
	faultStore fault = iota
	// faultRow: a row broke a rule of the database.
	faultRow
	// faultConflict: another transaction was in the way; trying again helps.
	faultConflict
)

// maxConflicts is how often a transaction is tried before a conflict counts as
// the store being unavailable. Rows are written in one order everywhere, so
// conflicts are rare.
const maxConflicts = 5

// tally counts rows of one table.
type tally struct {
	table   string
	stored  int // inserted, or made current
	present int // the database had them, or something later, already
}

// addTally adds one write's counts to the sum, table by table.
func addTally(sum, more []tally) []tally {
	if len(sum) == 0 {
		return append(sum, more...)
	}
	for i := range more {
		sum[i].stored += more[i].stored
		sum[i].present += more[i].present
	}
	return sum
}

// isolate writes rows in one transaction. When the database refuses a row, the
// batch is halved until the bad rows stand alone: each is handed to refuse, all
// others are stored. An error means that rows were not written for a reason that
// lies in none of them; what was written before it stays, which is no harm,
// since writing it again changes nothing.
func isolate[R any](ctx context.Context, rows []R, write func(context.Context, []R) ([]tally, error),
	classify func(error) fault, refuse func(R, error),
) ([]tally, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	counts, err := persist(ctx, rows, write, classify)
	switch {
	case err == nil:
		return counts, nil
	case ctx.Err() != nil || classify(err) != faultRow:
		return nil, err
	case len(rows) == 1:
		refuse(rows[0], err)
		return nil, nil
	}
	half := len(rows) / 2
	counts, err = isolate(ctx, rows[:half], write, classify, refuse)
	if err != nil {
		return counts, err
	}
	more, err := isolate(ctx, rows[half:], write, classify, refuse)
	return addTally(counts, more), err
}

// persist tries again after conflicts.
func persist[R any](ctx context.Context, rows []R, write func(context.Context, []R) ([]tally, error), classify func(error) fault) (counts []tally, err error) {
	for range maxConflicts {
		counts, err = write(ctx, rows)
		if err == nil || ctx.Err() != nil || classify(err) != faultConflict {
			return counts, err
		}
	}
	return nil, errors.Join(ErrUnavailable, err)
}

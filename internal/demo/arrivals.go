package demo

import (
	"context"

	"github.com/helios-connect/helios/internal/terminal"
	"github.com/helios-connect/helios/plugins/telemetry"
)

// arrivals is how far everything has come. Each number is counted where it
// arises.
type arrivals struct {
	waiting      int64 // events that nobody has taken from the simulator
	logged       int64 // events in the log
	judged       int64 // events that reconciliation has applied
	open         int64 // facts
	verdicts     int64 // committed, as a reader sees them
	deadLetters  int64 // committed, as a reader sees them
	inFlight     int64 // events that the clouds still wait for an answer to
	storedEvents int64 // messages that the store has dealt with, by table
	storedVerds  int64
	storedDead   int64
}

// arrivals asks everyone; m is what the metrics say now.
func (s *session) arrivals(ctx context.Context, m metrics) (a arrivals, err error) {
	if a.logged, err = s.topic.logged(ctx); err != nil {
		return a, err
	}
	seen := s.tail.state()
	for _, cloud := range s.world.Snapshot().Clouds {
		a.waiting += cloud.WaitingEvents
		a.inFlight += cloud.InFlightEvents
	}
	a.inFlight += s.doors.held()
	a.judged = m.sum(judgedEvents)
	a.open = m.sum(openFacts)
	a.verdicts, a.deadLetters = seen.verdicts, seen.deadLetters()
	a.storedEvents = m.tally(tableEvents).Received
	a.storedVerds = m.tally(tableVerdicts).Received
	a.storedDead = m.tally(tableDead).Received
	return a, nil
}

// tally is what the store did with the messages for a table: each was put into
// it, found there, or refused.
func (m metrics) tally(table string) tally {
	t := tally{
		Present: m.sum(telemetry.StoreRowsPresent, telemetry.LabelTable, table),
		Refused: m.sum(telemetry.StoreRowsRefused, telemetry.LabelTable, table),
	}
	t.Received = m.sum(telemetry.StoreRowsStored, telemetry.LabelTable, table) + t.Present + t.Refused
	return t
}

// backlog is how many events wait for the stage that most wait for, and what that
// stage is; ingest is what the first is called.
func (a arrivals) backlog(ingest string) (n int64, limit string) {
	n, limit = a.waiting+a.inFlight, ingest
	for _, stage := range []struct {
		behind int64
		limit  string
	}{
		{a.logged - a.judged, limitReconcile},
		{max(a.logged-a.storedEvents, clouds*(a.verdicts-a.storedVerds)), limitStore},
	} {
		if stage.behind > n {
			n, limit = stage.behind, stage.limit
		}
	}
	return n, limit
}

// left says in words what has not arrived; nothing when all has.
func (a arrivals) left() (left []string) {
	missing := func(n int64, one, many, what string) {
		if n > 0 {
			left = append(left, terminal.Count(n, one, many)+" "+what)
		}
	}
	missing(a.open, "fact is", "facts are", "still open")
	missing(a.inFlight, "event is", "events are", "not acknowledged")
	missing(a.logged-a.judged, "event of the log is", "events of the log are", "not judged")
	missing(a.logged-a.storedEvents, "event of the log is", "events of the log are", "not stored")
	missing(a.verdicts-a.storedVerds, "verdict is", "verdicts are", "not stored")
	missing(a.deadLetters-a.storedDead, "dead letter is", "dead letters are", "not stored")
	return left
}

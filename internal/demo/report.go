package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/helios-connect/helios/internal/terminal"
	"github.com/helios-connect/helios/internal/truth"
)

// counts is what a run counted beside its verdicts. It is kept in the run's
// folder, so that the run can be judged again.
type counts struct {
	Load        load             `json:"load"`
	Rate        float64          `json:"rate"`
	Left        []string         `json:"left"` // what had not arrived in time
	Sent        map[string]int64 `json:"sent"`
	Redelivered int64            `json:"redelivered"`
	Received    int64            `json:"received"` // events, by the ingest pipelines
	InFlight    int64            `json:"in_flight"`
	Logged      int64            `json:"logged"`
	Replayed    int64            `json:"replayed"` // events in the log that were dead letters before
	Judged      int64            `json:"judged"`   // events, by reconciliation
	Ignored     int64            `json:"ignored"`  // events of closed facts that changed nothing
	Refused     map[string]int64 `json:"refused"`  // dead letters in the topic, by stage
	Verdicts    int64            `json:"verdicts"`
	Stored      map[string]tally `json:"stored"` // by table
}

// tally is what the store did with the messages for a table.
type tally struct {
	Received int64 `json:"received"`
	Present  int64 `json:"present"`
	Refused  int64 `json:"refused"`
}

// count reads all numbers at the end of a run.
func (s *session) count(ctx context.Context, left []string) (*counts, error) {
	m, err := scrape(ctx, s.address, watched)
	if err != nil {
		return nil, fmt.Errorf("counting: %w", err)
	}
	world, seen := s.world.Snapshot(), s.tail.state()
	c := &counts{
		Load: s.meter.load, Rate: s.o.Rate, Left: left,
		Sent: world.Sent(), Redelivered: world.Redelivered() + s.doors.redelivered() + m.sum(pushedAgain),
		Received: m.sum(receivedEvents),
		Judged:   m.sum(judgedEvents),
		Ignored:  m.sum(ignoredEvents),
		Refused:  seen.byStage,
		Verdicts: seen.verdicts,
		Stored:   map[string]tally{},
	}
	for _, cloud := range world.Clouds {
		c.InFlight += cloud.InFlightEvents
	}
	c.InFlight += s.doors.held()
	if c.Logged, err = s.topic.logged(ctx); err != nil {
		return nil, err
	}
	if s.o.BreakContract {
		if c.Replayed, err = s.topic.replayed(ctx, s.kafka.Addrs()); err != nil {
			return nil, err
		}
	}
	for _, table := range []string{tableEvents, tableVerdicts, tableDead} {
		c.Stored[table] = m.tally(table)
	}
	return c, nil
}

func (c *counts) save(path string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("keeping the counts of the run: %w", err)
	}
	return nil
}

// Report is the judgement of a run and what it cost.
type Report struct {
	*truth.Report
	Load       load    `json:"load"`
	Rate       float64 `json:"rate"`          // asked for, events per second
	Attained   float64 `json:"attained_rate"` // events per second
	Conclusion string  `json:"conclusion"`
}

// Judge judges the run that was kept in the folder: its store by its ledger and
// its counts. Nothing else of the run is needed.
func Judge(dir string) (_ *Report, err error) {
	text, err := os.ReadFile(filepath.Join(dir, countsFile))
	if err != nil {
		return nil, fmt.Errorf("judging the run in %s: %w", dir, err)
	}
	var c counts
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("judging the run in %s: reading %s: %w", dir, countsFile, err)
	}
	ledger, err := truth.ReadFile(filepath.Join(dir, ledgerFile))
	if err != nil {
		return nil, fmt.Errorf("judging the run in %s: %w", dir, err)
	}
	store, err := openStore(filepath.Join(dir, storeFile))
	if err != nil {
		return nil, fmt.Errorf("judging the run in %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, store.close()) }()
	hops, err := c.hops(store)
	if err != nil {
		return nil, fmt.Errorf("judging the run in %s: %w", dir, err)
	}
	dead, err := store.deadLetters()
	if err != nil {
		return nil, err
	}
	judged, err := truth.Judge(ledger, store.verdicts(), truth.Counts{
		Hops: hops, Sent: c.Sent, Redelivered: c.Redelivered, DeadLetters: dead, Replayed: c.Replayed,
	})
	if err != nil {
		return nil, fmt.Errorf("judging the run in %s: %w", dir, err)
	}
	return newReport(judged, &c), nil
}

func newReport(judged *truth.Report, c *counts) *Report {
	judged.Failures = append(judged.Failures, c.Left...)
	judged.OK = len(judged.Failures) == 0
	r := &Report{Report: judged, Load: c.Load, Rate: c.Rate, Conclusion: "all verdicts correct"}
	r.Attained = float64(c.Load.Events) / max(c.Load.Seconds, 1)
	if !judged.OK {
		r.Conclusion = "FAILED"
	}
	return r
}

// stages of dead letters.
const (
	stageIngest    = "ingest"
	stageReconcile = "reconcile"
	stageValidate  = "validate"
)

// hops are the stages that events pass, with numbers that are each counted
// where they arise.
func (c *counts) hops(store *storeReader) ([]truth.Hop, error) {
	present, repeated, err := store.accounted()
	if err != nil {
		return nil, err
	}
	hops := []truth.Hop{
		{Name: "ingest", Received: c.Received, Logged: c.Logged - c.Replayed, DeadLettered: c.Refused[stageIngest] + c.Refused[stageValidate], InFlight: c.InFlight},
		// After a lost session or an aborted transaction events are judged again.
		{Name: "reconcile", Received: c.Logged, Logged: present, Duplicates: repeated + c.Ignored, DeadLettered: c.Refused[stageReconcile], InFlight: max(0, c.Logged-c.Judged)},
	}
	for _, t := range []struct {
		name, table string
		expected    int64
	}{
		{"store events", tableEvents, c.Logged},
		{"store verdicts", tableVerdicts, c.Verdicts},
		{"store dead letters", tableDead, c.Refused[stageIngest] + c.Refused[stageValidate] + c.Refused[stageReconcile]},
	} {
		rows, err := store.count(t.table)
		if err != nil {
			return nil, err
		}
		tally := c.Stored[t.table]
		hops = append(hops, truth.Hop{
			Name: t.name, Received: max(t.expected, tally.Received), Logged: rows, Duplicates: tally.Present, DeadLettered: tally.Refused,
		})
	}
	return hops, nil
}

// keptRate is which part of the rate must be attained for it to count as kept: a
// moment's delay is not worth a word.
const keptRate = 0.98

// Write writes the report, for people or as JSON. It returns ErrVerdicts when
// the report says that something is wrong.
func (r *Report) Write(w io.Writer, asJSON bool) error {
	write := r.writeText
	if asJSON {
		write = r.writeJSON
	}
	if err := write(w); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if !r.OK {
		return ErrVerdicts
	}
	return nil
}

// writeText is for people; its last line is the conclusion.
func (r *Report) writeText(w io.Writer) error {
	l := r.Load
	short := ""
	if l.Limit != "" && r.Attained < keptRate*r.Rate {
		short = attains(r.Attained, r.Rate, l.Limit) + "\n"
	}
	if l.Still > 0 {
		short += fmt.Sprintf("The process stood still for %.0f s, suspended or with the machine asleep, which is left out.\n", l.Still)
	}
	_, err := fmt.Fprintf(w, "\n%s in %.0f s: %.0f per second (%.0f wanted), %.0f %% of one core, %.0f MB at most\n%s"+
		"First verdict %s after the start of the process; from a fact's last event to its verdict p50 %s, p99 %s\n\n",
		terminal.Count(l.Events, "event", "events"), l.Seconds, r.Attained, r.Rate, 100*l.CPU, float64(l.Memory)/1e6, short,
		seconds(l.FirstIn), seconds(l.P50), seconds(l.P99))
	if err != nil {
		return err
	}
	return r.Report.WriteText(w)
}

// writeJSON writes one JSON object on one line.
func (r *Report) writeJSON(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

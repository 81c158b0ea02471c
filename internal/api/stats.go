package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/helios-connect/helios/plugins/store/query"
)

// windows of the figures, in the order of the answer.
var windows = []struct {
	name   string
	length time.Duration
}{{"24h", 24 * time.Hour}, {"7d", 7 * 24 * time.Hour}, {"30d", 30 * 24 * time.Hour}}

// Figures are counts over the sums of 720 hours. They are made again
// when they are older than statsFresh and than statsShare times what making them
// took, so that no number of readers burdens the store by more than that.
const (
	statsFresh = 5 * time.Second
	statsShare = 20
)

// statsCache keeps the figures made last, for whoever holds the turn.
type statsCache struct {
	turn  chan struct{}
	last  *statsAnswer
	until time.Time
}

func newStatsCache() statsCache { return statsCache{turn: make(chan struct{}, 1)} }

// Window is the figures of one window.
type Window struct {
	Window      string         `json:"window" enum:"24h,7d,30d"`
	Since       time.Time      `json:"since"`
	Events      EventFigures   `json:"events"`
	Verdicts    VerdictFigures `json:"verdicts"`
	DeadLetters LetterFigures  `json:"dead_letters"`
}

// EventFigures count events.
type EventFigures struct {
	Total   int64            `json:"total"`
	ByCloud map[string]int64 `json:"by_cloud" doc:"the 50 most frequent names, and other for the rest"`
}

// VerdictFigures count facts by their current verdict.
type VerdictFigures struct {
	Total     int64            `json:"total"`
	ByStatus  map[string]int64 `json:"by_status"`
	Agreement *float64         `json:"agreement,omitempty" doc:"the share of matched ones, 0 to 1; absent when there are none"`
}

// LetterFigures count dead letters.
type LetterFigures struct {
	Total    int64            `json:"total"`
	ByReason map[string]int64 `json:"by_reason"`
}

type statsAnswer struct {
	Body struct {
		GeneratedAt time.Time `json:"generated_at" doc:"figures are kept for some seconds"`
		Windows     []Window  `json:"windows"`
	}
}

func (s *Server) registerStats() {
	huma.Register(s.huma, reading("get-stats", "/api/v1/stats", "Figures of 24 hours, 7 days and 30 days",
		"Events by cloud (event time), facts by the status of their current verdict (time of the decision) and dead letters by reason, in windows that end now.", "Figures"),
		func(ctx context.Context, _ *struct{}) (*statsAnswer, error) { return s.figures(ctx, time.Now()) })
}

// figures returns the figures, kept or new. Readers wait for one that makes them, no
// longer than for the store itself.
func (s *Server) figures(ctx context.Context, now time.Time) (*statsAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, queryPatience)
	defer cancel()
	select {
	case s.stats.turn <- struct{}{}:
		defer func() { <-s.stats.turn }()
	case <-ctx.Done():
		return nil, failure(ctx.Err())
	}
	if s.stats.last != nil && now.Before(s.stats.until) {
		return s.stats.last, nil
	}
	lengths := make([]time.Duration, len(windows))
	for i, w := range windows {
		lengths[i] = w.length
	}
	started := time.Now()
	counted, err := s.config.Store.Stats(ctx, now, lengths...)
	if err != nil {
		return nil, failure(err)
	}
	answer := &statsAnswer{}
	answer.Body.GeneratedAt = now.UTC()
	for i, figures := range counted {
		answer.Body.Windows = append(answer.Body.Windows, window(windows[i].name, now.Add(-windows[i].length), figures))
	}
	s.stats.last = answer
	s.stats.until = now.Add(max(statsFresh, statsShare*time.Since(started)))
	return answer, nil
}

func window(name string, since time.Time, f query.Figures) Window {
	w := Window{Window: name, Since: since.UTC()}
	w.Events.Total, w.Events.ByCloud = total(f.Events), f.Events
	w.Verdicts.Total, w.Verdicts.ByStatus = total(f.Verdicts), f.Verdicts
	w.DeadLetters.Total, w.DeadLetters.ByReason = total(f.DeadLetters), f.DeadLetters
	if w.Verdicts.Total > 0 {
		agreement := float64(f.Verdicts["matched"]) / float64(w.Verdicts.Total)
		w.Verdicts.Agreement = &agreement
	}
	return w
}

func total(counts map[string]int64) (n int64) {
	for _, one := range counts {
		n += one
	}
	return n
}

package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
)

// Headers by which records are known without reading them.
const (
	headerStatus   = "helios_status"          // of a verdict
	headerPrevious = "helios_previous_status" // of a correction: the status it replaces
	headerStage    = "helios-stage"           // of a dead letter: who refused it
	// of a dead letter that broke its contract: rule and place
	headerViolations = "helios-violations"
	headerOrigin     = "helios-origin"
	headerType       = "helios_type"
	headerAttempt    = "helios-attempt" // of a replayed event
)

// keptDisagreements is how many of the last disagreements are shown.
const keptDisagreements = 5

// disagreement is a verdict that is not matched, in words.
type disagreement struct {
	At     time.Time `json:"at"`
	Status string    `json:"status"`
	Key    string    `json:"key"`
	What   string    `json:"what"`
}

// tail follows the committed verdicts and dead letters, as any other reader
// would.
type tail struct {
	client *kgo.Client

	mu       sync.Mutex
	first    time.Time
	verdicts int64
	byStatus map[string]int64 // facts, by their latest verdict
	last     []disagreement
	byStage  map[string]int64
	breaches map[string]int64 // broken contracts, in words
}

func newTail(brokers []string) (*tail, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.ConsumeTopics(embedded.TopicVerdicts, embedded.TopicDLQ),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// A tenth of a second's records at a time instead of one by one.
		kgo.FetchMinBytes(1<<20),
		kgo.FetchMaxWait(100*time.Millisecond),
	)
	if err != nil {
		return nil, fmt.Errorf("connecting to the verdicts: %w", err)
	}
	return &tail{client: client, byStatus: map[string]int64{}, byStage: map[string]int64{}, breaches: map[string]int64{}}, nil
}

// follow reads until the context ends.
func (t *tail) follow(ctx context.Context) {
	defer t.client.Close()
	for {
		fetches := t.client.PollFetches(ctx)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return
		}
		now := time.Now()
		t.mu.Lock()
		fetches.EachRecord(func(r *kgo.Record) { t.take(r, now) })
		t.mu.Unlock()
	}
}

func (t *tail) take(r *kgo.Record, now time.Time) {
	if r.Topic == embedded.TopicDLQ {
		stage := header(r, headerStage)
		t.byStage[stage]++
		if stage == stageValidate {
			t.breach(r)
		}
		return
	}
	if t.verdicts == 0 {
		t.first = now
	}
	t.verdicts++
	status := header(r, headerStatus)
	t.byStatus[status]++
	if replaced := header(r, headerPrevious); replaced != "" {
		t.byStatus[replaced]--
	}
	if status == "matched" {
		return
	}
	what, err := describe(r.Value)
	if err != nil {
		what = err.Error()
	}
	t.last = append(t.last, disagreement{At: now, Status: status, Key: string(r.Key), What: what})
	if len(t.last) > keptDisagreements {
		t.last = slices.Delete(t.last, 0, len(t.last)-keptDisagreements)
	}
}

// maxBreaches bounds the kinds of breaches that are told apart.
const maxBreaches = 100

// breach counts a dead letter that broke its contract.
func (t *tail) breach(r *kgo.Record) {
	kind := header(r, headerType)
	what := fmt.Sprintf("%s from %s: %s", kind[strings.LastIndexByte(kind, '.')+1:], header(r, headerOrigin), header(r, headerViolations))
	if _, known := t.breaches[what]; !known && len(t.breaches) >= maxBreaches {
		what = "others"
	}
	t.breaches[what]++
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// tailState is what the tail has seen so far.
type tailState struct {
	first    time.Time
	verdicts int64
	byStatus map[string]int64
	last     []disagreement
	byStage  map[string]int64 // dead letters
	breaches map[string]int64
}

func (t *tail) state() tailState {
	t.mu.Lock()
	defer t.mu.Unlock()
	return tailState{
		first: t.first, verdicts: t.verdicts, last: slices.Clone(t.last),
		byStatus: maps.Clone(t.byStatus), byStage: maps.Clone(t.byStage), breaches: maps.Clone(t.breaches),
	}
}

// deadLetters of all stages.
func (s *tailState) deadLetters() (n int64) {
	for _, one := range s.byStage {
		n += one
	}
	return n
}

// commonest lists the broken contracts with their numbers, the commonest first.
func (s *tailState) commonest() (list []string) {
	kinds := slices.SortedFunc(maps.Keys(s.breaches), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.breaches[b], s.breaches[a]), strings.Compare(a, b))
	})
	for _, k := range kinds {
		list = append(list, fmt.Sprintf("%d %s", s.breaches[k], k))
	}
	return list
}

// describe says in a few words what a verdict found.
func describe(verdict []byte) (string, error) {
	var v struct {
		Type    string   `json:"type"`
		Missing []string `json:"missing"`
		Stalled []string `json:"stalled"`
		Diffs   []struct {
			Field    string                     `json:"field"`
			Values   map[string]json.RawMessage `json:"values"`
			Outliers []string                   `json:"outliers"`
		} `json:"diffs"`
	}
	if err := json.Unmarshal(verdict, &v); err != nil {
		return "", fmt.Errorf("reading a verdict: %w", err)
	}
	var parts []string
	if len(v.Missing) > 0 {
		parts = append(parts, "missing on "+strings.Join(v.Missing, ", "))
	}
	if len(v.Stalled) > 0 {
		parts = append(parts, "unknown on "+strings.Join(v.Stalled, ", ")+", which is stalled")
	}
	for _, d := range v.Diffs {
		parts = append(parts, d.Field+": "+values(d.Values, d.Outliers))
	}
	name := v.Type[strings.LastIndexByte(v.Type, '.')+1:]
	return name + ": " + strings.Join(parts, "; "), nil
}

// values lists who says what, marking the outliers.
func values(byParticipant map[string]json.RawMessage, outliers []string) string {
	var said []string
	for participant, value := range byParticipant {
		mark := ""
		if slices.Contains(outliers, participant) {
			mark = "!"
		}
		said = append(said, participant+mark+" "+clip(string(value), 20))
	}
	slices.Sort(said)
	for _, o := range outliers {
		if _, has := byParticipant[o]; !has {
			said = append(said, o+"! nothing")
		}
	}
	return strings.Join(said, ", ")
}

// clip cuts text to at most n characters.
func clip(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}

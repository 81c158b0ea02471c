package kafka

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

// maxMetadata is the broker's default limit (offset.metadata.max.bytes).
const maxMetadata = 4096

// metadataPrefix tells our metadata from that of other clients (franz-go
// commits its member id) and carries the version of the format.
const metadataPrefix = "helios1"

// commitState is what the metadata of a partition's committed offset carries.
// Together with the log from that offset on, and with the verdicts from
// VerdictLow on, it is the whole state of the partition.
type commitState struct {
	// Low is the committed offset itself: the lowest offset of an event of a
	// fact still open, or Pos. It is not part of the metadata.
	Low int64 `json:"-"`
	// Pos: all events below it are applied.
	Pos int64 `json:"p"`
	// VerdictLow is the lowest offset, in the same partition of the verdict
	// topic, of the last verdict on a fact that is still remembered.
	VerdictLow int64 `json:"w"`
	// Commit identifies the transaction, so that an instance whose commit was
	// answered with an unknown result can find out whether it took place.
	Commit string `json:"k"`
	// Clocks holds the marks of participants that are waited for, the
	// frontiers and the latest ends forgotten.
	Clocks []engine.ClockState `json:"c"`
	// Skipped are the offsets in [Low, Pos) that must not be applied again.
	Skipped string `json:"f,omitempty"`
}

func (s *commitState) encode() (string, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encoding commit metadata: %w", err)
	}
	text := metadataPrefix + string(body)
	if len(text) > maxMetadata {
		return "", fmt.Errorf("commit metadata takes %d bytes, but brokers accept %d: "+
			"use fewer clocks, or fewer participants in each", len(text), maxMetadata)
	}
	return text, nil
}

// decodeCommit reads the metadata of an offset. known is false for an offset
// that another client committed, or that an operator has set.
func decodeCommit(low int64, metadata string) (state commitState, known bool, err error) {
	body, ours := strings.CutPrefix(metadata, metadataPrefix)
	if !ours {
		return commitState{}, false, nil
	}
	if err := json.Unmarshal([]byte(body), &state); err != nil {
		return commitState{}, false, fmt.Errorf("reading commit metadata %.60q: %w", metadata, err)
	}
	state.Low = low
	if low < 0 || state.Pos < low || state.VerdictLow < 0 {
		return commitState{}, false, fmt.Errorf("reading commit metadata: position %d is below the committed offset %d, "+
			"or the verdict offset %d is negative", state.Pos, low, state.VerdictLow)
	}
	if _, err := decodeSkipped(state.Skipped, low, state.Pos); err != nil {
		return commitState{}, false, fmt.Errorf("reading commit metadata: %w", err)
	}
	return state, true, nil
}

// skipped decodes Skipped, which decodeCommit has checked.
func (s *commitState) skipped() skippedOffsets {
	runs, _ := decodeSkipped(s.Skipped, s.Low, s.Pos)
	return runs
}

// minSkipped is the room that every commit keeps for skipped offsets.
const minSkipped = 512

// metadataShape knows which participants' marks are committed and how much of
// the metadata is left for skipped offsets.
type metadataShape struct {
	expected map[string]map[string]bool // clock → participants waited for
	skipped  int                        // bytes
}

// shapeOf measures the greatest metadata that expectations can lead to.
func shapeOf(expectations []engine.Expectation) (metadataShape, error) {
	shape := metadataShape{expected: make(map[string]map[string]bool)}
	for _, x := range expectations {
		clock := x.Clock
		if clock == "" {
			clock = defaultClock
		}
		if shape.expected[clock] == nil {
			shape.expected[clock] = make(map[string]bool)
		}
		for _, p := range x.Expect {
			shape.expected[clock][p] = true
		}
	}
	const anInstant, anOffset = 1<<63 - 1, 1<<63 - 1
	full := commitState{Pos: anOffset, VerdictLow: anOffset, Commit: newCommitID()}
	participants := 0
	for clock, expected := range shape.expected {
		state := engine.ClockState{Clock: clock, Highest: anInstant, Frontier: anInstant, Forgotten: anInstant, Marks: make(map[string]int64)}
		for p := range expected {
			state.Marks[p] = -anInstant
			participants++
		}
		full.Clocks = append(full.Clocks, state)
	}
	body, err := json.Marshal(full)
	if err != nil {
		return metadataShape{}, fmt.Errorf("measuring commit metadata: %w", err)
	}
	shape.skipped = maxMetadata - len(metadataPrefix) - len(body) - len(`,"f":""`)
	if shape.skipped < minSkipped {
		return metadataShape{}, fmt.Errorf("%w: the clocks of %d clock names with %d participants take %d bytes of commit metadata, "+
			"but brokers accept %d with %d kept for other uses: let expectations share a clock, or split them over several inputs",
			engine.ErrConfig, len(shape.expected), participants, len(body), maxMetadata, minSkipped)
	}
	return shape, nil
}

// defaultClock is the clock of an expectation that names none.
const defaultClock = "default"

// waitedFor leaves in the clocks only what decides: marks of participants that
// nobody waits for would let strangers fill the metadata.
func (m metadataShape) waitedFor(clocks []engine.ClockState) []engine.ClockState {
	for _, c := range clocks {
		for p := range c.Marks {
			if !m.expected[c.Clock][p] {
				delete(c.Marks, p)
			}
		}
	}
	return clocks
}

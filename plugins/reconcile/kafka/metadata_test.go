package kafka

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

func TestCommitMetadataRoundTrip(t *testing.T) {
	state := commitState{
		Low: 7, Pos: 99, VerdictLow: 12, Commit: newCommitID(), Skipped: "AAE",
		Clocks: []engine.ClockState{{Clock: "default", Marks: map[string]int64{"aws": 5, "gcp": -6}, Frontier: 8, Forgotten: 3}},
	}
	text, err := state.encode()
	require.NoError(t, err)
	back, known, err := decodeCommit(7, text)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, state, back)
}

func TestMetadataOfOtherClientsIsNoState(t *testing.T) {
	for _, text := range []string{"", "kgo-1234-member", `{"p":1}`, "helios"} {
		_, known, err := decodeCommit(5, text)
		require.NoError(t, err, text)
		require.False(t, known, text)
	}
}

func TestDamagedMetadataIsAnErrorAndNeverAGuess(t *testing.T) {
	for _, text := range []string{
		"helios1", "helios1{", `helios1{"p":4,"w":0}`, `helios1{"p":9,"w":-1}`,
		`helios1{"p":9,"w":0,"f":"!"}`, `helios1{"p":9,"w":0,"f":"CAk"}`,
	} {
		_, known, err := decodeCommit(5, text)
		require.Error(t, err, text)
		require.False(t, known, text)
	}
}

func FuzzDecodeCommit(f *testing.F) {
	f.Add(int64(5), `helios1{"p":9,"w":0,"k":"x","c":[{"c":"default","m":{"aws":1}}],"f":"AAE"}`)
	f.Add(int64(0), "")
	f.Fuzz(func(t *testing.T, low int64, text string) {
		state, known, err := decodeCommit(low, text)
		if err != nil || !known {
			return
		}
		if state.Pos < low || low < 0 || state.VerdictLow < 0 {
			t.Fatalf("accepted %+v", state)
		}
		state.skipped()
	})
}

func expectation(clock string, participants int) engine.Expectation {
	x := engine.Expectation{Name: clock, Window: time.Minute, Clock: clock}
	for i := range participants {
		x.Expect = append(x.Expect, fmt.Sprintf("participant-%03d", i))
	}
	return x
}

func TestTooManyClocksForTheMetadataAreRefusedAtStart(t *testing.T) {
	_, err := shapeOf([]engine.Expectation{expectation("a", 80), expectation("b", 80)})
	require.ErrorIs(t, err, engine.ErrConfig)
	require.ErrorContains(t, err, "2 clock names with 160 participants")
}

func TestTheGreatestMetadataFitsWhatBrokersAccept(t *testing.T) {
	shape, err := shapeOf([]engine.Expectation{expectation("a", 40), expectation("b", 20)})
	require.NoError(t, err)
	const big = 1<<63 - 1
	state := commitState{Pos: big, VerdictLow: big, Commit: newCommitID(), Skipped: strings.Repeat("A", shape.skipped)}
	for _, clock := range []string{"a", "b"} {
		c := engine.ClockState{Clock: clock, Marks: map[string]int64{}, Frontier: big, Forgotten: big, Highest: big}
		for p := range shape.expected[clock] {
			c.Marks[p] = -big
		}
		c.Marks["a stranger"] = 1
		state.Clocks = append(state.Clocks, c)
	}
	state.Clocks = shape.waitedFor(state.Clocks)
	text, err := state.encode()
	require.NoError(t, err)
	require.LessOrEqual(t, len(text), maxMetadata)
	require.NotContains(t, text, "stranger")
}

package dlq

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Over any number of runs, each cut short anywhere, a letter is tried until it
// goes, and never after it went.
func TestProgressKeepsWhatStaysAndForgetsWhatWent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var committed progress
		went := map[int64]bool{}
		end := int64(0)
		for range rapid.IntRange(1, 6).Draw(t, "runs") {
			end += rapid.Int64Range(0, 20).Draw(t, "new letters")
			text, err := committed.metadata()
			require.NoError(t, err)
			before, err := progressOf(committed.next, text)
			require.NoError(t, err)
			require.Equal(t, committed.left(0, end), before.left(0, end), "what is committed is what is read")
			tr := &tracker{before: before, left: before.left(0, end)}
			if len(tr.left) == 0 {
				continue
			}
			cut := rapid.Int64Range(tr.left[0].From, end).Draw(t, "cut")
			for offset := tr.left[0].From; offset < cut; offset++ {
				if !holds(tr.left, offset) {
					require.True(t, went[offset], "%d is passed over", offset)
					tr.pass(offset, false)
					continue
				}
				require.False(t, went[offset], "%d is tried again", offset)
				stays := rapid.Bool().Draw(t, "stays")
				tr.pass(offset, stays)
				went[offset] = !stays
			}
			committed = tr.progress()
		}
		last := &tracker{before: committed, left: committed.left(0, end)}
		for offset := range end {
			require.Equal(t, !went[offset], holds(last.left, offset), "%d", offset)
		}
	})
}

func TestForeignProgressIsNoticed(t *testing.T) {
	for _, metadata := range []string{"hello!", "gA", "AQ"} {
		_, err := progressOf(1, metadata)
		require.ErrorContains(t, err, "committed to by something else", metadata)
	}
	var p progress
	for i := range int64(10_000) {
		p.stays(i * 3)
	}
	_, err := p.metadata()
	require.ErrorIs(t, err, errTooManyStay)
}

func TestWhatStaysIsTriedAgainWhenItsContractIsMended(t *testing.T) {
	conn := start(t,
		letter(canonical("a", "aws"), "contract", "validate", "aws", "1"),
		letter(canonical("b", "gcp"), "contract", "validate", "gcp", "1"),
		letter(canonical("c", "aws"), "contract", "validate", "aws", "1"),
	)
	mended := false
	r := replay()
	r.Judge = func(_ context.Context, doc []byte) ([]byte, error) {
		if !mended && strings.Contains(string(doc), `"cloud":"gcp"`) {
			return nil, errors.New("it breaks its contract")
		}
		return []byte(strings.Replace(string(doc), `"amount"`, `"total"`, 1)), nil
	}
	for _, step := range []struct {
		mended bool
		want   Totals
		sent   int
	}{{false, Totals{Sent: 2, Stayed: 1}, 2}, {false, Totals{Stayed: 1}, 2}, {true, Totals{Sent: 1}, 3}, {true, Totals{}, 3}} {
		mended = step.mended
		total, err := r.Run(t.Context(), conn)
		require.NoError(t, err)
		require.Equal(t, step.want, total)
		require.Len(t, sent(t, conn), step.sent)
	}
	for _, e := range sent(t, conn) {
		require.Contains(t, e, `"total":1.50`, "what is sent is what the contract made of it")
	}
}

package kafka

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSkippedOffsetsSurviveTheCommitMetadata(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Int64Range(0, 1<<40).Draw(t, "low")
		var s skippedOffsets
		var model []int64
		at := low
		for range rapid.IntRange(0, 60).Draw(t, "n") {
			at += rapid.SampledFrom([]int64{0, 0, 0, 1, 5, 200, 100_000}).Draw(t, "gap")
			s.add(at)
			model = append(model, at)
			at++
		}
		cut := low + rapid.Int64Range(0, at-low).Draw(t, "cut")
		s.dropBelow(cut)
		back, err := decodeSkipped(s.encode(cut), cut, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, offset := range model {
			for _, probe := range []int64{offset - 1, offset, offset + 1} {
				want := probe >= cut && slices.Contains(model, probe)
				if got := back.contains(probe); got != want {
					t.Fatalf("contains(%d) is %t, want %t", probe, got, want)
				}
			}
		}
	})
}

func FuzzDecodeSkipped(f *testing.F) {
	for _, seed := range []string{"", "AAE", "BQEDAg", "gICAgICAgICAAQE", "////", "AAA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const low, end = 100, 1_000_000
		s, err := decodeSkipped(text, low, end)
		if err != nil {
			return
		}
		last := int64(low)
		for _, r := range s.runs {
			if r.start < last || r.length < 1 || r.start+r.length > end {
				t.Fatalf("run %+v of %q is out of order or out of [%d,%d)", r, text, low, end)
			}
			last = r.start + r.length
		}
	})
}

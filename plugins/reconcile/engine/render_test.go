package engine

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/helios-connect/helios/plugins/event"
)

func TestInstantsAreWrittenAsTheEventPackageDoes(t *testing.T) {
	const day = 24 * int64(time.Hour)
	var seconds secondTexts
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.OneOf(
			rapid.Int64Range(math.MinInt64/2, math.MaxInt64/2),
			rapid.Int64Range(-3, 3),
			rapid.Map(rapid.Int64Range(-100_000, 100_000), func(d int64) int64 { return d*day - 1 }),
			rapid.Map(rapid.Int64Range(-100_000, 100_000), func(s int64) int64 { return s * 1e9 }),
		).Draw(t, "at")
		want := `"` + string(event.AppendTime(nil, at)) + `"`
		if got := string(seconds.append(nil, at)); got != want {
			t.Fatalf("%d: %s, want %s", at, got, want)
		}
	})
}

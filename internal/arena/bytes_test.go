package arena_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/helios-connect/helios/internal/arena"
)

// TestWhatIsGivenAwayStays: nothing that is given away changes later, or can be
// reached by appending to something else.
func TestWhatIsGivenAwayStays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var a arena.Bytes
		type given struct{ got, want []byte }
		var all []given
		for i := range rapid.IntRange(1, 60).Draw(rt, "gifts") {
			size := rapid.SampledFrom([]int{0, 1, 7, 600, 5000, 8192, 8193, 70000}).Draw(rt, "size")
			want := bytes.Repeat([]byte{byte(i + 1)}, size)
			var got []byte
			switch rapid.IntRange(0, 2).Draw(rt, "way") {
			case 0:
				got = a.Copy(want)
			case 1:
				got = []byte(a.String(want))
			default: // with too little room asked for, at times
				room := a.Begin(size * rapid.IntRange(0, 2).Draw(rt, "half room") / 2)
				require.Empty(t, room)
				got = a.Keep(append(room, want...))
			}
			all = append(all, given{got, want})
			if len(got) > 0 {
				_ = append(got, 0xff)
			}
		}
		for _, g := range all {
			require.True(t, bytes.Equal(g.want, g.got))
		}
	})
}

func BenchmarkKeep(b *testing.B) {
	text := bytes.Repeat([]byte{'x'}, 600)
	var a arena.Bytes
	b.ReportAllocs()
	for b.Loop() {
		a.Keep(append(a.Begin(len(text)), text...))
	}
}

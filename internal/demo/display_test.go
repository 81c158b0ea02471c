package demo

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func someView() view {
	return view{
		elapsed: 65 * time.Second, planned: 2 * time.Minute, phase: "running", address: "127.0.0.1:4195",
		perCloud: map[string]float64{"gcp": 333.4, "aws": 334, "azure": 332.6},
		open:     1234, byStatus: map[string]int64{"matched": 900, "missing": 7},
		dups: 3, dead: 4, p50: 0.0421, p99: 5.25, first: 1400 * time.Millisecond,
		last: []disagreement{{At: time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC), Status: "missing", Key: "ord-1", What: "paid: missing on gcp"}},
	}
}

func TestTheEndSaysWhatItWaitsFor(t *testing.T) {
	v := someView()
	require.Equal(t, "  ", rowsOf(v)[1])
	v.left = "645000 events of the log are not stored"
	require.Equal(t, "  "+v.left, rowsOf(v)[1])
	var out strings.Builder
	(&lines{out: &out}).show(v)
	require.True(t, strings.HasSuffix(out.String(), " | "+v.left+"\n"), out.String())
}

func sized(columns, rows int) func() (int, int) {
	return func() (int, int) { return columns, rows }
}

func TestALineSaysEverythingOnce(t *testing.T) {
	var out strings.Builder
	l := &lines{out: &out}
	v := someView()
	l.show(v)
	v.elapsed += time.Second
	l.show(v)
	require.Equal(t, "01:05 running: events/s aws 334 azure 333 gcp 333 | open 1234 | "+
		"matched 900 mismatched 0 partial 0 missing 7 indeterminate 0 | duplicates 3 | dead letters 4 | "+
		"time to verdict p50 42.1 ms p99 5.25 s\n", out.String(), "a second line comes after five seconds")
	v.phase = "waiting"
	l.show(v)
	require.Equal(t, 2, strings.Count(out.String(), "\n"), "or with a new phase")
}

func TestRatesBelowOneAreNotShownAsNone(t *testing.T) {
	v := view{}
	require.Equal(t, []string{"-"}, rates(v))
	v.perCloud = map[string]float64{"aws": 0.34, "azure": 0, "gcp": 12.6}
	require.Equal(t, []string{"aws 0.3", "azure 0", "gcp 13"}, rates(v))
}

func TestAScreenIsRedrawnInPlace(t *testing.T) {
	var out strings.Builder
	s := &screen{out: &out, size: sized(0, 0)}
	s.show(someView())
	first := out.String()
	require.True(t, strings.HasPrefix(first, hideCursor))
	require.Contains(t, first, "    10:00:00  missing        ord-1\n\x1b[2K      paid: missing on gcp\n")
	rows := strings.Count(first, "\n")

	out.Reset()
	s.show(someView())
	require.True(t, strings.HasPrefix(out.String(), "\x1b[22A\r"), "as many lines up as were drawn: %d", rows)
	require.Equal(t, 22, rows, "a terminal has 24")

	out.Reset()
	s.finish()
	require.Equal(t, showCursor, out.String())
}

func TestTheRowsFitATerminalOfEightyColumns(t *testing.T) {
	v := someView()
	v.planned, v.phase, v.stopping, v.last = 0, "settling", true, nil
	v.breaches = []string{"1162 paid from gcp: required /customer", "3 shipped from azure: type /items/0/qty; required /customer"}
	v.byStatus = map[string]int64{"matched": 99_999_999, "mismatched": 999_999, "partial": 999_999, "missing": 999_999, "indeterminate": 999_999}
	for _, row := range rowsOf(v) {
		require.LessOrEqual(t, len(row), 80, row)
	}
	v.asked, v.limit = 100_000, limitEmulators
	v.perCloud = map[string]float64{"aws": 33_000, "azure": 33_000, "gcp": 33_000}
	require.LessOrEqual(t, len(rowsOf(v)[1]), 80, rowsOf(v)[1])
	require.Contains(t, rowsOf(v)[0], "Ctrl-C stops at once")
	require.Contains(t, rowsOf(v)[9], "broken by 1162 paid from gcp: required /customer")
	v.breaches = nil
	require.Contains(t, rowsOf(v)[9], "all kept")
}

// A row that is longer than the terminal must not end in a part of a number.
func TestRowsAreCutToTheTerminal(t *testing.T) {
	v := someView()
	for _, d := range []struct {
		columns int
		want    []string
	}{
		{30, []string{bold + "Helios demo" + plain + "  01:05 of 2m0s  r…", "  events/s         aws 334   …", "    10:00:00  missing        …", "      paid: missing on gcp"}},
		{8, []string{"Helios …", "  event…"}},
		{200, []string{"  events/s         aws 334   azure 333   gcp 333", "      paid: missing on gcp"}},
	} {
		var out strings.Builder
		s := &screen{out: &out, size: sized(d.columns, 40)}
		s.show(v)
		for _, row := range d.want {
			require.Contains(t, out.String(), clearLine+row+"\n")
		}
	}
}

func TestNoMoreIsDrawnThanTheTerminalHasLines(t *testing.T) {
	var out strings.Builder
	s := &screen{out: &out, size: sized(80, 10)}
	s.show(someView())
	require.Equal(t, 9, strings.Count(out.String(), "\n"))
	s.size = sized(80, 24)
	out.Reset()
	s.show(someView())
	require.True(t, strings.HasPrefix(out.String(), "\x1b[9A\r"))
	require.Equal(t, 22, strings.Count(out.String(), "\n"))
}

func TestALongRowDoesNotWrap(t *testing.T) {
	var out strings.Builder
	s := &screen{out: &out, size: sized(0, 0)}
	s.show(someView())
	s.finish()
	require.Equal(t, 1, strings.Count(out.String(), "\x1b[?7l"), "wrapped lines would be more than are gone back over")
	require.True(t, strings.HasSuffix(out.String(), "\x1b[?7h\x1b[?25h"), "the terminal is left as it was")
}

func TestTimesAreShownToThreeDigits(t *testing.T) {
	for want, s := range map[string]float64{"-": math.NaN(), "1.5 ms": 0.0015, "999 ms": 0.9994, "1 s": 0.9996, "12.3 s": 12.345} {
		require.Equal(t, want, seconds(s))
	}
}

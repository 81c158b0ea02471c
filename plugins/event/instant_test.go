package event_test

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/event"
)

func TestParseTimeReadsRFC3339(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-23T18:28:01Z":                "2026-11-23T18:28:01Z",
		"2026-11-23t18:28:01z":                "2026-11-23T18:28:01Z",
		"2026-11-23T18:28:01.5+02:00":         "2026-11-23T16:28:01.5Z",
		"2026-11-23T18:28:01.123456789-23:59": "2026-11-24T18:27:01.123456789Z",
		"2026-11-23T18:28:01.1234567899999Z":  "2026-11-23T18:28:01.123456789Z",
		"2026-11-23T18:28:01-00:00":           "2026-11-23T18:28:01Z",
		"2000-02-29T00:00:00Z":                "2000-02-29T00:00:00Z",
		"1969-12-31T23:59:59.25Z":             "1969-12-31T23:59:59.25Z",
		"2016-12-31T23:59:60Z":                "2017-01-01T00:00:00Z",
		"2016-12-31T18:59:60.5-05:00":         "2017-01-01T00:00:00.5Z",
		"1678-01-01T00:00:00Z":                "1678-01-01T00:00:00Z",
		"2261-12-31T23:59:59.999999999Z":      "2261-12-31T23:59:59.999999999Z",
		"2262-01-01T00:59:59+01:00":           "2261-12-31T23:59:59Z",
	} {
		ns, err := event.ParseTime([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, want, string(event.AppendTime(nil, ns)), text)
		require.Equal(t, want, time.Unix(0, ns).UTC().Format(time.RFC3339Nano), text)
	}
}

func TestParseTimeRefuses(t *testing.T) {
	for _, text := range []string{"", "x", "2026-11-23", "2026-11-23T18:28:01", "2026-11-23 18:28:01Z", "2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T12:00:60Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00,5Z",
		"2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+01:60", "2026-01-01T00:00:00ZZ",
		"+026-01-01T00:00:00Z", "2026-01-01T00:00:00.5", strings.Repeat("\x00", 10) + "T00:00:00Z", "1900-02-29T00:00:00Z", strings.Repeat("9", 1000)} {
		_, err := event.ParseTime([]byte(text))
		require.ErrorIs(t, err, event.ErrTime, text)
	}
	for _, text := range []string{"0001-01-01T00:00:00Z", "0000-02-29T00:00:00Z", "9999-12-31T23:59:59Z", "1677-12-31T23:59:59Z", "2262-01-01T00:00:00Z",
		"1678-01-01T00:59:59+01:00", "2261-12-31T23:00:00-01:00"} {
		_, err := event.ParseTime([]byte(text))
		require.ErrorIs(t, err, event.ErrTimeRange, text)
		require.Contains(t, err.Error(), text)
	}
}

func TestAppendTimeReachesTheEndsOfItsRange(t *testing.T) {
	for _, ns := range []int64{math.MinInt64, -1, 0, 1, math.MaxInt64} {
		require.Equal(t, time.Unix(0, ns).UTC().Format(time.RFC3339Nano), string(event.AppendTime(nil, ns)))
	}
}

// TestEveryDayIsRead holds ParseTime against the calendar of package time, on
// every day of its range and on the one behind each month.
func TestEveryDayIsRead(t *testing.T) {
	var reader event.TimeReader
	end := time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)
	for day := time.Date(1678, 1, 1, 23, 59, 58, 0, time.UTC); day.Before(end); day = day.AddDate(0, 0, 1) {
		text := day.AppendFormat(nil, time.RFC3339)
		ns, err := event.ParseTime(text)
		if err != nil || ns != day.UnixNano() {
			require.Fail(t, "wrong", "%v: %d %v", day, ns, err)
		}
		for range 2 {
			if ns, err := reader.Parse(text); err != nil || ns != day.UnixNano() {
				require.Fail(t, "wrong behind another day", "%v: %d %v", day, ns, err)
			}
		}
		if day.AddDate(0, 0, 1).Day() == 1 {
			_, err := event.ParseTime(fmt.Appendf(nil, "%04d-%02d-%02dT00:00:00Z", day.Year(), day.Month(), day.Day()+1))
			require.ErrorIs(t, err, event.ErrTime)
		}
	}
}

// TestEveryByteOfATimeCounts: no byte but those of RFC 3339 may stand anywhere.
func TestEveryByteOfATimeCounts(t *testing.T) {
	const text = "2026-11-21T18:28:01Z"
	var reader event.TimeReader
	for i := range text {
		for c := range 256 {
			changed := []byte(text)
			changed[i] = byte(c)
			_, err := event.ParseTime(changed)
			_, err2 := reader.Parse(changed)
			require.Equal(t, err, err2)
			want, wantErr := time.Parse(time.RFC3339, strings.ToUpper(string(changed)))
			good := wantErr == nil && rfc3339.Match(changed) && want.Year() >= 1678 && want.Year() <= 2261
			require.Equal(t, good, err == nil, "%q", changed)
		}
	}
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$`)

// FuzzParseTime holds ParseTime against time.Parse.
func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"2026-11-23T18:28:01.123Z", "2024-02-29T23:59:59+05:30", "1900-02-29T00:00:00Z", "2261-12-31T23:59:59.999999999-00:30"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ns, err := event.ParseTime([]byte(text))
		want, wantErr := time.Parse(time.RFC3339Nano, strings.ToUpper(text))
		if !rfc3339.MatchString(text) { // time.Parse takes commas and hours of one digit
			require.ErrorIs(t, err, event.ErrTime)
			return
		}
		if text[17:19] == "60" {
			return // time.Parse knows no leap seconds
		}
		if wantErr != nil {
			require.Error(t, err)
			return
		}
		if year := want.UTC().Year(); year < 1678 || year > 2261 {
			require.ErrorIs(t, err, event.ErrTimeRange)
			return
		}
		require.NoError(t, err)
		require.Equal(t, want.UnixNano(), ns)
		back, err := event.ParseTime(event.AppendTime(nil, ns))
		require.NoError(t, err)
		require.Equal(t, ns, back)
	})
}

func BenchmarkParseTime(b *testing.B) {
	s := []byte("2026-11-23T18:28:01.123456Z")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.ParseTime(s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendTime(b *testing.B) {
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		buf = event.AppendTime(buf[:0], 1795458481123456789)
	}
}

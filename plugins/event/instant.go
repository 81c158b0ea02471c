package event

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrTime is wrapped by the error for text that is no RFC 3339 time.
var ErrTime = errors.New("not an RFC 3339 time")

// ErrTimeRange is wrapped by the error for an instant before 1678 or after 2261,
// which nanoseconds in 64 bits don't reach.
var ErrTimeRange = errors.New("time outside the years 1678 to 2261")

const (
	secondsPerDay = 86400
	minSeconds    = -9214560000 // 1678-01-01T00:00:00Z
	endSeconds    = 9214646400  // 2262-01-01T00:00:00Z
)

// ParseTime reads an RFC 3339 time (section 5.6) with any offset and returns Unix
// nanoseconds. Digits beyond nanoseconds are cut off; t and z may be small. The
// leap second 23:59:60 (UTC) is the first second of the next day. Errors wrap
// ErrTime or ErrTimeRange.
func ParseTime(s []byte) (unixNano int64, err error) {
	var t TimeReader
	return t.Parse(s)
}

// TimeReader reads times that are mostly of one day, faster than ParseTime: it
// remembers the date that it has read last. The zero value is ready. It is not
// safe for concurrent use.
type TimeReader struct {
	yearMonth uint64 // as it is spelt, with its hyphens
	day       uint32 // as it is spelt, and above it a bit that tells it from none
	midnight  int64  // of that date, Unix seconds
}

// Parse is ParseTime.
func (t *TimeReader) Parse(s []byte) (unixNano int64, err error) {
	if len(s) < len("2006-01-02T15:04:05Z") {
		return 0, timeError(s)
	}
	if yearMonth, day := load(s, 0), uint32(binary.LittleEndian.Uint16(s[8:]))|1<<16; yearMonth != t.yearMonth || day != t.day {
		midnight, ok := readDate(yearMonth, uint16(day))
		if !ok {
			return 0, timeError(s)
		}
		*t = TimeReader{yearMonth, day, midnight}
	}
	clock := load(s, 11) ^ clockSpelling // digits become their values and colons 0
	if s[10]|0x20 != 't' || notDigits(clock) != 0 || clock&clockSeparators != 0 {
		return 0, timeError(s)
	}
	clock = pairs(clock)
	hour, minute, second := clock&0xff, clock>>24&0xff, clock>>48&0xff
	if hour > 23 || minute > 59 || second > 60 {
		return 0, timeError(s)
	}
	nano, at := fraction(s, 19)
	offset, ok := zone(s, at)
	if !ok {
		return 0, timeError(s)
	}
	seconds := t.midnight + int64(hour*3600+minute*60+second) - offset
	if second == 60 && seconds%secondsPerDay != 0 {
		return 0, timeError(s)
	}
	if seconds < minSeconds || seconds >= endSeconds {
		return 0, fmt.Errorf("%w: %.40q", ErrTimeRange, s)
	}
	return seconds*1e9 + nano, nil
}

// readDate returns the first second of a date, whose first 8 and next 2 bytes it
// takes.
func readDate(yearMonth uint64, twoDigits uint16) (midnight int64, ok bool) {
	date, rest := yearMonth^dateSpelling, uint64(twoDigits^daySpelling) // digits become their values and hyphens 0
	if notDigits(date)|notDigits(rest) != 0 || date&dateSeparators != 0 {
		return 0, false
	}
	date, rest = pairs(date), pairs(rest)
	year, month, day := uint32(date&0xff*100+date>>16&0xff), uint32(date>>40&0xff), uint32(rest&0xff)
	if month-1 > 11 || day-1 >= daysIn(year, month) {
		return 0, false
	}
	return daysSince1970(year, month, day) * secondsPerDay, true
}

// How the parts of a time are spelt, as little-endian words, and which of their
// bytes are separators.
const (
	dateSpelling    = 0x2d30302d30303030 // 0000-00-
	dateSeparators  = 0xff0000ff00000000
	daySpelling     = 0x3030             // 00
	clockSpelling   = 0x30303a30303a3030 // 00:00:00
	clockSeparators = 0x0000ff0000ff0000
)

// notDigits is not 0 when some byte of w is above 9.
func notDigits(w uint64) uint64 { return (w + lowBits*(0x80-10) | w) & highBits }

// pairs puts the number that a byte of w and the next make as two digits into
// that byte.
func pairs(w uint64) uint64 { return w*10 + w>>8 }

func timeError(s []byte) error { return fmt.Errorf("%w: %.40q", ErrTime, s) }

// digits2 returns the number of two digits.
func digits2(a, b byte) (uint32, bool) {
	hi, lo := uint32(a-'0'), uint32(b-'0')
	return hi*10 + lo, hi <= 9 && lo <= 9
}

// fraction reads the fraction of a second at s[i], if there is one, and returns
// nanoseconds and the offset behind it.
func fraction(s []byte, i int) (nano int64, end int) {
	if s[i] != '.' {
		return 0, i
	}
	start := i + 1
	for i = start; i < len(s) && isDigit(s[i]); i++ {
		if i < start+nanoDigits {
			nano = nano*10 + int64(s[i]-'0')
		}
	}
	if i == start {
		return 0, len(s) // no digit: no zone will be found there
	}
	return nano * powersOf10[nanoDigits-min(i-start, nanoDigits)], i
}

// nanoDigits is how many digits of a second's fraction count.
const nanoDigits = 9

// zone reads the offset at s[i], which must be the end of s, in seconds east.
func zone(s []byte, i int) (offset int64, ok bool) {
	if len(s) == i+1 {
		return 0, s[i]|0x20 == 'z'
	}
	if len(s) != i+6 || s[i+3] != ':' || (s[i] != '+' && s[i] != '-') {
		return 0, false
	}
	hours, ok1 := digits2(s[i+1], s[i+2])
	minutes, ok2 := digits2(s[i+4], s[i+5])
	offset = int64(hours*3600 + minutes*60)
	if s[i] == '-' {
		offset = -offset
	}
	return offset, ok1 && ok2 && hours <= 23 && minutes <= 59
}

func daysIn(year, month uint32) uint32 {
	if month == 2 && isLeap(year) {
		return 29
	}
	return uint32(daysBefore[month+1] - daysBefore[month])
}

func isLeap(year uint32) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// daysBefore counts the days of a common year before its months 1 to 12, and
// all of them.
var daysBefore = [14]uint16{1: 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365}

// daysSince1970 counts days by the proleptic Gregorian calendar.
func daysSince1970(year, month, day uint32) int64 {
	days := int64(daysBefore[month]) + int64(day)
	if month > 2 && isLeap(year) {
		days++
	}
	// Whole years before this one, and 400 more, which keeps the year 0 positive.
	y := int64(year) + 399
	return days + y*365 + y/4 - y/100 + y/400 - daysTo1970
}

// daysTo1970 are the days of the 2369 years before 1970, and one, as days of
// a month count from one.
const daysTo1970 = 2369*365 + 2369/4 - 2369/100 + 2369/400 + 1

// AppendTime appends an instant (Unix nanoseconds) as RFC 3339 in UTC with the
// shortest fraction that is exact.
func AppendTime(dst []byte, unixNano int64) []byte {
	seconds := floorDiv(unixNano, 1e9)
	nano := unixNano - seconds*1e9
	days := floorDiv(seconds, secondsPerDay)
	rest := seconds - days*secondsPerDay
	year, month, day := civil(days)
	dst = append2(append2(dst, year/100), year%100)
	dst = append2(append(dst, '-'), month)
	dst = append2(append(dst, '-'), day)
	dst = appendClock(append(dst, 'T'), uint32(rest))
	return append(AppendFraction(dst, uint32(nano)), 'Z')
}

// appendClock appends the time of day of a second (below 86,400) as hh:mm:ss.
func appendClock(dst []byte, second uint32) []byte {
	minute := second / 60
	hour := minute / 60
	h, m, s := &twoDigits[hour], &twoDigits[minute-hour*60], &twoDigits[second-minute*60]
	return append(dst, h[0], h[1], ':', m[0], m[1], ':', s[0], s[1])
}

// AppendFraction appends nanoseconds (below a second) as the fraction of a second:
// a point and the fewest digits, or nothing for 0.
func AppendFraction(dst []byte, nano uint32) []byte {
	if nano == 0 {
		return dst
	}
	digits := 9
	for ; nano%1000 == 0; digits -= 3 {
		nano /= 1000
	}
	for ; nano%10 == 0; digits-- {
		nano /= 10
	}
	dst = append(dst, ".000000000"[:1+digits]...)
	i := len(dst)
	for ; digits > 1; digits -= 2 {
		two := &twoDigits[nano%100]
		nano /= 100
		i -= 2
		dst[i], dst[i+1] = two[0], two[1]
	}
	if digits == 1 {
		dst[i-1] = byte('0' + nano)
	}
	return dst
}

// twoDigits are the numbers below 100.
var twoDigits = func() (t [100][2]byte) {
	for i := range t {
		t[i] = [2]byte{byte('0' + i/10), byte('0' + i%10)}
	}
	return t
}()

func append2(dst []byte, n int64) []byte {
	return append(dst, twoDigits[n][0], twoDigits[n][1])
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// civil is the inverse of daysSince1970.
func civil(days int64) (year, month, day int64) {
	days += 719468
	era := floorDiv(days, 146097)
	dayOfEra := days - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	m := (5*dayOfYear + 2) / 153
	day = dayOfYear - (153*m+2)/5 + 1
	month = m + 3
	if month > 12 {
		month -= 12
	}
	year = yearOfEra + era*400
	if month <= 2 {
		year++
	}
	return year, month, day
}

package event

import (
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
	if len(s) < len("2006-01-02T15:04:05Z") {
		return 0, timeError(s)
	}
	year, ok1 := digits2(s[0], s[1])
	low, ok2 := digits2(s[2], s[3])
	month, ok3 := digits2(s[5], s[6])
	day, ok4 := digits2(s[8], s[9])
	hour, ok5 := digits2(s[11], s[12])
	minute, ok6 := digits2(s[14], s[15])
	second, ok7 := digits2(s[17], s[18])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7) ||
		s[4] != '-' || s[7] != '-' || s[10]|0x20 != 't' || s[13] != ':' || s[16] != ':' {
		return 0, timeError(s)
	}
	year = year*100 + low
	if month-1 > 11 || day-1 >= daysIn(year, month) || hour > 23 || minute > 59 || second > 60 {
		return 0, timeError(s)
	}
	nano, at := fraction(s, 19)
	offset, ok := zone(s, at)
	if !ok {
		return 0, timeError(s)
	}
	seconds := daysSince1970(year, month, day)*secondsPerDay + int64(hour*3600+minute*60+second) - offset
	if second == 60 && seconds%secondsPerDay != 0 {
		return 0, timeError(s)
	}
	if seconds < minSeconds || seconds >= endSeconds {
		return 0, fmt.Errorf("%w: %.40q", ErrTimeRange, s)
	}
	return seconds*1e9 + nano, nil
}

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
	unit := int64(1e9)
	for i++; i < len(s) && isDigit(s[i]); i++ {
		unit /= 10
		nano += int64(s[i]-'0') * unit
	}
	if unit == 1e9 {
		return 0, len(s) // no digit: no zone will be found there
	}
	return nano, i
}

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
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// daysSince1970 counts days by the proleptic Gregorian calendar, with years that
// begin in March so that the leap day is the last
// (https://howardhinnant.github.io/date_algorithms.html#days_from_civil).
func daysSince1970(year, month, day uint32) int64 {
	y, m := int64(year), int64(month)
	if m <= 2 {
		y--
		m += 12
	}
	// y+400 keeps the year 0 positive in January and February.
	era := (y+400)/400 - 1
	yearOfEra := y - era*400
	dayOfYear := (153*(m-3)+2)/5 + int64(day) - 1
	return era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468
}

// AppendTime appends an instant (Unix nanoseconds) as RFC 3339 in UTC with the
// shortest fraction that is exact.
func AppendTime(dst []byte, unixNano int64) []byte {
	seconds := floorDiv(unixNano, 1e9)
	nano := unixNano - seconds*1e9
	days := floorDiv(seconds, secondsPerDay)
	rest := seconds - days*secondsPerDay
	year, month, day := civil(days)
	dst = append2(dst, year/100)
	dst = append(append2(dst, year%100), '-')
	dst = append(append2(dst, month), '-')
	dst = append(append2(dst, day), 'T')
	dst = append(append2(dst, rest/3600), ':')
	dst = append(append2(dst, rest/60%60), ':')
	dst = append2(dst, rest%60)
	if nano != 0 {
		dst = append(dst, '.')
		for unit := int64(1e8); nano != 0; unit /= 10 {
			dst = append(dst, byte('0'+nano/unit))
			nano %= unit
		}
	}
	return append(dst, 'Z')
}

func append2(dst []byte, n int64) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10))
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

package payload

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"time"
)

// appendAvroTime writes a date, a time of day or a timestamp. reason says why it
// can't be written.
func appendAvroTime(dst []byte, n *avroNode, v int64) (out []byte, reason string) {
	if n.kind == avroTime {
		return appendTimeOfDay(dst, v, int64(n.size))
	}
	var t time.Time
	layout := `"2006-01-02T15:04:05.999999999Z"`
	switch n.kind {
	case avroDate:
		t, layout = time.Unix(v*86400, 0), `"2006-01-02"`
	case avroLocalTimestamp:
		t, layout = avroInstant(v, int64(n.size)), `"2006-01-02T15:04:05.999999999"`
	default:
		t = avroInstant(v, int64(n.size))
	}
	t = t.UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		return dst, fmt.Sprintf("%d is a time in the year %d; RFC 3339 knows 0 to 9999", v, y)
	}
	return t.AppendFormat(dst, layout), ""
}

// avroInstant is v units of so many nanoseconds after 1970.
func avroInstant(v, unit int64) time.Time {
	perSecond := int64(time.Second) / unit
	return time.Unix(v/perSecond, v%perSecond*unit)
}

// appendTimeOfDay writes v units of so many nanoseconds after midnight.
func appendTimeOfDay(dst []byte, v, unit int64) (out []byte, reason string) {
	day := int64(24*time.Hour) / unit
	if v < 0 || v >= day {
		return dst, fmt.Sprintf("%d is no time of day: allowed are 0 to %d", v, day-1)
	}
	t := time.Unix(0, v*unit).UTC()
	return t.AppendFormat(dst, `"15:04:05.999999999"`), ""
}

// appendAvroDuration writes months, days and milliseconds, three unsigned
// 32-bit numbers little-endian, as an ISO 8601 duration. Avro doesn't convert
// one into the other, nor does this: a month has no fixed length.
func appendAvroDuration(dst, b []byte) []byte {
	months := binary.LittleEndian.Uint32(b)
	days := binary.LittleEndian.Uint32(b[4:])
	ms := binary.LittleEndian.Uint32(b[8:])
	dst = append(dst, `"P`...)
	if months > 0 {
		dst = append(strconv.AppendUint(dst, uint64(months), 10), 'M')
	}
	if days > 0 {
		dst = append(strconv.AppendUint(dst, uint64(days), 10), 'D')
	}
	if ms > 0 || months == 0 && days == 0 {
		dst = append(dst, 'T')
		dst = strconv.AppendFloat(dst, float64(ms)/1000, 'f', -1, 64)
		dst = append(dst, 'S')
	}
	return append(dst, '"')
}

func appendUUID(dst, b []byte) []byte {
	dst = append(dst, '"')
	for i, part := range [][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return append(dst, '"')
}

// maxDecimalBytes bounds the cost of writing a decimal, which grows with the
// square of its digits: 512 bytes are 1,233 digits.
const maxDecimalBytes = 512

// appendDecimal writes a two's-complement, big-endian number divided by
// 10^scale, with all its digits.
func appendDecimal(dst, b []byte, scale int) []byte {
	var room [32]byte
	digits, negative := decimalDigits(room[:0], b)
	if negative {
		dst = append(dst, '-')
	}
	whole := len(digits) - scale
	if whole <= 0 {
		dst = append(dst, '0')
	} else {
		dst = append(dst, digits[:whole]...)
	}
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	for ; whole < 0; whole++ {
		dst = append(dst, '0')
	}
	return append(dst, digits[whole:]...)
}

// decimalDigits appends the digits of the absolute value of b.
func decimalDigits(dst, b []byte) (digits []byte, negative bool) {
	negative = len(b) > 0 && b[0]&0x80 != 0
	if len(b) <= 8 {
		var v uint64
		if negative {
			v = ^uint64(0)
		}
		for _, c := range b {
			v = v<<8 | uint64(c)
		}
		if negative {
			v = -v
		}
		return strconv.AppendUint(dst, v, 10), negative
	}
	n := new(big.Int).SetBytes(b)
	if negative {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
		n.Neg(n)
	}
	return n.Append(dst, 10), negative
}

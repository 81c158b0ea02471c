package kafka

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
)

// offsetRun is length offsets from start on.
type offsetRun struct{ start, length int64 }

// skippedOffsets are the offsets, ascending, of events that were flagged for a
// reason that depends on the state or the clock of that moment. Events that are
// read again must not be judged by the state of a later moment.
type skippedOffsets struct{ runs []offsetRun }

// add takes an offset greater than every one added before.
func (s *skippedOffsets) add(offset int64) {
	if n := len(s.runs); n > 0 && s.runs[n-1].start+s.runs[n-1].length == offset {
		s.runs[n-1].length++
		return
	}
	s.runs = append(s.runs, offsetRun{start: offset, length: 1})
}

func (s *skippedOffsets) contains(offset int64) bool {
	i := sort.Search(len(s.runs), func(i int) bool { return s.runs[i].start+s.runs[i].length > offset })
	return i < len(s.runs) && s.runs[i].start <= offset
}

// dropBelow forgets the offsets that are never read again.
func (s *skippedOffsets) dropBelow(low int64) {
	gone := sort.Search(len(s.runs), func(i int) bool { return s.runs[i].start+s.runs[i].length > low })
	if gone > 0 {
		s.runs = append(s.runs[:0], s.runs[gone:]...)
	}
	if len(s.runs) > 0 && s.runs[0].start < low {
		s.runs[0].length -= low - s.runs[0].start
		s.runs[0].start = low
	}
}

// encode writes the runs as pairs of varints (distance from the end of the run
// before, or from low; length) in base64.
func (s *skippedOffsets) encode(low int64) string {
	if len(s.runs) == 0 {
		return ""
	}
	var raw []byte
	at := low
	for _, r := range s.runs {
		raw = binary.AppendUvarint(raw, uint64(r.start-at))
		raw = binary.AppendUvarint(raw, uint64(r.length))
		at = r.start + r.length
	}
	return base64.RawStdEncoding.EncodeToString(raw)
}

var errSkipped = errors.New("not a list of offset runs")

// decodeSkipped reads what encode wrote. Runs must lie in [low, end).
func decodeSkipped(text string, low, end int64) (skippedOffsets, error) {
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return skippedOffsets{}, fmt.Errorf("%w: %w", errSkipped, err)
	}
	var s skippedOffsets
	at := low
	for len(raw) > 0 {
		gap, n := binary.Uvarint(raw)
		if n <= 0 {
			return skippedOffsets{}, errSkipped
		}
		length, m := binary.Uvarint(raw[n:])
		if m <= 0 || length == 0 {
			return skippedOffsets{}, errSkipped
		}
		if room := uint64(end - at); gap > room || length > room-gap {
			return skippedOffsets{}, fmt.Errorf("%w: it reaches past offset %d", errSkipped, end)
		}
		raw = raw[n+m:]
		s.runs = append(s.runs, offsetRun{start: at + int64(gap), length: int64(length)})
		at += int64(gap + length)
	}
	return s, nil
}

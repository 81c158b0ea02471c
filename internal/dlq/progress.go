package dlq

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/helios-connect/helios/internal/kafkaconn"
)

// progress is how far a group has come in a partition: every letter below next
// was passed, except those that stay, which the next replay tries again. It lives
// in the group's commit, where stay is the commit's metadata.
type progress struct {
	next int64
	stay []kafkaconn.Span // in order, without touching one another
}

// maxMetadata is how much of a commit's metadata is used: brokers take 4,096
// bytes unless told otherwise (offset.metadata.max.bytes).
const maxMetadata = 3500

// stays notes that the letter at an offset stays. Offsets come in order.
func (p *progress) stays(offset int64) {
	if n := len(p.stay); n > 0 && p.stay[n-1].To == offset {
		p.stay[n-1].To++
		return
	}
	p.stay = append(p.stay, kafkaconn.Span{From: offset, To: offset + 1})
}

// left is what is still to be tried of a partition that ends at end.
func (p *progress) left(start, end int64) (spans []kafkaconn.Span) {
	for _, s := range append(slices.Clone(p.stay), kafkaconn.Span{From: p.next, To: end}) {
		s.From, s.To = max(s.From, start), min(s.To, end)
		if s.From < s.To {
			spans = append(spans, s)
		}
	}
	return spans
}

// metadata is stay as text: for each span its distance from the one before and
// its length, as varints in base64.
func (p *progress) metadata() (string, error) {
	var b []byte
	last := int64(0)
	for _, s := range p.stay {
		b = binary.AppendUvarint(b, uint64(s.From-last))
		b = binary.AppendUvarint(b, uint64(s.To-s.From))
		last = s.To
	}
	text := base64.RawURLEncoding.EncodeToString(b)
	if len(text) > maxMetadata {
		return "", errTooManyStay
	}
	return text, nil
}

var errTooManyStay = errors.New("too many letters in between stay to keep track of: narrow the replay down by reason, type or time")

func progressOf(next int64, metadata string) (p progress, err error) {
	p.next = next
	b, err := base64.RawURLEncoding.DecodeString(metadata)
	if err != nil {
		return p, fmt.Errorf("the group was committed to by something else: %w", err)
	}
	last := int64(0)
	for len(b) > 0 {
		gap, n := binary.Uvarint(b)
		length, m := binary.Uvarint(b[max(n, 0):])
		if n <= 0 || m <= 0 || gap > 1<<62 || length > 1<<62 {
			return p, errors.New("the group was committed to by something else: its metadata can't be read")
		}
		b = b[n+m:]
		from := last + int64(gap)
		last = from + int64(length)
		p.stay = append(p.stay, kafkaconn.Span{From: from, To: last})
	}
	return p, nil
}

// tracker follows a partition through a run.
type tracker struct {
	before progress
	left   []kafkaconn.Span // to be tried
	at     int64            // everything below was looked at in this run
	stay   []kafkaconn.Span // found in this run
}

// pass notes what became of the letter at an offset. Offsets come in order.
func (t *tracker) pass(offset int64, stays bool) {
	t.at = offset + 1
	if stays {
		p := progress{stay: t.stay}
		p.stays(offset)
		t.stay = p.stay
	}
}

// progress is what the group has come to: beyond what was looked at, what stayed
// before still does.
func (t *tracker) progress() progress {
	p := progress{next: max(t.before.next, t.at), stay: slices.Clone(t.stay)}
	for _, s := range t.before.stay {
		if s.From = max(s.From, t.at); s.From < s.To {
			p.stay = append(p.stay, s)
		}
	}
	return p
}

// holds reports whether an offset is in one of the spans.
func holds(spans []kafkaconn.Span, offset int64) bool {
	return slices.ContainsFunc(spans, func(s kafkaconn.Span) bool { return s.From <= offset && offset < s.To })
}

package simulator

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/helios-connect/helios/internal/truth"
)

// ledger writes the truth about every fact, as internal/truth reads it. Lines
// are appended by hand, one a fact: this is on the path of every fact.
type ledger struct {
	out      *bufio.Writer
	line     []byte
	renderer *Renderer
	trailer  truth.Trailer
	err      error
	// recordType, when set, makes the ledger one of flat records, which have
	// another key and other fields than events.
	recordType string
}

func newLedger(w io.Writer, world string, o *Options, r *Renderer) (*ledger, error) {
	l := &ledger{out: bufio.NewWriterSize(w, 256<<10), renderer: r}
	l.trailer.Events = map[string]int64{}
	classes := make([]string, 0, classCount)
	for _, c := range o.Mix.enabled() {
		classes = append(classes, c.String())
	}
	header, err := json.Marshal(truth.Header{
		Ledger: truth.Version, World: world, Seed: o.Seed, Start: o.Start.UTC(), Rate: o.Rate,
		Classes: classes, Clouds: everyCloud.names(),
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the ledger's header: %w", err)
	}
	_, l.err = l.out.Write(append(header, '\n'))
	return l, l.flush()
}

// record appends a fact. Its line is with the operating system only after flush.
func (l *ledger) record(f *fact) {
	b := append(l.line[:0], `{"tenant":`...)
	b = append(b, l.renderer.tenants[f.order.tenant]...)
	b = append(b, `,"type":"`...)
	paths := &fieldPaths
	if l.recordType != "" {
		paths = &recordPaths
		b = append(b, l.recordType...)
		b = l.renderer.appendRecordKey(append(b, `","key":"`...), f)
	} else {
		b = append(b, factTypes[f.typ].name...)
		b = l.renderer.appendOrder(append(b, `","key":"`...), f.order)
	}
	b = append(b, `","class":"`...)
	b = append(b, f.class.String()...)
	b = append(b, `","status":"`...)
	b = append(b, f.status()...)
	b = append(b, '"')
	if f.missing != 0 {
		b = appendNames(append(b, `,"missing":`...), f.missing)
	}
	if f.mismatched {
		b = append(b, `,"diffs":[{"field":"`...)
		b = append(b, paths[f.alteredField]...)
		b = append(b, `","outliers":`...)
		b = append(appendNames(b, setOf(f.alteredCloud)), `}]`...)
	}
	b = l.appendCounts(b, f)
	if f.late != 0 {
		b = appendNames(append(b, `,"late":`...), f.late)
	}
	b = l.appendDefects(b, f)
	b = append(b, "}\n"...)
	l.line = b
	l.trailer.Facts++
	if l.err == nil {
		_, l.err = l.out.Write(b)
	}
}

func (l *ledger) appendCounts(b []byte, f *fact) []byte {
	b = append(b, `,"events":{`...)
	comma := false
	for _, c := range allClouds {
		if n := f.events(c); n > 0 {
			b, comma = appendCount(b, comma, c, n), true
			l.trailer.Events[c.String()] += int64(n)
		}
	}
	b = append(b, '}')
	b = appendNonZero(b, "duplicates", &f.duplicates)
	return appendNonZero(b, "conflicts", &f.conflicts)
}

func (l *ledger) appendDefects(b []byte, f *fact) []byte {
	for _, c := range allClouds {
		if d := f.defects[c]; d != sound {
			b = append(b, `,"malformed":[{"cloud":"`...)
			b = append(b, c.String()...)
			b = append(b, `","kind":"`...)
			b = append(b, d.String()...)
			b = append(b, `"}]`...)
			l.trailer.Malformed++
		}
	}
	return b
}

// flush hands what was recorded to the operating system.
func (l *ledger) flush() error {
	if l.err == nil {
		l.err = l.out.Flush()
	}
	if l.err != nil {
		return fmt.Errorf("writing the ledger: %w", l.err)
	}
	return nil
}

// end writes the trailer: the ledger is complete.
func (l *ledger) end() error {
	l.trailer.End = true
	line, err := json.Marshal(l.trailer)
	if err != nil {
		return fmt.Errorf("encoding the ledger's trailer: %w", err)
	}
	if l.err == nil {
		_, l.err = l.out.Write(append(line, '\n'))
	}
	return l.flush()
}

func appendNames(b []byte, s cloudSet) []byte {
	b = append(b, '[')
	for i, n := range s.names() {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), n...), '"')
	}
	return append(b, ']')
}

func appendCount(b []byte, comma bool, c Cloud, n int) []byte {
	if comma {
		b = append(b, ',')
	}
	b = append(append(append(b, '"'), c.String()...), `":`...)
	return strconv.AppendInt(b, int64(n), 10)
}

func appendNonZero(b []byte, name string, counts *[cloudCount]uint8) []byte {
	comma := false
	for _, c := range allClouds {
		if n := counts[c]; n > 0 {
			if !comma {
				b = append(append(append(b, `,"`...), name...), `":{`...)
			}
			b, comma = appendCount(b, comma, c, int(n)), true
		}
	}
	if comma {
		b = append(b, '}')
	}
	return b
}

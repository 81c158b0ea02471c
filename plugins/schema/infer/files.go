package infer

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/helios-connect/helios/plugins/event"
)

// MaxLineBytes is how long a line may be; a longer one is counted and passed
// over.
const MaxLineBytes = 16 << 20

// progressEvery is after how many lines progress is printed.
const progressEvery = 100_000

// Files is a run over files of JSON lines, plain or compressed with gzip.
type Files struct {
	Paths []string
	// Type is a glob (* is any run of characters); other types are passed over.
	// Empty is all.
	Type string
	// Bare says that lines are payloads of this type and not canonical events;
	// their file is their source.
	Bare string
	Settings
	// Progress takes lines for a person.
	Progress io.Writer
}

// Infer reads the files as a stream and proposes contracts. Lines that can't be
// learned from are counted in the report. The error names a file that can't be
// read, a setting that is wrong, or says that there was no event at all.
func (f Files) Infer(ctx context.Context) (Report, error) {
	in, err := New(f.Settings)
	if err != nil {
		return Report{}, err
	}
	r := lines{Files: f, in: in, wanted: glob(f.Type)}
	for _, path := range f.Paths {
		if err := r.file(ctx, path); err != nil {
			return Report{}, err
		}
	}
	report := in.Report()
	r.progress()
	for reason := range reasons {
		if n := report.Refused[reason]; n > 0 {
			fmt.Fprintf(f.Progress, "%s not learned from: %s\n", plural(n, "line"), reason)
		}
	}
	if r.learned == 0 {
		hint := ""
		if report.Refused[NotCanonical] > 0 {
			hint = "; payloads without an envelope take --bare TYPE"
		}
		return report, fmt.Errorf("no event to learn from among %s%s", plural(r.read, "line"), hint)
	}
	return report, nil
}

func glob(s string) *regexp.Regexp {
	if s == "" {
		s = "*"
	}
	return regexp.MustCompile(`(?s)^` + strings.ReplaceAll(regexp.QuoteMeta(s), `\*`, `.*`) + `$`)
}

// lines reads files and feeds an Inferrer.
type lines struct {
	Files
	in            *Inferrer
	wanted        *regexp.Regexp
	scanner       event.Scanner
	read, learned int
}

func (l *lines) progress() {
	fmt.Fprintf(l.Progress, "%s read, %s learned from, %s\n", plural(l.read, "line"), plural(l.learned, "event"), plural(len(l.in.types), "type"))
}

func (l *lines) file(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening the sample: %w", err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<16)
	if magic, _ := r.Peek(2); string(magic) == "\x1f\x8b" {
		z, err := gzip.NewReader(r)
		if err != nil {
			return fmt.Errorf("decompressing %q: %w", path, err)
		}
		r = bufio.NewReaderSize(z, 1<<16)
	}
	for {
		line, long, err := readLine(r)
		if len(trim(line)) > 0 || long {
			l.line(path, line, long)
		}
		if err == nil {
			err = ctx.Err()
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %q: %w", path, err)
		}
	}
}

// readLine returns a line, or long and nothing when it exceeds MaxLineBytes.
func readLine(r *bufio.Reader) (line []byte, long bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if long = long || len(line)+len(part) > MaxLineBytes+1; long {
			line = nil
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, long, err
		}
	}
}

var envelope = event.MustCompilePaths("type", "source", "tenant", "data")

func (l *lines) line(path string, line []byte, long bool) {
	if l.read++; l.read%progressEvery == 0 {
		l.progress()
	}
	if long {
		l.in.Refuse(TooLong)
		return
	}
	e := Event{Type: l.Bare, Source: path, Tenant: "default", Data: line}
	if l.Bare == "" {
		var reason Reason
		var ok bool
		if e, reason, ok = l.canonical(line); !ok {
			l.in.Refuse(reason)
			return
		}
	}
	if !l.wanted.MatchString(e.Type) {
		return
	}
	if _, ok := l.in.Add(e); ok {
		l.learned++
	}
}

func (l *lines) canonical(line []byte) (e Event, _ Reason, ok bool) {
	var out [4][]byte
	if err := l.scanner.Scan(line, envelope, out[:]); err != nil {
		// Why exactly is told by the check that payloads go through.
		if reason, ok := l.in.check(line); !ok {
			return e, reason, false
		}
		return e, NotCanonical, false
	}
	var text [3]string
	for i := range text {
		s, _, _ := event.StringBytes(out[i], nil)
		text[i] = string(s)
	}
	e = Event{Type: text[0], Source: text[1], Tenant: text[2], Data: out[3]}
	if e.Type == "" || e.Data == nil {
		return e, NotCanonical, false
	}
	return e, 0, true
}

package demo

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// view is what the display shows at one moment.
type view struct {
	elapsed  time.Duration // since the clouds began to send
	planned  time.Duration // 0: until Ctrl-C
	phase    string
	left     string  // what the end waits for; empty: nothing or not known
	asked    float64 // events per second
	limit    string  // what keeps the rate down; empty: it is kept
	stopping bool    // told to end by a signal
	address  string
	perCloud map[string]float64 // events per second
	open     int64              // facts
	byStatus map[string]int64   // facts, by their latest verdict
	dups     int64
	dead     int64
	p50, p99 float64       // seconds, NaN before the first verdict
	first    time.Duration // from the start of the process; 0: none yet
	last     []disagreement
	breaches []string // broken contracts, the commonest first
}

// display shows views. A terminal is redrawn in place; anything else gets a
// line every few seconds.
type display interface {
	show(v view)
	// finish leaves the cursor below what was drawn.
	finish()
}

func newDisplay(o *Options) display {
	if o.JSON {
		return &lines{out: o.Err}
	}
	if o.Size != nil {
		return &screen{out: o.Out, size: o.Size}
	}
	return &lines{out: o.Out}
}

// statuses in the order of display.
var statuses = []string{"matched", "mismatched", "partial", "missing", "indeterminate"}

const lineEvery = 5 * time.Second

// lines is the display for logs and pipes.
type lines struct {
	out   io.Writer
	next  time.Duration
	phase string
}

func (l *lines) show(v view) {
	if v.elapsed < l.next && v.phase == l.phase {
		return
	}
	l.next, l.phase = v.elapsed.Truncate(time.Second)+lineEvery, v.phase
	broken, left := "", ""
	if len(v.breaches) > 0 {
		broken = " | contract broken: " + v.breaches[0]
	}
	if v.left != "" {
		left = " | " + v.left
	}
	if short := v.short(); short != "" {
		left += " | " + short
	}
	fmt.Fprintf(l.out, "%s %s: events/s %s | open %d | %s | duplicates %d | dead letters %d%s | time to verdict p50 %s p99 %s%s\n",
		clock(v.elapsed), v.phase, strings.Join(rates(v), " "), v.open, strings.Join(verdicts(v), " "), v.dups, v.dead, broken, seconds(v.p50), seconds(v.p99), left)
}

func (*lines) finish() {}

// Control sequences of ECMA-48 and, for the cursor and the wrapping of lines, of
// DEC's terminals. Lines that wrapped would be more than lineUp goes back over.
const (
	hideCursor = "\x1b[?25l\x1b[?7l"
	showCursor = "\x1b[?7h\x1b[?25h"
	clearLine  = "\x1b[2K"
	clearBelow = "\x1b[J"
	lineUp     = "\x1b[%dA\r"
	bold       = "\x1b[1m"
	plain      = "\x1b[0m"
)

const title = "Helios demo"

// screen is the display for terminals.
type screen struct {
	out   io.Writer
	size  func() (columns, rows int)
	drawn int // lines
}

func (s *screen) show(v view) {
	var b strings.Builder
	if s.drawn == 0 {
		b.WriteString(hideCursor)
	} else {
		fmt.Fprintf(&b, lineUp, s.drawn)
	}
	rows := s.fit(rowsOf(v))
	for _, row := range rows {
		b.WriteString(clearLine + row + "\n")
	}
	b.WriteString(clearBelow)
	s.drawn = len(rows)
	io.WriteString(s.out, b.String()) //nolint:errcheck // a display that can't be seen harms nobody
}

// fit cuts rows to the terminal: of what is longer a part of a number could be left,
// and more lines than there are can't be gone back over.
func (s *screen) fit(rows []string) []string {
	columns, lines := s.size()
	if lines > 1 && len(rows) >= lines {
		rows = rows[:lines-1]
	}
	for i, row := range rows {
		if columns > 0 {
			row = clip(row, columns)
		}
		rows[i] = row
	}
	rows[0] = strings.Replace(rows[0], title, bold+title+plain, 1)
	return rows
}

func (s *screen) finish() {
	if s.drawn > 0 {
		io.WriteString(s.out, showCursor) //nolint:errcheck // as above
	}
}

func rowsOf(v view) []string {
	planned := "until Ctrl-C"
	if v.planned > 0 {
		planned = "of " + v.planned.String()
	}
	first := "not yet"
	if v.first > 0 {
		first = seconds(v.first.Seconds()) + " after the start"
	}
	phase := v.phase
	if v.stopping {
		phase += " (Ctrl-C stops at once)"
	}
	said := verdicts(v)
	rows := []string{
		fmt.Sprintf(title+"  %s %s  %s", clock(v.elapsed), planned, phase),
		"  " + cmp.Or(v.left, v.short()),
		"  events/s         " + strings.Join(rates(v), "   "),
		"  facts open       " + strconv.FormatInt(v.open, 10),
		"  facts judged     " + strings.Join(said[:3], "   "),
		"                   " + strings.Join(said[3:], "   "),
		fmt.Sprintf("  duplicates       %-10d dead letters  %d", v.dups, v.dead),
		fmt.Sprintf("  time to verdict  p50 %s   p99 %s   first %s", seconds(v.p50), seconds(v.p99), first),
		fmt.Sprintf("  metrics          http://%s/metrics", v.address),
		"  contracts        " + contractsRow(v.breaches),
		"",
		"  last disagreements",
	}
	for i := range keptDisagreements {
		if i >= len(v.last) {
			rows = append(rows, "", "")
			continue
		}
		d := v.last[len(v.last)-1-i]
		// On one line, 80 columns had no place for what differs.
		rows = append(rows, fmt.Sprintf("    %s  %-13s  %s", d.At.Format("15:04:05"), d.Status, d.Key), "      "+d.What)
	}
	return rows
}

// short says which rate is attained instead of the one asked for, and why; nothing
// while it is kept.
func (v *view) short() string {
	if v.limit == "" || len(v.perCloud) == 0 {
		return ""
	}
	var attained float64
	for _, rate := range v.perCloud {
		attained += rate
	}
	return attains(attained, v.asked, v.limit)
}

func attains(attained, asked float64, limit string) string {
	return fmt.Sprintf("attained %.0f of %.0f events/s: %s", attained, asked, limit)
}

func contractsRow(breaches []string) string {
	if len(breaches) == 0 {
		return "all kept"
	}
	return clip("broken by "+strings.Join(breaches, "; "), 58)
}

// rates of the clouds, of small ones with a digit behind the point; "-" before the
// second look.
func rates(v view) []string {
	if len(v.perCloud) == 0 {
		return []string{"-"}
	}
	var out []string
	for _, cloud := range slices.Sorted(maps.Keys(v.perCloud)) {
		rate, digits := v.perCloud[cloud], 0
		if rate > 0 && rate < 10 {
			digits = 1
		}
		out = append(out, fmt.Sprintf("%s %.*f", cloud, digits, rate))
	}
	return out
}

func verdicts(v view) []string {
	out := make([]string, 0, len(statuses))
	for _, status := range statuses {
		out = append(out, fmt.Sprintf("%s %d", status, v.byStatus[status]))
	}
	return out
}

// clock shows minutes and seconds.
func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}

// seconds shows a time to three digits.
func seconds(s float64) string {
	switch {
	case math.IsNaN(s):
		return "-"
	case s < 0.9995:
		return fmt.Sprintf("%.3g ms", s*1000)
	default:
		return fmt.Sprintf("%.3g s", s)
	}
}

package truth

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/helios-connect/helios/internal/terminal"
)

// statusOrder is the order of the columns, that in which statuses are decided.
var statusOrder = []string{"matched", "mismatched", "partial", "missing", "indeterminate", noVerdict}

// WriteText writes the report for people. Its last line begins with "OK" and
// says that all verdicts are correct, or begins with "FAILED".
func (r *Report) WriteText(w io.Writer) error {
	b := &strings.Builder{}
	r.writeClasses(b)
	r.writeConfusion(b)
	r.writeConservation(b)
	r.writeWrong(b)
	if r.OK {
		fmt.Fprintf(b, "OK: all verdicts correct (%s, %s, every event accounted for)\n",
			terminal.Count(r.Facts, "fact", "facts"), terminal.Count(len(r.Classes)-1, "fault class", "fault classes"))
	} else {
		for _, f := range r.Failures {
			fmt.Fprintf(b, "  - %s\n", f)
		}
		fmt.Fprintf(b, "FAILED: %s\n", terminal.Count(len(r.Failures), "failure", "failures"))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func table(b *strings.Builder) *tabwriter.Writer {
	return tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
}

// statuses that occur, in the order of columns; unknown ones last.
func (r *Report) statuses() []string {
	seen := map[string]bool{}
	for _, row := range r.Confusion {
		for s := range row {
			seen[s] = true
		}
	}
	var out []string
	for _, s := range statusOrder {
		if seen[s] {
			out = append(out, s)
			delete(seen, s)
		}
	}
	return append(out, slices.Sorted(maps.Keys(seen))...)
}

func (r *Report) writeClasses(b *strings.Builder) {
	b.WriteString("Verdicts by fault class\n")
	statuses := r.statuses()
	t := table(b)
	fmt.Fprintf(t, "class\tfacts\tright\tprecision\trecall\t%s\t\n", strings.Join(statuses, "\t"))
	for _, c := range r.Classes {
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t", c.Class, c.Facts, c.Right, share(c.Precision), share(c.Recall))
		for _, s := range statuses {
			fmt.Fprintf(t, "%d\t", c.Verdicts[s])
		}
		fmt.Fprintln(t)
	}
	t.Flush() // into memory: it cannot fail
	b.WriteByte('\n')
}

// share as a percentage that shows 100 % only when nothing is lacking.
func share(x float64) string {
	s := fmt.Sprintf("%.2f%%", 100*x)
	if x < 1 && strings.HasPrefix(s, "100") {
		return "99.99%"
	}
	return s
}

func (r *Report) writeConfusion(b *strings.Builder) {
	b.WriteString("Truth (rows) and verdict (columns)\n")
	statuses := r.statuses()
	t := table(b)
	fmt.Fprintf(t, "\t%s\t\n", strings.Join(statuses, "\t"))
	for _, truth := range statusOrder {
		row, ok := r.Confusion[truth]
		if !ok {
			continue
		}
		fmt.Fprintf(t, "%s\t", truth)
		for _, s := range statuses {
			fmt.Fprintf(t, "%d\t", row[s])
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	b.WriteByte('\n')
}

func (r *Report) writeConservation(b *strings.Builder) {
	b.WriteString("Conservation: received = logged + duplicates + dead-lettered + in flight\n")
	t := table(b)
	fmt.Fprintf(t, "hop\treceived\tlogged\tduplicates\tdead-lettered\tin flight\tholds\t\n")
	for _, c := range r.Conservation {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%t\t\n", c.Name, c.Received, c.Logged, c.Duplicates, c.DeadLettered, c.InFlight, c.Holds)
	}
	t.Flush()
	fmt.Fprintf(b, "by the ledger: %s, %d malformed; dead letters found: %d\n\n", terminal.Count(sum(r.Sent), "good event", "good events"), r.Malformed, sum(r.DeadLetters))
}

func (r *Report) writeWrong(b *strings.Builder) {
	if r.Wrong == 0 {
		return
	}
	fmt.Fprintf(b, "Wrong verdicts: the first %d of %d\n", len(r.WrongFacts), r.Wrong)
	for _, w := range r.WrongFacts {
		fmt.Fprintf(b, "  %s (%s): %s\n", w.ID, w.Class, strings.Join(w.Faults, "; "))
	}
	b.WriteByte('\n')
}

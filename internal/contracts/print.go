package contracts

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/helios-connect/helios/internal/terminal"
	"github.com/helios-connect/helios/plugins/schema/compat"
)

// PrintChanges writes what changed between two versions, for people.
func PrintChanges(w io.Writer, changes []compat.Change) {
	if len(changes) == 0 {
		fmt.Fprintln(w, "The versions say the same.")
		return
	}
	for _, c := range changes {
		place := c.Pointer
		if place == "" {
			place = "/"
		}
		fmt.Fprintf(w, "%s  %s", terminal.Printable(place), strings.ReplaceAll(string(c.Kind), "_", " "))
		switch {
		case c.Before != "" && c.After != "":
			fmt.Fprintf(w, ": %s → %s", short(c.Before), short(c.After))
		case c.Before != "":
			fmt.Fprintf(w, ": was %s", short(c.Before))
		case c.After != "":
			fmt.Fprintf(w, ": %s", short(c.After))
		}
		fmt.Fprintln(w)
		for i, d := range c.Breaks {
			reason := ""
			if i < len(c.Reasons) {
				reason = ": " + c.Reasons[i]
			}
			fmt.Fprintf(w, "    breaks %s, not %s compatible%s\n", d.Breaks(), d, terminal.Printable(reason))
		}
	}
}

// maxShort is how many bytes of a value are printed.
const maxShort = 120

func short(s string) string {
	s = terminal.Printable(s)
	if len(s) > maxShort {
		return s[:maxShort-3] + "..."
	}
	return s
}

// PrintTrial writes what a contract would do to events.
func PrintTrial(w io.Writer, t *Trial) {
	fmt.Fprintf(w, "It %s\n", t.Sentence())
	for _, r := range t.Sorted() {
		tally := t.Reasons[r]
		place := strings.TrimSpace(r.Rule + " " + terminal.Printable(r.Pointer))
		fmt.Fprintf(w, "  %7d  %s, for example: %s\n", tally.Events, place, terminal.Printable(tally.Example))
		for _, producer := range byCount(tally.Producers) {
			fmt.Fprintf(w, "           %d of them from %s\n", tally.Producers[producer], terminal.Printable(producer))
		}
	}
	if t.Unreadable > 0 {
		fmt.Fprintf(w, "Left out: %s\n", terminal.Count(t.Unreadable, "record that is no canonical event", "records that are no canonical events"))
	}
}

// byCount lists names, the commonest first.
func byCount(counts map[string]int) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
}

// PrintPlan writes a proposal and what its tests found.
func PrintPlan(w io.Writer, e *Evolution) {
	fmt.Fprintf(w, "Proposed after version %d:\n", e.From.Version)
	for _, s := range e.Proposal.Steps {
		fmt.Fprintf(w, "  %s\n", terminal.Printable(s))
	}
	for _, s := range e.Proposal.Open {
		fmt.Fprintf(w, "  left to a person: %s\n", terminal.Printable(s))
	}
	if m := e.Proposal.Mapping; m != "" {
		fmt.Fprintf(w, "The mapping from version %d:\n", e.From.Version)
		for line := range strings.Lines(m) {
			fmt.Fprintf(w, "  %s", line)
		}
	}
	fmt.Fprintf(w, "Tested: it accepts %d of %d that broke the contract, and %d of %d that kept it", e.Mended, e.Broken, e.Carried, e.Kept)
	if e.Proposal.Mapping != "" {
		fmt.Fprint(w, ", after the mapping")
	}
	fmt.Fprintln(w)
	if e.Hopeless > 0 {
		fmt.Fprintf(w, "  %d more are accepted by no contract: a member stands twice, or a number is out of reach\n", e.Hopeless)
	}
	if e.Complaint != "" {
		fmt.Fprintf(w, "  the first that it refuses: %s\n", terminal.Printable(e.Complaint))
	}
}

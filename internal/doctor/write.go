package doctor

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Write writes the findings for a person, one a line and the advice below it,
// and how many there are of each status.
func Write(w io.Writer, findings []Finding) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var counts [len(statusNames)]int
	for _, f := range findings {
		counts[f.Status]++
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", f.Status, f.Dependency, f.What, f.Detail)
		if f.Advice != "" {
			fmt.Fprintf(table, "\t\t\t→ %s\n", f.Advice)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	var parts []string
	for s, n := range counts {
		parts = append(parts, fmt.Sprintf("%d %s", n, Status(s)))
	}
	_, err := fmt.Fprintln(w, strings.Join(parts, ", "))
	return err
}

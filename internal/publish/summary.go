package publish

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/helios-connect/helios/internal/terminal"
)

// Summary is what became of all events.
type Summary struct {
	// Events that were read.
	Events int `json:"events"`
	// Unreadable is what was no event.
	Unreadable Refusals `json:"unreadable"`
	// Elsewhere are events of clouds that no target is in.
	Elsewhere int `json:"of_other_clouds"`
	// Targets in the order of their flags.
	Targets []*Counts `json:"targets"`
}

// Counts are those of one target.
type Counts struct {
	Target string `json:"target"`
	Sent   int    `json:"sent"`
	// Bytes of what was sent, as the cloud counts them.
	Bytes    int64 `json:"bytes"`
	Requests int   `json:"requests"`
	// Retried counts each further attempt for an entry.
	Retried int      `json:"retried"`
	Refused Refusals `json:"refused"`
	// Unkeyed events hold their correlationid nowhere that this target carries.
	Unkeyed int `json:"unkeyed,omitempty"`
}

func (c *Counts) refuse(place, why string) { c.Refused.add(place, why) }

// Refusals counts by reason.
type Refusals struct {
	Count   int       `json:"count"`
	Reasons []*Reason `json:"reasons,omitempty"`
}

// Reason is why some were refused, and where the first of them stand.
type Reason struct {
	Why    string   `json:"why"`
	Count  int      `json:"count"`
	Places []string `json:"places"`
}

// What is kept of the reasons and their places.
const (
	maxReasons = 20
	maxPlaces  = 5
)

func (r *Refusals) add(place, why string) {
	r.Count++
	i := slices.IndexFunc(r.Reasons, func(one *Reason) bool { return one.Why == why })
	if i < 0 {
		if len(r.Reasons) == maxReasons {
			why = "other reasons"
			i = slices.IndexFunc(r.Reasons, func(one *Reason) bool { return one.Why == why })
		}
		if i < 0 {
			r.Reasons = append(r.Reasons, &Reason{Why: why})
			i = len(r.Reasons) - 1
		}
	}
	one := r.Reasons[i]
	one.Count++
	if len(one.Places) < maxPlaces && place != "" {
		one.Places = append(one.Places, place)
	}
}

// Complete reports whether every event was sent wherever it had to go.
func (s *Summary) Complete() bool {
	for _, c := range s.Targets {
		if c.Refused.Count > 0 {
			return false
		}
	}
	return s.Unreadable.Count == 0
}

// WriteJSON writes the summary as one object.
func (s *Summary) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(s)
}

// Write writes the summary for a person.
func (s *Summary) Write(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TARGET\tSENT\tREFUSED\tRETRIED\tREQUESTS\tBYTES")
	for _, c := range s.Targets {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\n", c.Target, c.Sent, c.Refused.Count, c.Retried, c.Requests, c.Bytes)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, c := range s.Targets {
		c.Refused.write(w, c.Target+" refused")
		if c.Unkeyed > 0 {
			fmt.Fprintf(w, "%s: %s nothing at data.order_id, where events of EventBridge are looked for their correlationid by default; each of them is a fact of its own\n",
				c.Target, terminal.Count(c.Unkeyed, "event holds", "events hold"))
		}
	}
	s.Unreadable.write(w, "not an event")
	if s.Elsewhere > 0 {
		fmt.Fprintf(w, "%s of a cloud that no target is in\n", terminal.Count(s.Elsewhere, "event is", "events are"))
	}
	_, err := fmt.Fprintln(w, terminal.Count(s.Events, "event", "events"))
	return err
}

func (r *Refusals) write(w io.Writer, what string) {
	for _, one := range r.Reasons {
		fmt.Fprintf(w, "%s: %d × %s", what, one.Count, terminal.Printable(one.Why))
		for i, place := range one.Places {
			fmt.Fprint(w, map[bool]string{true: " (", false: ", "}[i == 0], place)
		}
		switch {
		case len(one.Places) == 0:
			fmt.Fprintln(w)
		case one.Count > len(one.Places):
			fmt.Fprintln(w, ", …)")
		default:
			fmt.Fprintln(w, ")")
		}
	}
}

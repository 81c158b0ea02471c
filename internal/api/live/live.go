// Package live follows the events and verdicts in the log from now on, for as
// long as somebody looks, and hands them to any number of subscribers. One that
// does not keep up loses messages, which are counted; nobody ever waits for it.
package live

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/helios-connect/helios/plugins/event"
)

// Stream is what is followed.
type Stream uint8

const (
	// Events are the canonical events.
	Events Stream = iota
	// Verdicts are the committed verdicts.
	Verdicts

	streams = 2
)

// String returns the name of the stream in paths and metrics.
func (s Stream) String() string { return [streams]string{"events", "verdicts"}[s] }

// Item is one event or verdict.
type Item struct {
	Tenant, Type string
	// Group is what the items are counted by: the cloud of an event, the status
	// of a verdict.
	Group string
	// Clouds are those that a filter finds the item by: the cloud of an event,
	// and those that a verdict says to be missing, stalled or an outlier.
	Clouds []string
	// Ordinary items are sampled apart, so that the rare and telling ones are not
	// crowded out: first verdicts that everybody agrees.
	Ordinary bool
	// JSON is one valid document.
	JSON []byte
}

var (
	eventPaths   = event.MustCompilePaths(event.AttrTenant, event.AttrType, event.AttrCloud)
	verdictPaths = event.MustCompilePaths("tenant", "type", "status", "missing", "stalled", "diffs", "revision")
)

// reader reads what filters need of the records of one stream. Not safe for
// concurrent use.
type reader struct {
	stream  Stream
	scanner event.Scanner
	raw     [7][]byte
}

// read takes an item out of the value of a record, of which it keeps no view.
func (r *reader) read(value []byte) (*Item, error) {
	paths := eventPaths
	if r.stream == Verdicts {
		paths = verdictPaths
	}
	if err := r.scanner.Scan(value, paths, r.raw[:paths.Len()]); err != nil {
		return nil, fmt.Errorf("reading a record of the %s: %w", r.stream, err)
	}
	item := &Item{Tenant: r.text(0), Type: r.text(1), Group: r.text(2)}
	if item.Tenant == "" {
		item.Tenant = event.DefaultTenant
	}
	if r.stream == Events {
		item.Clouds = []string{item.Group}
	} else {
		item.Clouds = r.atFault()
		item.Ordinary = item.Group == "matched" && string(r.raw[6]) == "1"
	}
	// A WebSocket's text that is not UTF-8 would end the connection, and a
	// line break is the one thing that JSON may hold and frames need not.
	if utf8.Valid(value) {
		item.JSON = bytes.Clone(value)
	} else {
		item.JSON = bytes.ToValidUTF8(value, []byte("\ufffd"))
	}
	return item, nil
}

// text is the i-th member when it is a string.
func (r *reader) text(i int) string {
	if r.raw[i] == nil || !event.IsString(r.raw[i]) {
		return ""
	}
	b, err := event.Unquote(nil, r.raw[i])
	if err != nil {
		return ""
	}
	return string(b)
}

// atFault lists the clouds that a verdict names as missing, stalled or outliers.
func (r *reader) atFault() (clouds []string) {
	for _, i := range []int{3, 4} {
		if raw := r.raw[i]; len(raw) > len("[]") {
			var names []string
			if json.Unmarshal(raw, &names) == nil {
				clouds = append(clouds, names...)
			}
		}
	}
	if raw := r.raw[5]; len(raw) > len("[]") {
		var diffs []struct {
			Outliers []string `json:"outliers"`
		}
		if json.Unmarshal(raw, &diffs) == nil {
			for _, d := range diffs {
				clouds = append(clouds, d.Outliers...)
			}
		}
	}
	slices.Sort(clouds)
	return slices.Compact(clouds)
}

// Filter says which items a subscriber wants. The zero value asks for all.
type Filter struct {
	Tenant string
	// Type may be a glob, as in expectations: com.example.order.*
	Type string
	// Groups are the wanted clouds of events or statuses of verdicts; none: all.
	Groups []string
	// Cloud as in Item.Clouds.
	Cloud string
}

func (f *Filter) matches(item *Item) bool {
	return (f.Tenant == "" || f.Tenant == item.Tenant) &&
		(f.Type == "" || event.MatchesAny([]string{f.Type}, item.Type)) &&
		(len(f.Groups) == 0 || slices.Contains(f.Groups, item.Group)) &&
		(f.Cloud == "" || slices.Contains(item.Clouds, f.Cloud))
}

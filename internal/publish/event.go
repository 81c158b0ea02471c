// Package publish sends events to the clouds as their own publishers do, so that
// a user can try the whole circle: cloud, Helios, verdict.
package publish

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/helios-connect/helios/plugins/event"
)

// Event is a CloudEvents 1.0 event, canonical or not.
type Event struct {
	// Place is where it was read, for example "line 3".
	Place string
	// ID, Source and Type are never empty.
	ID, Source, Type string
	Subject          string
	Time             time.Time
	// Cloud is the participant of a canonical event, or empty.
	Cloud string
	// Tenant and CorrelationID are those of a canonical event, or empty.
	Tenant, CorrelationID string
	// DataContentType is application/json when the event doesn't say.
	DataContentType string
	// Data is a JSON object, byte for byte.
	Data json.RawMessage
	// Extensions are all other attributes that are strings, numbers or booleans.
	Extensions []Extension
}

// Extension is an attribute of CloudEvents beyond those of the specification.
type Extension struct{ Name, Value string }

// maxLine is the longest line that is read; no cloud takes a larger event.
const maxLine = 12 << 20

// own are attributes that Helios sets when it receives an event.
func own(name string) bool {
	return name == event.AttrIngestTime || strings.HasPrefix(name, "helios")
}

// ParseEvent reads one JSON document. An absent time becomes now.
func ParseEvent(doc []byte, now time.Time) (*Event, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(doc, &members); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	e := &Event{Time: now, DataContentType: "application/json"}
	var version string
	for name, place := range map[string]*string{
		"specversion": &version, "id": &e.ID, "source": &e.Source, "type": &e.Type, "subject": &e.Subject,
		event.AttrCloud: &e.Cloud, event.AttrTenant: &e.Tenant, event.AttrCorrelationID: &e.CorrelationID, "datacontenttype": &e.DataContentType,
	} {
		raw, ok := members[name]
		delete(members, name)
		if ok && json.Unmarshal(raw, place) != nil {
			return nil, fmt.Errorf("%s is %.40s; a string is required", name, raw)
		}
	}
	switch {
	case version != "1.0":
		return nil, fmt.Errorf("specversion is %q; a CloudEvent with \"1.0\" is required, such as %s", version, example)
	case e.ID == "" || e.Source == "" || e.Type == "":
		return nil, fmt.Errorf("id is %q, source %q and type %q; none may be empty", e.ID, e.Source, e.Type)
	}
	if raw, ok := members["time"]; ok {
		delete(members, "time")
		if err := json.Unmarshal(raw, &e.Time); err != nil {
			return nil, fmt.Errorf("time is %.40s; RFC 3339 is required, such as \"2026-11-23T10:00:00Z\"", raw)
		}
	}
	e.Data = bytes.TrimSpace(members["data"])
	delete(members, "data")
	if len(e.Data) == 0 || e.Data[0] != '{' {
		return nil, fmt.Errorf("data is %.40s; an object is required", cmp.Or(string(e.Data), "absent"))
	}
	for name, raw := range members {
		if text, ok := attribute(raw); ok && !own(name) {
			e.Extensions = append(e.Extensions, Extension{name, text})
		}
	}
	slices.SortFunc(e.Extensions, func(a, b Extension) int { return strings.Compare(a.Name, b.Name) })
	return e, nil
}

const example = `{"specversion":"1.0","id":"1","source":"shop","type":"order.paid","time":"2026-11-23T10:00:00Z","subject":"ord-1","data":{"amount":10}}`

// attribute is the text of an attribute's value (CloudEvents 1.0, type system).
func attribute(raw json.RawMessage) (text string, ok bool) {
	switch {
	case len(raw) == 0, raw[0] == '{', raw[0] == '[', string(raw) == "null":
		return "", false
	case raw[0] == '"':
		err := json.Unmarshal(raw, &text)
		return text, err == nil
	}
	return string(raw), true
}

// subject of an event, by which a fact is known on every cloud.
func (e *Event) subject() string { return cmp.Or(e.Subject, e.CorrelationID) }

// Read reads events, a JSON document a line, and hands them out in pieces. What
// is no event is handed to bad, and reading goes on.
func Read(r io.Reader, now func() time.Time, each func([]*Event) error, bad func(place string, err error)) error {
	lines := bufio.NewReaderSize(r, 1<<20)
	var piece []*Event
	for n := 1; ; n++ {
		line, err := readLine(lines)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLong) {
			return fmt.Errorf("reading line %d: %w", n, err)
		}
		place := fmt.Sprintf("line %d", n)
		switch text := bytes.TrimSpace(line); {
		case errors.Is(err, errLong):
			bad(place, err)
		case len(text) > 0:
			e, invalid := ParseEvent(text, now())
			if invalid != nil {
				bad(place, invalid)
				break
			}
			e.Place = place
			piece = append(piece, e)
		}
		end := errors.Is(err, io.EOF)
		if len(piece) >= 1000 || end && len(piece) > 0 {
			if err := each(piece); err != nil {
				return err
			}
			piece = nil
		}
		if end {
			return nil
		}
	}
}

var errLong = fmt.Errorf("longer than %d bytes, which no cloud takes", maxLine)

// readLine returns a line without limit on what is skipped of one too long.
func readLine(r *bufio.Reader) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line) <= maxLine {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err == nil && len(line) > maxLine {
			err = errLong
		}
		return line, err
	}
}

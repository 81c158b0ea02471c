package oracle

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"regexp"
	"strings"
	"time"
)

// Reasons why an event is not judged, as the metadata helios_reason spells
// them.
const (
	Unreadable    = "unreadable"
	Unkeyed       = "unkeyed"
	NoExpectation = "no_expectation"
	Future        = "future"
	Unexpected    = "unexpected"
	TooLate       = "too_late"
)

// FactKey names a fact.
type FactKey struct{ Tenant, Type, Key string }

// value is what an event carries in one compared field.
type value struct {
	present bool
	raw     json.RawMessage
}

// event is one readable event.
type event struct {
	id, source string
	at         time.Time
	ingest     time.Time // zero: none
	cloud      string
	fact       FactKey
	rule       int     // index of the expectation
	fields     []value // in the order of the rule's compare
}

// Times outside these years are unreadable.
const minYear, maxYear = 1678, 2261

// maxExponent is the greatest exponent, in magnitude, of a readable number.
const maxExponent = 1000

var errTwice = errors.New("a member stands twice")

// read takes an event apart; the reason is empty when it can be judged as far
// as the event alone decides.
func (c Config) read(doc []byte) (event, string) {
	var e event
	if !json.Valid(doc) {
		return e, Unreadable
	}
	text := map[string]string{}
	for _, name := range []string{"id", "type", "time", "cloud", "source", "tenant", "ingesttime", "correlationid"} {
		raw, found, err := lookup(doc, []string{name})
		if err != nil {
			return e, Unreadable
		}
		var s *string
		if found && json.Unmarshal(raw, &s) == nil && s != nil {
			text[name] = *s
		}
	}
	for _, name := range []string{"id", "type", "time", "cloud"} {
		if text[name] == "" {
			return e, Unreadable
		}
	}
	at, ok := instant(text["time"])
	if !ok {
		return e, Unreadable
	}
	tenant := text["tenant"]
	if tenant == "" {
		tenant = "default"
	}
	e = event{id: text["id"], source: text["source"], at: at, cloud: text["cloud"],
		fact: FactKey{Tenant: tenant, Type: text["type"], Key: text["correlationid"]}}
	e.ingest, _ = instant(text["ingesttime"])
	e.rule = c.match(e.fact.Type, tenant)
	if e.rule >= 0 {
		for _, cmp := range c.Expectations[e.rule].Compare {
			raw, found, err := lookup(doc, strings.Split(cmp.Field, "."))
			if err != nil || !readableNumbers(raw) {
				return e, Unreadable
			}
			if found && cmp.NullIsAbsent && string(raw) == "null" {
				found = false
			}
			e.fields = append(e.fields, value{present: found, raw: raw})
		}
	}
	switch {
	case e.fact.Key == "":
		return e, Unkeyed
	case e.rule < 0:
		return e, NoExpectation
	}
	return e, ""
}

// instant reads an RFC 3339 time in the readable years.
func instant(s string) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, false
	}
	at = at.UTC()
	return at, at.Year() >= minYear && at.Year() <= maxYear
}

// lookup finds the raw value at a path of member names; a member on the path
// that stands twice is an error.
func lookup(raw json.RawMessage, path []string) (json.RawMessage, bool, error) {
	for _, name := range path {
		dec := json.NewDecoder(bytes.NewReader(raw))
		if start, err := dec.Token(); err != nil || start != json.Delim('{') {
			if len(path) == 1 {
				return nil, false, errors.New("no object")
			}
			return nil, false, nil
		}
		var next json.RawMessage
		count := 0
		for dec.More() {
			member, err := dec.Token()
			if err != nil {
				return nil, false, err
			}
			var v json.RawMessage
			if err := dec.Decode(&v); err != nil {
				return nil, false, err
			}
			if member == name {
				next = v
				count++
			}
		}
		switch count {
		case 0:
			return nil, false, nil
		case 1:
			raw = next
		default:
			return nil, false, errTwice
		}
	}
	return raw, true, nil
}

var numberForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE]([+-]?[0-9]+))?$`)

// readableNumbers is false for a number whose exponent is beyond ±1000.
func readableNumbers(raw json.RawMessage) bool {
	m := numberForm.FindSubmatch(raw)
	if m == nil || len(m[4]) == 0 {
		return true
	}
	exp, ok := new(big.Int).SetString(string(m[4]), 10)
	return ok && exp.CmpAbs(big.NewInt(maxExponent)) <= 0
}

// before orders a participant's events: the last one represents it.
func (e event) before(o event) bool {
	if !e.at.Equal(o.at) {
		return e.at.Before(o.at)
	}
	if e.source != o.source {
		return e.source < o.source
	}
	if e.id != o.id {
		return e.id < o.id
	}
	for i := range e.fields {
		a, b := e.fields[i], o.fields[i]
		if a.present != b.present {
			return b.present
		}
		if c := bytes.Compare(a.raw, b.raw); a.present && c != 0 {
			return c < 0
		}
	}
	return false
}

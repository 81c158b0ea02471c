// Package infer proposes a contract (JSON Schema 2020-12) for each type of event
// in a sample, with the evidence for each constraint. It proposes only: a person
// reads, edits and registers.
//
// Three laws hold and are tested:
//
//   - Every event that was learned from is valid under what is proposed.
//   - The report doesn't depend on the order of the events. Only two bounds break
//     this, and the report says so when one was reached: MaxNodes and MaxTypes.
//   - A further event never refuses a kind of document (the same fields with the
//     same types) that the sample held.
//
// More evidence can add a constraint, though: an enum that three events don't
// justify appears when sixty repeat it, and a field that was never seen, which
// any value satisfies, has a type once it was seen.
//
// A constraint that holds for n observations of k distinct kinds is proposed when
// n/(n+k) reaches the confidence. k/(n+k) is how often something new is to be
// expected after that (Witten and Bell 1991, "The zero-frequency problem", method
// C); k is the number of distinct values for an enum, otherwise 1.
package infer

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/helios-connect/helios/plugins/event"
)

// The bounds that keep memory within about 200 MB whatever the sample holds.
const (
	// MaxKeys is how many distinct member names an object may have before it is
	// a map, whose values share one schema.
	MaxKeys = 200
	// MaxKeyBytes is how long a member name may be; one that is longer makes its
	// object a map.
	MaxKeyBytes = 256
	// MaxDistinct is how many distinct strings are counted at one place.
	MaxDistinct = 64
	// MaxTextBytes is how long a string or number may be to be kept as a distinct
	// value, an example or a bound.
	MaxTextBytes = 64
	// MaxDepth is how deep objects and arrays are described; any value is
	// accepted below.
	MaxDepth = 32
	// MaxNodes is how many places are described over all types. Fields first
	// seen after that aren't described.
	MaxNodes = 20_000
	// MaxTypes is how many types are described. Events of further types are
	// refused.
	MaxTypes = 256
	// MaxSources is how many producers are told apart in one type.
	MaxSources = 64
)

// Settings say how much evidence a constraint needs. The zero value takes the
// defaults.
type Settings struct {
	// MinEvents is how many observations a constraint other than a type needs at
	// least (default 20).
	MinEvents int
	// MaxEnum is how many values an enum has at most (default 16, at most
	// MaxDistinct; a negative number proposes none).
	MaxEnum int
	// Confidence is at least 0 and below 1 (default 0.95; 0 is the default).
	Confidence float64
	// Ranges proposes minimum and maximum with a margin: 0 where no value lies on
	// the other side, else the next power of ten beyond twice the value. Without
	// it they are evidence only.
	Ranges bool
}

func (s Settings) withDefaults() (Settings, error) {
	if s.MinEvents == 0 {
		s.MinEvents = 20
	}
	if s.MaxEnum == 0 {
		s.MaxEnum = 16
	}
	if s.Confidence == 0 {
		s.Confidence = 0.95
	}
	switch {
	case s.MinEvents < 1:
		return s, fmt.Errorf("min events %d: it takes 1 or more, such as 20", s.MinEvents)
	case s.MaxEnum > MaxDistinct:
		return s, fmt.Errorf("max enum %d: it takes at most %d, such as 16", s.MaxEnum, MaxDistinct)
	case !(s.Confidence > 0 && s.Confidence < 1):
		return s, fmt.Errorf("confidence %v: it takes a number above 0 and below 1, such as 0.95", s.Confidence)
	}
	return s, nil
}

// enough tells whether n observations of k distinct kinds justify a constraint.
func (s Settings) enough(n, k int) bool {
	return n >= s.MinEvents && float64(n) >= s.Confidence*float64(n+k)
}

// Reason is why an event wasn't learned from.
type Reason uint8

// The reasons, in the order of a report.
const (
	NotCanonical Reason = iota // an envelope without type or data
	InvalidUTF8
	InvalidJSON
	NotObject
	DuplicateMember // it contradicts itself
	TooDeep         // nested deeper than event.MaxDepth
	NumberTooLarge  // an exponent beyond ±event.MaxExponent
	TooLong         // a line longer than MaxLineBytes
	TooManyTypes
	reasons
)

func (r Reason) String() string {
	return [...]string{"not a canonical event", "invalid UTF-8", "invalid JSON", "data is no object",
		"a member stands twice", "nested too deeply", "exponent too large", "line too long", "too many types"}[r]
}

// Event is what is learned from.
type Event struct {
	// Type names the contract. It, Tenant and Source are cut at MaxKeyBytes.
	Type string
	// Tenant and Source are evidence; Source is the producer.
	Tenant, Source string
	// Data is the payload, raw JSON. It is not kept.
	Data []byte
}

// Inferrer learns from events, one at a time. It isn't safe for concurrent use.
type Inferrer struct {
	set     Settings
	types   map[string]*kind
	refused [reasons]int
	nodes   budget
	names   []byte
}

// kind is what was learned about one type.
type kind struct {
	root    *node
	sources map[string]uint // the bit of each
	manySrc bool            // beyond MaxSources: none is told apart
	tenants map[string]struct{}
	manyTen bool
	refused [reasons]int
}

// New returns an Inferrer, or an error that names the setting that is wrong.
func New(s Settings) (*Inferrer, error) {
	s, err := s.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Inferrer{set: s, types: map[string]*kind{}, nodes: budget{left: MaxNodes}}, nil
}

// Add learns from one event. An event that can't be learned from is counted with
// its reason in the report, and ok is false.
func (in *Inferrer) Add(e Event) (reason Reason, ok bool) {
	reason, ok = in.check(e.Data)
	e.Type, e.Source, e.Tenant = name(e.Type), name(e.Source), name(e.Tenant)
	k := in.types[e.Type]
	if k == nil {
		if len(in.types) >= MaxTypes {
			in.refused[TooManyTypes]++
			return TooManyTypes, false
		}
		k = &kind{root: &node{}, sources: map[string]uint{}, tenants: map[string]struct{}{}}
		in.types[e.Type] = k
	}
	if !ok {
		in.refused[reason]++
		k.refused[reason]++
		return reason, false
	}
	w := walk{budget: &in.nodes, source: k.source(e.Source)}
	k.tenant(e.Tenant)
	w.value(k.root, trim(e.Data), 0)
	return 0, true
}

// Refuse counts an event that never came as far as Add.
func (in *Inferrer) Refuse(r Reason) { in.refused[r]++ }

// check tells why raw can't be learned from, before anything is.
func (in *Inferrer) check(raw []byte) (Reason, bool) {
	if !utf8.Valid(raw) {
		return InvalidUTF8, false
	}
	spelled, err := event.AppendNormal(in.names[:0], raw, event.Normal{})
	in.names = spelled[:0]
	switch {
	case errors.Is(err, event.ErrDuplicateMember):
		return DuplicateMember, false
	case errors.Is(err, event.ErrDepth):
		return TooDeep, false
	case errors.Is(err, event.ErrExponent):
		return NumberTooLarge, false
	case err != nil:
		return InvalidJSON, false
	case trim(raw)[0] != '{':
		return NotObject, false
	}
	return 0, true
}

// name makes what others called something valid and short enough to keep.
func name(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > MaxKeyBytes {
		s = strings.ToValidUTF8(s[:MaxKeyBytes], "") + "..."
	}
	return strings.Clone(s)
}

// source returns the bit of a producer.
func (k *kind) source(name string) uint64 {
	bit, ok := k.sources[name]
	if !ok {
		if bit = uint(len(k.sources)); bit >= MaxSources {
			k.manySrc = true
			return 0
		}
		k.sources[name] = bit
	}
	return 1 << bit
}

func (k *kind) tenant(name string) {
	if _, ok := k.tenants[name]; !ok && len(k.tenants) >= MaxSources {
		k.manyTen = true
		return
	}
	k.tenants[name] = struct{}{}
}

func trim(raw []byte) []byte {
	for len(raw) > 0 && isSpace(raw[0]) {
		raw = raw[1:]
	}
	for len(raw) > 0 && isSpace(raw[len(raw)-1]) {
		raw = raw[:len(raw)-1]
	}
	return raw
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

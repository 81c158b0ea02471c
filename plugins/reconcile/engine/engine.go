// Package engine decides, for every business fact that several participants
// report, whether they agree. It is plain Go: it knows nothing of Redpanda
// Connect, brokers or files, has no clock of its own, and starts no goroutine.
// Whoever hosts it (the buffer, the Kafka input, a test) passes events and time
// in and takes verdicts out.
//
// Decisions depend only on the sequence of Apply and Tick calls. Closing facts
// whose time has come is split from taking events in, so that a host can do it
// in small portions (Expire) outside its intake: only the emission of a verdict
// depends on when Expire is called, never the decision.
//
// An Engine is not safe for concurrent use.
package engine

import (
	"errors"
	"time"
)

// Reason says why an event cannot be judged. Its String is the value of the
// metadata helios_reason.
type Reason uint8

// Reasons, in the order in which they are tried.
const (
	// ReasonNone: the event was taken in.
	ReasonNone Reason = iota
	// Unreadable: no JSON object, a required attribute absent or not a
	// non-empty string, a time outside 1678 to 2261, a number with an exponent
	// beyond ±1000 in a compared field, a needed member that stands twice.
	Unreadable
	// Unkeyed: no correlationid.
	Unkeyed
	// NoExpectation: no expectation matches the event's type and tenant.
	NoExpectation
	// Future: more than MaxAhead ahead of its ingesttime (of the wall clock
	// without one).
	Future
	// Unexpected: a participant in no list, beyond the first 1000 such names
	// of its expectation.
	Unexpected
	// TooLate: of an unknown fact, no later than the latest forgotten one.
	TooLate
)

// Config is what New takes. Durations of zero take the default in brackets.
type Config struct {
	Expectations      []Expectation
	IdleTimeout       time.Duration // [30s]
	CorrectionHorizon time.Duration // [10m]
	MaxAhead          time.Duration // [1h]
	MaxOpen           int           // open facts [1,000,000]
	// MaxClosed bounds the closed facts that are remembered [1,000,000]; beyond
	// it the one with the earliest end is forgotten. Which facts are closed at
	// that moment depends on how promptly the host calls Expire.
	MaxClosed int
	Sample    bool // keep one whole event per fact for verdicts that lack a participant
	Tokens    bool // remember the token of every event until a verdict accounts for it
	// State makes Verdict.State available: what judging a later event needs.
	State bool
	// Unseen, if set, is told once of a compared field that none of the first
	// 1,000 facts of its expectation had (fewer by TellUnseen): its path may be
	// misspelt, and then everything agrees. It is called like a Sink.
	Unseen func(expectation, field string, facts int)
	// Arrivals is shared by the engines of one process, so that a participant
	// that speaks on any partition is stalled on none. Nil: the engine's own.
	Arrivals *Arrivals
}

// Outcome says what Apply did with an event.
type Outcome struct {
	// Reason other than ReasonNone: the event was not taken in and is to be
	// emitted unchanged, flagged.
	Reason Reason
	// Err explains Reason: the field, its value, what is allowed.
	Err error
	// Held: the verdict that accounts for the event is still to come (or was
	// emitted by this very call) and will carry its token. Not held: the token
	// is done with.
	Held bool
	// Opened: the event opened a fact, which is now open or was closed by the
	// same call.
	Opened bool
	// Repeat: the fact had an event of this participant before.
	Repeat bool
	// Participant and Tenant of the event, views of the document, valid until
	// the next call; empty when unreadable.
	Participant, Tenant []byte
}

// Identity tells facts apart within one engine, until it is closed.
type Identity [2]uint64

// Verdict is one emitted verdict. Everything in it belongs to the receiver,
// except where noted.
type Verdict struct {
	ID       [16]byte
	Identity Identity
	Revision uint32
	Status   Status
	Previous Status // of the revision before; Status itself when this is the first
	ClosedBy ClosedBy
	Tenant   string
	Type     string
	Key      string
	Labels   *Labels
	// Expectation is the name of the rule that judged.
	Expectation string
	// JSON is the verdict as one JSON object on one line.
	JSON []byte
	// State is what RestoreClosed takes, when Config.State is set.
	State []byte
	// Tokens of the events that this revision accounts for and no earlier one
	// did, when Config.Tokens is set.
	Tokens []uint64
	// LastEvent is the wall time (Unix nanoseconds) at which the fact's last
	// event was applied, for measuring the time to verdict; 0 when unknown.
	LastEvent int64
}

// Labels are a verdict's Tenant and Type once more, as the values of interfaces
// that all verdicts with the same share.
type Labels struct{ Tenant, Type any }

// Sink takes what the engine emits. It is called from inside Apply, Expire and
// the other calls, must not call the engine, and must not block.
type Sink interface {
	Verdict(v *Verdict)
}

// Status of a verdict.
type Status uint8

// Statuses, in the order in which they are decided.
const (
	Matched Status = iota
	Mismatched
	Partial
	Missing
	Indeterminate
)

var statusNames = [...]string{"matched", "mismatched", "partial", "missing", "indeterminate"}

// String returns the status as verdicts spell it.
func (s Status) String() string { return statusNames[s] }

// Statuses lists every status as verdicts spell it.
func Statuses() []string { return append([]string(nil), statusNames[:]...) }

// ClosedBy says what made a revision.
type ClosedBy uint8

// What can close or correct a fact.
const (
	ByComplete ClosedBy = iota
	ByDeadline
	ByIdle
	ByPressure
	ByEndOfInput
	ByLateEvent
)

var closedByNames = [...]string{"complete", "deadline", "idle", "pressure", "end_of_input", "late_event"}

// String returns the cause as verdicts spell it.
func (c ClosedBy) String() string { return closedByNames[c] }

var reasonNames = [...]string{"", "unreadable", "unkeyed", "no_expectation", "future", "unexpected", "too_late"}

// String returns the reason as the metadata helios_reason spells it.
func (r Reason) String() string { return reasonNames[r] }

// Stats is a snapshot for metrics.
type Stats struct {
	Open, Closed int
	// Clocks holds one entry per clock and participant.
	Clocks []ClockStats
	// Uncounted is how many events of closed facts changed nothing.
	Uncounted uint64
	// Pressure is how many facts were closed by a bound.
	Pressure uint64
	// Forgotten is how many closed facts were forgotten.
	Forgotten uint64
	// Bytes is an estimate of the memory held by facts.
	Bytes int
}

// ClockStats is one participant's clock.
type ClockStats struct {
	Clock, Participant string
	Mark               int64 // highest event time, Unix nanoseconds; 0 when never seen
	Frontier           int64 // of the clock, Unix nanoseconds
	Stalled            bool
	Expected           bool // some expectation of this clock waits for it
}

// ClockState is what must survive a restart beside the facts: the marks, the
// frontier and the latest end forgotten, per clock. It is meant for JSON.
type ClockState struct {
	Clock     string           `json:"c"`
	Marks     map[string]int64 `json:"m,omitempty"`
	Highest   int64            `json:"h,omitempty"`
	Frontier  int64            `json:"f,omitempty"`
	Forgotten int64            `json:"g,omitempty"`
}

// ErrConfig is wrapped by every error of New.
var ErrConfig = errors.New("invalid reconciliation config")

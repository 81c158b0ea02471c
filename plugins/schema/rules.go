package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/helios-connect/helios/plugins/event"
)

// Mode says what becomes of an event that breaks its contract.
type Mode uint8

const (
	// Enforce flags it as an error, which the pipelines send to the dead letters.
	Enforce Mode = iota
	// Tag lets it pass with the attribute heliosviolations.
	Tag
	// Upgrade enforces, and turns what keeps an older version into the latest.
	Upgrade
	// Observe lets it pass as it is, and counts.
	Observe
)

var modeNames = []string{"enforce", "tag", "upgrade", "observe"}

func (m Mode) String() string { return modeNames[m] }

// ParseMode reads a mode by its name.
func ParseMode(name string) (Mode, error) {
	if i := slices.Index(modeNames, name); i >= 0 {
		return Mode(i), nil
	}
	return 0, fmt.Errorf("%q is not one of %s", name, strings.Join(modeNames, ", "))
}

// Unregistered says what becomes of an event for whose type nothing is
// registered.
type Unregistered uint8

const (
	// PassUnregistered lets it pass as it is.
	PassUnregistered Unregistered = iota
	// TagUnregistered lets it pass with the attribute heliosviolations.
	TagUnregistered
	// RejectUnregistered flags it as an error.
	RejectUnregistered
)

var unregisteredNames = []string{"pass", "tag", "reject"}

// ParseUnregistered reads it by its name.
func ParseUnregistered(name string) (Unregistered, error) {
	if i := slices.Index(unregisteredNames, name); i >= 0 {
		return Unregistered(i), nil
	}
	return 0, fmt.Errorf("%q is not one of %s", name, strings.Join(unregisteredNames, ", "))
}

// Rule says how the events of some types and tenants are judged.
type Rule struct {
	// Types and Tenants are globs; none matches all.
	Types, Tenants []string
	Mode           Mode
	// Version that an event is judged by when it keeps none; 0 is the latest.
	Version int
	// ProtoJSON judges by the JSON mapping of Protocol Buffers.
	ProtoJSON bool
}

// Rules are tried in order; what none matches is enforced by the latest version.
type Rules []Rule

func (r Rules) of(eventType, tenant string) Rule {
	for i := range r {
		if event.MatchesAny(r[i].Types, eventType) && event.MatchesAny(r[i].Tenants, tenant) {
			return r[i]
		}
	}
	return Rule{}
}

// DefaultSubjects are the names under which the contract of an event is looked
// for.
var DefaultSubjects = []string{"{tenant}:{type}", "{type}"}

// CheckSubjects checks templates of subject names.
func CheckSubjects(templates []string) error {
	if len(templates) == 0 {
		return errors.New("at least one template is needed, for example {type}")
	}
	for _, t := range templates {
		if !strings.Contains(t, "{type}") {
			return fmt.Errorf("the template %q lacks {type}; allowed are {type} and {tenant}, for example {type} or {tenant}:{type}", t)
		}
		if rest := strings.NewReplacer("{type}", "", "{tenant}", "").Replace(t); strings.ContainsAny(rest, "{}") {
			return fmt.Errorf("the template %q has another placeholder than {type} and {tenant}", t)
		}
	}
	return nil
}

// Package oracle judges business facts slowly and obviously. It is the
// independent second opinion on the reconciliation engine: it shares no code,
// no type and no data structure with it, keeps every event, reads JSON with
// encoding/json, decimals with math/big and instants with time.Parse.
//
// Judge answers "what is the final verdict of each fact, once every clock has
// passed". Timeline answers "which verdicts are emitted, in which revisions,
// by this very sequence of events and ticks".
package oracle

import (
	"strings"
	"time"
)

// Config is what both oracles take. Zero durations and bounds take the
// documented defaults. As YAML it has the fields of the plugins.
type Config struct {
	Expectations      []Expectation `yaml:"expectations"`
	IdleTimeout       time.Duration `yaml:"idle_timeout,omitempty"`
	CorrectionHorizon time.Duration `yaml:"correction_horizon,omitempty"`
	MaxAhead          time.Duration `yaml:"max_ahead,omitempty"`
	MaxOpen           int           `yaml:"max_open,omitempty"`
	MaxClosed         int           `yaml:"max_closed,omitempty"`
}

// Expectation says who must report a fact and what must agree.
type Expectation struct {
	Name            string        `yaml:"name"`
	Types           []string      `yaml:"types,omitempty"`
	Tenants         []string      `yaml:"tenants,omitempty"`
	Expect          []string      `yaml:"expect"`
	Optional        []string      `yaml:"optional,omitempty"`
	Quorum          int           `yaml:"quorum,omitempty"`
	Primary         string        `yaml:"primary,omitempty"`
	Window          time.Duration `yaml:"window"`
	AllowedLateness time.Duration `yaml:"allowed_lateness"`
	Clock           string        `yaml:"clock,omitempty"`
	Compare         []Compare     `yaml:"compare,omitempty"`
}

// Compare is one field that must agree, and how.
type Compare struct {
	Field        string        `yaml:"field"`
	Tolerance    string        `yaml:"tolerance,omitempty"`
	Relative     string        `yaml:"relative,omitempty"`
	Within       time.Duration `yaml:"within,omitempty"`
	IgnoreCase   bool          `yaml:"ignore_case,omitempty"`
	Unordered    bool          `yaml:"unordered,omitempty"`
	NullIsAbsent bool          `yaml:"null_is_absent,omitempty"`
}

// maxUnexpectedNames is how many names of unexpected participants an
// expectation takes before it flags their events.
const maxUnexpectedNames = 1000

// WithDefaults returns the config with every zero replaced by its default.
func (c Config) WithDefaults() Config {
	if c.IdleTimeout == 0 {
		c.IdleTimeout = 30 * time.Second
	}
	if c.CorrectionHorizon == 0 {
		c.CorrectionHorizon = 10 * time.Minute
	}
	if c.MaxAhead == 0 {
		c.MaxAhead = time.Hour
	}
	if c.MaxOpen == 0 {
		c.MaxOpen = 1_000_000
	}
	if c.MaxClosed == 0 {
		c.MaxClosed = 1_000_000
	}
	return c
}

// match returns the index of the first expectation for the type and tenant, or
// -1.
func (c Config) match(typ, tenant string) int {
	for i, e := range c.Expectations {
		if anyGlob(e.Types, typ) && anyGlob(e.Tenants, tenant) {
			return i
		}
	}
	return -1
}

func (e Expectation) clock() string {
	if e.Clock == "" {
		return "default"
	}
	return e.Clock
}

func anyGlob(patterns []string, s string) bool {
	if len(patterns) == 0 {
		return true
	}
	for _, p := range patterns {
		if glob(p, s) {
			return true
		}
	}
	return false
}

// glob matches s against a pattern in which * is any run of characters.
func glob(pattern, s string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, before) {
		return false
	}
	for rest := s[len(before):]; ; rest = rest[1:] {
		if glob(after, rest) {
			return true
		}
		if rest == "" {
			return false
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

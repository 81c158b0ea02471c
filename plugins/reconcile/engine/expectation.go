package engine

import "time"

// Expectation says who must report a fact and what must agree. The first of a
// list that matches an event's type and tenant judges it.
type Expectation struct {
	Name     string   `yaml:"name" json:"name"`
	Types    []string `yaml:"types" json:"types,omitempty"`     // globs, * is any run of characters; none: all
	Tenants  []string `yaml:"tenants" json:"tenants,omitempty"` // globs; none: all
	Expect   []string `yaml:"expect" json:"expect"`             // participants that must report the fact
	Optional []string `yaml:"optional" json:"optional,omitempty"`
	Quorum   int      `yaml:"quorum" json:"quorum,omitempty"`   // 0: all of Expect
	Primary  string   `yaml:"primary" json:"primary,omitempty"` // breaks ties when values differ
	// Window is event time from a fact's earliest event to its deadline.
	Window          time.Duration `yaml:"window" json:"window"`
	AllowedLateness time.Duration `yaml:"allowed_lateness" json:"allowed_lateness"`
	Clock           string        `yaml:"clock" json:"clock,omitempty"` // default: "default"
	Compare         []Compare     `yaml:"compare" json:"compare,omitempty"`
}

// Compare is one field that must agree, and how.
type Compare struct {
	Field        string        `yaml:"field" json:"field"`                   // dotted path into the event
	Tolerance    string        `yaml:"tolerance" json:"tolerance,omitempty"` // absolute, inclusive, a decimal; empty: exact
	Relative     string        `yaml:"relative" json:"relative,omitempty"`   // of the greater magnitude, inclusive, a decimal
	Within       time.Duration `yaml:"within" json:"within,omitempty"`       // instants, inclusive
	IgnoreCase   bool          `yaml:"ignore_case" json:"ignore_case,omitempty"`
	Unordered    bool          `yaml:"unordered" json:"unordered,omitempty"` // arrays as multisets
	NullIsAbsent bool          `yaml:"null_is_absent" json:"null_is_absent,omitempty"`
}

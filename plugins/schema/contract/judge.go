package contract

import (
	"errors"
	"fmt"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/helios-connect/helios/plugins/event"
)

// Failure is one way in which a payload breaks its contract.
type Failure struct {
	// Pointer to the value within the payload (RFC 6901); "" is all of it.
	Pointer string
	// Rule is the keyword that was broken, such as required or maximum; or
	// duplicate_member, exponent, syntax, depth or effort, which hold whatever the
	// contract says.
	Rule string
	// Value is what stands there, as JSON and shortened; "(sensitive)" where the
	// contract marks it so; empty for objects and arrays.
	Value string
	// Text is a sentence for people.
	Text string
}

// maxUnplannedDepth is how deep a payload may nest when its contract can only be
// judged by the library, which gives no bound for its effort.
const maxUnplannedDepth = 32

// Judge judges payloads. The zero value is ready. It is reusable, and not safe
// for concurrent use.
type Judge struct {
	check   checker
	scanner event.Scanner
	members []event.Member
}

// Accepts reports whether a contract accepts a payload that is known to be valid
// JSON: it is Failures for those who need no reasons, and allocates nothing where
// the contract is planned and the answer is yes.
func (j *Judge) Accepts(c *Contract, valid []byte) bool {
	if c.plan != nil {
		switch ok, sure := j.check.accepts(c.plan, valid); {
		case ok && sure:
			return true
		case sure:
			return false
		}
	}
	return len(j.explain(c, valid)) == 0
}

// Failures returns in which ways a payload breaks a contract; none when it is
// accepted. The payload may be anything.
func (j *Judge) Failures(c *Contract, payload []byte) []Failure {
	var err error
	if j.members, err = j.scanner.Open(payload, noPaths, nil, j.members[:0]); err != nil {
		return []Failure{{Rule: ruleSyntax, Text: "the payload can't be read: " + err.Error()}}
	}
	return j.FailuresOfValid(c, payload)
}

// FailuresOfValid is Failures for what is known to be valid JSON.
func (j *Judge) FailuresOfValid(c *Contract, valid []byte) []Failure {
	if c.plan != nil {
		ok, sure := j.check.accepts(c.plan, valid)
		if ok && sure {
			return nil
		}
		if j.check.steps > maxSteps {
			return []Failure{{Rule: ruleEffort, Text: fmt.Sprintf("judging the payload takes more than %d steps: its nesting and the contract's alternatives multiply", maxSteps)}}
		}
	}
	return j.explain(c, valid)
}

// explain asks the library.
func (j *Judge) explain(c *Contract, valid []byte) []Failure {
	doc, err := decode(valid, nil)
	var bad *decodeError
	switch {
	case errors.As(err, &bad):
		return []Failure{{Pointer: pointerOf(bad.path), Rule: bad.rule, Text: bad.Error()}}
	case err != nil:
		return []Failure{{Rule: ruleSyntax, Text: "the payload can't be read: " + err.Error()}}
	}
	if c.plan == nil && depthOf(doc) > maxUnplannedDepth {
		return []Failure{{Rule: ruleDepth, Text: fmt.Sprintf("the payload nests more than %d levels, which is the most under a contract with %s", maxUnplannedDepth, c.why)}}
	}
	full, err := c.full.get(c)
	if err != nil { // it compiled before
		return []Failure{{Rule: ruleEffort, Text: "the contract can't be compiled again: " + err.Error()}}
	}
	err = full.Validate(doc)
	var wrong *jsonschema.ValidationError
	if !errors.As(err, &wrong) {
		return nil
	}
	leaves := leavesOf(wrong, nil)
	failures := make([]Failure, 0, len(leaves))
	for _, leaf := range leaves {
		failures = append(failures, c.failure(leaf, doc))
	}
	return failures
}

func depthOf(doc any) (depth int) {
	switch v := doc.(type) {
	case map[string]any:
		for _, child := range v {
			depth = max(depth, depthOf(child))
		}
		return depth + 1
	case []any:
		for _, child := range v {
			depth = max(depth, depthOf(child))
		}
		return depth + 1
	}
	return 0
}

// lazy is the library's form of a contract, which takes a hundred times the
// memory of the plan and is made when a payload is refused for the first time.
type lazy struct {
	mu     sync.Mutex
	schema *jsonschema.Schema
}

func (l *lazy) keep(s *jsonschema.Schema) { l.schema = s }

func (l *lazy) get(c *Contract) (*jsonschema.Schema, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.schema == nil {
		s, err := c.compile()
		if err != nil {
			return nil, err
		}
		l.schema = s
	}
	return l.schema, nil
}

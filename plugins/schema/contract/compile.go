// Package contract compiles JSON Schema contracts and judges payloads by them.
// It is plain Go without a clock, a network or a Connect import.
//
// Judging is done twice over: a plan (plan.go, check.go) that walks the raw bytes
// once and allocates nothing says whether a payload is accepted; only when it
// isn't, or when the contract uses a keyword that the plan doesn't know, is the
// payload decoded and handed to github.com/santhosh-tekuri/jsonschema, whose word
// is final and which says what is wrong. Tests hold the two against each other
// over the whole official suite.
package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Bounds of a contract. They are far beyond what a contract that people read
// needs, and keep a hostile one from costing memory or minutes.
const (
	// MaxBytes of a schema's text.
	MaxBytes = 1 << 20
	// MaxDepth of objects and arrays in a schema's text.
	MaxDepth = 128
	// MaxSubschemas that a contract may consist of.
	MaxSubschemas = 10_000
	// MaxBranching is how often one value may be looked at, by $ref, allOf, anyOf,
	// oneOf, not, if and the like all together.
	MaxBranching = 4096
)

// Draft is a version of JSON Schema.
type Draft uint8

const (
	// Draft2020 is 2020-12, and what a schema without $schema is read as.
	Draft2020 Draft = iota
	// Draft7 is draft-07.
	Draft7
)

// Options of a contract. The zero value is the standard's.
type Options struct {
	// Draft of a schema without $schema.
	Draft Draft
	// AssertFormat makes format a rule in 2020-12 too, where it is else a remark.
	AssertFormat bool
	// ProtoJSON judges by the JSON mapping of Protocol Buffers
	// (https://protobuf.dev/programming-guides/json/), which writes integers of 64
	// bits as strings and the enum NullValue as null: a string that holds an
	// integer stands for an integer, and null for NULL_VALUE.
	ProtoJSON bool
	// Resolve returns the text of a schema that another one refers to by URL. Nil,
	// or false: there is none; nothing is ever fetched.
	Resolve func(url string) (text []byte, ok bool)
	// Patterns, if given, keeps the regular expressions of all contracts that are
	// compiled with it, each once: they are most of what a contract weighs.
	Patterns *Patterns
}

// Patterns keeps compiled regular expressions by their text. The zero value is
// ready; it is safe for concurrent use.
type Patterns struct{ known sync.Map }

// compile implements jsonschema.RegexpEngine. Go's expressions take time in
// proportion to the text (RE2), so none explodes.
func (p *Patterns) compile(text string) (jsonschema.Regexp, error) {
	if re, ok := p.known.Load(text); ok {
		return re.(*regexp.Regexp), nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	kept, _ := p.known.LoadOrStore(text, re)
	return kept.(*regexp.Regexp), nil
}

// Contract judges payloads. It is safe for concurrent use.
type Contract struct {
	name string
	text []byte
	opt  Options

	plan   *node // nil: the contract uses what the plan doesn't know
	why    string
	marked bool // something is sensitive
	full   lazy // the library's
}

// Compile reads a schema. name is what errors call it. Errors say what is wrong
// and where.
func Compile(name string, text []byte, opt Options) (*Contract, error) {
	c := &Contract{name: name, text: bytes.Clone(text), opt: opt}
	full, err := c.compile()
	if err != nil {
		return nil, fmt.Errorf("contract %s: %w", name, err)
	}
	if err = bounded(full); err != nil {
		return nil, fmt.Errorf("contract %s: %w", name, err)
	}
	p := planner{nodes: map[*jsonschema.Schema]*node{}}
	c.plan, err = p.node(full)
	var unknown errUnplanned
	switch {
	case errors.As(err, &unknown):
		c.plan, c.why = nil, string(unknown)
	case err != nil:
		return nil, fmt.Errorf("contract %s: %w", name, err)
	}
	if c.plan == nil {
		c.full.keep(full)
	}
	return c, nil
}

// Planned says whether payloads are judged without being decoded; if not, why is
// the keyword that prevents it.
func (c *Contract) Planned() (yes bool, why string) { return c.plan != nil, c.why }

// Name of the contract.
func (c *Contract) Name() string { return c.name }

// Text is the schema as it was given.
func (c *Contract) Text() []byte { return c.text }

// compile has the library read the schema.
func (c *Contract) compile() (*jsonschema.Schema, error) {
	doc, err := readSchema(c.text)
	if err != nil {
		return nil, err
	}
	c.marked = bytes.Contains(c.text, []byte(sensitiveKeyword))
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if c.opt.Draft == Draft7 {
		compiler.DefaultDraft(jsonschema.Draft7)
	}
	if c.opt.AssertFormat {
		compiler.AssertFormat()
	}
	l := &loader{resolve: c.opt.Resolve, lenient: c.opt.ProtoJSON}
	compiler.UseLoader(l)
	if c.opt.Patterns != nil {
		compiler.UseRegexpEngine(c.opt.Patterns.compile)
	}
	if c.opt.ProtoJSON {
		doc = lenient(doc)
	}
	if err = compiler.AddResource(baseURL, doc); err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	full, err := compiler.Compile(baseURL)
	if err != nil {
		return nil, schemaError(err)
	}
	return full, nil
}

// Base is where a schema without $id lies, and what relative references in it are
// resolved against; nothing is fetched from there.
const Base = "helios:///"

const baseURL = Base + "contract"

// readSchema checks the bounds of a schema's text and decodes it.
func readSchema(text []byte) (any, error) {
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("the schema has %d bytes; at most %d are allowed", len(text), MaxBytes)
	}
	if err := checkText(text, MaxDepth); err != nil {
		return nil, fmt.Errorf("the schema is no JSON that can be read: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("the schema is no JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("the schema is followed by something else")
	}
	switch doc.(type) {
	case map[string]any, bool:
	default:
		return nil, errors.New("a schema is an object, true or false")
	}
	if n := count(doc); n > MaxSubschemas {
		return nil, fmt.Errorf("the schema consists of %d objects; at most %d are allowed", n, MaxSubschemas)
	}
	return doc, nil
}

// count the objects in a document, which bounds the number of its subschemas.
func count(doc any) (n int) {
	switch v := doc.(type) {
	case map[string]any:
		n = 1
		for _, child := range v {
			n += count(child)
		}
	case []any:
		for _, child := range v {
			n += count(child)
		}
	}
	return n
}

// loader hands out what Resolve knows, and fetches nothing.
type loader struct {
	resolve func(url string) ([]byte, bool)
	lenient bool
}

// Load implements jsonschema.URLLoader.
func (l *loader) Load(url string) (any, error) {
	if l.resolve != nil {
		if text, ok := l.resolve(url); ok {
			doc, err := readSchema(text)
			if err == nil && l.lenient {
				doc = lenient(doc)
			}
			return doc, err
		}
	}
	return nil, errUnresolved
}

var errUnresolved = errors.New("no schema of that name is registered, and none is fetched: register it, or put it below $defs")

// schemaError says in one line what the library has against a schema.
func schemaError(err error) error {
	var invalid *jsonschema.SchemaValidationError
	if errors.As(err, &invalid) {
		var wrong *jsonschema.ValidationError
		if errors.As(invalid.Err, &wrong) {
			leaves := leavesOf(wrong, nil)
			first := leaves[0]
			return fmt.Errorf("%s: %s", pointerOr(first.InstanceLocation, "the schema"), first.ErrorKind.LocalizedString(printer))
		}
	}
	text := strings.ReplaceAll(err.Error(), baseURL, "")
	return errors.New(strings.Join(strings.Fields(text), " "))
}

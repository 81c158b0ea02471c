// Package compat decides whether two versions of a schema can live side by
// side: whether a consumer of one can read what a producer of the other wrote.
// It knows JSON Schema (drafts 4 to 2020-12), Avro and Protobuf, answers with
// the reasons, and shows a document that proves each of them where it can.
//
// A verdict is meant to be safe: "compatible" means proven by the rules of the
// format. Where a rule can't decide (two different patterns, an unrelated
// negation) the schemas count as incompatible and the finding says so with the
// kind [Undecided]. The one leniency is described at [Report.Warnings].
package compat

import (
	"fmt"
	"slices"
	"strings"
)

// Format is a schema language, spelled as Confluent's registry spells it.
type Format uint8

// The formats that can be checked.
const (
	JSON Format = iota + 1
	Avro
	Protobuf
)

var formatNames = map[Format]string{JSON: "JSON", Avro: "AVRO", Protobuf: "PROTOBUF"}

// String gives the registry's spelling.
func (f Format) String() string { return formatNames[f] }

// ParseFormat reads a registry's schema type; empty means Avro, as there.
func ParseFormat(text string) (Format, error) {
	if text == "" {
		return Avro, nil
	}
	for format, name := range formatNames {
		if strings.EqualFold(name, text) {
			return format, nil
		}
	}
	return 0, fmt.Errorf("schema type %q: must be JSON, AVRO or PROTOBUF, for example JSON", text)
}

// Mode is the promise a subject makes about its versions.
type Mode uint8

// The modes, as Confluent's registry defines them. The transitive ones compare
// with every earlier version, the others with the latest only.
const (
	None Mode = iota + 1
	Backward
	Forward
	Full
	BackwardTransitive
	ForwardTransitive
	FullTransitive
)

var modeNames = []string{"", "NONE", "BACKWARD", "FORWARD", "FULL", "BACKWARD_TRANSITIVE", "FORWARD_TRANSITIVE", "FULL_TRANSITIVE"}

// String gives the registry's spelling.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return ""
}

// ParseMode reads a registry's compatibility level.
func ParseMode(text string) (Mode, error) {
	index := slices.Index(modeNames[1:], strings.ToUpper(text))
	if index < 0 {
		return 0, fmt.Errorf("compatibility %q: must be one of %s, for example BACKWARD", text, strings.Join(modeNames[1:], ", "))
	}
	return Mode(index + 1), nil
}

func (m Mode) directions() []Direction {
	switch m {
	case Backward, BackwardTransitive:
		return []Direction{ReadsEarlier}
	case Forward, ForwardTransitive:
		return []Direction{ReadByEarlier}
	case Full, FullTransitive:
		return []Direction{ReadsEarlier, ReadByEarlier}
	}
	return nil
}

func (m Mode) transitive() bool { return m >= BackwardTransitive }

// Direction says who reads whom.
type Direction uint8

const (
	// ReadsEarlier (BACKWARD): the next version reads what the earlier wrote.
	ReadsEarlier Direction = iota + 1
	// ReadByEarlier (FORWARD): the earlier version reads what the next writes.
	ReadByEarlier
)

// String gives BACKWARD or FORWARD.
func (d Direction) String() string {
	if d == ReadByEarlier {
		return "FORWARD"
	}
	return "BACKWARD"
}

// MarshalText writes BACKWARD or FORWARD.
func (d Direction) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Breaks says whose upgrade comes too early. BACKWARD breaks consumers that
// upgrade before every old event is gone; FORWARD breaks because producers
// upgrade while consumers still read with the earlier version.
func (d Direction) Breaks() string {
	if d == ReadByEarlier {
		return "producers"
	}
	return "consumers"
}

// Schema is one version of a contract.
type Schema struct {
	Format Format
	// Text is the schema's source: JSON for JSON Schema and Avro, a .proto file.
	Text string
	// Version as the registry counts, from 1; 0 when it has none yet.
	Version int
	// References resolve $ref, Avro names and Protobuf imports, by the name
	// they are referred to with. Nothing else is ever looked up or fetched.
	References map[string]string
}

// Finding is one reason why one version can't read another.
type Finding struct {
	// Earlier is the version compared with, or its place in the list from 1
	// where it has no version.
	Earlier   int       `json:"earlier"`
	Direction Direction `json:"direction"`
	// Pointer leads to the place in the reader's schema: a JSON pointer, for
	// Protobuf a path such as shop.Order/3. For a removed property or field it
	// leads into the writer's.
	Pointer string `json:"pointer"`
	// Path is the place in the data, "*" standing for any name or index.
	Path string `json:"path,omitempty"`
	Kind Kind   `json:"kind"`
	// Rule is the keyword or rule of the format that refuses.
	Rule string `json:"rule,omitempty"`
	// Breaks is "producers" or "consumers", see [Direction.Breaks].
	Breaks string `json:"breaks"`
	Reason string `json:"reason"`
	// Example is a document (JSON) that the writer's schema allows and the
	// reader's refuses; verified by validating it, absent when none was found.
	// For Protobuf it describes what happens to a field on the wire.
	Example string `json:"example,omitempty"`
}

// Report is the verdict of a check.
type Report struct {
	Mode       Mode      `json:"-"`
	Compatible bool      `json:"compatible"`
	Findings   []Finding `json:"findings,omitempty"`
	// Warnings don't make the versions incompatible. They are raised where
	// registries read "oneOf" as a list of alternatives although a branch that
	// names no type overlaps another one: the letter of JSON Schema would refuse
	// documents that match both.
	Warnings []Finding `json:"warnings,omitempty"`
}

// maxFindings bounds a report; a schema with more faults than this is another
// schema.
const maxFindings = 100

// Check compares next with the earlier versions (oldest first) as mode asks.
// The error says which schema can't be read and why; an incompatibility is not
// an error.
func Check(mode Mode, next Schema, earlier []Schema) (Report, error) {
	report := Report{Mode: mode, Compatible: true}
	directions := mode.directions()
	if mode < None || mode > FullTransitive {
		return Report{}, fmt.Errorf("compatibility mode %d: must be one of %s", mode, strings.Join(modeNames[1:], ", "))
	}
	opened, err := open(next, "next")
	if err != nil {
		return Report{}, fmt.Errorf("next schema: %w", err)
	}
	if len(directions) == 0 || len(earlier) == 0 {
		return report, nil
	}
	first := len(earlier) - 1
	if mode.transitive() {
		first = 0
	}
	for index := first; index < len(earlier); index++ {
		version := earlier[index].Version
		if version == 0 {
			version = index + 1
		}
		if err := checkPair(&report, opened, earlier[index], version, directions); err != nil {
			return Report{}, err
		}
	}
	report.Compatible = len(report.Findings) == 0
	return report, nil
}

func checkPair(report *Report, next opened, earlier Schema, version int, directions []Direction) error {
	if earlier.Format != next.format() {
		return fmt.Errorf("earlier schema %d is %s and the next is %s: a subject keeps its format", version, earlier.Format, next.format())
	}
	old, err := open(earlier, "earlier")
	if err != nil {
		return fmt.Errorf("earlier schema %d: %w", version, err)
	}
	for _, direction := range directions {
		writer, reader := old, next
		if direction == ReadByEarlier {
			writer, reader = next, old
		}
		result := writer.readBy(reader, direction)
		report.Findings = appendFindings(report.Findings, result.findings, version, direction)
		report.Warnings = appendFindings(report.Warnings, result.warnings, version, direction)
	}
	return nil
}

func appendFindings(list, found []Finding, version int, direction Direction) []Finding {
	for _, finding := range found {
		if len(list) >= maxFindings {
			break
		}
		finding.Earlier, finding.Direction, finding.Breaks = version, direction, direction.Breaks()
		list = append(list, finding)
	}
	return list
}

// opened is a schema of any format that was read and found well formed.
type opened interface {
	format() Format
	// readBy says why reader, of the same format, can't read what this one
	// writes.
	readBy(reader opened, direction Direction) outcome
	// diff lists what differs in next, without the directions it breaks.
	diff(next opened) []Change
}

type outcome struct{ findings, warnings []Finding }

// MaxSize is the largest schema read, in bytes.
const MaxSize = 10 << 20

func open(schema Schema, side string) (opened, error) {
	size := len(schema.Text)
	for _, text := range schema.References {
		size += len(text)
	}
	if size > MaxSize {
		return nil, fmt.Errorf("schema with its references has %d bytes: at most %d are allowed", size, MaxSize)
	}
	switch schema.Format {
	case JSON:
		return openJSONSchema(schema, side)
	case Avro:
		return openAvro(schema)
	case Protobuf:
		return openProtobuf(schema)
	}
	return nil, fmt.Errorf("schema format %d: must be JSON, AVRO or PROTOBUF", schema.Format)
}

package compat

import (
	"fmt"
	"slices"
)

// maxAvroPairs bounds how many pairs of types are compared.
const maxAvroPairs = 200_000

type avroPair struct{ writer, reader *avroType }

// avroMatch applies the rules of the specification's section "Schema
// Resolution". Where a reader's union offers several types that could read a
// value, any that can is enough.
type avroMatch struct {
	writer, reader *avroSchema
	readable       map[avroPair]bool
	order          []avroPair
	reported       map[avroPair]bool
	outcome        outcome
}

func (s *avroSchema) readBy(other opened, _ Direction) outcome {
	m := &avroMatch{writer: s, reader: other.(*avroSchema), readable: map[avroPair]bool{}, reported: map[avroPair]bool{}}
	if m.solve() {
		m.explain(m.writer.root, m.reader.root, nil)
	}
	return m.outcome
}

// solve finds the largest set of pairs in which each can be read if the others
// can: it takes all of them for readable and strikes out until nothing changes.
func (m *avroMatch) solve() bool {
	m.visit(m.writer.root, m.reader.root)
	for index := 0; index < len(m.order); index++ {
		if len(m.order) > maxAvroPairs {
			m.add(Undecided, "", nil, "", "the schemas have more than %d pairs of types to compare", maxAvroPairs)
			return false
		}
		m.strike(m.order[index])
	}
	// What was found last lies deepest: from there the failures come up.
	for changed := true; changed; {
		changed = false
		for _, pair := range slices.Backward(m.order) {
			changed = m.strike(pair) || changed
		}
	}
	return true
}

// strike drops a pair that can't be read after all.
func (m *avroMatch) strike(pair avroPair) bool {
	if !m.readable[pair] || m.step(pair.writer, pair.reader) {
		return false
	}
	m.readable[pair] = false
	return true
}

// visit is what is known of a pair; a new one is assumed readable and queued.
func (m *avroMatch) visit(writer, reader *avroType) bool {
	pair := avroPair{writer, reader}
	known, seen := m.readable[pair]
	if !seen {
		m.readable[pair] = true
		m.order = append(m.order, pair)
		return true
	}
	return known
}

// step judges one pair by what is known of the pairs below it.
func (m *avroMatch) step(writer, reader *avroType) bool {
	if writer.kind == "union" {
		return !slices.ContainsFunc(writer.branches, func(branch *avroType) bool { return !m.visit(branch, reader) })
	}
	if reader.kind == "union" {
		return slices.ContainsFunc(reader.branches, func(branch *avroType) bool {
			return alike(writer, branch) && m.visit(writer, branch)
		})
	}
	if !alike(writer, reader) || sameDecimal(writer, reader) != nil {
		return false
	}
	switch writer.kind {
	case "record":
		for _, field := range reader.fields {
			match := writtenField(writer, field)
			if match == nil && !field.hasDefault || match != nil && !m.visit(match.typ, field.typ) {
				return false
			}
		}
	case "enum":
		return reader.hasDefault || len(missingSymbols(writer, reader)) == 0
	case "array", "map":
		return m.visit(writer.items, reader.items)
	}
	return true
}

// promotions lists what a reader may widen a primitive to.
var promotions = map[string][]string{
	"int": {"long", "float", "double"}, "long": {"float", "double"}, "float": {"double"}, "string": {"bytes"}, "bytes": {"string"},
}

// alike is the specification's "match": what selects a branch of a union.
func alike(writer, reader *avroType) bool {
	if writer.kind != reader.kind {
		return slices.Contains(promotions[writer.kind], reader.kind)
	}
	switch writer.kind {
	case "record", "enum":
		return sameName(writer, reader)
	case "fixed":
		return sameName(writer, reader) && writer.size == reader.size
	}
	return true
}

// sameName compares as the specification does: unqualified, or an alias of the
// reader that gives the writer's full name.
func sameName(writer, reader *avroType) bool {
	return unqualified(writer.name) == unqualified(reader.name) || slices.Contains(reader.aliases, writer.name)
}

func sameDecimal(writer, reader *avroType) error {
	if writer.logical != "decimal" || reader.logical != "decimal" || writer.precision == reader.precision && writer.scale == reader.scale {
		return nil
	}
	return fmt.Errorf("the writer's decimal has precision %d and scale %d, the reader's %d and %d", writer.precision, writer.scale, reader.precision, reader.scale)
}

// writtenField finds the writer's field for a reader's, by name or alias.
func writtenField(writer *avroType, field avroField) *avroField {
	if index, ok := writer.byName[field.name]; ok {
		return &writer.fields[index]
	}
	for _, alias := range field.aliases {
		if index, ok := writer.byName[alias]; ok {
			return &writer.fields[index]
		}
	}
	return nil
}

func missingSymbols(writer, reader *avroType) []string {
	return slices.DeleteFunc(slices.Clone(writer.symbols), func(symbol string) bool { return slices.Contains(reader.symbols, symbol) })
}

// explain reports why reader can't read writer.
func (m *avroMatch) explain(writer, reader *avroType, path *avroStep) {
	pair := avroPair{writer, reader}
	if m.readable[pair] || m.reported[pair] || len(m.outcome.findings) >= maxFindings {
		return
	}
	m.reported[pair] = true
	switch {
	case writer.kind == "union":
		for index, branch := range writer.branches {
			m.explain(branch, reader, path.into(writer, index))
		}
	case reader.kind == "union":
		m.explainUnion(writer, reader, path)
	case writer.kind != reader.kind && !alike(writer, reader):
		m.add(TypeChanged, reader.pointer, path, "", "the writer's %s can't be read as %s: Avro doesn't promote it", writer.describe(), reader.describe())
	case !alike(writer, reader):
		m.explainName(writer, reader, path)
	case sameDecimal(writer, reader) != nil:
		m.add(LogicalTypeChanged, reader.pointer, path, "", "%v", sameDecimal(writer, reader))
	case writer.kind == "record":
		m.explainRecord(writer, reader, path)
	case writer.kind == "enum":
		missing := missingSymbols(writer, reader)
		m.add(EnumNarrowed, reader.pointer, path, missing[0],
			"the writer's enum %s has the symbol %q, the reader's has neither it nor a default", writer.name, missing[0])
	case writer.kind == "array" || writer.kind == "map":
		m.explain(writer.items, reader.items, path.into(writer, 0))
	}
}

func (m *avroMatch) explainUnion(writer, reader *avroType, path *avroStep) {
	for _, branch := range reader.branches {
		if alike(writer, branch) {
			m.explain(writer, branch, path)
			return
		}
	}
	m.add(UnionNarrowed, reader.pointer, path, "", "the writer may write %s, the reader takes only a %s", writer.describe(), reader.describe())
}

func (m *avroMatch) explainName(writer, reader *avroType, path *avroStep) {
	if !sameName(writer, reader) {
		m.add(NameChanged, reader.pointer, path, "", "the writer's %s is named %s and the reader's %s, which has no alias for it", writer.kind, writer.name, reader.name)
		return
	}
	m.add(FixedSizeChanged, reader.pointer, path, "", "the writer's fixed %s has %d bytes, the reader's %d", writer.name, writer.size, reader.size)
}

func (m *avroMatch) explainRecord(writer, reader *avroType, path *avroStep) {
	for _, field := range reader.fields {
		match := writtenField(writer, field)
		switch {
		case match == nil && !field.hasDefault:
			m.add(FieldAddedWithoutDefault, field.pointer, path.named(field.name), "",
				"the reader's record %s has the field %q without a default, the writer doesn't write it", reader.name, field.name)
		case match != nil:
			m.explain(match.typ, field.typ, path.into(writer, writer.byName[match.name]))
		}
	}
}

func (m *avroMatch) add(kind Kind, pointer string, path *avroStep, symbol, reason string, args ...any) {
	finding := Finding{Pointer: pointer, Path: path.path(), Kind: kind, Reason: fmt.Sprintf(reason, args...)}
	if kind != Undecided {
		finding.Example = m.example(path, symbol)
	}
	m.outcome.findings = append(m.outcome.findings, finding)
}

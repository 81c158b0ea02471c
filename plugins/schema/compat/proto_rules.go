package compat

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// protoMatch compares two .proto files for the wire format and for JSON, whose
// names a rename breaks.
//
// What a reader can't read is refused in both directions: another type, label,
// name or number, a required field that isn't written, a oneof that drops one
// of two values. BACKWARD adds what the next version owes to the earlier: what
// it removes it must reserve, so that nobody uses it for something else, and it
// keeps messages, services and methods that others rely on.
type protoMatch struct {
	writer, reader *protoSchema
	evolution      bool // the reader is the newer version
	outcome        outcome
}

func (s *protoSchema) readBy(other opened, direction Direction) outcome {
	m := &protoMatch{writer: s, reader: other.(*protoSchema), evolution: direction == ReadsEarlier}
	m.files()
	for _, name := range sortedKeys(s.messages) {
		if read := m.reader.messages[name]; read != nil {
			m.message(name, s.messages[name], read)
		} else if m.evolution {
			m.add(MessageRemoved, name, "", "the message %s is gone", name)
		}
	}
	for _, name := range sortedKeys(s.enums) {
		if read := m.reader.enums[name]; read != nil {
			m.enum(name, s.enums[name], read)
		} else if m.evolution {
			m.add(EnumRemoved, name, "", "the enum %s is gone", name)
		}
	}
	m.servicesRule()
	return m.outcome
}

func (m *protoMatch) add(kind Kind, pointer, example, reason string, args ...any) {
	if len(m.outcome.findings) < maxFindings {
		m.outcome.findings = append(m.outcome.findings, Finding{Kind: kind, Pointer: pointer, Reason: fmt.Sprintf(reason, args...), Example: example})
	}
}

func (m *protoMatch) files() {
	written, read := m.writer.file, m.reader.file
	if written.Package() != read.Package() {
		m.add(PackageChanged, "package", "", "the writer's package is %q and the reader's %q: every type has another full name", written.Package(), read.Package())
	}
	if written.Syntax() != read.Syntax() {
		m.add(SyntaxChanged, "syntax", "", "the writer's file is %s and the reader's %s: presence and unknown enum values are treated differently", written.Syntax(), read.Syntax())
	}
	if !m.evolution {
		return
	}
	kept := map[string]bool{}
	for index := range read.Imports().Len() {
		kept[read.Imports().Get(index).Path()] = read.Imports().Get(index).IsPublic
	}
	for index := range written.Imports().Len() {
		if imported := written.Imports().Get(index); imported.IsPublic && !kept[imported.Path()] {
			m.add(ImportRemoved, "import "+imported.Path(), "", "the public import of %q is gone: files that import this one no longer see its types", imported.Path())
		}
	}
}

func (m *protoMatch) message(name string, written, read protoreflect.MessageDescriptor) {
	for _, field := range fieldsOf(written) {
		m.field(name, field, written, read)
	}
	for _, field := range fieldsOf(read) {
		m.readField(name, field, written)
	}
	for index := range read.Oneofs().Len() {
		m.oneof(name, read.Oneofs().Get(index), written)
	}
	if m.evolution {
		m.reservations(name, rangesOf(written.ReservedRanges()), rangesOf(read.ReservedRanges()), written.ReservedNames(), read.ReservedNames())
		m.extensionRanges(name, written, read)
	}
}

func fieldPointer(message string, field protoreflect.FieldDescriptor) string {
	return fmt.Sprintf("%s/%d", message, field.Number())
}

// field looks for a written field in the reader.
func (m *protoMatch) field(name string, field protoreflect.FieldDescriptor, written, read protoreflect.MessageDescriptor) {
	pointer := fieldPointer(name, field)
	if other := read.Fields().ByNumber(field.Number()); other != nil {
		m.sameNumber(pointer, field, other, written, read)
		return
	}
	if other := read.Fields().ByName(field.Name()); other != nil {
		m.add(FieldRenumbered, pointer, m.wire(field, written, read),
			"the writer's field %q has the number %d and the reader's %d: the reader drops what is written", field.Name(), field.Number(), other.Number())
		return
	}
	if m.evolution && !(read.ReservedRanges().Has(field.Number()) && read.ReservedNames().Has(field.Name())) {
		m.add(FieldRemoved, pointer, m.wire(field, written, read),
			"the field %q is gone without its number %d and its name being reserved: both could be used for something else", field.Name(), field.Number())
	}
}

func (m *protoMatch) sameNumber(pointer string, field, other protoreflect.FieldDescriptor, written, read protoreflect.MessageDescriptor) {
	wire := func() string { return m.wire(field, written, read) }
	if field.Name() != other.Name() {
		m.add(FieldRenamed, pointer, wire(), "the writer calls field %d %q and the reader %q: JSON goes by the name", field.Number(), field.Name(), other.Name())
	} else if field.JSONName() != other.JSONName() {
		m.add(JSONNameChanged, pointer, "", "in JSON the writer calls field %d %q and the reader %q", field.Number(), field.JSONName(), other.JSONName())
	}
	switch from, to := m.writer.typeName(field), m.reader.typeName(other); {
	case label(field) != label(other):
		m.add(FieldLabelChanged, pointer, wire(), "the writer's field %q is %s and the reader's %s", field.Name(), label(field), label(other))
	case from != to && !widens(field.Kind(), other.Kind()):
		m.add(FieldTypeChanged, pointer, wire(), "the writer's field %q is %s and the reader's %s", field.Name(), from, to)
	case from == to && field.Kind() != other.Kind():
		m.add(FieldTypeChanged, pointer, wire(), "the writer's field %q is a %s and the reader's a %s", field.Name(), field.Kind(), other.Kind())
	case field.HasDefault() != other.HasDefault() || fmt.Sprint(field.Default()) != fmt.Sprint(other.Default()):
		if from == to && !field.IsList() && !field.IsMap() {
			m.add(DefaultChanged, pointer, "", "where field %q isn't written the writer means %v and the reader takes %v", field.Name(), field.Default(), other.Default())
		}
	}
}

// widens reports changes of type that lose nothing, neither in the wire format
// ("Updating A Message Type" in the language guide) nor in JSON.
func widens(from, to protoreflect.Kind) bool {
	wider := map[protoreflect.Kind][]protoreflect.Kind{
		protoreflect.Int32Kind:  {protoreflect.Int64Kind},
		protoreflect.Uint32Kind: {protoreflect.Uint64Kind, protoreflect.Int64Kind},
		protoreflect.Sint32Kind: {protoreflect.Sint64Kind},
	}
	return slices.Contains(wider[from], to)
}

// readField judges a reader's field by what the writer has of it.
func (m *protoMatch) readField(name string, field protoreflect.FieldDescriptor, written protoreflect.MessageDescriptor) {
	pointer := fieldPointer(name, field)
	other := written.Fields().ByNumber(field.Number())
	if field.Cardinality() == protoreflect.Required && (other == nil || other.Cardinality() != protoreflect.Required) {
		kind := RequiredFieldAdded
		if !m.evolution {
			kind = RequiredFieldRemoved
		}
		m.add(kind, pointer, "", "the reader requires the field %q, the writer may leave it out", field.Name())
	}
	if !m.evolution || other != nil {
		return
	}
	if written.ReservedRanges().Has(field.Number()) || written.ReservedNames().Has(field.Name()) {
		m.add(ReservedReused, pointer, "", "the field %q = %d uses a number or name that was reserved", field.Name(), field.Number())
	}
}

// oneof refuses two fields in one oneof that the writer may set both.
func (m *protoMatch) oneof(name string, oneof protoreflect.OneofDescriptor, written protoreflect.MessageDescriptor) {
	if oneof.IsSynthetic() {
		return
	}
	var before protoreflect.FieldDescriptor
	for index := range oneof.Fields().Len() {
		field := written.Fields().ByNumber(oneof.Fields().Get(index).Number())
		if field == nil {
			continue
		}
		if before != nil && (field.ContainingOneof() == nil || field.ContainingOneof() != before.ContainingOneof()) {
			m.add(OneofChanged, name+"/"+string(oneof.Name()), m.bothSet(before, field),
				"the reader keeps only one of %q and %q, the writer may set both", before.Name(), field.Name())
			return
		}
		before = field
	}
}

func (m *protoMatch) extensionRanges(name string, written, read protoreflect.MessageDescriptor) {
	for _, lost := range uncovered(rangesOf(written.ExtensionRanges()), rangesOf(read.ExtensionRanges())) {
		m.add(ExtensionRangeShrunk, name, "", "the extension numbers %d to %d are gone", lost[0], lost[1]-1)
	}
}

package payload

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// protoMessage is what the scan of a payload needs of a message.
type protoMessage struct {
	desc     protoreflect.MessageDescriptor
	any      bool // google.protobuf.Any
	fields   map[protowire.Number]*protoField
	singular int // how many singular fields hold messages
	cost     int // estimated bytes of an empty one, in memory and as JSON
}

// protoField is what the scan of a payload needs of a field.
type protoField struct {
	name    string // in JSON; "" where the value stands for the message
	kind    protoreflect.Kind
	wire    protowire.Type
	list    bool
	entry   bool          // a map
	message *protoMessage // of a message or a group
	place   int           // among the singular fields that hold messages
	cost    int           // estimated bytes of a value, in memory and as JSON
}

// Estimates of what values take when decoded, in bytes on a 64-bit machine: a
// dynamic message with its map of fields, and a value in a list or a field with
// its digits in JSON.
const (
	protoMessageCost = 256
	protoValueCost   = 48
)

// protoMessages prepares all messages of files for scanning.
func protoMessages(files *protoregistry.Files) map[protoreflect.FullName]*protoMessage {
	messages := map[protoreflect.FullName]*protoMessage{}
	files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		addProtoMessages(messages, f.Messages())
		return true
	})
	for _, m := range messages {
		fields := m.desc.Fields()
		for i := range fields.Len() {
			m.add(messages, fields.Get(i))
		}
	}
	files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		addProtoExtensions(messages, f.Extensions(), f.Messages())
		return true
	})
	return messages
}

func addProtoMessages(messages map[protoreflect.FullName]*protoMessage, list protoreflect.MessageDescriptors) {
	for i := range list.Len() {
		desc := list.Get(i)
		messages[desc.FullName()] = &protoMessage{
			desc:   desc,
			any:    desc.FullName() == "google.protobuf.Any",
			fields: map[protowire.Number]*protoField{},
			cost:   protoMessageCost,
		}
		addProtoMessages(messages, desc.Messages())
	}
}

func addProtoExtensions(messages map[protoreflect.FullName]*protoMessage, list protoreflect.ExtensionDescriptors, nested protoreflect.MessageDescriptors) {
	for i := range list.Len() {
		ext := list.Get(i)
		if m := messages[ext.ContainingMessage().FullName()]; m != nil {
			m.add(messages, ext)
		}
	}
	for i := range nested.Len() {
		addProtoExtensions(messages, nested.Get(i).Extensions(), nested.Get(i).Messages())
	}
}

func (m *protoMessage) add(messages map[protoreflect.FullName]*protoMessage, desc protoreflect.FieldDescriptor) {
	f := &protoField{
		name:  desc.JSONName(),
		kind:  desc.Kind(),
		wire:  protoWireTypes[desc.Kind()],
		list:  desc.IsList(),
		entry: desc.IsMap(),
		cost:  protoValueCost,
	}
	if desc.IsExtension() {
		f.name = "[" + string(desc.FullName()) + "]"
	}
	if !f.list {
		f.cost += len(f.name)
	}
	longest := 0
	if enum := desc.Enum(); enum != nil {
		values := enum.Values()
		for i := range values.Len() {
			longest = max(longest, len(values.Get(i).Name()))
		}
		f.cost += longest
	}
	if inner := desc.Message(); inner != nil {
		f.message = messages[inner.FullName()]
		if !f.list && !f.entry {
			f.place = m.singular
			m.singular++
		}
	}
	if !desc.HasPresence() && !desc.IsExtension() {
		m.cost += len(f.name) + longest + 8 // written even when unset
	}
	if protoUnnamed[m.desc.FullName()] || m.desc.IsMapEntry() {
		f.name = ""
	}
	m.fields[desc.Number()] = f
}

// protoUnnamed are the messages whose JSON is the value of a field instead of an
// object with that field.
var protoUnnamed = map[protoreflect.FullName]bool{
	"google.protobuf.Struct": true, "google.protobuf.Value": true, "google.protobuf.ListValue": true,
	"google.protobuf.BoolValue": true, "google.protobuf.StringValue": true, "google.protobuf.BytesValue": true,
	"google.protobuf.Int32Value": true, "google.protobuf.UInt32Value": true, "google.protobuf.FloatValue": true,
	"google.protobuf.Int64Value": true, "google.protobuf.UInt64Value": true, "google.protobuf.DoubleValue": true,
}

var protoWireTypes = map[protoreflect.Kind]protowire.Type{
	protoreflect.BoolKind:     protowire.VarintType,
	protoreflect.EnumKind:     protowire.VarintType,
	protoreflect.Int32Kind:    protowire.VarintType,
	protoreflect.Sint32Kind:   protowire.VarintType,
	protoreflect.Uint32Kind:   protowire.VarintType,
	protoreflect.Int64Kind:    protowire.VarintType,
	protoreflect.Sint64Kind:   protowire.VarintType,
	protoreflect.Uint64Kind:   protowire.VarintType,
	protoreflect.Sfixed32Kind: protowire.Fixed32Type,
	protoreflect.Fixed32Kind:  protowire.Fixed32Type,
	protoreflect.FloatKind:    protowire.Fixed32Type,
	protoreflect.Sfixed64Kind: protowire.Fixed64Type,
	protoreflect.Fixed64Kind:  protowire.Fixed64Type,
	protoreflect.DoubleKind:   protowire.Fixed64Type,
	protoreflect.StringKind:   protowire.BytesType,
	protoreflect.BytesKind:    protowire.BytesType,
	protoreflect.MessageKind:  protowire.BytesType,
	protoreflect.GroupKind:    protowire.StartGroupType,
}

// protoNesting returns how deep brackets nest in the text of a .proto file. The
// compiler descends into the values of options without a bound of its own.
func protoNesting(text string) int {
	depth, deepest := 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '{', '[', '<', '(':
			depth++
			deepest = max(deepest, depth)
		case '}', ']', '>', ')':
			depth--
		case '"', '\'':
			for i++; i < len(text) && text[i] != c && text[i] != '\n'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '/':
			i = skipProtoComment(text, i)
		}
	}
	return deepest
}

// skipProtoComment returns the last byte of the comment that may begin at i.
func skipProtoComment(text string, i int) int {
	rest := text[i:]
	end := -1
	switch {
	case len(rest) < 2:
		return i
	case rest[1] == '/':
		end = indexAfter(rest, "\n")
	case rest[1] == '*':
		end = indexAfter(rest[2:], "*/") + 2
	default:
		return i
	}
	return i + end - 1
}

// indexAfter returns where the first sep in s ends, or the end of s.
func indexAfter(s, sep string) int {
	if i := strings.Index(s, sep); i >= 0 {
		return i + len(sep)
	}
	return len(s)
}

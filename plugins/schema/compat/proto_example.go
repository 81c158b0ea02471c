package compat

import (
	"bytes"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// wire writes the one field with the writer's message and tells what the
// reader's message makes of the bytes.
func (m *protoMatch) wire(field protoreflect.FieldDescriptor, written, read protoreflect.MessageDescriptor) (text string) {
	defer func() {
		if recover() != nil { // a message the codec can't hold has no example
			text = ""
		}
	}()
	message := dynamicpb.NewMessage(written)
	setSample(message, field)
	return story(message, read)
}

// bothSet is an example of two fields of which the reader keeps one.
func (m *protoMatch) bothSet(first, second protoreflect.FieldDescriptor) (text string) {
	defer func() {
		if recover() != nil {
			text = ""
		}
	}()
	written := first.ContainingMessage()
	read := m.reader.messages[m.writer.nameOf(written)]
	if read == nil {
		return ""
	}
	message := dynamicpb.NewMessage(written)
	setSample(message, first)
	setSample(message, second)
	return story(message, read)
}

func story(message *dynamicpb.Message, read protoreflect.MessageDescriptor) string {
	wire, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(message)
	if err != nil || len(wire) == 0 {
		return ""
	}
	lax := protojson.MarshalOptions{AllowPartial: true}
	source, err := lax.Marshal(message)
	if err != nil {
		return ""
	}
	result := dynamicpb.NewMessage(read)
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(wire, result); err != nil {
		return fmt.Sprintf("%s is written as % x (%s), which the reader can't decode: %v", compactJSON(source), wire, wireType(wire), err)
	}
	target, err := lax.Marshal(result)
	if err != nil {
		return ""
	}
	unknown := ""
	if len(result.GetUnknown()) > 0 {
		unknown = fmt.Sprintf(" and %d bytes of unknown fields", len(result.GetUnknown()))
	}
	return fmt.Sprintf("%s is written as % x (%s) and read as %s%s", compactJSON(source), wire, wireType(wire), compactJSON(target), unknown)
}

// compactJSON undoes the random spaces with which the codec discourages
// comparing its output.
func compactJSON(text []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return string(text)
	}
	return b.String()
}

func wireType(wire []byte) string {
	number, kind, _ := protowire.ConsumeTag(wire)
	names := map[protowire.Type]string{
		protowire.VarintType: "varint", protowire.Fixed32Type: "32 bits", protowire.Fixed64Type: "64 bits",
		protowire.BytesType: "length-delimited", protowire.StartGroupType: "group",
	}
	return fmt.Sprintf("field %d, %s", number, names[kind])
}

func setSample(message *dynamicpb.Message, field protoreflect.FieldDescriptor) {
	switch {
	case field.IsMap():
		entries := message.Mutable(field).Map()
		value := entries.NewValue()
		if field.MapValue().Message() == nil {
			value = sampleScalar(field.MapValue())
		}
		entries.Set(sampleScalar(field.MapKey()).MapKey(), value)
	case field.IsList():
		list := message.Mutable(field).List()
		if field.Message() != nil {
			list.Append(list.NewElement())
			return
		}
		list.Append(sampleScalar(field))
		list.Append(sampleScalar(field))
	case field.Message() != nil:
		message.Mutable(field)
	default:
		message.Set(field, sampleScalar(field))
	}
}

func sampleScalar(field protoreflect.FieldDescriptor) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(values.Len() - 1).Number())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(-7)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(7)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(5_000_000_000)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(5_000_000_000)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(1.5)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(1.5)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte{0xff})
	}
	return protoreflect.ValueOfString("a")
}

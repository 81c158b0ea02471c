package compat

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// declaration is one line of a .proto file, as it means and not as it is laid
// out.
type declaration struct {
	noun Kind
	text string
}

func (s *protoSchema) diff(next opened) []Change {
	return diffDeclarations(s.declarations(), next.(*protoSchema).declarations())
}

func (s *protoSchema) declarations() map[string]declaration {
	list := map[string]declaration{
		"package": {"package", string(s.file.Package())},
		"syntax":  {"syntax", s.file.Syntax().String()},
	}
	for index := range s.file.Imports().Len() {
		imported := s.file.Imports().Get(index)
		text := "import " + imported.Path()
		if imported.IsPublic {
			text = "import public " + imported.Path()
		}
		list["import "+imported.Path()] = declaration{"import", text}
	}
	for name, message := range s.messages {
		list[name] = declaration{"message", "message " + name}
		for _, field := range fieldsOf(message) {
			list[fieldPointer(name, field)] = declaration{"field", s.fieldText(field)}
		}
		reservedLines(list, name, rangesOf(message.ReservedRanges()), message.ReservedNames())
	}
	for name, enum := range s.enums {
		list[name] = declaration{"enum", "enum " + name}
		for _, value := range valuesOf(enum) {
			list[name+"/"+string(value.Name())] = declaration{"enum_value", fmt.Sprintf("%s = %d", value.Name(), value.Number())}
		}
		reservedLines(list, name, enumRanges(enum), enum.ReservedNames())
	}
	for name, service := range s.services {
		list[name] = declaration{"service", "service " + name}
		for index := range service.Methods().Len() {
			method := service.Methods().Get(index)
			list[name+"/"+string(method.Name())] = declaration{"method", "rpc " + signature(s, method)}
		}
	}
	return list
}

func (s *protoSchema) fieldText(field protoreflect.FieldDescriptor) string {
	text := ""
	switch {
	case field.IsList():
		text = "repeated "
	case field.Cardinality() == protoreflect.Required:
		text = "required "
	case field.HasOptionalKeyword():
		text = "optional "
	}
	text += fmt.Sprintf("%s %s = %d", s.typeName(field), field.Name(), field.Number())
	if field.HasDefault() {
		text += fmt.Sprintf(" [default = %v]", field.Default())
	}
	if field.JSONName() != camel(string(field.Name())) {
		text += fmt.Sprintf(" [json_name = %q]", field.JSONName())
	}
	if oneof := field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
		text += " in oneof " + string(oneof.Name())
	}
	return text
}

func reservedLines(list map[string]declaration, name string, ranges [][2]int64, names protoreflect.Names) {
	for _, pair := range ranges {
		text := fmt.Sprintf("reserved %d to %d", pair[0], pair[1]-1)
		if pair[1]-pair[0] == 1 {
			text = fmt.Sprintf("reserved %d", pair[0])
		}
		list[name+"/"+text] = declaration{"reserved", text}
	}
	for index := range names.Len() {
		text := fmt.Sprintf("reserved %q", names.Get(index))
		list[name+"/"+text] = declaration{"reserved", text}
	}
}

// camel is the JSON name that a field's name stands for (protobuf language
// guide, "ProtoJSON Format").
func camel(name string) string {
	var b strings.Builder
	upper := false
	for _, char := range name {
		if char == '_' {
			upper = true
			continue
		}
		if upper && 'a' <= char && char <= 'z' {
			char -= 'a' - 'A'
		}
		b.WriteRune(char)
		upper = false
	}
	return b.String()
}

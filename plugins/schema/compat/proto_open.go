package compat

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// protoSchema is a .proto file with the referenced files it imports.
type protoSchema struct {
	file     protoreflect.FileDescriptor
	messages map[string]protoreflect.MessageDescriptor
	enums    map[string]protoreflect.EnumDescriptor
	services map[string]protoreflect.ServiceDescriptor
}

func (*protoSchema) format() Format { return Protobuf }

// protoMain is the name the schema compiles under; references have their own.
const protoMain = "schema.proto"

func openProtobuf(schema Schema) (*protoSchema, error) {
	for name, text := range schema.References {
		if err := scanProto(text); err != nil {
			return nil, fmt.Errorf("reference %q: %w", name, err)
		}
	}
	if err := scanProto(schema.Text); err != nil {
		return nil, err
	}
	file, err := compileProto(schema)
	if err != nil {
		return nil, err
	}
	opened := &protoSchema{
		file: file, messages: map[string]protoreflect.MessageDescriptor{}, enums: map[string]protoreflect.EnumDescriptor{},
		services: map[string]protoreflect.ServiceDescriptor{},
	}
	opened.collect(file, schema.References, map[string]bool{})
	return opened, nil
}

func compileProto(schema Schema) (file protoreflect.FileDescriptor, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("compiling Protobuf schema: %v", cause)
		}
	}()
	resolver := &protocompile.SourceResolver{Accessor: func(path string) (io.ReadCloser, error) {
		if path == protoMain {
			return io.NopCloser(strings.NewReader(splitReserved(schema.Text))), nil
		}
		if text, ok := schema.References[path]; ok {
			return io.NopCloser(strings.NewReader(splitReserved(text))), nil
		}
		return nil, fmt.Errorf("import %q is no registered reference; nothing else is looked up", path)
	}}
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(resolver), MaxParallelism: 1}
	var files linker.Files
	files, err = compiler.Compile(context.Background(), protoMain)
	if err != nil {
		return nil, fmt.Errorf("compiling Protobuf schema: %w", err)
	}
	return files[0], nil
}

var (
	reservedList = regexp.MustCompile(`\breserved\s+([^;{}]*);`)
	reservedItem = regexp.MustCompile(`^(?:("[^"\n]*"|'[^'\n]*')|-?\d+(?:\s+to\s+(?:-?\d+|max))?)$`)
)

// splitReserved parts reserved statements that list numbers and names at once:
// the language guide forbids them, registries accept them.
func splitReserved(text string) string {
	return reservedList.ReplaceAllStringFunc(text, func(statement string) string {
		var names, numbers []string
		for _, item := range strings.Split(reservedList.FindStringSubmatch(statement)[1], ",") {
			item = strings.TrimSpace(item)
			match := reservedItem.FindStringSubmatch(item)
			switch {
			case match == nil:
				return statement
			case match[1] != "":
				names = append(names, item)
			default:
				numbers = append(numbers, item)
			}
		}
		if len(names) == 0 || len(numbers) == 0 {
			return statement
		}
		return "reserved " + strings.Join(numbers, ", ") + "; reserved " + strings.Join(names, ", ") + ";"
	})
}

// collect gathers the types of file and of the references it imports. Names in
// the main file leave out its package, which is compared by itself.
func (s *protoSchema) collect(file protoreflect.FileDescriptor, references map[string]string, seen map[string]bool) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	s.collectMessages(file.Messages())
	s.collectEnums(file.Enums())
	for index := range file.Services().Len() {
		service := file.Services().Get(index)
		s.services[s.nameOf(service)] = service
	}
	for index := range file.Imports().Len() {
		imported := file.Imports().Get(index)
		if _, ours := references[imported.Path()]; ours && !imported.IsPlaceholder() {
			s.collect(imported.FileDescriptor, references, seen)
		}
	}
}

func (s *protoSchema) collectMessages(list protoreflect.MessageDescriptors) {
	for index := range list.Len() {
		message := list.Get(index)
		if message.IsMapEntry() {
			continue
		}
		s.messages[s.nameOf(message)] = message
		s.collectMessages(message.Messages())
		s.collectEnums(message.Enums())
	}
}

func (s *protoSchema) collectEnums(list protoreflect.EnumDescriptors) {
	for index := range list.Len() {
		s.enums[s.nameOf(list.Get(index))] = list.Get(index)
	}
}

// nameOf is the name both versions know a type by.
func (s *protoSchema) nameOf(d protoreflect.Descriptor) string {
	if d.ParentFile() != nil && d.ParentFile().Path() == s.file.Path() && s.file.Package() != "" {
		return strings.TrimPrefix(string(d.FullName()), string(s.file.Package())+".")
	}
	return string(d.FullName())
}

// scanProto counts braces outside strings and comments, before anything
// recursive runs.
func scanProto(text string) error {
	depth := 0
	for index := 0; index < len(text); index++ {
		rest := text[index:]
		switch {
		case strings.HasPrefix(rest, "//"):
			index += lineEnd(rest)
		case strings.HasPrefix(rest, "/*"):
			index += max(strings.Index(rest, "*/"), 1)
		case rest[0] == '"' || rest[0] == '\'':
			index += stringEnd(rest)
		case rest[0] == '{' || rest[0] == '<' || rest[0] == '[' || rest[0] == '(':
			if depth++; depth > maxDepth {
				return fmt.Errorf("schema nests deeper than %d levels at byte %d", maxDepth, index)
			}
		case rest[0] == '}' || rest[0] == '>' || rest[0] == ']' || rest[0] == ')':
			depth--
		}
	}
	return nil
}

func lineEnd(text string) int {
	if end := strings.IndexByte(text, '\n'); end >= 0 {
		return end
	}
	return len(text)
}

func stringEnd(text string) int {
	for index := 1; index < len(text); index++ {
		if text[index] == '\\' {
			index++
		} else if text[index] == text[0] || text[index] == '\n' {
			return index
		}
	}
	return len(text)
}

// typeName names a field's type as its file would.
func (s *protoSchema) typeName(field protoreflect.FieldDescriptor) string {
	switch {
	case field.IsMap():
		return "map<" + s.typeName(field.MapKey()) + ", " + s.typeName(field.MapValue()) + ">"
	case field.Message() != nil:
		return s.nameOf(field.Message())
	case field.Enum() != nil:
		return s.nameOf(field.Enum())
	}
	return field.Kind().String()
}

func label(field protoreflect.FieldDescriptor) string {
	switch {
	case field.IsMap():
		return "map"
	case field.IsList():
		return "repeated"
	}
	return "singular"
}

// fieldsOf lists the fields by number.
func fieldsOf(message protoreflect.MessageDescriptor) []protoreflect.FieldDescriptor {
	list := make([]protoreflect.FieldDescriptor, message.Fields().Len())
	for index := range list {
		list[index] = message.Fields().Get(index)
	}
	slices.SortFunc(list, func(a, b protoreflect.FieldDescriptor) int { return int(a.Number()) - int(b.Number()) })
	return list
}

func valuesOf(enum protoreflect.EnumDescriptor) []protoreflect.EnumValueDescriptor {
	list := make([]protoreflect.EnumValueDescriptor, enum.Values().Len())
	for index := range list {
		list[index] = enum.Values().Get(index)
	}
	return list
}

package payload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Proto decodes payloads written with the messages of one .proto file. It is
// safe for concurrent use.
//
// The text is compiled by bufbuild/protocompile, the compiler of Buf, on which
// jhump/protoreflect rests too; the payload is read and written by the Protobuf
// project's own Go module.
type Proto struct {
	file     protoreflect.FileDescriptor
	types    *dynamicpb.Types
	messages map[protoreflect.FullName]*protoMessage
}

// CompileProto compiles the text of a .proto file. References are the texts of
// the files it imports, and of those they import, by the path in the import.
// The files of google/protobuf that come with the Protobuf compiler are known
// and can't be replaced. Nothing else is ever read, no file and no URL.
func CompileProto(schema string, references map[string]string) (*Proto, error) {
	if err := checkTexts(schema, references); err != nil {
		return nil, err
	}
	name := "schema.proto"
	for _, taken := references[name]; taken; _, taken = references[name] {
		name = "_" + name
	}
	sources := map[string]string{name: schema}
	for path, text := range references {
		if !strings.HasPrefix(path, "google/protobuf/") {
			sources[path] = text
		}
	}
	for path, text := range sources {
		if depth := protoNesting(text); depth > MaxDepth {
			return nil, fmt.Errorf("reading the Protobuf schema: %s nests brackets deeper than %d", path, MaxDepth)
		}
	}
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(protoSources(sources)),
		MaxParallelism: 1,
	}
	files, err := compiler.Compile(context.Background(), name)
	if err != nil {
		return nil, fmt.Errorf("reading the Protobuf schema: %w", err)
	}
	return newProto(files[0], sources)
}

// protoSources answers imports with texts.
func protoSources(sources map[string]string) protocompile.Resolver {
	return protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
		text, ok := sources[path]
		if !ok {
			return protocompile.SearchResult{}, protoregistry.NotFound
		}
		return protocompile.SearchResult{Source: io.NopCloser(strings.NewReader(text))}, nil
	})
}

func newProto(file linker.File, sources map[string]string) (*Proto, error) {
	var files protoregistry.Files
	if err := registerProto(&files, file, sources); err != nil {
		return nil, fmt.Errorf("reading the Protobuf schema: %w", err)
	}
	for _, f := range wellKnownFiles {
		if err := registerProto(&files, f, nil); err != nil {
			return nil, fmt.Errorf("reading the Protobuf schema: %w", err)
		}
	}
	p := &Proto{file: file, types: dynamicpb.NewTypes(&files)}
	p.messages = protoMessages(&files)
	return p, nil
}

// wellKnownFiles are there for google.protobuf.Any, which can hold messages of
// files that the schema doesn't import.
var wellKnownFiles = []protoreflect.FileDescriptor{
	anypb.File_google_protobuf_any_proto, durationpb.File_google_protobuf_duration_proto,
	emptypb.File_google_protobuf_empty_proto, fieldmaskpb.File_google_protobuf_field_mask_proto,
	structpb.File_google_protobuf_struct_proto, timestamppb.File_google_protobuf_timestamp_proto,
	wrapperspb.File_google_protobuf_wrappers_proto,
}

func registerProto(files *protoregistry.Files, file protoreflect.FileDescriptor, sources map[string]string) error {
	if _, err := files.FindFileByPath(file.Path()); err == nil {
		return nil
	}
	if _, ours := sources[file.Path()]; ours && file.Package() == "google.protobuf" {
		// The JSON of these messages is special, and relies on their fields.
		return fmt.Errorf("%s: package google.protobuf belongs to the well-known types", file.Path())
	}
	if err := files.RegisterFile(file); err != nil {
		return err
	}
	imports := file.Imports()
	for i := range imports.Len() {
		if err := registerProto(files, imports.Get(i).FileDescriptor, sources); err != nil {
			return err
		}
	}
	return nil
}

// Index returns the index of the message with this full name (package and names,
// with dots) within the schema's file, as [MessageIndex] reads it.
func (p *Proto) Index(fullName string) (index []int, ok bool) {
	m := p.messages[protoreflect.FullName(fullName)]
	if m == nil || m.desc.ParentFile() != p.file {
		return nil, false
	}
	for d := protoreflect.Descriptor(m.desc); d != p.file; d = d.Parent() {
		index = append([]int{d.Index()}, index...)
	}
	return index, true
}

func (p *Proto) message(index []int) (*protoMessage, error) {
	list := p.file.Messages()
	if len(index) == 0 {
		index = []int{0}
	}
	var desc protoreflect.MessageDescriptor
	for _, i := range index {
		if i < 0 || i >= list.Len() {
			return nil, &Error{Reason: fmt.Sprintf("message index %v: the schema has no such message", index)}
		}
		desc = list.Get(i)
		list = desc.Messages()
	}
	if desc.IsMapEntry() {
		return nil, &Error{Reason: fmt.Sprintf("message index %v: an entry of a map is no message of its own", index)}
	}
	return p.messages[desc.FullName()], nil
}

// Unknown is a field that a payload has and the schema hasn't, or has with
// another wire type.
type Unknown struct {
	Path     string // JSON pointer of the message that carries the field
	Number   int32
	WireType int8 // Protobuf encoding: 0 varint, 1 64 bits, 2 bytes, 3 group, 5 32 bits
}

// Decode appends to dst the JSON of a message; index says which message of the
// file (nil: the first), as read by [MessageIndex].
//
// The JSON is the ProtoJSON of the Protobuf project: names in lowerCamelCase,
// int64 and uint64 (also in Int64Value) as strings of digits, bytes as base64,
// enums by name (by number when unknown), Timestamp as RFC 3339, Duration as
// "3.5s", NaN and infinities as the strings "NaN", "Infinity", "-Infinity". Fields
// without presence are written even when they have their default value, since
// on the wire the default is the absence: an amount of 0 is an amount. Fields
// with presence (optional, oneof, messages) are left out when unset.
//
// unknown lists the first [MaxUnknown] fields that the schema doesn't know; they
// are not in the JSON. Refused, beside what the bounds refuse and what isn't
// Protobuf: text that isn't UTF-8, an Any whose type the schema doesn't have,
// missing required fields, and a singular message that occurs twice, which
// readers of Protobuf would have to merge. On an error dst is returned as it
// was. The error is an *Error.
func (p *Proto) Decode(dst []byte, index []int, payload []byte) (out []byte, unknown []Unknown, err error) {
	if len(payload) > MaxPayload {
		return dst, nil, &Error{Reason: fmt.Sprintf("the payload has %d bytes; at most %d are read", len(payload), MaxPayload)}
	}
	message, err := p.message(index)
	if err != nil {
		return dst, nil, err
	}
	scan := protoScan{messages: p.messages, total: len(payload)}
	if err := scan.message(message, payload, 0); err != nil {
		return dst, nil, err
	}
	m := dynamicpb.NewMessage(message.desc)
	err = proto.UnmarshalOptions{Resolver: p.types, DiscardUnknown: true, RecursionLimit: MaxDepth + 2}.Unmarshal(payload, m)
	if err != nil {
		return dst, scan.unknown, protoError(err)
	}
	text, err := protojson.MarshalOptions{Resolver: p.types, EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return dst, scan.unknown, protoError(err)
	}
	// protojson puts spaces between tokens or not, by the build of the program, so
	// that nobody relies on its bytes. Helios does, after this.
	buffer := bytes.NewBuffer(dst)
	if err := json.Compact(buffer, text); err != nil {
		return dst, scan.unknown, protoError(err)
	}
	return buffer.Bytes(), scan.unknown, nil
}

// protoError drops the prefix of the library's errors, whose space is one of
// two kinds by the build of the program.
func protoError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	reason := strings.ReplaceAll(err.Error(), "\u00a0", " ")
	return &Error{Reason: strings.TrimPrefix(reason, "proto: ")}
}

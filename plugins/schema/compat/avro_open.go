package compat

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/avro"
)

// avroSchema is an Avro schema as a graph of types, beside the codec that
// proves examples.
type avroSchema struct {
	root  *avroType
	codec *avro.Schema
	main  any
}

func (*avroSchema) format() Format { return Avro }

// avroType is one type; named types that refer to each other form loops.
type avroType struct {
	kind    string
	name    string // full name of a record, enum or fixed
	aliases []string
	pointer string

	fields      []avroField
	byName      map[string]int // places of the fields
	items       *avroType      // of an array or map
	branches    []*avroType
	symbols     []string
	enumDefault string
	hasDefault  bool
	size        int

	logical          string
	precision, scale int
}

type avroField struct {
	name       string
	aliases    []string
	typ        *avroType
	hasDefault bool
	pointer    string
}

func openAvro(schema Schema) (opened *avroSchema, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("reading Avro schema: %v", cause)
		}
	}()
	main, plain, err := avroJSON(schema.Text)
	if err != nil {
		return nil, err
	}
	parser := &avroParser{names: map[string]*avroType{}}
	cache, err := parser.references(schema.References)
	if err != nil {
		return nil, err
	}
	codec, err := cache.Parse(plain)
	if err != nil {
		return nil, fmt.Errorf("reading Avro schema: %w", err)
	}
	root, err := parser.read(main, "", "")
	if err != nil {
		return nil, err
	}
	return &avroSchema{root: root, codec: codec, main: main}, nil
}

// avroJSON lets a primitive stand without quotes, as registries do, and takes
// an enum's default of null for none, as Avro for Java does.
func avroJSON(text string) (doc any, plain string, err error) {
	if trimmed := strings.TrimSpace(text); avroPrimitives[trimmed] {
		text = strconv.Quote(trimmed)
	}
	if doc, err = decodeJSON(text); err != nil {
		return nil, "", err
	}
	dropNullDefaults(doc)
	encoded, err := json.Marshal(doc)
	return doc, string(encoded), err
}

func dropNullDefaults(value any) {
	switch value := value.(type) {
	case map[string]any:
		if fallback, there := value["default"]; there && fallback == nil && value["type"] == "enum" {
			delete(value, "default")
		}
		for _, child := range value {
			dropNullDefaults(child)
		}
	case []any:
		for _, child := range value {
			dropNullDefaults(child)
		}
	}
}

var avroPrimitives = map[string]bool{
	"null": true, "boolean": true, "int": true, "long": true, "float": true, "double": true, "bytes": true, "string": true,
}

type avroParser struct{ names map[string]*avroType }

// references reads the schemas the main one refers to, in the order in which
// they need each other.
func (p *avroParser) references(texts map[string]string) (*avro.SchemaCache, error) {
	cache := &avro.SchemaCache{}
	waiting := sortedKeys(texts)
	for len(waiting) > 0 {
		var later []string
		var last error
		for _, name := range waiting {
			doc, plain, err := avroJSON(texts[name])
			if err != nil {
				return nil, fmt.Errorf("reference %q: %w", name, err)
			}
			if _, err := cache.Parse(plain); err != nil {
				later, last = append(later, name), fmt.Errorf("reference %q: %w", name, err)
				continue
			}
			if _, err := p.read(doc, "", ""); err != nil {
				return nil, fmt.Errorf("reference %q: %w", name, err)
			}
		}
		if len(later) == len(waiting) {
			return nil, last
		}
		waiting = later
	}
	return cache, nil
}

// read builds the type that value describes. The codec has already refused
// what isn't Avro.
func (p *avroParser) read(value any, namespace, pointer string) (*avroType, error) {
	switch value := value.(type) {
	case string:
		return p.named(value, namespace, pointer)
	case []any:
		union := &avroType{kind: "union", pointer: pointer}
		for index, branch := range value {
			typ, err := p.read(branch, namespace, pointer+"/"+strconv.Itoa(index))
			if err != nil {
				return nil, err
			}
			union.branches = append(union.branches, typ)
		}
		return union, nil
	case map[string]any:
		return p.object(value, namespace, pointer)
	}
	return nil, fmt.Errorf("the Avro type at %q is neither a name nor an object nor a list", pointer)
}

func (p *avroParser) named(name, namespace, pointer string) (*avroType, error) {
	if avroPrimitives[name] {
		return &avroType{kind: name, pointer: pointer}, nil
	}
	if typ := p.names[fullName(name, namespace)]; typ != nil {
		return typ, nil
	}
	if typ := p.names[name]; typ != nil {
		return typ, nil
	}
	return nil, fmt.Errorf("the Avro type %q at %q isn't defined before it is used; known are the primitives, the types of this schema and its references", name, pointer)
}

// fullName applies the rule of the specification's section "Names".
func fullName(name, namespace string) string {
	if strings.Contains(name, ".") || namespace == "" {
		return name
	}
	return namespace + "." + name
}

func unqualified(name string) string { return name[strings.LastIndex(name, ".")+1:] }

func (p *avroParser) object(object map[string]any, namespace, pointer string) (*avroType, error) {
	kind, plain := object["type"].(string)
	if !plain {
		return p.read(object["type"], namespace, pointer+"/type")
	}
	typ := &avroType{kind: kind, pointer: pointer}
	typ.logical, _ = object["logicalType"].(string)
	typ.precision, typ.scale = intOf(object["precision"]), intOf(object["scale"])
	var err error
	switch kind {
	case "record", "error":
		typ.kind = "record"
		err = p.record(typ, object, p.declare(typ, object, namespace))
	case "enum":
		p.declare(typ, object, namespace)
		typ.symbols = stringsOf(object["symbols"])
		typ.enumDefault, typ.hasDefault = object["default"].(string)
	case "fixed":
		p.declare(typ, object, namespace)
		typ.size = intOf(object["size"])
	case "array":
		typ.items, err = p.read(object["items"], namespace, pointer+"/items")
	case "map":
		typ.items, err = p.read(object["values"], namespace, pointer+"/values")
	default:
		if !avroPrimitives[kind] {
			return p.named(kind, namespace, pointer+"/type")
		}
	}
	return typ, err
}

// declare names a type and returns the namespace inside it.
func (p *avroParser) declare(typ *avroType, object map[string]any, namespace string) string {
	name, _ := object["name"].(string)
	if own, ok := object["namespace"].(string); ok {
		namespace = own
	}
	typ.name = fullName(name, namespace)
	inside := ""
	if dot := strings.LastIndex(typ.name, "."); dot >= 0 {
		inside = typ.name[:dot]
	}
	for _, alias := range stringsOf(object["aliases"]) {
		typ.aliases = append(typ.aliases, fullName(alias, inside))
	}
	p.names[typ.name] = typ
	return inside
}

func (p *avroParser) record(typ *avroType, object map[string]any, namespace string) error {
	fields, _ := object["fields"].([]any)
	typ.byName = make(map[string]int, len(fields))
	for index, entry := range fields {
		object, _ := entry.(map[string]any)
		pointer := typ.pointer + "/fields/" + strconv.Itoa(index)
		name, _ := object["name"].(string)
		fieldType, err := p.read(object["type"], namespace, pointer+"/type")
		if err != nil {
			return err
		}
		_, hasDefault := object["default"]
		typ.byName[name] = index
		typ.fields = append(typ.fields, avroField{
			name: name, aliases: stringsOf(object["aliases"]), typ: fieldType, hasDefault: hasDefault, pointer: pointer,
		})
	}
	return nil
}

func stringsOf(value any) []string {
	list, _ := value.([]any)
	texts := make([]string, 0, len(list))
	for _, entry := range list {
		if text, ok := entry.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

func intOf(value any) int {
	number, _ := value.(json.Number)
	whole, err := strconv.Atoi(number.String())
	if err != nil {
		return 0
	}
	return whole
}

// describe names a type for a sentence.
func (t *avroType) describe() string {
	switch {
	case t.name != "":
		return t.kind + " " + t.name
	case t.kind == "union":
		names := make([]string, len(t.branches))
		for index, branch := range t.branches {
			names[index] = branch.describe()
		}
		return "union of " + shorten(strings.Join(names, ", "), 120)
	}
	return t.kind
}

package payload

import (
	"fmt"
	"strings"

	"github.com/helios-connect/helios/plugins/event"
	"github.com/twmb/avro"
)

// avroKind is how a value is read and written: a type, or a logical type that
// is written otherwise than the type it annotates.
type avroKind uint8

const (
	avroNull avroKind = iota
	avroBoolean
	avroInt
	avroLong
	avroFloat
	avroDouble
	avroBytes
	avroString
	avroRecord
	avroEnum
	avroFixed
	avroArray
	avroMap
	avroUnion
	avroDecimalBytes
	avroDecimalFixed
	avroDate
	avroTime      // in size nanoseconds, an int or a long
	avroTimestamp // in size nanoseconds
	avroLocalTimestamp
	avroUUIDFixed
	avroDuration
)

// avroNode is a type of a schema. A named type has one node, wherever it is
// used, so recursive schemas are circles of nodes.
type avroNode struct {
	kind     avroKind
	wide     bool // avroTime: a long, not an int
	size     int  // bytes of a fixed; nanoseconds of a unit of time
	scale    int
	least    int // the fewest bytes a value takes
	fields   []avroField
	items    *avroNode // of an array or a map
	branches []*avroNode
	symbols  [][]byte // as JSON strings
}

type avroField struct {
	name   string
	member []byte // the name as a JSON string, and a colon
	node   *avroNode
}

// maxAvroScale keeps decimals within the numbers that Helios compares.
const maxAvroScale = event.MaxExponent

// avroBuilder makes nodes of a schema's description.
type avroBuilder struct {
	named map[string]*avro.SchemaNode // by full name
	built map[string]*avroNode
}

func buildAvro(root *avro.SchemaNode) (*avroNode, error) {
	b := avroBuilder{named: map[string]*avro.SchemaNode{}, built: map[string]*avroNode{}}
	b.collect(root)
	node, err := b.node(root, "")
	if err != nil {
		return nil, err
	}
	node.measure(map[*avroNode]bool{})
	return node, nil
}

// collect finds the named types before any is built, since a schema may name a
// type before it defines it.
func (b *avroBuilder) collect(n *avro.SchemaNode) {
	switch n.Type {
	case "record", "error":
		b.named[avroFullName(n)] = n
		for i := range n.Fields {
			b.collect(&n.Fields[i].Type)
		}
	case "enum", "fixed":
		b.named[avroFullName(n)] = n
	case "array":
		b.collect(n.Items)
	case "map":
		b.collect(n.Values)
	case "union":
		for i := range n.Branches {
			b.collect(&n.Branches[i])
		}
	}
}

// avroFullName is the name with its namespace (Avro specification 1.12,
// "Names").
func avroFullName(n *avro.SchemaNode) string {
	if strings.Contains(n.Name, ".") {
		return strings.TrimPrefix(n.Name, ".")
	}
	if n.Namespace == "" {
		return n.Name
	}
	return n.Namespace + "." + n.Name
}

func avroNamespace(fullName string) string {
	if i := strings.LastIndexByte(fullName, '.'); i >= 0 {
		return fullName[:i]
	}
	return ""
}

var avroPrimitives = map[string]avroKind{
	"null": avroNull, "boolean": avroBoolean, "int": avroInt, "long": avroLong,
	"float": avroFloat, "double": avroDouble, "bytes": avroBytes, "string": avroString,
}

// node builds the type n, which stands where names without a dot are looked up
// in namespace.
func (b *avroBuilder) node(n *avro.SchemaNode, namespace string) (*avroNode, error) {
	if kind, ok := avroPrimitives[n.Type]; ok {
		return b.logical(n, &avroNode{kind: kind})
	}
	switch n.Type {
	case "array":
		return b.container(avroArray, n.Items, namespace)
	case "map":
		return b.container(avroMap, n.Values, namespace)
	case "union":
		node := &avroNode{kind: avroUnion}
		for i := range n.Branches {
			branch, err := b.node(&n.Branches[i], namespace)
			if err != nil {
				return nil, err
			}
			node.branches = append(node.branches, branch)
		}
		return node, nil
	case "record", "error", "enum", "fixed":
		return b.namedType(n)
	}
	return b.reference(n.Type, namespace)
}

func (b *avroBuilder) container(kind avroKind, items *avro.SchemaNode, namespace string) (*avroNode, error) {
	node, err := b.node(items, namespace)
	if err != nil {
		return nil, err
	}
	return &avroNode{kind: kind, items: node}, nil
}

func (b *avroBuilder) reference(name, namespace string) (*avroNode, error) {
	if bare, ok := strings.CutPrefix(name, "."); ok { // no namespace at all
		name, namespace = bare, ""
	}
	if !strings.Contains(name, ".") && namespace != "" {
		if n, ok := b.named[namespace+"."+name]; ok {
			return b.namedType(n)
		}
	}
	if n, ok := b.named[name]; ok {
		return b.namedType(n)
	}
	return nil, fmt.Errorf("type %q is not defined", name)
}

func (b *avroBuilder) namedType(n *avro.SchemaNode) (*avroNode, error) {
	name := avroFullName(n)
	if node, ok := b.built[name]; ok {
		return node, nil
	}
	node := &avroNode{}
	b.built[name] = node // before its fields, which may refer to it
	switch n.Type {
	case "enum":
		node.kind = avroEnum
		for _, s := range n.Symbols {
			node.symbols = append(node.symbols, event.AppendQuoted(nil, s))
		}
		return node, nil
	case "fixed":
		node.kind, node.size = avroFixed, n.Size
		return b.logical(n, node)
	}
	node.kind = avroRecord
	for i := range n.Fields {
		f := &n.Fields[i]
		child, err := b.node(&f.Type, avroNamespace(name))
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", name, f.Name, err)
		}
		member := append(event.AppendQuoted(nil, f.Name), ':')
		node.fields = append(node.fields, avroField{name: f.Name, member: member, node: child})
	}
	return node, nil
}

// avroUnits are the logical types of time: what they annotate, their unit in
// nanoseconds, and how they are written.
var avroUnits = map[string]struct {
	on   avroKind
	unit int
	as   avroKind
}{
	"time-millis":            {avroInt, 1e6, avroTime},
	"time-micros":            {avroLong, 1e3, avroTime},
	"timestamp-millis":       {avroLong, 1e6, avroTimestamp},
	"timestamp-micros":       {avroLong, 1e3, avroTimestamp},
	"timestamp-nanos":        {avroLong, 1, avroTimestamp},
	"local-timestamp-millis": {avroLong, 1e6, avroLocalTimestamp},
	"local-timestamp-micros": {avroLong, 1e3, avroLocalTimestamp},
	"local-timestamp-nanos":  {avroLong, 1, avroLocalTimestamp},
}

// logical turns the node of a type into that of its logical type, if it is one
// for this type; otherwise the logical type is ignored, as the specification
// wants.
func (b *avroBuilder) logical(n *avro.SchemaNode, node *avroNode) (*avroNode, error) {
	if u, ok := avroUnits[n.LogicalType]; ok && node.kind == u.on {
		node.wide = node.kind == avroLong
		node.kind, node.size = u.as, u.unit
		return node, nil
	}
	switch n.LogicalType {
	case "decimal":
		return b.decimal(n, node)
	case "date":
		if node.kind == avroInt {
			node.kind = avroDate
		}
	case "uuid":
		if node.kind == avroFixed && node.size == 16 {
			node.kind = avroUUIDFixed
		}
	case "duration":
		if node.kind == avroFixed && node.size == 12 {
			node.kind = avroDuration
		}
	}
	return node, nil
}

func (b *avroBuilder) decimal(n *avro.SchemaNode, node *avroNode) (*avroNode, error) {
	switch node.kind {
	case avroBytes:
		node.kind = avroDecimalBytes
	case avroFixed:
		node.kind = avroDecimalFixed
	default:
		return node, nil
	}
	if n.Scale < 0 || n.Scale > maxAvroScale {
		return nil, fmt.Errorf("decimal with scale %d: allowed are 0 to %d", n.Scale, maxAvroScale)
	}
	node.scale = n.Scale
	return node, nil
}

// measure finds the fewest bytes a value takes, by which the counts that
// payloads claim are judged before anything is read. A type that is being
// measured counts as what is known of it, which is never too much.
func (n *avroNode) measure(open map[*avroNode]bool) int {
	if open[n] {
		return n.least
	}
	open[n] = true
	least := 1 // a varint, a boolean, or the length of text, bytes or a block
	switch n.kind {
	case avroNull:
		least = 0
	case avroFloat:
		least = 4
	case avroDouble:
		least = 8
	case avroFixed, avroDecimalFixed, avroUUIDFixed, avroDuration:
		least = n.size
	case avroRecord:
		least = 0
		for _, f := range n.fields {
			least = min(least+f.node.measure(open), MaxPayload+1)
		}
	case avroUnion:
		for _, branch := range n.branches {
			branch.measure(open)
		}
	case avroArray, avroMap:
		n.items.measure(open)
	}
	n.least = min(least, MaxPayload+1)
	return n.least
}

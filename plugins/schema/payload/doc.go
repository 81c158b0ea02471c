// Package payload turns binary payloads into JSON by their schema: Avro and
// Protobuf, bare or in the framing of a Confluent-compatible schema registry.
// It knows no broker, no registry and no clock; whoever calls it brings the
// bytes and the text of the schema.
//
// What a producer sends is hostile until decoded. So every decoder here has
// bounds (see MaxDepth and its neighbours), and every refusal is an *Error that
// says where in the document, at which byte, and why.
//
// The JSON is plain and deterministic: the same value gives the same bytes.
// Members stand in the order of the schema (Avro) or of the field numbers'
// declaration (Protobuf), the keys of maps are sorted, and there is no space
// between tokens.
package payload

import (
	"fmt"
	"strings"
)

// Bounds of what is decoded. They are constants since they protect the process,
// whatever a pipeline's author thinks of one topic.
const (
	// MaxDepth is how deep records, arrays and maps (messages, in Protobuf) nest
	// in a payload. 100 is the limit of the C++ and Java readers of Protobuf.
	MaxDepth = 100
	// MaxPayload is the size of a binary payload in bytes. Redpanda's own default
	// for a record is 1 MiB.
	MaxPayload = 4 << 20
	// MaxJSON is the size in bytes of the JSON that one Avro payload becomes. A
	// few bytes of Avro can stand for any number of empty records.
	MaxJSON = 16 << 20
	// MaxExpansion is the estimate, in bytes, of what a Protobuf payload takes
	// when decoded and written as JSON. Two bytes of Protobuf can stand for a
	// message whose default values fill a page.
	MaxExpansion = 64 << 20
	// MaxSchema is the size in bytes of the text of one schema. Registries keep
	// schemas in records of at most 1 MiB.
	MaxSchema = 1 << 20
	// MaxReferences is how many schemas one schema refers to, directly or not.
	MaxReferences = 64
	// MaxReferencedText is the size in bytes of a schema and all it refers to.
	MaxReferencedText = 2 << 20
	// MaxUnknown is how many unknown fields are reported for one payload.
	MaxUnknown = 64
)

// Error says why a payload can't be decoded, and where.
type Error struct {
	Path   string // JSON pointer (RFC 6901) into the document; "" is all of it
	Offset int    // byte of the payload at which reading stopped, from 0
	Reason string
}

func (e *Error) Error() string {
	path := e.Path
	if path == "" {
		path = "the document"
	}
	return fmt.Sprintf("%s (byte %d): %s", path, e.Offset, e.Reason)
}

// under puts the step from a container to its element before the path of an
// error, on the way out. So the path costs nothing while all is well.
func (e *Error) under(step string) *Error {
	e.Path = joinPointer(step, e.Path)
	return e
}

func joinPointer(step, rest string) string {
	if strings.ContainsAny(step, "~/") {
		step = pointerEscapes.Replace(step)
	}
	return "/" + step + rest
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// checkTexts refuses a schema and its references by their size.
func checkTexts(schema string, references map[string]string) error {
	if len(references) > MaxReferences {
		return fmt.Errorf("the schema has %d references; at most %d are read", len(references), MaxReferences)
	}
	if len(schema) > MaxSchema {
		return fmt.Errorf("the schema has %d bytes; at most %d are read", len(schema), MaxSchema)
	}
	total := len(schema)
	for name, text := range references {
		if len(text) > MaxSchema {
			return fmt.Errorf("reference %q has %d bytes; at most %d are read", name, len(text), MaxSchema)
		}
		total += len(text)
	}
	if total > MaxReferencedText {
		return fmt.Errorf("the schema and its references have %d bytes; at most %d are read", total, MaxReferencedText)
	}
	return nil
}

package payload

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/avro"
)

// Avro decodes payloads written with one Avro schema. It is safe for concurrent
// use.
//
// The schema is read by github.com/twmb/avro: names and namespaces, canonical
// form and fingerprints, compatibility and resolution. It is the library that
// franz-go's author keeps, is in the program anyway through Redpanda Connect,
// and passes the vectors of the Avro project; goavro has no resolution and
// checks less of a schema.
//
// The payload is read by the code here and not by the library, for three
// reasons. The library decodes into Go values, which no longer say which branch
// of a union they came from, nor the order of fields. Its errors carry no path
// into arrays and maps. And a decoder that writes JSON straight from the bytes
// builds no values in between: the bound on its output is the bound on its
// memory.
type Avro struct {
	schema      *avro.Schema
	root        *avroNode
	fingerprint uint64
	fill        int // values that its defaults can add to one record
}

// CompileAvro compiles the text of an Avro schema. References are the texts of
// the schemas whose named types it uses, by the name under which it refers to
// them; they may refer to each other, but not in a circle.
func CompileAvro(schema string, references map[string]string) (*Avro, error) {
	if err := checkTexts(schema, references); err != nil {
		return nil, err
	}
	fill, err := checkAvroDefaults(schema, references)
	if err != nil {
		return nil, err
	}
	var cache avro.SchemaCache
	if err := parseAvroReferences(&cache, references); err != nil {
		return nil, err
	}
	parsed, err := cache.Parse(schema)
	if err != nil {
		return nil, fmt.Errorf("reading the Avro schema: %w", err)
	}
	root, err := buildAvro(parsed.Root())
	if err != nil {
		return nil, fmt.Errorf("reading the Avro schema: %w", err)
	}
	sum := binary.BigEndian.Uint64(parsed.Fingerprint(avro.NewRabin()))
	return &Avro{schema: parsed, root: root, fingerprint: sum, fill: fill}, nil
}

// parseAvroReferences reads references in an order in which each finds the types
// it uses, trying again those that didn't.
func parseAvroReferences(cache *avro.SchemaCache, references map[string]string) error {
	left := make([]string, 0, len(references))
	for name := range references {
		left = append(left, name)
	}
	slices.Sort(left)
	for len(left) > 0 {
		var failed []string
		var firstErr error
		for _, name := range left {
			if _, err := cache.Parse(references[name]); err != nil {
				if firstErr == nil {
					firstErr = fmt.Errorf("reading Avro reference %q: %w", name, err)
				}
				failed = append(failed, name)
			}
		}
		if len(failed) == len(left) {
			return firstErr
		}
		left = failed
	}
	return nil
}

// Canonical returns the Parsing Canonical Form of the schema (Avro
// specification 1.12, "Transforming into Parsing Canonical Form").
func (a *Avro) Canonical() string { return string(a.schema.Canonical()) }

// Fingerprint returns the CRC-64-AVRO of the canonical form (Avro specification
// 1.12, "Schema Fingerprints").
func (a *Avro) Fingerprint() uint64 { return a.fingerprint }

// Decode appends to dst the JSON of a payload that was written with this schema.
//
// A union's value is written as it is, without Avro's tag for its branch;
// records keep the schema's order, maps have sorted keys. long is a JSON number
// with all its digits; bytes and fixed are base64 text (RFC 4648, with
// padding), enums their symbol. Logical types:
//
//   - decimal: a JSON number with all its digits and exactly scale decimals
//   - date: 2026-11-27
//   - time-millis, time-micros: 15:04:05.999, without trailing zeros
//   - timestamp-millis, -micros, -nanos: RFC 3339 in UTC, without trailing zeros
//     in the fraction, so an instant is the same text in each unit
//   - local-timestamp-...: the same without the Z
//   - uuid: the usual text, also of a fixed
//   - duration: ISO 8601, P1M2DT3.004S; it keeps months, days and milliseconds
//     apart, as Avro does
//
// Other logical types are written as the type they annotate, as the
// specification says for unknown ones. NaN and infinities, which JSON lacks,
// are errors; so are bytes after the value, text that isn't UTF-8, a map with
// a key twice, and times beyond the years 0 to 9999 that RFC 3339 can name.
//
// A payload in single-object encoding whose fingerprint is this schema's is
// recognised; see [SingleObject] for those of other schemas. On an error dst is
// returned as it was. The error is an *Error.
func (a *Avro) Decode(dst, payload []byte) ([]byte, error) {
	out, _, err := a.decode(dst, payload)
	return out, err
}

// decode is Decode; it also counts the records that the payload holds.
func (a *Avro) decode(dst, payload []byte) (out []byte, records int, _ error) {
	if len(payload) > MaxPayload {
		return dst, 0, &Error{Reason: fmt.Sprintf("the payload has %d bytes; at most %d are read", len(payload), MaxPayload)}
	}
	body := a.body(payload)
	r := avroReaders.Get().(*avroReader)
	defer r.release()
	r.in, r.pos, r.out, r.start = payload, len(payload)-len(body), dst, len(dst)
	err := r.value(a.root, 0)
	if err == nil && r.pos < len(r.in) {
		err = r.fail("%d bytes follow the value", len(r.in)-r.pos)
	}
	if err != nil {
		return dst, 0, a.explain(err, payload)
	}
	return r.out, r.records, nil
}

// singleObject is the length of the header of the single-object encoding.
const singleObject = 10

// SingleObject reads the header of Avro's single-object encoding: the marker
// C3 01 and the CRC-64-AVRO of the writer's schema, little-endian (Avro
// specification 1.12, "Single-object encoding"). ok is false where there is
// none; a bare body begins so by chance once in 65,536.
func SingleObject(b []byte) (fingerprint uint64, body []byte, ok bool) {
	if len(b) < singleObject || b[0] != 0xC3 || b[1] != 0x01 {
		return 0, nil, false
	}
	return binary.LittleEndian.Uint64(b[2:]), b[singleObject:], true
}

// body strips the single-object header of this schema.
func (a *Avro) body(payload []byte) []byte {
	if sum, body, ok := SingleObject(payload); ok && sum == a.fingerprint {
		return body
	}
	return payload
}

// explain adds to an error what a single-object header of another schema has to
// do with it.
func (a *Avro) explain(err *Error, payload []byte) error {
	if sum, _, ok := SingleObject(payload); ok && sum != a.fingerprint {
		err.Reason += fmt.Sprintf("; the payload begins like a single object of the schema with fingerprint %016x, this schema's is %016x", sum, a.fingerprint)
	}
	return err
}

// Resolution decodes payloads written with one schema into the shape of
// another: fields that the reader lacks are dropped, those that the writer lacks
// take the reader's default, names are matched by alias, numbers widened (Avro
// specification 1.12, "Schema Resolution").
type Resolution struct {
	writer, reader *Avro
	resolved       *avro.Schema
}

// maxFill is how many values a reader's defaults may add to one payload.
const maxFill = 1 << 20

// Resolve prepares reading with reader what writer wrote. The error says which
// element can't be read.
func Resolve(writer, reader *Avro) (*Resolution, error) {
	resolved, err := avro.Resolve(writer.schema, reader.schema)
	if err != nil {
		return nil, fmt.Errorf("resolving the writer's Avro schema to the reader's: %w", err)
	}
	return &Resolution{writer: writer, reader: reader, resolved: resolved}, nil
}

// Decode appends to dst the JSON of a payload, in the reader's shape. It first
// decodes the payload as it was written, so that all bounds hold before the
// library sees it, and costs several times as much as [Avro.Decode].
func (r *Resolution) Decode(dst, payload []byte) ([]byte, error) {
	_, records, err := r.writer.decode(nil, payload)
	if err != nil {
		return dst, err
	}
	if records*r.reader.fill > maxFill {
		return dst, &Error{Reason: fmt.Sprintf("the reader's defaults add up to %d values to each of %d records; at most %d in all", r.reader.fill, records, maxFill)}
	}
	var v any
	if _, err := r.resolved.Decode(r.writer.body(payload), &v, avro.TaggedUnions()); err != nil {
		return dst, &Error{Reason: "resolving: " + strings.TrimPrefix(err.Error(), "avro: ")}
	}
	binary, err := r.reader.schema.Encode(v)
	if err != nil {
		return dst, &Error{Reason: "resolving: " + strings.TrimPrefix(err.Error(), "avro: ")}
	}
	return r.reader.Decode(dst, binary)
}

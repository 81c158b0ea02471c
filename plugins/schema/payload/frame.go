package payload

import (
	"encoding/binary"
	"math"
)

// frameHeader is the length of magic and schema id, in bytes.
const frameHeader = 5

// Frame reads the wire format of the serializers of Confluent-compatible schema
// registries: a magic byte 0, the id of the schema as 4 bytes big-endian, and
// the rest. For JSON Schema the rest is the JSON text itself, for Avro the
// binary body; for Protobuf it begins with the message's index, which
// [MessageIndex] reads. Which of the three it is can't be seen in the bytes:
// the registry knows the type of the schema with this id.
//
// ok is false for bytes that carry no frame. Ids are positive 32-bit integers.
// JSON text is never mistaken for a frame, since it can't begin with byte 0; a
// bare Avro or Protobuf body can, so only call Frame where framing is expected.
//
// Source: Confluent Platform documentation, Schema Registry, "Formats,
// Serializers, and Deserializers", section "Wire format".
func Frame(b []byte) (id int, rest []byte, ok bool) {
	if len(b) < frameHeader || b[0] != 0 {
		return 0, nil, false
	}
	n := binary.BigEndian.Uint32(b[1:])
	if n > math.MaxInt32 {
		return 0, nil, false
	}
	return int(n), b[frameHeader:], true
}

// MessageIndex reads the list that stands between frame and body of a Protobuf
// payload: which message of the schema's file it is. The first number is the
// place of a top-level message in the file, each further one the place of a
// message nested in the one before. The list is written as its length and its
// numbers, each a zigzag varint; the usual list [0] as a single byte 0.
//
// ok is false for a list that is cut off, longer than MaxDepth or that has a
// negative number.
//
// Source: as for [Frame].
func MessageIndex(b []byte) (index []int, rest []byte, ok bool) {
	n, b, ok := indexNumber(b)
	if !ok || n > MaxDepth {
		return nil, nil, false
	}
	if n == 0 {
		return []int{0}, b, true
	}
	index = make([]int, n)
	for i := range index {
		if index[i], b, ok = indexNumber(b); !ok {
			return nil, nil, false
		}
	}
	return index, b, true
}

func indexNumber(b []byte) (n int, rest []byte, ok bool) {
	v, size := binary.Varint(b) // zigzag, as the format wants
	if size <= 0 || v < 0 || v > math.MaxInt32 {
		return 0, nil, false
	}
	return int(v), b[size:], true
}

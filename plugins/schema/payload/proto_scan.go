package payload

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// protoScan goes over a payload before the library does, and allocates nothing
// while all is well: it finds what passes the bounds, what is unknown and what is
// cut off, and says where.
type protoScan struct {
	messages map[protoreflect.FullName]*protoMessage
	total    int // bytes of the payload
	behind   int // bytes of the payload that follow the message being scanned
	cost     int
	unknown  []Unknown
}

func (s *protoScan) fail(left []byte, format string, args ...any) *Error {
	return &Error{Offset: s.total - s.behind - len(left), Reason: fmt.Sprintf(format, args...)}
}

func (s *protoScan) spend(left []byte, bytes int) *Error {
	if s.cost += bytes; s.cost > MaxExpansion {
		return s.fail(left, "the decoded payload passes %d bytes", MaxExpansion)
	}
	return nil
}

// message scans the fields of a message within depth others.
func (s *protoScan) message(m *protoMessage, b []byte, depth int) *Error {
	if depth >= MaxDepth {
		return s.fail(b, "nests deeper than %d", MaxDepth)
	}
	if err := s.spend(b, m.cost); err != nil {
		return err
	}
	all := b
	var seen protoSeen
	var content anyContent
	for len(b) > 0 {
		number, wire, size := protowire.ConsumeTag(b)
		if size < 0 {
			return s.fail(b, "no field begins here: %v", protowire.ParseError(size))
		}
		f, before, value := m.fields[number], all[:len(all)-len(b)], b[size:]
		length := protowire.ConsumeFieldValue(number, wire, value)
		if length < 0 {
			err := s.fail(b, "field %d %s", number, cutOff(wire, value, length))
			err.Path = f.pointer(number, wire, before, nil, "")
			return err
		}
		value, b = value[:length], value[length:]
		s.behind += len(b)
		first := len(s.unknown)
		if f == nil || f.wire != wire && !f.isPacked(wire) {
			s.note(number, wire)
		} else if err := s.known(f, number, wire, value, depth, &seen); err != nil {
			err.Path = f.pointer(number, wire, before, value, err.Path)
			return err
		} else {
			for i := first; i < len(s.unknown); i++ {
				s.unknown[i].Path = f.pointer(number, wire, before, value, s.unknown[i].Path)
			}
		}
		s.behind -= len(b)
		if m.any {
			content.keep(number, wire, value, len(b))
		}
	}
	if m.any {
		return s.anyValue(content, depth)
	}
	return nil
}

func (s *protoScan) note(number protowire.Number, wire protowire.Type) {
	if len(s.unknown) < MaxUnknown {
		s.unknown = append(s.unknown, Unknown{Number: int32(number), WireType: int8(wire)})
	}
}

// cutOff says what is wrong with a value that can't be consumed.
func cutOff(wire protowire.Type, value []byte, code int) string {
	if wire == protowire.BytesType {
		if claimed, n := protowire.ConsumeVarint(value); n > 0 && claimed > uint64(len(value)-n) {
			return fmt.Sprintf("claims %d bytes, but %d are left", claimed, len(value)-n)
		}
	}
	return protowire.ParseError(code).Error()
}

// known scans one value of a field of the schema.
func (s *protoScan) known(f *protoField, number protowire.Number, wire protowire.Type, value []byte, depth int, seen *protoSeen) *Error {
	if f.wire != wire {
		return s.packed(f, value)
	}
	if err := s.spend(value, f.cost); err != nil {
		return err
	}
	switch wire {
	case protowire.BytesType:
		value, _ = protowire.ConsumeBytes(value)
	case protowire.StartGroupType:
		// A group ends with a tag that belongs to it: scan what is before.
		inner, size := protowire.ConsumeGroup(number, value)
		s.behind += size - len(inner)
		defer func() { s.behind -= size - len(inner) }()
		value = inner
	default:
		return nil
	}
	if f.kind == protoreflect.StringKind && !utf8.Valid(value) {
		return s.fail(value, "a string is not valid UTF-8")
	}
	if f.message == nil {
		return s.spend(value, 2*len(value)) // once as it is, once as JSON
	}
	if !f.list && !f.entry && seen.again(f.place) {
		return s.fail(value, "a message that may occur once occurs again")
	}
	return s.message(f.message, value, depth+1)
}

// isPacked reports whether a value with this wire type is a list of the field's
// numbers in one.
func (f *protoField) isPacked(wire protowire.Type) bool {
	numbers := f.wire == protowire.VarintType || f.wire == protowire.Fixed32Type || f.wire == protowire.Fixed64Type
	return f.list && numbers && wire == protowire.BytesType
}

// packed scans a list of numbers in one value.
func (s *protoScan) packed(f *protoField, value []byte) *Error {
	b, _ := protowire.ConsumeBytes(value)
	for i := 0; len(b) > 0; i++ {
		n := protowire.ConsumeFieldValue(1, f.wire, b)
		if n < 0 {
			return s.fail(b, "a packed list: %v", protowire.ParseError(n)).under(strconv.Itoa(i))
		}
		if err := s.spend(b, f.cost); err != nil {
			return err.under(strconv.Itoa(i))
		}
		b = b[n:]
	}
	return nil
}

// protoSeen remembers which singular messages have occurred.
type protoSeen struct {
	few  uint64
	more map[int]bool
}

func (s *protoSeen) again(place int) bool {
	if place < 64 {
		was := s.few&(1<<place) != 0
		s.few |= 1 << place
		return was
	}
	if s.more == nil {
		s.more = map[int]bool{}
	}
	was := s.more[place]
	s.more[place] = true
	return was
}

// anyContent is what an Any holds: the URL of a type, and its bytes, which are
// followed by so many others of the Any.
type anyContent struct {
	url, value []byte
	behind     int
}

func (c *anyContent) keep(number protowire.Number, wire protowire.Type, value []byte, behind int) {
	if wire != protowire.BytesType {
		return
	}
	value, _ = protowire.ConsumeBytes(value)
	switch number {
	case 1:
		c.url = value
	case 2:
		c.value, c.behind = value, behind
	}
}

// anyValue scans what an Any holds, as protojson will decode it.
func (s *protoScan) anyValue(c anyContent, depth int) *Error {
	if len(c.url) == 0 && len(c.value) == 0 {
		return nil
	}
	name := string(c.url)
	name = name[strings.LastIndexByte(name, '/')+1:]
	m := s.messages[protoreflect.FullName(name)]
	if m == nil {
		return s.fail(nil, "an Any holds type %q, which the schema doesn't have", name)
	}
	s.behind += c.behind
	defer func() { s.behind -= c.behind }()
	return s.message(m, c.value, depth+1)
}

// pointer puts before path where in JSON field number stands: of lists with the
// index, for which the fields before it are counted, of maps with the key. It
// is needed for errors and unknown fields only.
func (f *protoField) pointer(number protowire.Number, wire protowire.Type, before, value []byte, path string) string {
	if f == nil {
		return path
	}
	if f.entry {
		entry, _ := protowire.ConsumeBytes(value)
		path = joinPointer(f.message.key(entry), path)
	} else if f.list && !f.isPacked(wire) {
		path = joinPointer(strconv.Itoa(countField(number, before)), path)
	}
	if f.name == "" {
		return path
	}
	return joinPointer(f.name, path)
}

// countField counts the occurrences of field number.
func countField(number protowire.Number, b []byte) (count int) {
	for len(b) > 0 {
		n, _, size := protowire.ConsumeField(b)
		if size < 0 {
			return count
		}
		if n == number {
			count++
		}
		b = b[size:]
	}
	return count
}

// key reads the key of an entry of a map, whose message m is.
func (m *protoMessage) key(entry []byte) string {
	const keyNumber = 1
	for len(entry) > 0 {
		number, wire, size := protowire.ConsumeField(entry)
		if size < 0 {
			break
		}
		if f := m.fields[number]; number == keyNumber && f.wire == wire {
			_, _, tag := protowire.ConsumeTag(entry)
			return f.keyText(entry[tag:size])
		}
		entry = entry[size:]
	}
	return ""
}

func (f *protoField) keyText(value []byte) string {
	switch f.wire {
	case protowire.BytesType:
		text, _ := protowire.ConsumeBytes(value)
		return string(text)
	case protowire.Fixed32Type:
		v, _ := protowire.ConsumeFixed32(value)
		return strconv.FormatInt(int64(int32(v)), 10)
	case protowire.Fixed64Type:
		v, _ := protowire.ConsumeFixed64(value)
		return strconv.FormatInt(int64(v), 10)
	}
	v, _ := protowire.ConsumeVarint(value)
	switch f.kind {
	case protoreflect.BoolKind:
		return strconv.FormatBool(v != 0)
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return strconv.FormatInt(protowire.DecodeZigZag(v), 10)
	}
	return strconv.FormatInt(int64(v), 10)
}

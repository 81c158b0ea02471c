package payload

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/helios-connect/helios/plugins/event"
)

// avroMember is a member of a map: its key, which lies in the payload, and where
// it stands in the output, key and value.
type avroMember struct {
	key      []byte
	from, to int
}

func (r *avroReader) record(n *avroNode, depth int) *Error {
	r.records++
	r.out = append(r.out, '{')
	for i := range n.fields {
		f := &n.fields[i]
		if i > 0 {
			r.out = append(r.out, ',')
		}
		r.out = append(r.out, f.member...)
		if err := r.value(f.node, depth); err != nil {
			return err.under(f.name)
		}
		if err := r.checkSize(); err != nil {
			return err.under(f.name)
		}
	}
	r.out = append(r.out, '}')
	return nil
}

func (r *avroReader) checkSize() *Error {
	if len(r.out)-r.start > MaxJSON {
		return r.fail("the JSON passes %d bytes", MaxJSON)
	}
	return nil
}

// blocks reads an array or a map: blocks of a count and as many items, until a
// block of none. A negative count is followed by the size of the block in
// bytes.
func (r *avroReader) blocks(n *avroNode, depth int) *Error {
	first, opener, closer := len(r.members), byte('['), byte(']')
	if n.kind == avroMap {
		opener, closer = '{', '}'
	}
	open := len(r.out)
	r.out = append(r.out, opener)
	for total := 0; ; {
		count, end, err := r.block(n)
		if err != nil {
			return err
		}
		if count == 0 {
			break
		}
		for range count {
			if total > 0 {
				r.out = append(r.out, ',')
			}
			if err := r.item(n, total, depth); err != nil {
				return err
			}
			total++
		}
		if end >= 0 && r.pos != end {
			return r.fail("a block claims to end at byte %d", end)
		}
	}
	if n.kind == avroMap {
		if err := r.sortMembers(open+1, first); err != nil {
			return err
		}
	}
	r.out = append(r.out, closer)
	return nil
}

// block reads the head of a block: how many items follow, and the byte at which
// they end, or -1 where the block doesn't say.
func (r *avroReader) block(n *avroNode) (count, end int, _ *Error) {
	at := r.pos
	claimed, err := r.long("the count of a block")
	if err != nil || claimed == 0 {
		return 0, -1, err
	}
	end = -1
	if claimed < 0 {
		size, err := r.long("the size of a block")
		if err != nil {
			return 0, 0, err
		}
		if size < 0 || size > int64(r.left()) {
			left := r.left()
			r.pos = at
			return 0, 0, r.fail("a block claims %d bytes, but %d are left", size, left)
		}
		claimed, end = -claimed, r.pos+int(size)
	}
	least := n.items.least
	if n.kind == avroMap {
		least++ // the key
	}
	most := MaxJSON / 2 // an item and a comma
	if least > 0 {
		most = r.left() / least
	}
	if claimed < 0 || claimed > int64(most) { // -MinInt64 is MinInt64
		left := r.left()
		r.pos = at
		return 0, 0, r.fail("a block claims %d items, but %d bytes are left, which hold at most %d", uint64(claimed), left, most)
	}
	return int(claimed), end, nil
}

func (r *avroReader) item(n *avroNode, i, depth int) *Error {
	if n.kind == avroArray {
		err := r.value(n.items, depth)
		if err == nil {
			err = r.checkSize()
		}
		if err != nil {
			return err.under(strconv.Itoa(i))
		}
		return nil
	}
	at, from := r.pos, len(r.out)
	key, err := r.bytes("the key of a map")
	if err != nil {
		return err
	}
	if !utf8.Valid(key) {
		r.pos = at
		return r.fail("the key of a map is not valid UTF-8")
	}
	r.out = append(event.AppendQuoted(r.out, key), ':')
	err = r.value(n.items, depth)
	if err == nil {
		err = r.checkSize()
	}
	if err != nil {
		return err.under(string(key))
	}
	r.members = append(r.members, avroMember{key: key, from: from, to: len(r.out)})
	return nil
}

// sortMembers puts the members of a map, which are those from first on and
// stand in the output from start on, in the order of their keys.
func (r *avroReader) sortMembers(start, first int) *Error {
	members := r.members[first:]
	byKey := func(a, b avroMember) int { return bytes.Compare(a.key, b.key) }
	sorted := slices.IsSortedFunc(members, byKey)
	if !sorted {
		slices.SortFunc(members, byKey)
	}
	for i := 1; i < len(members); i++ {
		if bytes.Equal(members[i-1].key, members[i].key) {
			return r.fail("the key %q stands in the map twice", members[i].key)
		}
	}
	if !sorted {
		r.scratch = append(r.scratch[:0], r.out[start:]...)
		r.out = r.out[:start]
		for i, m := range members {
			if i > 0 {
				r.out = append(r.out, ',')
			}
			r.out = append(r.out, r.scratch[m.from-start:m.to-start]...)
		}
	}
	clear(members)
	r.members = r.members[:first]
	return nil
}

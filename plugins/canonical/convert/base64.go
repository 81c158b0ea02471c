package convert

import (
	endian "encoding/binary"
	"slices"
)

// sextets are the values of the characters of the standard alphabet (RFC 4648,
// section 4) at each of the four places of a group, as bits of a big-endian
// word; notBase64 is in those of all others.
var sextets = func() (tables [4][256]uint32) {
	for place := range tables {
		for i := range tables[place] {
			tables[place][i] = notBase64
		}
		for v, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
			tables[place][c] = uint32(v) << (26 - 6*place)
		}
	}
	return tables
}()

const notBase64 = 1

// appendDecoded is base64.StdEncoding.AppendDecode for text of whole groups
// without line breaks, at nearly twice its speed. It answers no other text: ok is
// false then, and dst is unchanged.
func appendDecoded(dst, text []byte) (_ []byte, ok bool) {
	last := len(text) - 4 // the group that may be padded
	if last < 0 || len(text)%4 != 0 {
		return dst, false
	}
	dst = slices.Grow(dst, len(text)/4*3+1)
	room, at := dst[:cap(dst)], len(dst)
	bad := uint32(0)
	for i := 0; i < last; i += 4 {
		group := text[i : i+4 : i+4]
		w := sextets[0][group[0]] | sextets[1][group[1]] | sextets[2][group[2]] | sextets[3][group[3]]
		bad |= w
		endian.BigEndian.PutUint32(room[at:at+4:at+4], w)
		at += 3
	}
	n := 3
	group := text[last : last+4 : last+4]
	w := sextets[0][group[0]] | sextets[1][group[1]]
	switch {
	case group[3] != '=':
		w |= sextets[2][group[2]] | sextets[3][group[3]]
	case group[2] != '=':
		w, n = w|sextets[2][group[2]], 2
	default:
		n = 1
	}
	endian.BigEndian.PutUint32(room[at:at+4:at+4], w)
	if (bad|w)&notBase64 != 0 {
		return dst, false
	}
	return room[:at+n], true
}

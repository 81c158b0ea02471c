package payload_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/helios-connect/helios/plugins/schema/payload"
	"pgregory.net/rapid"
)

func TestAFrameIsReadOnlyWhereThereIsOne(t *testing.T) {
	for _, c := range []struct {
		name, in string
		id       int
		rest     string
		ok       bool
	}{
		{"JSON in a frame", "\x00\x00\x00\x00\x07{\"a\":1}", 7, `{"a":1}`, true},
		{"a frame around nothing", "\x00\x00\x01\x00\x00", 65536, "", true},
		{"the largest id", "\x00\x7f\xff\xff\xffx", 1<<31 - 1, "x", true},
		{"an id that no registry gives", "\x00\x80\x00\x00\x00x", 0, "", false},
		{"another magic byte", "\x01\x00\x00\x00\x07x", 0, "", false},
		{"bare JSON", `{"a":1}`, 0, "", false},
		{"a frame cut off", "\x00\x00\x00\x00", 0, "", false},
		{"nothing", "", 0, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, rest, ok := payload.Frame([]byte(c.in))
			if id != c.id || string(rest) != c.rest || ok != c.ok {
				t.Errorf("got %d %q %v, want %d %q %v", id, rest, ok, c.id, c.rest, c.ok)
			}
		})
	}
}

func TestAMessageIndexIsReadOnlyWhenWhole(t *testing.T) {
	for _, c := range []struct {
		name, in string
		index    []int
		rest     string
		ok       bool
	}{
		{"the shorthand of the first message", "\x00body", []int{0}, "body", true},
		{"the first message in full", "\x02\x00body", []int{0}, "body", true},
		{"the second message", "\x02\x02body", []int{1}, "body", true},
		{"a message nested in a message", "\x04\x02\x00body", []int{1, 0}, "body", true},
		{"a number of two bytes", "\x02\x80\x02body", []int{128}, "body", true},
		{"a negative length", "\x01body", nil, "", false},
		{"a negative number", "\x02\x01body", nil, "", false},
		{"a length that claims gigabytes", "\xfe\xff\xff\xff\x0fbody", nil, "", false},
		{"a list cut off", "\x06\x00\x00", nil, "", false},
		{"nothing", "", nil, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			index, rest, ok := payload.MessageIndex([]byte(c.in))
			if !slices.Equal(index, c.index) || string(rest) != c.rest || ok != c.ok {
				t.Errorf("got %v %q %v, want %v %q %v", index, rest, ok, c.index, c.rest, c.ok)
			}
		})
	}
}

func TestWhatIsFramedComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.IntRange(0, 1<<31-1).Draw(t, "id")
		index := rapid.SliceOfN(rapid.IntRange(0, 1<<20), 1, 10).Draw(t, "index")
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		framed := binary.BigEndian.AppendUint32([]byte{0}, uint32(id))
		framed = binary.AppendVarint(framed, int64(len(index)))
		for _, n := range index {
			framed = binary.AppendVarint(framed, int64(n))
		}
		framed = append(framed, body...)

		gotID, rest, ok := payload.Frame(framed)
		if !ok || gotID != id {
			t.Fatalf("id %d %v, want %d", gotID, ok, id)
		}
		gotIndex, gotBody, ok := payload.MessageIndex(rest)
		if !ok || !slices.Equal(gotIndex, index) || !bytes.Equal(gotBody, body) {
			t.Fatalf("index %v body %x %v, want %v %x", gotIndex, gotBody, ok, index, body)
		}
	})
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x07\x04\x02\x00body"))
	f.Add([]byte("\x00\x00\x00\x00\x07\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, rest, ok := payload.Frame(b)
		if !ok {
			return
		}
		if index, body, ok := payload.MessageIndex(rest); ok && (len(index) == 0 || len(body) >= len(rest)) {
			t.Errorf("index %v leaves %d of %d bytes", index, len(body), len(rest))
		}
	})
}

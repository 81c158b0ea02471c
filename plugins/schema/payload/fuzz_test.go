package payload_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/helios-connect/helios/plugins/schema/payload"
)

// fuzzSchemas have everything a schema can have, and ways to nest without end.
var fuzzSchemas = []string{
	`{"type":"record","name":"R","fields":[
		{"name":"u","type":["null","R","string",{"type":"array","items":["null","R"]},{"type":"map","values":"R"}]},
		{"name":"i","type":"int"},{"name":"d","type":"double"},{"name":"z","type":"null"},
		{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}}]}`,
	`{"type":"map","values":{"type":"array","items":{"type":"record","name":"Z","fields":[{"name":"n","type":"null"}]}}}`,
	`{"type":"array","items":[
		{"type":"int","logicalType":"date"},{"type":"long","logicalType":"timestamp-micros"},
		{"type":"bytes","logicalType":"decimal","precision":40,"scale":7},
		{"type":"fixed","name":"D","size":12,"logicalType":"duration"},
		{"type":"fixed","name":"U","size":16,"logicalType":"uuid"},
		{"type":"string","logicalType":"uuid"},"float","boolean"]}`,
}

func FuzzAvroDecode(f *testing.F) {
	var compiled []*payload.Avro
	for _, s := range fuzzSchemas {
		compiled = append(compiled, compileAvro(f, s, nil))
	}
	writer := compileAvro(f, fuzzSchemas[0], nil)
	reader := compileAvro(f, `{"type":"record","name":"R","fields":[{"name":"i","type":"double"},{"name":"new","type":"string","default":"x"}]}`, nil)
	resolution, err := payload.Resolve(writer, reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(0), []byte("\x02\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(uint8(1), []byte("\x04\x02b\x02\x00\x02a\x03\x00\x00\x00"))
	f.Add(uint8(1), []byte("\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"))
	f.Add(uint8(2), []byte("\x06\x00\x02\x02\x04\x04\x02\xff\x00"))
	f.Add(uint8(2), []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, which uint8, in []byte) {
		a := compiled[int(which)%len(compiled)]
		before := []byte("before")
		out, err := a.Decode(before, in)
		if err != nil {
			if !bytes.Equal(out, before) {
				t.Errorf("the destination became %q on %v", out, err)
			}
			return
		}
		if !json.Valid(out[len(before):]) {
			t.Errorf("not JSON: %q", out)
		}
		if again, err := a.Decode(nil, in); err != nil || !bytes.Equal(again, out[len(before):]) {
			t.Errorf("decoded again: %q, %v, not %q", again, err, out)
		}
		if a == compiled[0] {
			if out, err := resolution.Decode(nil, in); err == nil && !json.Valid(out) {
				t.Errorf("resolved: not JSON: %q", out)
			}
		}
	})
}

func FuzzAvroCompile(f *testing.F) {
	for _, s := range fuzzSchemas {
		f.Add(s, []byte("\x02\x00"))
	}
	f.Add(doubling(12, `,"default":{}`, `{"name":"x","type":"int","default":1}`), []byte(""))
	f.Add(`{"type":"record","name":"R","fields":[{"name":"r","type":"R","default":{}}]}`, []byte(""))
	f.Add(`{"type":"record","name":"a.R","fields":[{"name":"r","type":[".R","R"],"default":[{}]}]}`, []byte(""))
	f.Add(circles(20), []byte(""))
	f.Add(strings.Repeat(`{"type":"array","items":`, 300), []byte(""))
	f.Fuzz(func(t *testing.T, schema string, in []byte) {
		a, err := payload.CompileAvro(schema, nil)
		if err != nil {
			return
		}
		again, err := payload.CompileAvro(a.Canonical(), nil)
		if err != nil || again.Fingerprint() != a.Fingerprint() {
			t.Errorf("the canonical form %s of %s: %v", a.Canonical(), schema, err)
		}
		if out, err := a.Decode(nil, in); err == nil && !json.Valid(out) {
			t.Errorf("not JSON: %q", out)
		}
	})
}

func FuzzProtoDecode(f *testing.F) {
	shop := compileProto(f, shopProto, shopReferences)
	groups := compileProto(f, `syntax="proto2"; message M { repeated group G = 1 { optional M m = 1; map<bool, bytes> b = 2; } extensions 100 to 200; oneof o { M a = 2; string s = 3; } } extend M { repeated fixed64 more = 100; }`, nil)
	f.Add(false, []byte(text(3, text(1, "a"))+text(8, text(1, "x/shop.Country")+text(2, text(1, "DE")))+text(7, text(1, text(1, "k")+text(2, text(3, "v"))))))
	f.Add(false, []byte(text(5, varint(1, 1))+text(16, varint(1, 1)+text(2, "x"))+text(14, "\x01\x02")))
	f.Add(true, []byte("\x0b\x0a\x00\x0c\xa0\x06\x01"))
	f.Fuzz(func(t *testing.T, second bool, in []byte) {
		p := shop
		if second {
			p = groups
		}
		before := []byte("before")
		out, _, err := p.Decode(before, nil, in)
		if err != nil {
			if !bytes.Equal(out, before) {
				t.Errorf("the destination became %q on %v", out, err)
			}
			return
		}
		if !json.Valid(out[len(before):]) {
			t.Errorf("not JSON: %q", out)
		}
		if again, _, err := p.Decode(nil, nil, in); err != nil || !bytes.Equal(again, out[len(before):]) {
			t.Errorf("decoded again: %q, %v, not %q", again, err, out)
		}
	})
}

func FuzzProtoCompile(f *testing.F) {
	f.Add(shopProto, `syntax="proto3"; package shop; message Address {}`, []byte(text(3, "")))
	f.Add(`syntax="proto3"; import "shop/address.proto"; message M { M m = 1; }`, `syntax="proto3"; import "shop/address.proto";`, []byte(text(1, text(1, ""))))
	f.Add(`edition="2023"; message M { int32 a = 1 [features.field_presence = IMPLICIT]; }`, ``, []byte(varint(1, 1)))
	f.Add(`syntax="proto2"; import "google/protobuf/descriptor.proto"; extend google.protobuf.FieldOptions { optional M m = 50000; } message M { optional M m = 1 [(m) = {m {m {}}}]; }`, ``, []byte(text(1, "")))
	f.Fuzz(func(t *testing.T, schema, reference string, in []byte) {
		p, err := payload.CompileProto(schema, map[string]string{"shop/address.proto": reference})
		if err != nil {
			return
		}
		if out, _, err := p.Decode(nil, nil, in); err == nil && !json.Valid(out) {
			t.Errorf("not JSON: %q", out)
		}
	})
}

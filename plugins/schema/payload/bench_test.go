package payload_test

import (
	"testing"

	"github.com/helios-connect/helios/plugins/schema/payload"
	"github.com/twmb/avro"
)

// An order of three lines, as a shop's events are: about 150 bytes of Avro or
// Protobuf and 350 of JSON. On the build machine (2 cores of a shared server)
// Avro takes 1.4 µs and no allocation (the library, by way of Go values, 5.9 µs
// and 34), Protobuf 35 µs and 163: protojson goes through a dynamic message.
var benchOrder = map[string]any{
	"id": "9f1c2d7e-order-000123", "at": int64(1795708800123000), "total": int64(1299), "paid": true, "note": nil,
	"lines": []any{benchLine("sku-1"), benchLine("sku-2"), benchLine("sku-3")},
	"tags":  map[string]any{"channel": "web", "country": "DE"},
}

func benchLine(sku string) map[string]any {
	return map[string]any{"sku": sku, "count": int32(2), "price": 4.33}
}

const benchSchema = `{"type":"record","name":"Order","fields":[
	{"name":"id","type":"string"},{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
	{"name":"total","type":"long"},{"name":"paid","type":"boolean"},{"name":"note","type":["null","string"]},
	{"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[
		{"name":"sku","type":"string"},{"name":"count","type":"int"},{"name":"price","type":"double"}]}}},
	{"name":"tags","type":{"type":"map","values":"string"}}]}`

func benchBinary(b *testing.B) []byte {
	binary, err := avro.MustParse(benchSchema).Encode(benchOrder)
	if err != nil {
		b.Fatal(err)
	}
	return binary
}

func BenchmarkAvroDecode(b *testing.B) {
	a, binary := compileAvro(b, benchSchema, nil), benchBinary(b)
	var dst []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(binary)))
	for b.Loop() {
		var err error
		if dst, err = a.Decode(dst[:0], binary); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAvroLibrary is the other way to JSON: the library's, by Go values.
func BenchmarkAvroLibrary(b *testing.B) {
	s, binary := avro.MustParse(benchSchema), benchBinary(b)
	b.ReportAllocs()
	for b.Loop() {
		var v any
		if _, err := s.Decode(binary, &v); err != nil {
			b.Fatal(err)
		}
		if _, err := s.EncodeJSON(v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAvroResolve(b *testing.B) {
	reader := compileAvro(b, `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"total","type":"double"},{"name":"n","type":"int","default":0}]}`, nil)
	r, err := payload.Resolve(compileAvro(b, benchSchema, nil), reader)
	if err != nil {
		b.Fatal(err)
	}
	binary := benchBinary(b)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = r.Decode(dst[:0], binary); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProtoDecode(b *testing.B) {
	p := compileProto(b, shopProto, shopReferences)
	line := func(sku string) string { return text(3, text(1, sku)+varint(2, 2)) }
	binary := []byte(text(1, "9f1c2d7e-order-000123") + varint(2, 1299) + line("sku-1") + line("sku-2") + line("sku-3") +
		text(5, varint(1, 1795708800)) + varint(12, 1) + text(10, text(1, "Ulm")+text(2, text(1, "DE"))))
	var dst []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(binary)))
	for b.Loop() {
		var err error
		if dst, _, err = p.Decode(dst[:0], nil, binary); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFrame(b *testing.B) {
	framed := []byte("\x00\x00\x00\x00\x07\x00body")
	b.ReportAllocs()
	for b.Loop() {
		_, rest, ok := payload.Frame(framed)
		if _, _, ok2 := payload.MessageIndex(rest); !ok || !ok2 {
			b.Fatal("no frame")
		}
	}
}

// Worst cases take what the bounds allow.
func BenchmarkAvroWorst(b *testing.B) {
	a := compileAvro(b, `{"type":"array","items":"null"}`, nil)
	in := []byte(zigzag(8 << 20))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Decode(nil, in); err == nil {
			b.Fatal("no error")
		}
	}
}

func BenchmarkProtoWorst(b *testing.B) {
	p := compileProto(b, shopProto, shopReferences)
	var in []byte
	for range 150_000 {
		in = append(in, text(3, "")...)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := p.Decode(nil, nil, in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	b.Run("avro", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			compileAvro(b, benchSchema, nil)
		}
	})
	b.Run("proto", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			compileProto(b, shopProto, shopReferences)
		}
	})
}

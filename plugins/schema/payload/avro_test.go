package payload_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/helios-connect/helios/plugins/schema/payload"
)

func compileAvro(t testing.TB, schema string, references map[string]string) *payload.Avro {
	t.Helper()
	a, err := payload.CompileAvro(schema, references)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// zigzag writes a number as Avro does.
func zigzag(v int64) string { return string(binary.AppendVarint(nil, v)) }

// counted writes text with its length before it.
func counted(s string) string { return zigzag(int64(len(s))) + s }

func TestAvroBecomesPlainJSON(t *testing.T) {
	for _, c := range []struct{ name, schema, in, want string }{
		{"null", `"null"`, "", `null`},
		{"a boolean", `"boolean"`, "\x01", `true`},
		{"an int", `"int"`, zigzag(-64), `-64`},
		{"a long beyond 2^53", `"long"`, zigzag(math.MinInt64), `-9223372036854775808`},
		{"a float with its own digits", `"float"`, "\xcd\xcc\xcc\x3d", `0.1`},
		{"a double", `"double"`, string(binary.LittleEndian.AppendUint64(nil, math.Float64bits(1e300))), `1e+300`},
		{"bytes in base64", `"bytes"`, counted("\xff\x00a"), `"/wBh"`},
		{"text", `"string"`, counted("é\"\n"), `"é\"\n"`},
		{"a fixed in base64", `{"type":"fixed","name":"F","size":2}`, "hi", `"aGk="`},
		{"an enum", `{"type":"enum","name":"E","symbols":["A","B"]}`, "\x02", `"B"`},
		{"an array in blocks, one of them with its size", `{"type":"array","items":"int"}`, "\x02\x02" + "\x03\x04\x04\x06" + "\x00", `[1,2,3]`},
		{"an empty array", `{"type":"array","items":"int"}`, "\x00", `[]`},
		{"a map in the order of its keys", `{"type":"map","values":"int"}`, "\x04" + counted("b") + "\x02" + counted("a") + "\x04\x00", `{"a":2,"b":1}`},
		{"maps in a map, all in order", `{"type":"map","values":{"type":"map","values":"int"}}`,
			"\x04" + counted("z") + "\x04" + counted("d") + "\x02" + counted("c") + "\x04\x00" + counted("y") + "\x00\x00", `{"y":{},"z":{"c":2,"d":1}}`},
		{"a union without its tag", `["null",{"type":"record","name":"R","fields":[{"name":"s","type":"string"}]}]`, "\x02" + counted("x"), `{"s":"x"}`},
		{"a record that refers to itself", `{"type":"record","name":"L","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","L"]}]}`, "\x02\x02\x04\x00", `{"v":1,"next":{"v":2,"next":null}}`},
		{"a decimal with all its digits", `{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, counted("\x04\xd2"), `12.34`},
		{"a negative decimal below one", `{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}`, counted("\xfb"), `-0.005`},
		{"a decimal that keeps its zeros", `{"type":"fixed","name":"D","size":3,"logicalType":"decimal","precision":6,"scale":2}`, "\x00\x00\x64", `1.00`},
		{"a decimal beyond 64 bits", `{"type":"bytes","logicalType":"decimal","precision":40,"scale":0}`, counted("\x80" + strings.Repeat("\x00", 8)), `-2361183241434822606848`},
		{"an empty decimal", `{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, "\x00", `0.00`},
		{"a date", `{"type":"int","logicalType":"date"}`, zigzag(-1), `"1969-12-31"`},
		{"a time of day", `{"type":"int","logicalType":"time-millis"}`, zigzag(3723004), `"01:02:03.004"`},
		{"a time of day in microseconds", `{"type":"long","logicalType":"time-micros"}`, zigzag(86399999999), `"23:59:59.999999"`},
		{"a timestamp", `{"type":"long","logicalType":"timestamp-millis"}`, zigzag(-1), `"1969-12-31T23:59:59.999Z"`},
		{"the same in microseconds", `{"type":"long","logicalType":"timestamp-micros"}`, zigzag(-1000), `"1969-12-31T23:59:59.999Z"`},
		{"a timestamp in nanoseconds", `{"type":"long","logicalType":"timestamp-nanos"}`, zigzag(1), `"1970-01-01T00:00:00.000000001Z"`},
		{"a local timestamp", `{"type":"long","logicalType":"local-timestamp-millis"}`, zigzag(0), `"1970-01-01T00:00:00"`},
		{"a uuid in text", `{"type":"string","logicalType":"uuid"}`, counted("9b2c"), `"9b2c"`},
		{"a uuid in a fixed", `{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}`, "\x12\x34\x56\x78\x9a\xbc\xde\xf0\x12\x34\x56\x78\x9a\xbc\xde\xf0", `"12345678-9abc-def0-1234-56789abcdef0"`},
		{"a duration", `{"type":"fixed","name":"T","size":12,"logicalType":"duration"}`, "\x01\x00\x00\x00\x02\x00\x00\x00\xbc\x0b\x00\x00", `"P1M2DT3.004S"`},
		{"an empty duration", `{"type":"fixed","name":"T","size":12,"logicalType":"duration"}`, strings.Repeat("\x00", 12), `"PT0S"`},
		{"a logical type on the wrong type", `{"type":"string","logicalType":"date"}`, counted("x"), `"x"`},
		{"an unknown logical type", `{"type":"int","logicalType":"colour"}`, "\x02", `1`},
		{"names found in their namespace", `{"type":"record","name":"a.R","fields":[{"name":"f","type":{"type":"enum","name":"E","symbols":["X"]}},{"name":"g","type":"E"},{"name":"h","type":"a.E"}]}`, "\x00\x00\x00", `{"f":"X","g":"X","h":"X"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := compileAvro(t, c.schema, nil).Decode([]byte("before"), []byte(c.in))
			if err != nil || string(got) != "before"+c.want {
				t.Fatalf("got %s, %v, want %s", got, err, c.want)
			}
			if !json.Valid(got[len("before"):]) {
				t.Errorf("not JSON: %s", got)
			}
		})
	}
}

func TestAvroRefusesWithAPath(t *testing.T) {
	const order = `{"type":"record","name":"O","fields":[{"name":"lines","type":{"type":"array","items":{"type":"record","name":"L","fields":[{"name":"price","type":"double"},{"name":"tags","type":{"type":"map","values":"string"}}]}}}]}`
	zero := strings.Repeat("\x00", 8)
	for _, c := range []struct{ name, schema, in, path, reason string }{
		{"NaN in an array", order, "\x04" + zero + "\x00" + "\x01\x00\x00\x00\x00\x00\xf0\x7f" + "\x00\x00", "/lines/1/price", "NaN"},
		{"infinity", `"float"`, "\x00\x00\x80\xff", "", "-Inf"},
		{"a string in a map that claims 2 GB", order, "\x02" + zero + "\x02" + counted("a/b~") + zigzag(2<<30), "/lines/0/tags/a~1b~0", "claims 2147483648 bytes, but 0 are left"},
		{"a negative length", `"bytes"`, "\x01", "", "claims -1 bytes"},
		{"an array that claims 2^40 items", order, zigzag(1 << 40), "/lines", "claims 1099511627776 items"},
		{"an array of nothings that claims 2^40 items", `{"type":"array","items":"null"}`, zigzag(1 << 40), "", "claims 1099511627776 items"},
		{"an array of nothings that ends in memory", `{"type":"array","items":"null"}`, zigzag(8 << 20), "/3355443", "the JSON passes"},
		{"a map that claims 2^40 items", `{"type":"map","values":"null"}`, zigzag(1 << 40), "", "claims"},
		{"the most negative count", `{"type":"array","items":"null"}`, zigzag(math.MinInt64) + "\x00\x00", "", "claims 9223372036854775808 items"},
		{"a block with a negative size", `{"type":"array","items":"int"}`, "\x01\x01\x02\x00", "", "claims -1 bytes"},
		{"a block that ends elsewhere", `{"type":"array","items":"int"}`, "\x01\x04\x02\x00\x00", "", "claims to end at byte 4"},
		{"a record in itself without end", `{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}`, "", strings.Repeat("/r", 100), "nests deeper than 100"},
		{"a list nested without end", `{"type":"record","name":"R","fields":[{"name":"r","type":["null","R"]}]}`, strings.Repeat("\x02", 1<<20), strings.Repeat("/r", 100), "nests deeper than 100"},
		{"text that is no UTF-8", `"string"`, counted("\xff"), "", "UTF-8"},
		{"a key that is no UTF-8", `{"type":"map","values":"int"}`, "\x02" + counted("\xff"), "", "UTF-8"},
		{"a key twice", `{"type":"map","values":"int"}`, "\x04" + counted("a") + "\x00" + counted("a") + "\x00\x00", "", `key "a" stands in the map twice`},
		{"bytes after the value", `"int"`, "\x02\x02", "", "1 bytes follow"},
		{"an int of 33 bits", `"int"`, zigzag(1 << 31), "", "no int of 32 bits"},
		{"a number without end", `"long"`, strings.Repeat("\xff", 11), "", "more than 64 bits"},
		{"a boolean of 2", `"boolean"`, "\x02", "", "boolean"},
		{"an enum symbol beyond the last", `{"type":"enum","name":"E","symbols":["A"]}`, "\x02", "", "enum symbol 1 of 1"},
		{"a union branch beyond the last", `["null","int"]`, "\x04", "", "union branch 2 of 2"},
		{"a fixed of 2 GB", `{"type":"fixed","name":"F","size":2000000000}`, "x", "", "2000000000 bytes, but 1 are left"},
		{"a year that RFC 3339 can't name", `{"type":"long","logicalType":"timestamp-millis"}`, zigzag(math.MaxInt64), "", "RFC 3339"},
		{"a time beyond midnight", `{"type":"int","logicalType":"time-millis"}`, zigzag(86400000), "", "allowed are 0 to 86399999"},
		{"a decimal of a thousand bytes", `{"type":"bytes","logicalType":"decimal","precision":9}`, counted(strings.Repeat("a", 1000)), "", "at most 512"},
		{"a single object of another schema", `"null"`, "\xc3\x0112345678", "", "fingerprint 3837363534333231"},
		{"a payload of 5 MiB", `"bytes"`, strings.Repeat("x", 5<<20), "", "at most 4194304"},
		{"nothing", `"int"`, "", "", "ends within a number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := compileAvro(t, c.schema, nil).Decode([]byte("before"), []byte(c.in))
			if string(got) != "before" {
				t.Errorf("the destination became %.100q", got)
			}
			var e *payload.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Path != c.path || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got path %s, %v; want %s, %s", e.Path, err, c.path, c.reason)
			}
		})
	}
}

// doubling returns a record of records, each with two fields of the next one and
// the given rest of a field, levels deep. The last one has the field last.
func doubling(levels int, rest, last string) string {
	schema := fmt.Sprintf(`{"type":"record","name":"R%d","fields":[%s]}`, levels, last)
	for i := levels - 1; i >= 0; i-- {
		schema = fmt.Sprintf(`{"type":"record","name":"R%d","fields":[{"name":"a","type":%s%s},{"name":"b","type":"R%d"%s}]}`, i, schema, rest, i+1, rest)
	}
	return schema
}

// circles returns a record with n fields whose defaults are such records.
func circles(n int) string {
	var b strings.Builder
	b.WriteString(`{"type":"record","name":"R","fields":[{"name":"f","type":"int","default":1}`)
	for i := range n {
		fmt.Fprintf(&b, `,{"name":"f%d","type":["R","null"],"default":{"f":1}}`, i)
	}
	b.WriteString(`]}`)
	return b.String()
}

func TestNoBytesCanStandForMoreThanTheBound(t *testing.T) {
	a := compileAvro(t, doubling(40, "", `{"name":"n","type":"null"}`), nil)
	_, err := a.Decode(nil, nil)
	if err == nil || !strings.Contains(err.Error(), "the JSON passes 16777216 bytes") || !strings.HasPrefix(err.Error(), "/a/a/a/") {
		t.Errorf("got %v", err)
	}
}

func TestAvroSchemasAreRefusedWithAReason(t *testing.T) {
	bomb := doubling(40, `,"default":{}`, `{"name":"x","type":"int","default":1}`)
	for _, c := range []struct{ name, schema, reason string }{
		{"nothing", ``, "reading the Avro schema"},
		{"no JSON", `{`, "reading the Avro schema"},
		{"an unknown type", `"Order"`, "Order"},
		{"a default that doubles 40 times", bomb, "stands for more than"},
		{"a default that contains itself", `{"type":"record","name":"R","fields":[{"name":"r","type":"R","default":{}}]}`, "stands for more than"},
		{"15,000 defaults that contain each other", circles(15000), "stands for more than"},
		{"brackets without end", strings.Repeat("[", 1<<19), "reading the Avro schema"},
		{"arrays of arrays without end", strings.Repeat(`{"type":"array","items":`, 20000), "reading the Avro schema"},
		{"2 MiB", strings.Repeat(" ", 2<<20), "at most 1048576"},
		{"a decimal with ten thousand decimals", `{"type":"bytes","logicalType":"decimal","precision":10000,"scale":10000}`, "allowed are 0 to 1000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := payload.CompileAvro(c.schema, nil); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %.300v, want %s", err, c.reason)
			}
		})
	}
}

func TestAvroReferencesAreReadInTheOrderTheyNeed(t *testing.T) {
	references := map[string]string{
		"a-order":   `{"type":"record","name":"shop.Order","fields":[{"name":"to","type":"shop.Address"}]}`,
		"z-address": `{"type":"record","name":"shop.Address","fields":[{"name":"city","type":"string"}]}`,
	}
	a := compileAvro(t, `{"type":"array","items":"shop.Order"}`, references)
	got, err := a.Decode(nil, []byte("\x02"+counted("Ulm")+"\x00"))
	if err != nil || string(got) != `[{"to":{"city":"Ulm"}}]` {
		t.Errorf("got %s, %v", got, err)
	}
	delete(references, "z-address")
	if _, err := payload.CompileAvro(`"int"`, references); err == nil || !strings.Contains(err.Error(), `"a-order"`) {
		t.Errorf("a reference without its own reference: %v", err)
	}
}

func TestAReaderSeesItsOwnShape(t *testing.T) {
	writer := compileAvro(t, `{"type":"record","name":"O","fields":[{"name":"id","type":"int"},{"name":"old","type":"string"},{"name":"city","type":["null","string"]}]}`, nil)
	reader := compileAvro(t, `{"type":"record","name":"O","fields":[{"name":"town","aliases":["city"],"type":["null","string"]},{"name":"id","type":"long"},{"name":"n","type":"int","default":7}]}`, nil)
	r, err := payload.Resolve(writer, reader)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Decode([]byte("before"), []byte("\x02"+counted("x")+"\x02"+counted("Ulm")))
	if err != nil || string(got) != `before{"town":"Ulm","id":1,"n":7}` {
		t.Errorf("got %s, %v", got, err)
	}
	single := binary.LittleEndian.AppendUint64([]byte("\xc3\x01"), writer.Fingerprint())
	got, err = r.Decode(nil, append(single, "\x02"+counted("x")+"\x00"...))
	if err != nil || string(got) != `{"town":null,"id":1,"n":7}` {
		t.Errorf("a single object: got %s, %v", got, err)
	}
	if _, err := r.Decode(nil, []byte("\x02"+counted("x")+"\x02"+zigzag(2<<30))); err == nil || !strings.Contains(err.Error(), "/city (byte 4)") {
		t.Errorf("got %v", err)
	}
	if _, err := payload.Resolve(writer, compileAvro(t, `{"type":"record","name":"O","fields":[{"name":"new","type":"int"}]}`, nil)); err == nil || !strings.Contains(err.Error(), "new") {
		t.Errorf("a field without default: %v", err)
	}
}

func TestAReadersDefaultsAreBounded(t *testing.T) {
	fields := make([]string, 0, 1000)
	for i := range 1000 {
		fields = append(fields, `{"name":"f`+string(rune('a'+i/100))+string(rune('a'+i/10%10))+string(rune('a'+i%10))+`","type":"int","default":0}`)
	}
	writer := compileAvro(t, `{"type":"array","items":{"type":"record","name":"R","fields":[{"name":"x","type":"boolean"}]}}`, nil)
	reader := compileAvro(t, `{"type":"array","items":{"type":"record","name":"R","fields":[`+strings.Join(fields, ",")+`]}}`, nil)
	r, err := payload.Resolve(writer, reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Decode(nil, []byte(zigzag(10000)+strings.Repeat("\x00", 10001))); err == nil || !strings.Contains(err.Error(), "10000 records") {
		t.Errorf("got %v", err)
	}
	if _, err := r.Decode(nil, []byte("\x02\x00\x00")); err != nil {
		t.Error(err)
	}
}

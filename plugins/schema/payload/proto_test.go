package payload_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/helios-connect/helios/plugins/schema/payload"
	"google.golang.org/protobuf/encoding/protowire"
)

const shopProto = `
syntax = "proto3";
package shop;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "shop/address.proto";

message Order {
  string id = 1;
  int64 amount_cents = 2;
  repeated Line lines = 3;
  map<string, Line> by_sku = 4;
  google.protobuf.Timestamp at = 5;
  google.protobuf.Duration within = 6;
  google.protobuf.Struct extra = 7;
  google.protobuf.Any any = 8;
  google.protobuf.Int64Value maybe = 9;
  Address to = 10;
  Status status = 11;
  optional bool paid = 12;
  bytes raw = 13;
  repeated int32 numbers = 14;
  double rate = 15;
  map<sint32, string> by_number = 16;
  message Line {
    string sku = 1;
    uint32 count = 2;
    Order order = 3;
  }
}
message Empty {}
enum Status { UNKNOWN = 0; OPEN = 1; }
`

var shopReferences = map[string]string{
	"shop/address.proto": `syntax = "proto3"; package shop; import "shop/country.proto"; message Address { string city = 1; Country country = 2; }`,
	"shop/country.proto": `syntax = "proto3"; package shop; message Country { string code = 1; }`,
}

func compileProto(t testing.TB, schema string, references map[string]string) *payload.Proto {
	t.Helper()
	p, err := payload.CompileProto(schema, references)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tag and the like write Protobuf's wire format.
func tag(number protowire.Number, wire protowire.Type) string {
	return string(protowire.AppendTag(nil, number, wire))
}

func varint(number protowire.Number, v uint64) string {
	return string(protowire.AppendVarint([]byte(tag(number, protowire.VarintType)), v))
}

func text(number protowire.Number, s string) string {
	return string(protowire.AppendString([]byte(tag(number, protowire.BytesType)), s))
}

// unset is the JSON of an Order's fields without presence, by default.
var unset = map[string]any{
	"id": "", "amountCents": "0", "lines": []any{}, "bySku": map[string]any{}, "status": "UNKNOWN",
	"raw": "", "numbers": []any{}, "rate": 0.0, "byNumber": map[string]any{},
}

func TestProtobufBecomesJSON(t *testing.T) {
	p := compileProto(t, shopProto, shopReferences)
	for _, c := range []struct{ name, in, want string }{
		{"nothing: fields without presence have their defaults", "", `{}`},
		{"an int64 as a string", varint(2, 1<<62), `{"amountCents":"4611686018427387904"}`},
		{"a list of messages", text(3, text(1, "a")) + text(3, varint(2, 7)), `{"lines":[{"sku":"a","count":0},{"sku":"","count":7}]}`},
		{"a map", text(4, text(1, "b")+text(2, "")) + text(4, text(1, "a")+text(2, "")), `{"bySku":{"a":{"sku":"","count":0},"b":{"sku":"","count":0}}}`},
		{"a timestamp", text(5, varint(1, 1)+varint(2, 5000000)), `{"at":"1970-01-01T00:00:01.005Z"}`},
		{"a duration", text(6, varint(1, 3)+varint(2, 500000000)), `{"within":"3.500s"}`},
		{"a struct", text(7, text(1, text(1, "k")+text(2, text(3, "v")))), `{"extra":{"k":"v"}}`},
		{"an Any with a message of the schema", text(8, text(1, "type.googleapis.com/shop.Country")+text(2, text(1, "DE"))), `{"any":{"@type":"type.googleapis.com/shop.Country","code":"DE"}}`},
		{"an Any with a well-known type that isn't imported", text(8, text(1, "x/google.protobuf.FieldMask")+text(2, text(1, "a.b"))), `{"any":{"@type":"x/google.protobuf.FieldMask","value":"a.b"}}`},
		{"a wrapper", text(9, varint(1, 5)), `{"maybe":"5"}`},
		{"messages of referenced files", text(10, text(2, text(1, "DE"))), `{"to":{"city":"","country":{"code":"DE"}}}`},
		{"an enum", varint(11, 1), `{"status":"OPEN"}`},
		{"an enum value that is unknown", varint(11, 9), `{"status":9}`},
		{"a field with presence, set to its default", varint(12, 0), `{"paid":false}`},
		{"bytes in base64", text(13, "\xff"), `{"raw":"/w=="}`},
		{"numbers packed and not", text(14, "\x01\x02") + varint(14, 3), `{"numbers":[1,2,3]}`},
		{"NaN", tag(15, protowire.Fixed64Type) + "\x00\x00\x00\x00\x00\x00\xf8\x7f", `{"rate":"NaN"}`},
		{"a scalar twice: the last counts", varint(2, 1) + varint(2, 2), `{"amountCents":"2"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, unknown, err := p.Decode([]byte("before"), nil, []byte(c.in))
			if err != nil || len(unknown) > 0 || !strings.HasPrefix(string(got), "before{") {
				t.Fatalf("got %s, %v, %v", got, unknown, err)
			}
			var gotV, want map[string]any
			if err := json.Unmarshal(got[len("before"):], &gotV); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			for k, v := range unset {
				if _, ok := want[k]; !ok {
					want[k] = v
				}
			}
			if !reflect.DeepEqual(gotV, want) {
				t.Errorf("got %s, want %v", got, want)
			}
		})
	}
}

func TestProtobufJSONHasNoSpaceAndAnOrder(t *testing.T) {
	p := compileProto(t, `syntax="proto3"; message M { repeated int32 b = 2; map<string,int32> m = 3; string a = 1; }`, nil)
	in := text(1, "x y") + text(2, "\x01\x02") + text(3, text(1, "z")+varint(2, 1)) + text(3, text(1, "a")+varint(2, 2))
	got, _, err := p.Decode(nil, nil, []byte(in))
	if want := `{"b":[1,2],"m":{"a":2,"z":1},"a":"x y"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestUnknownFieldsAreReported(t *testing.T) {
	p := compileProto(t, shopProto, shopReferences)
	in := text(99, "x") + text(3, "") + text(3, varint(2, 1)+varint(77, 1)) + text(4, text(1, "a/b")+text(2, varint(1, 1))) +
		text(7, text(1, text(1, "k")+text(2, text(3, "v")+text(55, "v")))) + text(8, text(1, "x/shop.Country")+text(2, text(9, "")))
	_, unknown, err := p.Decode(nil, nil, []byte(in))
	want := []payload.Unknown{{"", 99, 2}, {"/lines/1", 77, 0}, {"/bySku/a~1b", 1, 0}, {"/extra/k", 55, 2}, {"/any", 9, 2}}
	if err != nil || !slices.Equal(unknown, want) {
		t.Errorf("got %v, %v, want %v", unknown, err, want)
	}
	_, unknown, err = p.Decode(nil, nil, []byte(strings.Repeat(varint(99, 1), 100000)))
	if err != nil || len(unknown) != payload.MaxUnknown {
		t.Errorf("got %d unknown fields, %v, want %d", len(unknown), err, payload.MaxUnknown)
	}
}

func TestTheMessageIndexChoosesTheMessage(t *testing.T) {
	p := compileProto(t, shopProto, shopReferences)
	for name, want := range map[string][]int{"shop.Order": {0}, "shop.Order.Line": {0, 2}, "shop.Empty": {1}} {
		index, ok := p.Index(name)
		if !ok || len(index) != len(want) {
			t.Fatalf("%s: got %v %v, want %v", name, index, ok, want)
		}
	}
	line, _ := p.Index("shop.Order.Line")
	got, _, err := p.Decode(nil, line, []byte(text(1, "a")))
	if err != nil || string(got) != `{"sku":"a","count":0}` {
		t.Errorf("got %s, %v", got, err)
	}
	for _, index := range [][]int{{2}, {-1}, {0, 9}, {0, 0}, {0, 2, 0}} {
		if got, _, err := p.Decode(nil, index, nil); err == nil {
			t.Errorf("index %v: got %s", index, got)
		}
	}
	for _, name := range []string{"shop.Address", "shop.None", "google.protobuf.Any"} {
		if index, ok := p.Index(name); ok {
			t.Errorf("%s: got %v, though the file doesn't have it", name, index)
		}
	}
}

func TestProtobufRefusesWithAPath(t *testing.T) {
	p := compileProto(t, shopProto, shopReferences)
	nested, any := "", ""
	for range 60 {
		nested = text(3, text(3, nested))
	}
	for range 120 {
		any = text(1, "x/google.protobuf.Any") + text(2, any)
	}
	for _, c := range []struct{ name, in, path, reason string }{
		{"a string that claims 2 GB", text(3, "") + text(3, tag(1, protowire.BytesType)+"\x80\x80\x80\x80\x08"), "/lines/1/sku", "claims 2147483648 bytes, but 0 are left"},
		{"a message that is cut off", text(3, "ab")[:3], "/lines/0", "claims 2 bytes, but 1 are left"},
		{"no field", "\x00", "", "no field begins here"},
		{"text that is no UTF-8", text(4, text(1, "k")+text(2, text(1, "\xff"))), "/bySku/k/sku", "UTF-8"},
		{"messages nested without end", nested, "", "nests deeper than 100"},
		{"an Any in an Any without end", text(8, any), "/any", "nests deeper than 100"},
		{"an Any with an unknown type", text(8, text(1, "x/shop.None")), "/any", `type "shop.None"`},
		{"an Any without a type", text(8, text(2, "x")), "/any", `type ""`},
		{"a singular message twice", text(8, text(1, "x/shop.Country")) + text(8, text(2, "x")), "/any", "occurs again"},
		{"two bytes for each of a million messages", strings.Repeat(text(3, ""), 1<<20), "/lines/", "passes 67108864 bytes"},
		{"a packed list that is cut off", text(14, "\x01\x80"), "/numbers/1", "packed"},
		{"a packed list of four million", text(14, strings.Repeat("\x01", 4000000)), "/numbers/", "passes 67108864 bytes"},
		{"a timestamp beyond the year 9999", text(5, varint(1, 1<<40)), "", "google.protobuf.Timestamp"},
		{"a payload of 5 MiB", strings.Repeat("x", 5<<20), "", "at most 4194304"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := p.Decode([]byte("before"), nil, []byte(c.in))
			if string(got) != "before" {
				t.Errorf("the destination became %.100q", got)
			}
			var e *payload.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if !strings.HasPrefix(e.Path, c.path) || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got path %s, %v; want %s, %s", e.Path, err, c.path, c.reason)
			}
		})
	}
}

func TestAFieldThatTwoBytesFillAPageWithIsBounded(t *testing.T) {
	var fields strings.Builder
	for i := range 500 {
		fmt.Fprintf(&fields, "int32 a_field_with_a_long_name_%d = %d;", i, i+1)
	}
	p := compileProto(t, `syntax="proto3"; message M { repeated N n = 1; } message N {`+fields.String()+`}`, nil)
	_, _, err := p.Decode(nil, nil, []byte(strings.Repeat(text(1, ""), 100000)))
	if err == nil || !strings.Contains(err.Error(), "passes 67108864 bytes") {
		t.Errorf("got %v", err)
	}
}

func TestProtobufGroupsAndExtensions(t *testing.T) {
	p := compileProto(t, `syntax="proto2"; package q; message M { required int32 r = 1; repeated group G = 2 { optional string s = 1; } extensions 100 to 200; } extend M { optional int64 more = 100; }`, nil)
	group := func(inner string) string {
		return tag(2, protowire.StartGroupType) + inner + tag(2, protowire.EndGroupType)
	}
	got, unknown, err := p.Decode(nil, nil, []byte(varint(1, 1)+group(text(1, "a"))+group("")+varint(100, 5)+varint(101, 5)))
	if want := `{"r":1,"g":[{"s":"a"},{}],"[q.more]":"5"}`; err != nil || string(got) != want || !slices.Equal(unknown, []payload.Unknown{{"", 101, 0}}) {
		t.Errorf("got %s, %v, %v, want %s", got, unknown, err, want)
	}
	if _, _, err := p.Decode(nil, nil, nil); err == nil || !strings.Contains(err.Error(), "required") {
		t.Errorf("without the required field: %v", err)
	}
	_, _, err = p.Decode(nil, nil, []byte(group("")+group(text(1, "\xff"))))
	if err == nil || !strings.Contains(err.Error(), "/g/1/s (byte 5)") {
		t.Errorf("got %v", err)
	}
}

func TestProtobufSchemasAreRefusedWithAReason(t *testing.T) {
	for _, c := range []struct {
		name, schema, reason string
		references           map[string]string
	}{
		{"no .proto", `{`, "schema.proto:1:1", nil},
		{"an import that isn't there", `syntax="proto3"; import "other.proto";`, "other.proto", nil},
		{"a file of the machine", `syntax="proto3"; import "/etc/passwd";`, "/etc/passwd", nil},
		{"imports in a circle", `syntax="proto3"; import "a.proto";`, "cycle", map[string]string{"a.proto": `syntax="proto3"; import "b.proto";`, "b.proto": `syntax="proto3"; import "a.proto";`}},
		{"a well-known type of its own", `syntax="proto3"; package google.protobuf; message Timestamp { string seconds = 1; }`, "well-known", nil},
		{"an unknown type", `syntax="proto3"; message M { N n = 1; }`, "N", nil},
		{"brackets without end", `option x = {` + strings.Repeat("a{", 400000), "nests brackets deeper", nil},
		{"2 MiB", strings.Repeat(" ", 2<<20), "at most 1048576", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := payload.CompileProto(c.schema, c.references); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %.300v, want %s", err, c.reason)
			}
		})
	}
	replaced := map[string]string{"google/protobuf/timestamp.proto": `syntax="proto3"; package google.protobuf; message Timestamp { string seconds = 1; }`}
	p, err := payload.CompileProto(`syntax="proto3"; import "google/protobuf/timestamp.proto"; message M { google.protobuf.Timestamp t = 1; }`, replaced)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := p.Decode(nil, nil, []byte(text(1, varint(1, 1)))); string(got) != `{"t":"1970-01-01T00:00:01Z"}` {
		t.Errorf("a replaced well-known type: got %s, %v", got, err)
	}
}

func TestTheByteOfAnErrorIsWhereTheBadTextStands(t *testing.T) {
	p := compileProto(t, shopProto, shopReferences)
	const bad = "\xffbad"
	line := text(1, bad) + varint(2, 1)
	for path, in := range map[string]string{
		"/id":              varint(2, 1) + text(1, bad) + varint(11, 1),
		"/lines/1/sku":     text(3, "") + text(3, line) + text(3, ""),
		"/bySku/k/sku":     text(4, text(2, line)+text(1, "k")) + varint(2, 1),
		"/byNumber/-3":     text(16, varint(1, protowire.EncodeZigZag(-3))+text(2, bad)),
		"/extra/k/0":       text(7, text(1, text(1, "k")+text(2, text(6, text(1, text(3, bad))+text(1, text(3, "x")))))) + varint(2, 1),
		"/any/code":        text(8, text(2, text(1, bad)+varint(9, 1))+text(1, "x/shop.Country")) + varint(2, 1),
		"/any/to/city":     text(8, text(1, "x/shop.Order")+text(2, text(10, text(1, bad)+text(2, "")))) + varint(2, 1),
		"/to/country/code": text(10, text(2, text(1, bad))+text(1, "Ulm")) + varint(2, 1),
	} {
		_, _, err := p.Decode(nil, nil, []byte(in))
		var e *payload.Error
		if !errors.As(err, &e) || e.Path != path || e.Offset != strings.Index(in, bad) {
			t.Errorf("got %v, want %s (byte %d)", err, path, strings.Index(in, bad))
		}
	}
}

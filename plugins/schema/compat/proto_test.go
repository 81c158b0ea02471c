package compat

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProtobufChanges(t *testing.T) {
	file := func(body string) string { return "syntax = \"proto3\"; package p; " + body }
	cases := []struct {
		name          string
		earlier, next string
		verdict       string
		kind          Kind
		pointer       string
	}{
		{"a field is new", file(`message M {}`), file(`message M { int32 a = 1; }`), "both", "", ""},
		{"a field is gone", file(`message M { int32 a = 1; }`), file(`message M {}`), "forward", FieldRemoved, "M/1"},
		{"a field is gone and its number and name are reserved", file(`message M { int32 a = 1; }`), file(`message M { reserved 1; reserved "a"; }`), "both", "", ""},
		{"a field is gone and only its number is reserved", file(`message M { int32 a = 1; }`), file(`message M { reserved 1; }`), "forward", FieldRemoved, "M/1"},
		{"an int32 becomes an int64", file(`message M { int32 a = 1; }`), file(`message M { int64 a = 1; }`), "backward", FieldTypeChanged, "M/1"},
		{"an int32 becomes an sint32, which is coded otherwise", file(`message M { int32 a = 1; }`), file(`message M { sint32 a = 1; }`), "none", FieldTypeChanged, "M/1"},
		{"a string becomes bytes, which JSON writes otherwise", file(`message M { string a = 1; }`), file(`message M { bytes a = 1; }`), "none", FieldTypeChanged, "M/1"},
		{"a field becomes optional", file(`message M { int32 a = 1; }`), file(`message M { optional int32 a = 1; }`), "both", "", ""},
		{"a field becomes repeated", file(`message M { int32 a = 1; }`), file(`message M { repeated int32 a = 1; }`), "none", FieldLabelChanged, "M/1"},
		{"a map changes its values", file(`message M { map<string, int32> a = 1; }`), file(`message M { map<string, string> a = 1; }`), "none", FieldTypeChanged, "M/1"},
		{"a field's name in JSON changes", file(`message M { int32 a = 1; }`), file(`message M { int32 a = 1 [json_name = "b"]; }`), "none", JSONNameChanged, "M/1"},
		{"two fields move into a oneof", file(`message M { int32 a = 1; int32 b = 2; }`), file(`message M { oneof o { int32 a = 1; int32 b = 2; } }`), "forward", OneofChanged, "M/o"},
		{"one field moves into a new oneof", file(`message M { int32 a = 1; }`), file(`message M { oneof o { int32 a = 1; int32 b = 2; } }`), "both", "", ""},
		{"a message is gone", file(`message M {} message N {}`), file(`message M {}`), "forward", MessageRemoved, "N"},
		{"an enum is gone", file(`enum E { A = 0; }`), file(``), "forward", EnumRemoved, "E"},
		{"an enum value is gone", file(`enum E { A = 0; B = 1; }`), file(`enum E { A = 0; }`), "forward", EnumValueRemoved, "E/B"},
		{"an enum value is gone and reserved", file(`enum E { A = 0; B = 1; }`), file(`enum E { reserved 1; reserved "B"; A = 0; }`), "both", "", ""},
		{"an enum value gets an alias, which JSON of the next version may use", file(`enum E { A = 0; }`), file(`enum E { option allow_alias = true; A = 0; B = 0; }`), "backward", EnumValueRenamed, "E/B"},
		{"a service is gone", file(`message M {} service S { rpc C(M) returns (M); }`), file(`message M {}`), "forward", ServiceRemoved, "S"},
		{"the package changes", file(`message M {}`), `syntax = "proto3"; package q; message M {}`, "none", PackageChanged, "package"},
		{"the syntax changes", file(`message M {}`), `syntax = "proto2"; package p; message M {}`, "none", SyntaxChanged, "syntax"},
		{"a reservation shrinks", file(`message M { reserved 5 to 10; }`), file(`message M { reserved 5 to 8; }`), "forward", ReservationRemoved, "M"},
		{"a reservation is written in two", file(`message M { reserved 5 to 10; }`), file(`message M { reserved 5 to 7, 8 to 10; }`), "both", "", ""},
		{"a required field is new", `syntax = "proto2"; message M {}`, `syntax = "proto2"; message M { required int32 a = 1; }`, "forward", RequiredFieldAdded, "M/1"},
		{"a required field is only optional", `syntax = "proto2"; message M { required int32 a = 1; }`, `syntax = "proto2"; message M { optional int32 a = 1; }`, "backward", RequiredFieldRemoved, "M/1"},
		{"a default changes", `syntax = "proto2"; message M { optional int32 a = 1 [default = 1]; }`, `syntax = "proto2"; message M { optional int32 a = 1 [default = 2]; }`, "none", DefaultChanged, "M/1"},
		{"a public import is gone", `syntax = "proto3"; import public "google/protobuf/any.proto";`, `syntax = "proto3";`, "forward", ImportRemoved, "import google/protobuf/any.proto"},
		{"comments and layout don't matter", file(`message M { int32 a = 1; /* { */ }`), file("// '\nmessage M {\n int32 a = 1;\n}"), "both", "", ""},
		{"a message that contains itself", file(`message M { M m = 1; }`), file(`message M { M m = 1; int32 a = 2; }`), "both", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, report := verdict(t, Protobuf, c.earlier, c.next)
			require.Equal(t, c.verdict, got, "%+v", report.Findings)
			if c.kind == "" {
				return
			}
			require.NotEmpty(t, report.Findings)
			require.Equal(t, c.kind, report.Findings[0].Kind)
			require.Equal(t, c.pointer, report.Findings[0].Pointer)
		})
	}
}

func TestAProtobufExampleTellsWhatHappensToTheBytes(t *testing.T) {
	_, report := verdict(t, Protobuf, `syntax = "proto3"; message M { int64 a = 1; }`, `syntax = "proto3"; message M { int32 a = 1; }`)
	require.Equal(t, `{"a":"5000000000"} is written as 08 80 e4 97 d0 12 (field 1, varint) and read as {"a":705032704}`, report.Findings[0].Example)
}

package compat

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/avro"
	"pgregory.net/rapid"
)

func record(fields string) string { return `{"type":"record","name":"R","fields":[` + fields + `]}` }

func TestAvroChanges(t *testing.T) {
	cases := []struct {
		name          string
		earlier, next string
		verdict       string
		kind          Kind
		pointer       string
		example       string
	}{
		{"an int is promoted to a long", `"int"`, `"long"`, "backward", TypeChanged, "", `1`},
		{"a long is promoted to a float, as the specification has it", `"long"`, `"float"`, "backward", TypeChanged, "", `1.5`},
		{"a double is not narrowed to a float", `"double"`, `"float"`, "forward", TypeChanged, "", `1.5`},
		{"bytes and string read each other", `"bytes"`, `"string"`, "both", "", "", ""},
		{"a primitive without quotes is one", `int`, `{"type":"int"}`, "both", "", "", ""},
		{"a new field with a default", record(``), record(`{"name":"a","type":"int","default":1}`), "both", "", "", ""},
		{"a new field without a default", record(``), record(`{"name":"a","type":"int"}`), "forward", FieldAddedWithoutDefault, "/fields/0", `{}`},
		{"a field renamed with an alias", record(`{"name":"a","type":"int"}`), record(`{"name":"b","type":"int","aliases":["a"]}`), "backward", FieldAddedWithoutDefault, "/fields/0", `{"b":1}`},
		{"a record renamed with an alias", record(``), `{"type":"record","name":"S","aliases":["R"],"fields":[]}`, "backward", NameChanged, "", `{}`},
		{"a record in another namespace keeps its unqualified name", record(``), `{"type":"record","name":"x.R","fields":[]}`, "both", "", "", ""},
		{"an enum without the writer's symbol and without a default", `{"type":"enum","name":"E","symbols":["A","B"]}`, `{"type":"enum","name":"E","symbols":["A"]}`, "forward", EnumNarrowed, "", `"B"`},
		{"an enum without the writer's symbol but with a default", `{"type":"enum","name":"E","symbols":["A","B"]}`, `{"type":"enum","name":"E","symbols":["A"],"default":"A"}`, "both", "", "", ""},
		{"a union takes more types", `"int"`, `["null","int"]`, "backward", TypeChanged, "", `null`},
		{"a union takes a promoted type", `"int"`, `["null","double"]`, "backward", "", "", ""},
		{"a union loses a type", `["null","string","int"]`, `["null","int"]`, "forward", UnionNarrowed, "", `{"string":"a"}`},
		{"a fixed of another size", `{"type":"fixed","name":"F","size":4}`, `{"type":"fixed","name":"F","size":8}`, "none", FixedSizeChanged, "", `"aaaa"`},
		{"a decimal of another scale", `{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, `{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}`, "none", LogicalTypeChanged, "", ""},
		{"items and values go deep", `{"type":"array","items":{"type":"map","values":"int"}}`, `{"type":"array","items":{"type":"map","values":"string"}}`, "none", TypeChanged, "/items/values", `[{"key":1}]`},
		{"a record that contains itself", record(`{"name":"n","type":["null","R"]},{"name":"v","type":"int"}`), record(`{"name":"n","type":["null","R"]},{"name":"v","type":"long"}`), "backward", TypeChanged, "/fields/1/type", `{"n":null,"v":1}`},
		{"an enum's default of null is none", `{"type":"enum","name":"E","symbols":["A"],"default":null}`, `{"type":"enum","name":"E","symbols":["A"]}`, "both", "", "", ""},
		{"docs and order don't matter", record(`{"name":"a","type":"int"},{"name":"b","type":"int"}`), record(`{"name":"b","type":"int","doc":"x"},{"name":"a","type":"int"}`), "both", "", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, report := verdict(t, Avro, c.earlier, c.next)
			require.Equal(t, c.verdict, got, "%+v", report.Findings)
			if c.kind == "" {
				return
			}
			require.NotEmpty(t, report.Findings)
			require.Equal(t, c.kind, report.Findings[0].Kind)
			require.Equal(t, c.pointer, report.Findings[0].Pointer)
			if c.example != "" {
				require.JSONEq(t, c.example, report.Findings[0].Example)
			}
		})
	}
}

func avroTypes(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		primitive := rapid.SampledFrom([]string{`"null"`, `"int"`, `"long"`, `"float"`, `"double"`, `"string"`, `"bytes"`, `"boolean"`})
		if depth == 0 {
			return primitive.Draw(t, "primitive")
		}
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			return `{"type":"array","items":` + avroTypes(depth-1).Draw(t, "items") + `}`
		case 1:
			return `{"type":"map","values":` + avroTypes(depth-1).Draw(t, "values") + `}`
		case 2:
			return rapid.SampledFrom([]string{`["int","null"]`, `["string","null"]`, `["int","string","null"]`, `["double","null"]`}).Draw(t, "union")
		}
		return primitive.Draw(t, "primitive")
	})
}

// The codec's own check is the oracle. It lends a missing field whose union
// begins with null a default that the specification doesn't know, so no union
// here begins so.
func TestAvroVerdictsAgreeWithTheCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() string {
			fields := ""
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3, rapid.ID[string]).Draw(t, "fields") {
				if fields != "" {
					fields += ","
				}
				fields += `{"name":"` + name + `","type":` + avroTypes(2).Draw(t, "type") + `}`
			}
			return record(fields)
		}
		writer, reader := draw(), draw()
		report, err := Check(Backward, Schema{Format: Avro, Text: reader}, []Schema{{Format: Avro, Text: writer}})
		require.NoError(t, err)
		oracle := avro.CheckCompatibility(avro.MustParse(writer), avro.MustParse(reader))
		require.Equal(t, oracle == nil, report.Compatible, "codec: %v\n%+v\n%s\n%s", oracle, report.Findings, writer, reader)
	})
}

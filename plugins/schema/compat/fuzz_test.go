package compat

import "testing"

// FuzzCheck feeds pairs of texts to all formats: no text may end the process or
// be judged without end, and equal JSON Schemas read each other.
func FuzzCheck(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}`, `{"anyOf":[{"type":"string"},{"not":{"const":1}}]}`)
	f.Add(`{"$ref":"#/$defs/a","$defs":{"a":{"oneOf":[{"minimum":1e3},{"pattern":"(a|b)*"}]}}}`, `{"if":{"required":["x"]},"then":false,"else":{"enum":[]}}`)
	f.Add(`{"items":[{"contains":{}}],"additionalItems":{"uniqueItems":true}}`, `{"patternProperties":{"^x":{"maxLength":0}},"propertyNames":{"minLength":3}}`)
	f.Add(`{"type":"record","name":"R","fields":[{"name":"a","type":["null","R"]}]}`, `{"type":"enum","name":"R","symbols":["A"],"default":"A"}`)
	f.Add(`{"type":"fixed","name":"F","size":4,"logicalType":"decimal","precision":3}`, `{"type":"map","values":{"type":"array","items":"bytes"}}`)
	f.Add(`syntax = "proto3"; message M { oneof o { int32 a = 1; M m = 2; } map<string, E> e = 3; } enum E { A = 0; }`,
		`syntax = "proto2"; message M { required group G = 1 { reserved 1, "a"; } extensions 5 to max; }`)
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, format := range []Format{JSON, Avro, Protobuf} {
			first, second := Schema{Format: format, Text: a}, Schema{Format: format, Text: b}
			report, err := Check(FullTransitive, second, []Schema{first})
			if err == nil && report.Compatible != (len(report.Findings) == 0) {
				t.Fatalf("verdict %v with findings %v", report.Compatible, report.Findings)
			}
			report, err = Check(Full, first, []Schema{first})
			if err == nil && !report.Compatible {
				t.Fatalf("%s schema %q can't read itself: %+v", format, a, report.Findings)
			}
			if _, err := Diff(first, second); err != nil {
				continue
			}
			if changes, err := Diff(first, first); err != nil || len(changes) > 0 {
				t.Fatalf("%s schema %q differs from itself: %+v %v", format, a, changes, err)
			}
		}
	})
}

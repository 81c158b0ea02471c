package compat

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestContradictionsAreFoundWhereTheyCanBeDecided(t *testing.T) {
	for schema, want := range map[string]bool{
		`false`: true,
		`{"type":"integer","minimum":3,"maximum":2}`:                                                       true,
		`{"type":"integer","exclusiveMinimum":2,"exclusiveMaximum":3}`:                                     true,
		`{"type":"number","exclusiveMinimum":2,"exclusiveMaximum":3}`:                                      false,
		`{"type":"string","minLength":5,"maxLength":4}`:                                                    true,
		`{"allOf":[{"type":"string"},{"type":"object"}]}`:                                                  true,
		`{"type":"object","required":["a"],"properties":{"a":false}}`:                                      true,
		`{"type":"object","required":["a"],"properties":{"a":{"type":"array","minItems":2,"maxItems":1}}}`: true,
		`{"type":"object","properties":{"a":false}}`:                                                       false,
		`{"type":"object","required":["a","b"],"maxProperties":1}`:                                         true,
		`{"enum":["a"],"type":"integer"}`:                                                                  true,
		`{"minimum":3,"maximum":2}`:                                                                        false, // text satisfies it
		`{}`:                                                                                               false,
		`{"type":"object","required":["child"],"properties":{"child":{"anyOf":[{"$ref":"#"},{"type":"null"}]}}}`: false,
	} {
		got, err := Unsatisfiable(Schema{Format: JSON, Text: schema})
		require.NoError(t, err, schema)
		require.Equal(t, want, got, schema)
	}
	got, err := Unsatisfiable(Schema{Format: Avro, Text: `"string"`})
	require.NoError(t, err)
	require.False(t, got)
	_, err = Unsatisfiable(Schema{Format: JSON, Text: `{"type":"x"}`})
	require.Error(t, err)
}

package compat

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// vectors reads a file of the Apicurio compatibility vectors, which lie beside
// the project and are no part of it.
func vectors(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash("../../../../shared/data/schema/apicurio/" + name))
	if err != nil {
		t.Skipf("compatibility vectors are not on this machine: %v", err)
	}
	require.NoError(t, json.Unmarshal(text, into))
}

type registryVectors struct {
	Tests []struct {
		ID            string
		Enabled       bool
		Compatibility string
		Original      json.RawMessage
		Updated       json.RawMessage
	}
}

// verdict runs both directions and names them as the vectors do.
func verdict(t *testing.T, format Format, original, updated string) (string, Report) {
	t.Helper()
	earlier := []Schema{{Format: format, Text: original}}
	next := Schema{Format: format, Text: updated}
	backward, err := Check(Backward, next, earlier)
	require.NoError(t, err)
	forward, err := Check(Forward, next, earlier)
	require.NoError(t, err)
	full, err := Check(Full, next, earlier)
	require.NoError(t, err)
	require.Equal(t, backward.Compatible && forward.Compatible, full.Compatible, "FULL is both directions")
	name := map[[2]bool]string{{true, true}: "both", {true, false}: "backward", {false, true}: "forward", {false, false}: "none"}
	return name[[2]bool{backward.Compatible, forward.Compatible}], full
}

func testRegistryVectors(t *testing.T, file string, format Format) {
	var list registryVectors
	vectors(t, file, &list)
	require.NotEmpty(t, list.Tests)
	for index, vector := range list.Tests {
		if format == JSON && string(vector.Updated) == "true" {
			continue // registries disagree about the reader that is only true
		}
		t.Run(fmt.Sprintf("%d %s", index, vector.ID), func(t *testing.T) {
			got, report := verdict(t, format, string(vector.Original), string(vector.Updated))
			require.Equal(t, vector.Compatibility, got, "%s\n%s\n%+v", vector.Original, vector.Updated, report.Findings)
		})
	}
}

func TestJSONSchemaVectorsOfApicurio(t *testing.T) {
	testRegistryVectors(t, "jsonschema-compat.json", JSON)
}

func TestAvroVectorsOfApicurio(t *testing.T) {
	testRegistryVectors(t, "avro-compat.json", Avro)
}

func TestProtobufVectorsOfApicurio(t *testing.T) {
	var list []struct {
		Test, Level, Old, New string
		Compatible            bool
	}
	vectors(t, "protobuf-compat.json", &list)
	require.NotEmpty(t, list)
	for index, vector := range list {
		t.Run(fmt.Sprintf("%d %s", index, vector.Test), func(t *testing.T) {
			mode, err := ParseMode(vector.Level)
			if err != nil {
				mode = Backward // the library's own tests go from before to after
			}
			report, err := Check(mode, Schema{Format: Protobuf, Text: vector.New}, []Schema{{Format: Protobuf, Text: vector.Old}})
			require.NoError(t, err)
			require.Equal(t, vector.Compatible, report.Compatible, "%s\n%s\n%+v", vector.Old, vector.New, report.Findings)
			t.Logf("%+v", report.Findings)
		})
	}
}

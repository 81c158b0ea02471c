package contract_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/schema/contract"
)

// suite is the official JSON-Schema-Test-Suite.
const suite = "../../../../shared/data/schema/json-schema-test-suite"

type suiteCase struct {
	Description string          `json:"description"`
	Schema      json.RawMessage `json:"schema"`
	Tests       []struct {
		Description string          `json:"description"`
		Data        json.RawMessage `json:"data"`
		Valid       bool            `json:"valid"`
	} `json:"tests"`
}

// remotes are what the suite serves at http://localhost:1234/.
func remotes(url string) ([]byte, bool) {
	path, ok := strings.CutPrefix(url, "http://localhost:1234/")
	if !ok {
		return nil, false
	}
	text, err := os.ReadFile(filepath.Join(suite, "remotes", filepath.FromSlash(path)))
	return text, err == nil
}

// TestTheOfficialSuite runs every mandatory test, of which none may fail; what
// the plan says is held against what the library says throughout.
func TestTheOfficialSuite(t *testing.T) {
	if _, err := os.Stat(suite); err != nil {
		t.Skip("the JSON-Schema-Test-Suite isn't here")
	}
	for folder, draft := range map[string]contract.Draft{"draft7": contract.Draft7, "draft2020-12": contract.Draft2020} {
		files, err := filepath.Glob(filepath.Join(suite, "tests", folder, "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		total, planned := 0, 0
		for _, file := range files {
			wrong, ran, byPlan := runSuite(t, file, contract.Options{Draft: draft, Resolve: remotes})
			require.Empty(t, wrong, "%s %s", folder, filepath.Base(file))
			total, planned = total+ran, planned+byPlan
		}
		t.Logf("%s: %d mandatory tests passed, %d of them judged by the plan", folder, total, planned)
		optional, err := filepath.Glob(filepath.Join(suite, "tests", folder, "optional", "*.json"))
		require.NoError(t, err)
		formats, err := filepath.Glob(filepath.Join(suite, "tests", folder, "optional", "format", "*.json"))
		require.NoError(t, err)
		ran, failed := 0, map[string]int{}
		for _, file := range append(optional, formats...) {
			wrong, n, _ := runSuite(t, file, contract.Options{Draft: draft, Resolve: remotes, AssertFormat: strings.Contains(file, "format")})
			ran += n
			if len(wrong) > 0 {
				failed[filepath.Base(file)] = len(wrong)
			}
		}
		t.Logf("%s: of %d optional tests these differ: %v", folder, ran, failed)
	}
}

func runSuite(t *testing.T, file string, opt contract.Options) (wrong []string, ran, planned int) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var cases []suiteCase
	require.NoError(t, json.Unmarshal(text, &cases))
	var j contract.Judge
	for _, c := range cases {
		compiled, err := contract.Compile(c.Description, c.Schema, opt)
		for _, test := range c.Tests {
			ran++
			if err != nil {
				wrong = append(wrong, c.Description+": "+test.Description+": "+err.Error())
				continue
			}
			if yes, _ := compiled.Planned(); yes {
				planned++
			}
			failures := j.Failures(compiled, test.Data)
			require.Equal(t, len(failures) == 0, j.Accepts(compiled, test.Data), "the plan and the library differ: %s: %s: %s", file, c.Description, test.Description)
			if (len(failures) == 0) != test.Valid {
				wrong = append(wrong, c.Description+": "+test.Description)
			}
			for _, f := range failures {
				require.NotEmpty(t, f.Rule)
				require.NotEmpty(t, f.Text)
			}
		}
	}
	return wrong, ran, planned
}

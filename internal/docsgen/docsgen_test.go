package docsgen_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/internal/docsgen"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

type nothing struct{}

func (nothing) Process(context.Context, *service.Message) (service.MessageBatch, error) {
	return nil, nil
}
func (nothing) Close(context.Context) error { return nil }

func environment(t *testing.T) *service.Environment {
	t.Helper()
	env := service.NewEmptyEnvironment()
	spec := service.NewConfigSpec().
		Summary("Judges | what it sees.").
		Description("At length.").
		Fields(
			service.NewDurationField("window").Description("How long it waits.").Default("60s").Examples("1m", "2m"),
			service.NewStringAnnotatedEnumField("mode", map[string]string{"fast": "Quick.", "slow": "Careful."}).Description("How it works.").Advanced().Default("fast"),
			service.NewObjectListField("rules",
				service.NewStringField("name").Description("Its name."),
				service.NewStringField("token").Description("A password.").Secret(),
			).Description("What it goes by."),
		).
		Example("One rule", "The least there is.", "\npipeline:\n  processors:\n    - helios_judge:\n        rules: [{name: a, token: b}]\n")
	construct := func(*service.ParsedConfig, *service.Resources) (service.Processor, error) { return nothing{}, nil }
	require.NoError(t, env.RegisterProcessor("helios_judge", spec, construct))
	require.NoError(t, env.RegisterProcessor("other", service.NewConfigSpec(), construct))
	return env
}

func TestPagesSayWhatTheSpecificationSays(t *testing.T) {
	pages, err := docsgen.Pages(environment(t))
	require.NoError(t, err)
	require.Len(t, pages, 2, "one component is ours, and the index")
	if *rewrite {
		_, err = docsgen.Write("testdata", pages)
		require.NoError(t, err)
	}
	for name, page := range pages {
		golden, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		require.Equal(t, string(golden), string(page), "run the test with -rewrite after a wanted change")
	}
}

func TestWriteMakesTheFolderHoldExactlyThePages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "components")
	pages := map[string][]byte{"a.md": []byte("a"), "b.md": []byte("b")}

	changed, err := docsgen.Write(dir, pages)
	require.NoError(t, err)
	require.Equal(t, []string{"a.md", "b.md"}, changed)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "b.md"), []byte("edited"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "gone.md"), []byte("old"), 0o600))
	stale, err := docsgen.Stale(dir, pages)
	require.NoError(t, err)
	require.Equal(t, []string{"b.md", "gone.md"}, stale)

	changed, err = docsgen.Write(dir, pages)
	require.NoError(t, err)
	require.Equal(t, stale, changed)
	stale, err = docsgen.Stale(dir, pages)
	require.NoError(t, err)
	require.Empty(t, stale)
}

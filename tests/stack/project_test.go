package stack

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// root of the repository, seen from this folder.
const root = "../.."

const (
	minimal = "minimal"
	full    = "full"
)

// secrets makes a .env as `make up` does and returns its path.
func secrets(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), ".env")
	runSecrets(t, file)
	return file
}

func runSecrets(t *testing.T, file string) string {
	t.Helper()
	cmd := exec.Command("sh", filepath.Join(root, "deploy/compose/secrets.sh"))
	cmd.Env = append(os.Environ(), "ENV_FILE="+file)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// load reads docker-compose.yml as `docker compose` does with a profile, with the
// secrets of file and otherwise nothing of the environment.
func load(t *testing.T, profile, file string) *types.Project {
	t.Helper()
	env, err := dotenv.Read(file)
	require.NoError(t, err)
	var variables []string
	for name, value := range env {
		if name != "COMPOSE_PROFILES" {
			variables = append(variables, name+"="+value)
		}
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithWorkingDirectory(root), cli.WithEnv(variables), cli.WithProfiles([]string{profile}), cli.WithResolvedPaths(true))
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return project
}

// text of a file of the repository.
func text(t *testing.T, path ...string) string {
	t.Helper()
	bytes, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	require.NoError(t, err)
	return string(bytes)
}

// names of services, as a set.
func names(p *types.Project) string { return strings.Join(p.ServiceNames(), " ") }

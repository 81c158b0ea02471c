package stack

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// memory of a laptop of 8 GB that containers may take (bytes).
const memory = 6_500_000_000

var (
	// exactTag has a full version or a release's date, and is no moving name.
	// (PostgreSQL's have two numbers).
	exactTag = regexp.MustCompile(`^postgres:\d+\.\d+-alpine$|:(v?\d+\.\d+\.\d+(-alpine|-bookworm)?|RELEASE\.\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)$`)
	variable = regexp.MustCompile(`\$\{([A-Z_]+)(:[-?][^}]*)?\}`)
)

// oneShots do their work and end: nobody asks for their health.
var oneShots = []string{"contracts", "topics", "volume-owner"}

func TestTheProfilesHoldWhatTheyPromise(t *testing.T) {
	file := secrets(t)
	require.Equal(t, "contracts grafana helios postgres prometheus redpanda serve simulator topics", names(load(t, minimal, file)))
	require.Equal(t, "alertmanager console contracts grafana helios minio postgres prometheus redis redpanda serve simulator tempo topics volume-owner", names(load(t, full, file)))
}

// each runs a check for each service of both profiles.
func each(t *testing.T, check func(t *testing.T, p *types.Project, s types.ServiceConfig)) {
	t.Helper()
	file := secrets(t)
	for _, profile := range []string{minimal, full} {
		p := load(t, profile, file)
		for _, name := range p.ServiceNames() {
			t.Run(profile+"/"+name, func(t *testing.T) { check(t, p, p.Services[name]) })
		}
	}
}

func TestEveryImageHasAnExactVersion(t *testing.T) {
	each(t, func(t *testing.T, _ *types.Project, s types.ServiceConfig) {
		if s.Build != nil {
			require.Equal(t, "helios-connect:local", s.Image)
			return
		}
		require.Regexp(t, exactTag, s.Image)
	})
	for _, image := range []string{"redis", "redis:latest", "redis:7", "redis:7.4-alpine", "grafana/grafana:main"} {
		require.NotRegexp(t, exactTag, image)
	}
	for line := range strings.Lines(text(t, "Dockerfile")) {
		if from, ok := strings.CutPrefix(strings.TrimSpace(line), "FROM "); ok && !strings.HasPrefix(from, "gcr.io/distroless/static-debian12:nonroot") {
			require.Regexp(t, exactTag, strings.Fields(from)[0]) // distroless has no versions
		}
	}
}

func TestEveryServiceIsAskedForItsHealth(t *testing.T) {
	each(t, func(t *testing.T, _ *types.Project, s types.ServiceConfig) {
		if slices.Contains(oneShots, s.Name) {
			require.Equal(t, "on-failure:10", s.Restart)
			return
		}
		require.Equal(t, "unless-stopped", s.Restart)
		require.NotNil(t, s.HealthCheck)
		require.False(t, s.HealthCheck.Disable)
		require.Greater(t, len(s.HealthCheck.Test), 1)
		require.NotNil(t, s.HealthCheck.Interval)
		require.NotNil(t, s.HealthCheck.Timeout)
		require.NotNil(t, s.HealthCheck.Retries)
	})
}

func TestTheMemoryFitsALaptop(t *testing.T) {
	file := secrets(t)
	for _, profile := range []string{minimal, full} {
		var sum int64
		p := load(t, profile, file)
		for name, s := range p.Services {
			require.Positive(t, int64(s.MemLimit), name)
			sum += int64(s.MemLimit)
		}
		t.Logf("%s: %d MB", profile, sum/1_000_000)
		require.Less(t, sum, int64(memory), profile)
	}
}

func TestNothingIsPublishedBeyondThisMachine(t *testing.T) {
	each(t, func(t *testing.T, _ *types.Project, s types.ServiceConfig) {
		for _, port := range s.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, "port %s", port.Published)
			require.NotEqual(t, uint32(4195), port.Target, "the HTTP server of the streams is published")
		}
		require.NotEqual(t, "host", s.NetworkMode)
	})
}

func TestServicesCanDoLittle(t *testing.T) {
	each(t, func(t *testing.T, _ *types.Project, s types.ServiceConfig) {
		require.Contains(t, s.SecurityOpt, "no-new-privileges:true")
		require.False(t, s.Privileged)
		if s.Name == "redpanda" { // writes its own /etc/redpanda
			require.False(t, s.ReadOnly)
		} else {
			require.True(t, s.ReadOnly)
			require.Equal(t, []string{"ALL"}, s.CapDrop)
		}
		if s.Name == "volume-owner" { // root with one capability, for a moment and without a network
			require.Equal(t, []string{"CHOWN"}, s.CapAdd)
			require.Equal(t, "none", s.NetworkMode)
			return
		}
		require.Empty(t, s.CapAdd)
		require.Regexp(t, `^[1-9]\d*(:\d+)?$`, s.User)
	})
}

func TestEveryMountedFileExistsAndIsReadOnly(t *testing.T) {
	each(t, func(t *testing.T, p *types.Project, s types.ServiceConfig) {
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeVolume {
				require.Contains(t, p.Volumes, v.Source)
				continue
			}
			require.Equal(t, types.VolumeTypeBind, v.Type)
			require.True(t, v.ReadOnly, v.Source)
			_, err := os.Stat(v.Source)
			require.NoError(t, err)
		}
	})
}

func TestEveryDependencyCanBeMet(t *testing.T) {
	each(t, func(t *testing.T, p *types.Project, s types.ServiceConfig) {
		for name, d := range s.DependsOn {
			other, there := p.Services[name]
			if !there {
				require.False(t, d.Required, "%s depends on %s", s.Name, name)
				continue
			}
			if slices.Contains(oneShots, name) {
				require.Equal(t, types.ServiceConditionCompletedSuccessfully, d.Condition)
			} else {
				require.Equal(t, types.ServiceConditionHealthy, d.Condition)
				require.NotNil(t, other.HealthCheck)
			}
		}
	})
}

func TestEveryVariableHasADefaultAndIsExplained(t *testing.T) {
	example := text(t, "deploy/compose/.env.example")
	explained := func(name string) bool {
		return regexp.MustCompile(`(?m)^(# )?` + name + `=`).MatchString(example)
	}
	found := variable.FindAllStringSubmatch(text(t, "docker-compose.yml"), -1)
	require.Greater(t, len(found), 30)
	for _, v := range found {
		require.True(t, explained(v[1]), "%s is not in deploy/compose/.env.example", v[1])
		require.NotEmpty(t, v[2], "%s has neither a default nor a reason to ask for it", v[1])
	}
	// What is passed on as it is.
	for _, v := range regexp.MustCompile(`(?m)^      ([A-Z_]+):$`).FindAllStringSubmatch(text(t, "docker-compose.yml"), -1) {
		require.True(t, explained(v[1]), "%s is not in deploy/compose/.env.example", v[1])
	}
}

func TestSecretsAreMadeOnceAndAreNeverTheSame(t *testing.T) {
	first, second := secrets(t), secrets(t)
	made, err := os.ReadFile(first)
	require.NoError(t, err)
	other, err := os.ReadFile(second)
	require.NoError(t, err)
	secret := regexp.MustCompile(`(?m)^([A-Z_]+)=([0-9a-f]{48})$`)
	found := secret.FindAllStringSubmatch(string(made), -1)
	require.Len(t, found, 11)
	seen := map[string]bool{}
	for _, s := range found {
		require.False(t, seen[s[2]], "two secrets are the same")
		seen[s[2]] = true
		require.NotContains(t, string(other), s[2])
	}
	require.NotContains(t, string(made), "=generate")
	info, err := os.Stat(first)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	require.Empty(t, runSecrets(t, first), "a complete file changes")
	without := strings.Replace(string(made), found[3][0]+"\n", "", 1)
	require.NoError(t, os.WriteFile(first, []byte(without), 0o600))
	require.Equal(t, "Added "+found[3][1]+" to .env.\n", runSecrets(t, first))
	after, err := os.ReadFile(first)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(after), without))
	require.Regexp(t, found[3][1]+"=[0-9a-f]{48}\n$", string(after))
}

func TestSecretsAreNotCommittedAndNotInTheImage(t *testing.T) {
	out, err := exec.Command("git", "-C", root, "check-ignore", ".env").CombinedOutput()
	require.NoError(t, err, "git does not ignore .env: %s", out)
	lines := strings.Split(text(t, ".dockerignore"), "\n")
	require.Contains(t, lines, "*")
	require.Contains(t, lines, "**/.env")
}

// The image holds what the command lines name.
func TestTheImageHoldsWhatTheServicesName(t *testing.T) {
	file := text(t, "Dockerfile")
	ignored := strings.Split(text(t, ".dockerignore"), "\n")
	for _, folder := range []string{"config", "pipelines", "deploy/compose/simulator"} {
		require.Contains(t, file, "COPY "+folder+" "+folder+"\n")
		require.Contains(t, ignored, "!"+folder)
	}
	for _, path := range []string{"config/service.yaml", "deploy/compose/simulator/push.yaml", "config/schemas"} {
		_, err := os.Stat(filepath.Join(root, path))
		require.NoError(t, err)
	}
	require.Contains(t, file, "USER 65532:65532\n")
	require.Contains(t, file, `ENTRYPOINT ["/usr/local/bin/helios-connect"]`)
	require.Contains(t, file, `CMD ["start"]`)
}

// Without Docker the commands of the Makefile say so.
func TestWithoutDockerItSaysWhatToDo(t *testing.T) {
	nothing := t.TempDir()
	for _, program := range []string{"sh", "dirname"} {
		path, err := exec.LookPath(program)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(nothing, program)))
	}
	run := func(args ...string) string {
		cmd := exec.Command("/bin/sh", append([]string{filepath.Join(root, "deploy/compose/compose.sh")}, args...)...)
		cmd.Env = []string{"PATH=" + nothing}
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		return string(out)
	}
	require.Contains(t, run("", "up"), "Docker is not installed")
	require.Contains(t, run("", "up"), "make demo")
	require.Contains(t, run("tiny", "up"), `PROFILE is "tiny"; allowed are minimal and full`)
}

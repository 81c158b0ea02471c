package stack

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// lookFor finds a program in PATH or where a distribution puts it. Without it the test
// is skipped, unless HELIOS_REQUIRE_SERVERS=1 makes that a failure.
func lookFor(t *testing.T, program string, patterns ...string) string {
	t.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, pattern := range patterns {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	if os.Getenv("HELIOS_REQUIRE_SERVERS") == "1" {
		t.Fatalf("%s is not installed, and HELIOS_REQUIRE_SERVERS=1 asks for it", program)
	}
	t.Skipf("%s is not installed: skipped; HELIOS_REQUIRE_SERVERS=1 makes this a failure", program)
	return ""
}

func TestPrometheusTakesItsConfiguration(t *testing.T) {
	promtool := lookFor(t, "promtool")
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(config, []byte(text(t, "deploy/compose/prometheus/prometheus.yml")), 0o600))
	require.NoError(t, os.CopyFS(filepath.Join(dir, "rules"), os.DirFS(filepath.Join(root, "deploy/prometheus"))))
	out, err := exec.Command(promtool, "check", "config", config).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "is valid prometheus config")

	// The patterns find rules, and a rule that is wrong.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules", "seeded.rules.yaml"),
		[]byte("groups: [{name: g, rules: [{record: a, expr: 'sum('}]}]"), 0o600))
	out, err = exec.Command(promtool, "check", "config", config).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "seeded.rules.yaml")
}

// Every target is a service of the stack; the names that a container has there.
func TestPrometheusScrapesServicesOfTheStack(t *testing.T) {
	var config struct {
		Scrape []struct {
			Job    string                       `yaml:"job_name"`
			Static []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(text(t, "deploy/compose/prometheus/prometheus.yml")), &config))
	p := load(t, full, secrets(t))
	jobs := 0
	for _, job := range config.Scrape {
		for _, s := range job.Static {
			for _, target := range s.Targets {
				jobs++
				host, _, _ := strings.Cut(target, ":")
				if host != "localhost" {
					require.Contains(t, p.Services, host)
				}
			}
		}
	}
	require.Equal(t, 8, jobs)
	require.Contains(t, p.Services["prometheus"].Command, "--enable-feature=exemplar-storage,expand-external-labels")
}

// The real Prometheus starts with the configuration and the command line of the
// service, and answers what its health check asks.
func TestPrometheusStartsAsTheServiceDoes(t *testing.T) {
	program := lookFor(t, "prometheus")
	s := load(t, full, secrets(t)).Services["prometheus"]
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(text(t, "deploy/compose/prometheus/prometheus.yml")), 0o600))
	require.NoError(t, os.CopyFS(filepath.Join(dir, "rules"), os.DirFS(filepath.Join(root, "deploy/prometheus"))))
	address := free(t)
	args := []string{"--web.listen-address=" + address}
	for _, arg := range s.Command {
		arg = strings.Replace(arg, "/etc/prometheus", dir, 1)
		args = append(args, strings.Replace(arg, "=/prometheus", "="+filepath.Join(dir, "data"), 1))
	}
	start(t, exec.Command(program, args...)).awaitURL(t, "http://"+address+"/-/ready")
}

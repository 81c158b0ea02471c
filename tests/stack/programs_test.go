package stack

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/helios-connect/helios/tests/program"
)

func TestPrometheusTakesItsConfiguration(t *testing.T) {
	promtool := program.Find(t, "promtool")
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
	server := program.Find(t, "prometheus")
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
	start(t, exec.Command(server, args...)).awaitURL(t, "http://"+address+"/-/ready")
}

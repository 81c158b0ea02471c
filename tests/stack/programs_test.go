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
	require.Equal(t, 7, jobs)
	require.Contains(t, p.Services["prometheus"].Command, "--enable-feature=exemplar-storage")
}

// completed runs start.sh and returns the configuration that it wrote.
func completed(t *testing.T, env ...string) (file, out string, err error) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("sh", filepath.Join(root, "deploy/compose/alertmanager/start.sh"))
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "RUN_DIR=" + dir, "CONFIG_DIR=" + filepath.Join(root, "deploy/compose/alertmanager")}, env...)
	text, err := cmd.CombinedOutput()
	return filepath.Join(dir, "alertmanager.yml"), string(text), err
}

func TestAlertmanagerTakesItsConfigurationWhateverIsConfigured(t *testing.T) {
	amtool := lookFor(t, "amtool")
	check := func(file string) string {
		out, err := exec.Command(amtool, "check-config", file).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	check(filepath.Join(root, "deploy/compose/alertmanager/alertmanager.yml"))
	for name, env := range map[string][]string{
		"nobody":    nil,
		"slack":     {"ALERT_SLACK_URL=https://hooks.example.com/s3cret", "ALERT_SLACK_CHANNEL=#it's"},
		"pagerduty": {"ALERT_PAGERDUTY_KEY=s3cret"},
		"webhook":   {"ALERT_WEBHOOK_URL=https://example.com/hook?a='b'"},
		"e-mail":    {"ALERT_EMAIL_TO=a@example.com", "ALERT_EMAIL_FROM=b@example.com", "ALERT_EMAIL_SMARTHOST=smtp.example.com:587", "ALERT_EMAIL_USER=u", "ALERT_EMAIL_PASSWORD=p'w: #x"},
		"everybody": {"ALERT_SLACK_URL=https://hooks.example.com/s3cret", "ALERT_PAGERDUTY_KEY=k", "ALERT_WEBHOOK_URL=https://example.com", "ALERT_EMAIL_TO=a@example.com", "ALERT_EMAIL_FROM=b@example.com", "ALERT_EMAIL_SMARTHOST=smtp.example.com:587"},
	} {
		t.Run(name, func(t *testing.T) {
			file, out, err := completed(t, env...)
			require.NoError(t, err, out)
			require.Contains(t, check(file), "1 receivers")
			info, err := os.Stat(file)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
			written, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NotContains(t, string(written), "s3cret")
		})
	}
	_, out, err := completed(t, "ALERT_EMAIL_TO=a@example.com")
	require.Error(t, err)
	require.Contains(t, out, "needs ALERT_EMAIL_FROM and ALERT_EMAIL_SMARTHOST")
}

// The real Alertmanager starts with the command line of the service and answers what
// its health check asks.
func TestAlertmanagerStartsAsTheServiceDoes(t *testing.T) {
	program := lookFor(t, "prometheus-alertmanager", "/usr/local/bin/alertmanager")
	s := load(t, full, secrets(t)).Services["alertmanager"]
	address, cluster := free(t), ""
	command := []string{"sh", filepath.Join(root, "deploy/compose/alertmanager/start.sh"), program}
	for _, arg := range s.Command[1:] {
		command = append(command, strings.ReplaceAll(arg, "=/alertmanager", "="+t.TempDir()))
	}
	p := start(t, exec.Command(command[0], append(command[1:], "--web.listen-address="+address, "--cluster.listen-address="+cluster)...),
		"RUN_DIR="+t.TempDir(), "CONFIG_DIR="+filepath.Join(root, "deploy/compose/alertmanager"))
	p.awaitURL(t, "http://"+address+"/-/ready")
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

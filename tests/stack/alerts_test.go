package stack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/grafana/alerts"
	"github.com/helios-connect/helios/tests/program"
)

// ways of telling people, each with what switches it on. Secrets hold s3cret.
var ways = []struct{ name, settings string }{
	{"slack", "ALERT_SLACK_URL=https://hooks.example.com/s3cret|ALERT_SLACK_CHANNEL=#alerts"},
	{"pagerduty", "ALERT_PAGERDUTY_KEY=s3cret78901234567890123456789012"},
	{"webhook", "ALERT_WEBHOOK_URL=https://example.com/hook?a='b'&c=%20"},
	{"email", "ALERT_EMAIL_TO=a@example.com,b+c@example.com|ALERT_EMAIL_FROM=h@example.com|ALERT_EMAIL_SMARTHOST=smtp.example.com:587|ALERT_EMAIL_USER=u|ALERT_EMAIL_PASSWORD=p'w: #s3cret"},
}

// everyCombination runs a check with each of the 16 combinations of ways.
func everyCombination(t *testing.T, check func(t *testing.T, on []string, env []string)) {
	t.Helper()
	for set := range 1 << len(ways) {
		var on, env []string
		for i, way := range ways {
			if set&(1<<i) != 0 {
				on, env = append(on, way.name), append(env, strings.Split(way.settings, "|")...)
			}
		}
		t.Run("only "+strings.Join(on, " and "), func(t *testing.T) { check(t, on, env) })
	}
}

// inContainer makes the folder that a start script finds in its container.
func inContainer(t *testing.T, service string) (config string) {
	t.Helper()
	config = filepath.Join(t.TempDir(), "config")
	copied := func(from, to string) {
		require.NoError(t, os.CopyFS(filepath.Join(config, to), os.DirFS(filepath.Join(root, from))))
	}
	receivers := filepath.Join(config, "receivers.sh")
	if service == "alertmanager" {
		copied("deploy/compose/alertmanager", "")
		receivers = filepath.Join(filepath.Dir(config), "receivers.sh")
	} else {
		copied("deploy/grafana/provisioning", "provisioning")
		copied("deploy/grafana/contacts", "contacts")
	}
	require.NoError(t, os.WriteFile(receivers, []byte(text(t, "deploy/compose/receivers.sh")), 0o600))
	return config
}

// started runs a service's start script with a command that prints its environment.
func started(t *testing.T, service string, env ...string) (run, out string, err error) {
	t.Helper()
	run = filepath.Join(t.TempDir(), "run")
	cmd := exec.Command("sh", filepath.Join(root, "deploy/compose", service, "start.sh"))
	if service == "grafana" {
		cmd.Args = append(cmd.Args, "env")
	}
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "RUN_DIR=" + run, "CONFIG_DIR=" + inContainer(t, service)}, env...)
	printed, err := cmd.CombinedOutput()
	return run, string(printed), err
}

func TestAlertmanagerTakesItsConfigurationWhateverIsConfigured(t *testing.T) {
	amtool := program.Find(t, "amtool")
	everyCombination(t, func(t *testing.T, on, env []string) {
		run, out, err := started(t, "alertmanager", append(env, "ALERT_SENDER=alertmanager")...)
		require.NoError(t, err, out)
		file := filepath.Join(run, "alertmanager.yml")
		checked, err := exec.Command(amtool, "check-config", file).CombinedOutput()
		require.NoError(t, err, "%s", checked)
		require.Contains(t, string(checked), "2 receivers")
		require.Contains(t, string(checked), fmt.Sprintf("%d inhibit rules", len(alerts.Inhibitions())))
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		written, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(written), "s3cret")
		// Pages go to all, tickets to all but PagerDuty, unless there is nothing else.
		page, ticket, found := strings.Cut(strings.SplitAfter(string(written), "receivers:\n")[1], "- name: ticket")
		require.True(t, found)
		for _, way := range ways {
			is := slices.Contains(on, way.name)
			require.Equal(t, is, strings.Contains(page, way.name+"_configs"), "page by %s", way.name)
			if way.name == "pagerduty" {
				is = is && len(on) == 1
			}
			require.Equal(t, is, strings.Contains(ticket, way.name+"_configs"), "ticket by %s", way.name)
		}
	})
	run, out, err := started(t, "alertmanager", "ALERT_SENDER=grafana", "ALERT_WEBHOOK_URL=https://example.com")
	require.NoError(t, err, out)
	written, err := os.ReadFile(filepath.Join(run, "alertmanager.yml"))
	require.NoError(t, err)
	require.NotContains(t, string(written), "webhook_configs", "Grafana tells people, and so would Alertmanager")
}

// Grafana gets the files of those contact points whose variables are set, and is told
// to forget the others.
func TestGrafanaGetsTheContactPointsThatAreConfigured(t *testing.T) {
	everyCombination(t, func(t *testing.T, on, env []string) {
		run, out, err := started(t, "grafana", env...)
		require.NoError(t, err, out)
		require.Contains(t, out, "GF_PATHS_PROVISIONING="+run+"\n")
		require.Equal(t, slices.Contains(on, "email"), strings.Contains(out, "GF_SMTP_ENABLED=true\n"))
		want := []string{"helios.json"}
		file := func(name string, is bool) {
			if !is {
				name += ".off"
			}
			want = append(want, name+".json")
		}
		for _, way := range ways {
			file(way.name, slices.Contains(on, way.name))
		}
		file("pagerduty-tickets", len(on) == 1 && on[0] == "pagerduty")
		file("policy", len(on) > 0)
		files, err := filepath.Glob(filepath.Join(run, "alerting", "*"))
		require.NoError(t, err)
		var found []string
		for _, path := range files {
			found = append(found, filepath.Base(path))
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NotContains(t, string(content), "s3cret")
		}
		slices.Sort(want)
		require.Equal(t, want, found)
		for _, other := range []string{"dashboards/helios.yaml", "datasources/helios.yaml"} {
			_, err := os.Stat(filepath.Join(run, other))
			require.NoError(t, err)
		}
	})
	run, out, err := started(t, "grafana", "ALERT_SENDER=alertmanager", "ALERT_WEBHOOK_URL=https://example.com")
	require.NoError(t, err, out)
	_, err = os.Stat(filepath.Join(run, "alerting/webhook.off.json"))
	require.NoError(t, err, "Alertmanager tells people, and so would Grafana")
}

func TestAWrongReceiverIsNamedAndItsValueIsNotShown(t *testing.T) {
	mail := "ALERT_EMAIL_FROM=h@example.com|ALERT_EMAIL_SMARTHOST=smtp.example.com:587|"
	for settings, complaint := range map[string]string{
		"ALERT_SLACK_URL=s3cret":                                    "ALERT_SLACK_URL is no URL",
		"ALERT_SLACK_URL=ftp://example.com/s3cret":                  "ALERT_SLACK_URL is no URL",
		"ALERT_SLACK_URL=https://":                                  "ALERT_SLACK_URL is no URL",
		"ALERT_SLACK_URL=https://example.com/s3cret $HOME":          "ALERT_SLACK_URL holds a character that no URL has",
		"ALERT_SLACK_URL=https://example.com/s3cret\nglobal: x":     "ALERT_SLACK_URL holds a character that no URL has",
		"ALERT_WEBHOOK_URL=example.com/s3cret":                      "ALERT_WEBHOOK_URL is no URL",
		"ALERT_WEBHOOK_URL=https://example.com/s3cret\"}":           "ALERT_WEBHOOK_URL holds a character that no URL has",
		"ALERT_SLACK_CHANNEL=two s3crets":                           "ALERT_SLACK_CHANNEL is no channel",
		"ALERT_PAGERDUTY_KEY=s3cret":                                "ALERT_PAGERDUTY_KEY has 6 characters; an integration key has 32",
		"ALERT_PAGERDUTY_KEY=s3cret789012345678901234567890123":     "ALERT_PAGERDUTY_KEY has 33 characters",
		"ALERT_PAGERDUTY_KEY=s3cret-8901234567890123456789012":      "ALERT_PAGERDUTY_KEY is no integration key",
		"ALERT_EMAIL_TO=a@example.com":                              "needs ALERT_EMAIL_FROM and ALERT_EMAIL_SMARTHOST",
		mail + "ALERT_EMAIL_TO=s3cret":                              "ALERT_EMAIL_TO is no mail address",
		mail + "ALERT_EMAIL_TO=a@example.com,s3cret":                "ALERT_EMAIL_TO is no mail address",
		mail + "ALERT_EMAIL_TO=a@example.com,":                      "ALERT_EMAIL_TO is no mail address",
		mail + "ALERT_EMAIL_TO=a@b@example.com":                     "ALERT_EMAIL_TO is no mail address",
		mail + "ALERT_EMAIL_TO=S <a@example.com>":                   "ALERT_EMAIL_TO holds a character that no mail address has",
		mail + "ALERT_EMAIL_TO=a@example.com|ALERT_EMAIL_FROM=x":    "ALERT_EMAIL_FROM is no mail address",
		mail + "ALERT_EMAIL_TO=a@b.c|ALERT_EMAIL_SMARTHOST=smtp":    "ALERT_EMAIL_SMARTHOST is no host and port",
		mail + "ALERT_EMAIL_TO=a@b.c|ALERT_EMAIL_SMARTHOST=smtp:x1": "ALERT_EMAIL_SMARTHOST is no host and port",
		"ALERT_SENDER=both":                                         `ALERT_SENDER is "both"; allowed are grafana and alertmanager`,
	} {
		for _, service := range []string{"alertmanager", "grafana"} {
			run, out, err := started(t, service, strings.Split(settings, "|")...)
			require.Error(t, err, settings)
			require.Contains(t, out, complaint, settings)
			require.NotContains(t, out, "s3cret")
			_, err = os.Stat(run)
			require.ErrorIs(t, err, os.ErrNotExist, "nothing is written before everything is checked")
		}
	}
}

// startAlertmanager starts the real program as the service does. change replaces
// texts of its configuration.
func startAlertmanager(t *testing.T, change *strings.Replacer, env ...string) (address string, p *process) {
	t.Helper()
	server := program.Find(t, "prometheus-alertmanager", "/usr/local/bin/alertmanager")
	s := load(t, full, secrets(t)).Services["alertmanager"]
	config := inContainer(t, "alertmanager")
	file := filepath.Join(config, "alertmanager.yml")
	require.NoError(t, os.WriteFile(file, []byte(change.Replace(text(t, "deploy/compose/alertmanager/alertmanager.yml"))), 0o600))
	address = free(t)
	command := []string{"sh", filepath.Join(config, "start.sh"), server}
	for _, arg := range s.Command[1:] {
		command = append(command, strings.ReplaceAll(arg, "=/alertmanager", "="+t.TempDir()))
	}
	p = start(t, exec.Command(command[0], append(command[1:], "--web.listen-address="+address, "--cluster.listen-address=")...),
		append(env, "RUN_DIR="+t.TempDir(), "CONFIG_DIR="+config)...)
	p.awaitURL(t, "http://"+address+"/-/ready")
	return address, p
}

// The real Alertmanager starts with the command line of the service and answers what
// its health check asks.
func TestAlertmanagerStartsAsTheServiceDoes(t *testing.T) {
	startAlertmanager(t, strings.NewReplacer())
}

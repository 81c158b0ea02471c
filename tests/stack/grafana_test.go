package stack

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An absent variable in a contact point keeps Grafana from starting, and one in a data
// source makes it empty.
func TestGrafanaGetsWhatItsProvisioningAsksFor(t *testing.T) {
	environment := load(t, minimal, secrets(t)).Services["grafana"].Environment
	asked := regexp.MustCompile(`\$\{([A-Z][A-Z_]+)\}|\$([A-Z][A-Z_]+)`)
	folder := filepath.Join(root, "deploy/grafana")
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.Contains(path, "dashboards") && strings.HasSuffix(path, ".json") {
			return err
		}
		content, err := os.ReadFile(path)
		for _, found := range asked.FindAllStringSubmatch(string(content), -1) {
			name := found[1] + found[2]
			require.Contains(t, environment, name, "%s asks for %s", path, name)
			require.NotNil(t, environment[name], "%s asks for %s", path, name)
		}
		return err
	}))
}

// Whoever opens it sees first what is wrong, may look without signing in, and signs in
// to change something.
func TestGrafanaOpensWithTheOverviewAndHasAnOperator(t *testing.T) {
	environment := load(t, minimal, secrets(t)).Services["grafana"].Environment
	home := *environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	require.Equal(t, "/etc/helios/dashboards", filepath.Dir(home))
	_, err := os.Stat(filepath.Join(root, "deploy/grafana/dashboards", filepath.Base(home)))
	require.NoError(t, err)
	require.Equal(t, "operator", *environment["GF_SECURITY_ADMIN_USER"])
	require.Regexp(t, "^[0-9a-f]{48}$", *environment["GF_SECURITY_ADMIN_PASSWORD"])
	require.Equal(t, "grafana", *environment["HELIOS_GRAFANA_DB_USER"])
}

// What GRAFANA_DB_PASSWORD is for one side must be the password of the other.
func TestGrafanaSignsInWithThePasswordOfItsRole(t *testing.T) {
	p := load(t, minimal, secrets(t))
	require.Equal(t, p.Services["postgres"].Environment["GRAFANA_DB_PASSWORD"], p.Services["grafana"].Environment["HELIOS_GRAFANA_DB_PASSWORD"])
	require.Contains(t, *p.Services["helios"].Environment["HELIOS_STORE_DSN"], *p.Services["postgres"].Environment["HELIOS_DB_PASSWORD"])
}

// The settings that dashboards and their buttons rest on.
func TestGrafanasSettingsAreThoseThatDashboardsNeed(t *testing.T) {
	section, settings := "", map[string]string{}
	for line := range strings.Lines(text(t, "deploy/compose/grafana/grafana.ini")) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
		} else if name, value, ok := strings.Cut(line, " = "); ok && !strings.HasPrefix(line, ";") {
			settings[section+"."+name] = value
		}
	}
	for name, want := range map[string]string{
		"auth.anonymous.enabled":          "true",
		"auth.anonymous.org_role":         "Viewer",
		"security.csrf_always_check":      "true",
		"security.allow_embedding":        "true",
		"security.actions_allow_post_url": "/api/datasources/proxy/uid/helios/*",
		"dataproxy.send_user_header":      "true",
		"dashboards.min_refresh_interval": "1s",
		"users.allow_sign_up":             "false",
		// Nothing is fetched from outside.
		"plugins.preinstall_disabled":           "true",
		"plugins.public_key_retrieval_disabled": "true",
		"feature_toggles.enable":                "prometheusSpecialCharsInLabelValues",
	} {
		require.Equal(t, want, settings[name], name)
	}
}

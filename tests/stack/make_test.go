package stack

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// makeUp runs what `make up` runs in a folder of its own, with a docker that only says
// how it was called.
func makeUp(t *testing.T, folder, profile, action string) string {
	t.Helper()
	programs := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(programs, "docker"), []byte(`#!/bin/sh
case "$*" in "compose version" | info) exit 0 ;; esac
echo "docker $* profiles=$COMPOSE_PROFILES dedupe=${HELIOS_DEDUPE:-of .env} sender=${ALERT_SENDER:-of .env} grafana=${GRAFANA_URL:-}"
`), 0o755))
	cmd := exec.Command("sh", filepath.Join(folder, "deploy/compose/compose.sh"), profile, action)
	cmd.Env = []string{"PATH=" + programs + ":" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// Whoever mistypes an address learns it where he stands, and not from a container's log.
func TestMakeUpSaysWhichReceiverIsWrong(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"compose.sh", "secrets.sh", "receivers.sh", ".env.example"} {
		to := filepath.Join(folder, "deploy/compose", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
		require.NoError(t, os.WriteFile(to, []byte(text(t, "deploy/compose", name)), 0o755))
	}
	env := filepath.Join(folder, ".env")
	require.NoError(t, os.WriteFile(env, []byte("ALERT_SLACK_CHANNEL=\"#alerts\"\nALERT_PAGERDUTY_KEY=s3cret\n"), 0o600))
	programs := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(programs, "docker"), []byte("#!/bin/sh\nexit 0\n"), 0o755))
	cmd := exec.Command("sh", filepath.Join(folder, "deploy/compose/compose.sh"), "", "up")
	cmd.Env = []string{"PATH=" + programs + ":" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "ALERT_PAGERDUTY_KEY has 6 characters; an integration key has 32")
	require.NotContains(t, string(out), "s3cret")
}

func TestMakeUpNeedsNoManualStep(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"compose.sh", "secrets.sh", "receivers.sh", ".env.example"} {
		to := filepath.Join(folder, "deploy/compose", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
		require.NoError(t, os.WriteFile(to, []byte(text(t, "deploy/compose", name)), 0o755))
	}
	out := makeUp(t, folder, "", "up")
	require.Contains(t, out, "Made .env with random secrets")
	require.Contains(t, out, "docker compose up --detach --build --remove-orphans profiles=full dedupe=of .env sender=of .env grafana=http://127.0.0.1:3000\n")
	require.Contains(t, out, "API         http://127.0.0.1:8088")
	require.Contains(t, out, "Grafana     http://127.0.0.1:3000")
	require.Contains(t, out, "Console     http://127.0.0.1:8080")

	// There is no Redis in the small one, which so must not look for duplicates in it.
	out = makeUp(t, folder, "minimal", "up")
	require.Contains(t, out, "profiles=minimal dedupe=none sender=grafana")
	require.NotContains(t, out, "Made .env")
	require.NotContains(t, out, "Console")
	env := filepath.Join(folder, ".env")
	settings, err := os.ReadFile(env)
	require.NoError(t, err)
	changed := strings.NewReplacer("COMPOSE_PROFILES=full", "COMPOSE_PROFILES=minimal", "# GRAFANA_PORT=3000", "GRAFANA_PORT=3333").Replace(string(settings))
	require.NoError(t, os.WriteFile(env, []byte(changed), 0o600))
	out = makeUp(t, folder, "", "up")
	require.Contains(t, out, "profiles=minimal dedupe=none")
	require.Contains(t, out, "Grafana     http://127.0.0.1:3333")
	require.Contains(t, makeUp(t, folder, "full", "up"), "profiles=full dedupe=redis")

	require.Contains(t, makeUp(t, folder, "full", "up"), "grafana=http://127.0.0.1:3333")
	require.Contains(t, makeUp(t, folder, "", "down"), "docker compose down --remove-orphans profiles=full")
	require.Contains(t, makeUp(t, folder, "", "logs"), "docker compose logs --follow --tail 100")
}

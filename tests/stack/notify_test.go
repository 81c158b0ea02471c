package stack

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/grafana/alerts"
	"github.com/helios-connect/helios/tests/program"
)

// notification is what Alertmanager sends to a webhook.
type notification struct {
	Receiver    string
	GroupLabels map[string]string
	Alerts      []struct {
		Status              string
		Labels, Annotations map[string]string
	}
}

// told is whether it says of an alert that it is firing, or resolved.
func (n notification) told(alert, status string) bool {
	for _, a := range n.Alerts {
		if a.Labels["alertname"] == alert && a.Status == status {
			return true
		}
	}
	return false
}

// inbox collects the notifications of a webhook.
type inbox struct {
	mu  sync.Mutex
	all []notification
}

func (b *inbox) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var n notification
	raw, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(raw, &n)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.all = append(b.all, n)
	}
}

// about are the notifications of a cause and a cloud.
func (b *inbox) about(cause alerts.Cause, participant string) (found []notification) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.all {
		if n.GroupLabels[alerts.LabelCause] == string(cause) && n.GroupLabels["participant"] == participant {
			found = append(found, n)
		}
	}
	return found
}

// A cloud of the running demo stalls: the real Prometheus notices by the real rules,
// and the real Alertmanager tells it once, with the page to read and the panel to look
// at, to those who are paged. When the cloud speaks again, it tells that too. Waiting
// times are shortened; nothing else is.
func TestAStalledCloudIsToldOnceAndTakenBack(t *testing.T) {
	prometheus := program.Find(t, "prometheus")
	var box inbox
	hook := httptest.NewServer(&box)
	t.Cleanup(hook.Close)
	manager, _ := startAlertmanager(t, strings.NewReplacer("group_interval: 1m", "group_interval: 3s"),
		"ALERT_SENDER=alertmanager", "ALERT_WEBHOOK_URL="+hook.URL)
	demo := free(t)
	// Enough events for no clock of a rare type to fall silent by itself.
	running := start(t, exec.Command(binary, "demo", "--rate", "800", "--faults", "0", "--api-port", "0", "--data-dir", t.TempDir(), "--port", demo[strings.LastIndex(demo, ":")+1:]))
	running.awaitURL(t, "http://"+demo+"/ready")
	server, watcher := startWatching(t, prometheus, demo, manager)

	const cloud = "gcp"
	heard := `count(helios_reconcile_participant_stalled == 0) >= 3 and on () sum(helios_reconcile_verdicts_total) > 500`
	watcher.await(t, "verdicts on all clouds", func() bool { return strings.Contains(query(server, heard), `"value"`) })

	stream := "http://" + demo + "/streams/ingest-" + cloud
	settings := withdraw(t, stream)
	watcher.await(t, "the notification", func() bool { return len(box.about(alerts.Cloud, cloud)) > 0 })
	first := box.about(alerts.Cloud, cloud)[0]
	require.Equal(t, alerts.ReceiverPage, first.Receiver)
	require.Len(t, first.Alerts, 3, "one for each of the cloud's clocks")
	for _, alert := range first.Alerts {
		require.Equal(t, "firing", alert.Status)
		require.Equal(t, "HeliosCloudStalled", alert.Labels["alertname"])
		require.Contains(t, alert.Annotations["summary"], "Nothing is heard of "+cloud)
		runbook, inDocs := strings.CutPrefix(alert.Annotations["runbook_url"], alerts.Docs)
		require.True(t, inDocs, alert.Annotations["runbook_url"])
		require.Contains(t, text(t, runbook), "# HeliosCloudStalled")
		require.Regexp(t, `^http://127\.0\.0\.1:3000/d/helios-overview\?viewPanel=\d+$`, alert.Annotations["dashboard"])
	}

	// The objective complains too by now, of the same cause: that is silenced.
	burning := `ALERTS{alertname="HeliosIngestAvailabilityBurnsFast",alertstate="firing",participant="` + cloud + `"}`
	watcher.await(t, "the objective's alert", func() bool { return strings.Contains(query(server, burning), `"value"`) })
	watcher.await(t, "its silence", func() bool {
		return strings.Contains(fetch("http://"+manager+`/api/v2/alerts?inhibited=true&active=false&filter=alertname="HeliosIngestAvailabilityBurnsFast"`), `"state":"suppressed"`)
	})
	require.Len(t, box.about(alerts.Cloud, cloud), 1, "it is told more than once")
	for _, other := range []string{"aws", "azure"} {
		require.Empty(t, box.about(alerts.Cloud, other))
	}

	give(t, stream, settings)
	watcher.await(t, "the notification that it is over", func() bool {
		all := box.about(alerts.Cloud, cloud)
		return all[len(all)-1].told("HeliosCloudStalled", "resolved") || len(all) > 1 && all[1].told("HeliosCloudStalled", "resolved")
	})
}

// startWatching starts Prometheus with the configuration of the stack.
func startWatching(t *testing.T, server, helios, manager string) (address string, p *process) {
	t.Helper()
	dir := t.TempDir()
	change := strings.NewReplacer("helios:4195", helios, "alertmanager:9093", manager, ": 5s", ": 1s", ": 4s", ": 1s")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(change.Replace(text(t, "deploy/compose/prometheus/prometheus.yml"))), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "rules"), 0o700))
	rules := strings.NewReplacer("interval: 30s", "interval: 1s", "for: 2m", "for: 3s").Replace(text(t, "deploy/prometheus/helios.rules.yml"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules", "helios.rules.yml"), []byte(rules), 0o600))
	address = free(t)
	args := []string{"--web.listen-address=" + address}
	for _, arg := range load(t, full, secrets(t)).Services["prometheus"].Command {
		arg = strings.Replace(arg, "/etc/prometheus", dir, 1)
		args = append(args, strings.Replace(arg, "=/prometheus", "="+filepath.Join(dir, "data"), 1))
	}
	p = start(t, exec.Command(server, args...), "GRAFANA_URL=http://127.0.0.1:3000")
	p.awaitURL(t, "http://"+address+"/-/ready")
	return address, p
}

// query asks Prometheus.
func query(server, expr string) string {
	req, err := http.NewRequest(http.MethodGet, "http://"+server+"/api/v1/query", nil)
	if err != nil {
		return ""
	}
	q := req.URL.Query()
	q.Set("query", expr)
	req.URL.RawQuery = q.Encode()
	return fetch(req.URL.String())
}

// withdraw takes a stream away, and returns what it was.
func withdraw(t *testing.T, stream string) (settings json.RawMessage) {
	t.Helper()
	var answer struct{ Config json.RawMessage }
	require.NoError(t, json.Unmarshal([]byte(fetch(stream)), &answer))
	call(t, http.MethodDelete, stream+"?timeout=20s", nil)
	return answer.Config
}

func give(t *testing.T, stream string, settings json.RawMessage) {
	t.Helper()
	call(t, http.MethodPost, stream, settings)
}

func call(t *testing.T, method, url string, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s %s: %s", method, url, raw)
}

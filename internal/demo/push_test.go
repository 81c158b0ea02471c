package demo

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	_ "github.com/redpanda-data/connect/v4/public/components/gcp"
	_ "github.com/redpanda-data/connect/v4/public/components/io"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/pipelines"
)

// The webhook may have taken a push that it did not confirm: the report must know
// that it came again.
func TestAPushThatIsNotConfirmedCountsAsSentAgain(t *testing.T) {
	var asked atomic.Int64
	webhook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if asked.Add(1) <= 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer webhook.Close()

	pulled, err := embedded.StartPubSub(doorName, doorName, doorName)
	require.NoError(t, err)
	defer pulled.Close()
	t.Setenv(emulatorHost, pulled.Addr())

	text, err := pipelines.Files.ReadFile("demo/send-gcp.yaml")
	require.NoError(t, err)
	var send map[string]any
	require.NoError(t, yaml.Unmarshal(text, &send))
	send["input"] = map[string]any{"generate": map[string]any{"count": 3, "interval": "", "mapping": `meta "ce-id" = "e-%d".format(counter())
root = {}`}}
	delete(send, "pipeline")
	text, err = yaml.Marshal(send)
	require.NoError(t, err)
	port, err := freePort(0)
	require.NoError(t, err)
	address := "127.0.0.1:" + strconv.Itoa(port)
	dir := t.TempDir()
	service, stream := filepath.Join(dir, "service.yaml"), filepath.Join(dir, "send.yaml")
	require.NoError(t, os.WriteFile(stream, text, 0o600))
	require.NoError(t, os.WriteFile(service, []byte("http: {address: \""+address+"\"}\nmetrics: {prometheus: {}}\nlogger: {level: none}\n"), 0o600))

	environment := map[string]string{
		"HELIOS_DEMO_GCP_PUSH_URL": webhook.URL, "HELIOS_DEMO_GCP_PUSH_PERMILLE": "1000",
		"HELIOS_GCP_PROJECT": doorName, "HELIOS_DEMO_GCP_TOPIC": doorName,
	}
	require.NoError(t, runStreams(context.Background(), []string{"-o", service, stream}, environment, func(ctx context.Context) error {
		require.Eventually(t, func() bool { return asked.Load() == 5 }, 20*time.Second, 10*time.Millisecond, "three pushes and two of them again")
		m, err := scrape(ctx, address, watched)
		require.NoError(t, err)
		require.EqualValues(t, 2, m.sum(pushedAgain))
		return nil
	}))
}

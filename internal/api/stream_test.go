package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/internal/storetest"
)

// broker is a log with a producer.
func broker(t *testing.T) (address string, produce func(topic string, documents ...string)) {
	t.Helper()
	kafka, err := embedded.StartKafka(context.Background(), embedded.KafkaConfig{})
	require.NoError(t, err)
	t.Cleanup(kafka.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka.Addrs()...))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return kafka.Addrs()[0], func(topic string, documents ...string) {
		records := make([]*kgo.Record, len(documents))
		for i, d := range documents {
			records[i] = &kgo.Record{Topic: topic, Value: []byte(d)}
		}
		require.NoError(t, client.ProduceSync(context.Background(), records...).FirstErr())
	}
}

func dial(t *testing.T, base, path string, header http.Header, protocols ...string) *websocket.Conn {
	t.Helper()
	dialer := &websocket.Dialer{Subprotocols: protocols}
	conn, resp, err := dialer.Dial("ws"+strings.TrimPrefix(base, "http")+path, header)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(); _ = resp.Body.Close() })
	return conn
}

func receive(t *testing.T, conn *websocket.Conn) (f frame) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	require.NoError(t, conn.ReadJSON(&f))
	return f
}

// until produces again and again, since a stream begins somewhere in the log, and
// returns the first frame with items.
func until(t *testing.T, conn *websocket.Conn, produce func()) frame {
	t.Helper()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for ticker := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-stop:
				ticker.Stop()
				return
			case <-ticker.C:
				produce()
			}
		}
	}()
	for {
		if f := receive(t, conn); len(f.Items) > 0 {
			return f
		}
	}
}

func TestStreamsShowWhatTheirFiltersLetThrough(t *testing.T) {
	address, produce := broker(t)
	_, base := newServer(t, storetest.SQLite(t), "", connection(address))
	events := []string{
		storetest.Event(nil), "no JSON at all", storetest.Event(map[string]any{"cloud": "gcp", "id": "g"}),
		storetest.Event(map[string]any{"tenant": "other"}), storetest.Event(map[string]any{"type": "com.example.return.requested", "cloud": "azure"}),
		strings.Replace(storetest.Event(map[string]any{"correlationid": "HERE", "cloud": "gcp"}), "HERE", "\xff\xfe", 1),
	}
	verdicts := []string{
		storetest.Verdict(1, 1, 0, nil), storetest.Verdict(2, 1, 0, map[string]any{"status": "matched", "diffs": []any{}}),
		storetest.Verdict(3, 1, 0, map[string]any{"status": "missing", "missing": []string{"azure"}, "diffs": []any{}}),
	}
	for path, test := range map[string]struct {
		topic, member string
		documents     []string
		only          []string
	}{
		"/ws/events?cloud=gcp":                               {embedded.TopicEvents, "cloud", events, []string{"gcp"}},
		"/ws/events?tenant=other":                            {embedded.TopicEvents, "tenant", events, []string{"other"}},
		"/ws/events?type=com.example.return.*":               {embedded.TopicEvents, "type", events, []string{"com.example.return.requested"}},
		"/ws/verdicts?status=missing":                        {embedded.TopicVerdicts, "status", verdicts, []string{"missing"}},
		"/ws/verdicts?cloud=gcp":                             {embedded.TopicVerdicts, "key", verdicts, []string{"ord-1"}},
		"/ws/verdicts?status=missing,mismatched&cloud=azure": {embedded.TopicVerdicts, "key", verdicts, []string{"ord-3"}},
	} {
		t.Run(path, func(t *testing.T) {
			conn := dial(t, base, path, nil)
			require.Equal(t, "hello", receive(t, conn).Kind)
			f := until(t, conn, func() { produce(test.topic, test.documents...) })
			require.NotEmpty(t, f.Counts)
			for _, item := range f.Items {
				members := into[map[string]any](t, string(item))
				require.Contains(t, test.only, members[test.member])
			}
		})
	}
}

func TestAStreamIsSampledAndCountedInFull(t *testing.T) {
	address, produce := broker(t)
	_, base := newServer(t, storetest.SQLite(t), "", connection(address))
	conn := dial(t, base, "/ws/events?max_rate=4", nil)
	until(t, conn, func() { produce(embedded.TopicEvents, storetest.Event(nil)) })
	var many []string
	for i := range 500 {
		many = append(many, storetest.Event(map[string]any{"id": fmt.Sprint(i), "cloud": "burst"}))
	}
	produce(embedded.TopicEvents, many...)
	var counted int64
	items := 0
	for counted < 500 {
		f := receive(t, conn)
		counted += f.Counts["burst"]
		items += len(f.Items)
		if counted == 500 {
			require.GreaterOrEqual(t, f.Sampled, int64(400))
			require.Zero(t, f.Dropped)
		}
	}
	require.Less(t, items, 100)
}

// dialSlow returns a client with a small buffer, so that what is not read stops the
// writer soon.
func dialSlow(t *testing.T, base, path string) *websocket.Conn {
	t.Helper()
	dialer := &websocket.Dialer{NetDial: func(network, address string) (net.Conn, error) {
		conn, err := net.Dial(network, address)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(4096)
		}
		return conn, err
	}}
	conn, resp, err := dialer.Dial("ws"+strings.TrimPrefix(base, "http")+path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(); _ = resp.Body.Close() })
	return conn
}

// untilDropped produces more than a client that does not read can keep waiting.
func untilDropped(t *testing.T, s *Server, produce func(string, ...string)) {
	t.Helper()
	large := strings.Repeat("x", 30_000)
	deadline := time.Now().Add(time.Minute)
	for droppedOf(t, s) == 0 {
		require.True(t, time.Now().Before(deadline), "nothing was dropped")
		for range 20 {
			batch := make([]string, 20)
			for i := range batch {
				batch[i] = storetest.Event(map[string]any{"data": map[string]any{"large": large}})
			}
			produce(embedded.TopicEvents, batch...)
		}
	}
}

func TestASlowClientLosesMessagesAndHoldsUpNobody(t *testing.T) {
	address, produce := broker(t)
	s, base := newServer(t, storetest.SQLite(t), "", connection(address))
	dialSlow(t, base, "/ws/events")
	fast := dial(t, base, "/ws/events?cloud=last", nil)
	until(t, fast, func() { produce(embedded.TopicEvents, storetest.Event(map[string]any{"cloud": "last", "id": "first"})) })
	untilDropped(t, s, produce)
	started := time.Now()
	f := until(t, fast, func() { produce(embedded.TopicEvents, storetest.Event(map[string]any{"cloud": "last", "id": "end"})) })
	require.NotEmpty(t, f.Items)
	require.Less(t, time.Since(started), writePatience, "it did not wait for the slow one")
	started = time.Now()
	require.NoError(t, s.Close())
	require.Less(t, time.Since(started), writePatience/2, "nor does the end")
}

// droppedOf reads the metric.
func droppedOf(t *testing.T, s *Server) (dropped float64) {
	t.Helper()
	families, err := s.metrics.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() == "helios_api_stream_messages_dropped_total" {
			for _, m := range family.Metric {
				dropped += m.GetCounter().GetValue()
			}
		}
	}
	return dropped
}

func TestStreamsTakeTheTokenAsBrowsersCanSendIt(t *testing.T) {
	_, base := newServer(t, storetest.SQLite(t), secret, nowhere)
	conn := dial(t, base, "/ws/verdicts", nil, "helios", "helios.bearer."+base64.RawURLEncoding.EncodeToString([]byte(secret)))
	require.Equal(t, "helios", conn.Subprotocol())
	require.Equal(t, "hello", receive(t, conn).Kind)
	conn = dial(t, base, "/ws/events", http.Header{"Authorization": {"Bearer " + secret}})
	require.Equal(t, "hello", receive(t, conn).Kind)
}

func TestPagesOfOtherOriginsGetNoStream(t *testing.T) {
	_, base := newServer(t, storetest.SQLite(t), "", nowhere)
	_, resp, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(base, "http")+"/ws/events", http.Header{"Origin": {"https://evil.example"}})
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	require.NoError(t, resp.Body.Close())
}

func TestStreamsEndWithTheServer(t *testing.T) {
	s, base := newServer(t, storetest.SQLite(t), "", nowhere)
	conn := dial(t, base, "/ws/events", nil)
	receive(t, conn)
	go func() { _ = s.Close() }()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	var anything json.RawMessage
	err := conn.ReadJSON(&anything)
	require.True(t, websocket.IsCloseError(err, websocket.CloseGoingAway), "%v", err)
}

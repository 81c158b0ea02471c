package webhook

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// clock is one that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// door is an input that listens, with a pipeline behind it.
type door struct {
	t     testing.TB
	in    *input
	base  string
	mu    sync.Mutex
	msgs  []*service.Message
	clock *clock
}

func parsed(t testing.TB, yaml string) *service.ParsedConfig {
	t.Helper()
	conf, err := inputSpec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	return conf
}

// listen starts an input without anybody who reads it.
func listen(t testing.TB, transport http.RoundTripper, yaml string) *door {
	t.Helper()
	if transport == nil {
		transport = http.DefaultTransport
	}
	d := &door{t: t, clock: newClock()}
	report := newReporter(service.MockResources(), d.clock.now)
	in, err := newInput(parsed(t, "address: 127.0.0.1:0\n"+yaml), report, environment{transport: transport, now: d.clock.now, fetched: report.keysFetched})
	require.NoError(t, err)
	require.NoError(t, in.Connect(context.Background()))
	d.in, d.base = in, "http://"+in.addr()
	t.Cleanup(func() { require.NoError(t, in.Close(context.Background())) })
	return d
}

// open starts an input whose events are all acknowledged, and kept.
func open(t testing.TB, transport http.RoundTripper, yaml string) *door {
	t.Helper()
	d := listen(t, transport, yaml)
	d.pipeline(func(*service.Message) error { return nil })
	return d
}

// pipeline reads the input and settles each event with what verdict returns.
func (d *door) pipeline(verdict func(*service.Message) error) {
	ctx, stop := context.WithCancel(context.Background())
	d.t.Cleanup(stop)
	go func() {
		for {
			batch, ack, err := d.in.ReadBatch(ctx)
			if err != nil {
				return
			}
			d.mu.Lock()
			d.msgs = append(d.msgs, batch...)
			d.mu.Unlock()
			_ = ack(ctx, verdict(batch[0]))
		}
	}()
}

func (d *door) events() []*service.Message {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*service.Message(nil), d.msgs...)
}

// answer is what a sender sees.
type answer struct {
	status int
	body   string
	header http.Header
}

type headers map[string]string

func (d *door) do(method, path, body string, h headers) answer {
	d.t.Helper()
	req, err := http.NewRequest(method, d.base+path, strings.NewReader(body))
	require.NoError(d.t, err)
	for name, value := range h {
		req.Header.Set(name, value)
	}
	return d.send(req)
}

func (d *door) send(req *http.Request) answer {
	d.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(d.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(d.t, err)
	return answer{resp.StatusCode, string(body), resp.Header}
}

func (d *door) post(path, body string, h headers) answer {
	d.t.Helper()
	return d.do(http.MethodPost, path, body, h)
}

func bodyOf(t testing.TB, m *service.Message) string {
	t.Helper()
	b, err := m.AsBytes()
	require.NoError(t, err)
	return string(b)
}

// refused requires status, reason and, where it counts, Retry-After.
func refused(t testing.TB, a answer, status int, why reason) {
	t.Helper()
	require.Equal(t, status, a.status, a.body)
	require.Equal(t, string(why)+"\n", a.body)
	require.Equal(t, status == 503 || status == 429, a.header.Get("Retry-After") != "")
}

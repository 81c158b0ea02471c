package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
)

const anyonePath = `
paths:
  - path: /e
    name: anyone
    sender: api_destination
    patience: 20s
    auth: {anonymous: true}
`

// later posts without waiting for the answer.
func (d *door) later(path, body string) <-chan answer {
	out := make(chan answer, 1)
	go func() {
		resp, err := http.Post(d.base+path, "application/json", strings.NewReader(body))
		if err != nil {
			out <- answer{body: err.Error()}
			return
		}
		defer resp.Body.Close()
		got, _ := io.ReadAll(resp.Body)
		out <- answer{resp.StatusCode, string(got), resp.Header}
	}()
	return out
}

func within[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(15 * time.Second):
		t.Fatal("nothing came in time")
		panic("unreachable")
	}
}

func (d *door) read() (*service.Message, service.AckFunc) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	batch, ack, err := d.in.ReadBatch(ctx)
	require.NoError(d.t, err)
	require.Len(d.t, batch, 1)
	return batch[0], ack
}

func TestTheAnswerWaitsForTheAcknowledgement(t *testing.T) {
	d := listen(t, nil, anyonePath)
	got := d.later("/e", `{}`)
	_, ack := d.read()
	select {
	case a := <-got:
		t.Fatalf("answered %d before the acknowledgement", a.status)
	case <-time.After(300 * time.Millisecond):
	}
	require.NoError(t, ack(context.Background(), nil))
	require.Equal(t, 200, within(t, got).status)
	require.Zero(t, d.in.handler.memory.used.Load())
}

func TestARefusedEventIsAnswered503(t *testing.T) {
	d := listen(t, nil, anyonePath)
	got := d.later("/e", `{}`)
	_, ack := d.read()
	require.NoError(t, ack(context.Background(), errors.New("the broker is down")))
	refused(t, within(t, got), 503, notDurable)
	require.NoError(t, ack(context.Background(), nil), "a second settlement changes nothing")
	require.Zero(t, d.in.handler.memory.used.Load())
}

func TestPatienceEndsIn503(t *testing.T) {
	d := listen(t, nil, strings.Replace(anyonePath, "20s", "100ms", 1))
	refused(t, within(t, d.later("/e", `{}`)), 503, busy)
	require.Zero(t, d.in.handler.memory.used.Load())
	got := d.later("/e", `{}`)
	_, ack := d.read()
	refused(t, within(t, got), 503, notDurableInTime)
	require.NotZero(t, d.in.handler.memory.used.Load(), "the pipeline still has the body")
	require.NoError(t, ack(context.Background(), nil))
	require.Zero(t, d.in.handler.memory.used.Load())
}

func TestAStopAnswersWhatWaits(t *testing.T) {
	d := listen(t, nil, anyonePath)
	taken := d.later("/e", `{"n":1}`)
	_, ack := d.read()
	waiting := d.later("/e", `{"n":2}`)
	require.Eventually(t, func() bool { return len(d.in.handler.slots) == 2 }, 10*time.Second, time.Millisecond)
	closed := make(chan error, 1)
	go func() { closed <- d.in.Close(context.Background()) }()
	refused(t, within(t, waiting), 503, stoppingDown)
	require.NoError(t, ack(context.Background(), nil))
	require.Equal(t, 200, within(t, taken).status)
	require.NoError(t, within(t, closed))
	_, _, err := d.in.ReadBatch(context.Background())
	require.ErrorIs(t, err, service.ErrEndOfInput)
}

// A load balancer's connection on which nothing was asked yet ends with the stop,
// not when the last answer has gone out.
func TestAStopEndsConnectionsThatNobodyUses(t *testing.T) {
	d := listen(t, nil, anyonePath)
	idle, err := net.Dial("tcp", d.in.addr())
	require.NoError(t, err)
	defer idle.Close()
	taken := d.later("/e", `{}`) // accepted after idle
	_, ack := d.read()
	closed := make(chan error, 1)
	go func() { closed <- d.in.Close(context.Background()) }()
	_, err = idle.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, ack(context.Background(), nil))
	require.Equal(t, 200, within(t, taken).status)
	require.NoError(t, within(t, closed))
}

func TestAStopDoesNotWaitForAcknowledgementsThatNeverCome(t *testing.T) {
	d := listen(t, nil, anyonePath)
	taken := d.later("/e", `{}`)
	d.read()
	require.NoError(t, d.in.Close(context.Background()))
	refused(t, within(t, taken), 503, stoppingDown)
}

// TestAListenerThatEndsIsOpenedAnew, and what was taken before is still answered.
func TestAListenerThatEndsIsOpenedAnew(t *testing.T) {
	d := listen(t, nil, anyonePath)
	taken := d.later("/e", `{}`)
	_, ack := d.read()
	require.NoError(t, d.in.listener.Close())
	_, _, err := d.in.ReadBatch(t.Context())
	require.ErrorIs(t, err, service.ErrNotConnected)
	require.NoError(t, d.in.Connect(t.Context()))
	require.NoError(t, ack(t.Context(), nil))
	require.Equal(t, 200, within(t, taken).status)
	d.base = "http://" + d.in.addr()
	again := d.later("/e", `{}`)
	_, ack = d.read()
	require.NoError(t, ack(t.Context(), nil))
	require.Equal(t, 200, within(t, again).status)
}

// TestSuccessMeansAcknowledged is the law of this input, for any mixture of
// acknowledgements, refusals, delays and silence.
func TestSuccessMeansAcknowledged(t *testing.T) {
	var mu sync.Mutex
	verdicts := map[string]string{} // by body: what the pipeline does
	settled := map[string]bool{}    // bodies acknowledged with nil
	d := listen(t, nil, strings.Replace(anyonePath, "20s", "150ms", 1))
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		for {
			batch, ack, err := d.in.ReadBatch(ctx)
			if err != nil {
				return
			}
			raw, _ := batch[0].AsBytes()
			body := string(raw)
			mu.Lock()
			verdict := verdicts[body]
			settled[body] = verdict == "ack"
			mu.Unlock()
			switch verdict {
			case "ack":
				_ = ack(ctx, nil)
			case "nack":
				_ = ack(ctx, errors.New("no"))
			} // else silence
		}
	}()
	number := 0
	rapid.Check(t, func(rt *rapid.T) {
		plan := rapid.SliceOfN(rapid.SampledFrom([]string{"ack", "ack", "nack", "silence"}), 1, 12).Draw(rt, "plan")
		if rapid.IntRange(0, 9).Draw(rt, "silence") > 0 { // else each takes its patience
			for i, p := range plan {
				if p == "silence" {
					plan[i] = "nack"
				}
			}
		}
		answers := make([]<-chan answer, len(plan))
		bodies := make([]string, len(plan))
		for i, verdict := range plan {
			number++
			bodies[i] = `{"n":` + strconv.Itoa(number) + `}`
			mu.Lock()
			verdicts[bodies[i]] = verdict
			mu.Unlock()
			answers[i] = d.later("/e", bodies[i])
		}
		for i := range plan {
			a := within(t, answers[i])
			mu.Lock()
			acked := settled[bodies[i]]
			mu.Unlock()
			if (a.status == 200) != acked {
				rt.Fatalf("%s was answered %d %s, acknowledged: %v (plan %s)", bodies[i], a.status, a.body, acked, plan[i])
			}
			if a.status != 200 && (a.status != 503 || a.header.Get("Retry-After") == "") {
				rt.Fatalf("%d without Retry-After", a.status)
			}
		}
	})
}

func TestRateLimitsAreAnswered429(t *testing.T) {
	d := open(t, nil, `
paths:
  - path: /a
    sender: api_destination
    rate_limit: {per_second: 0.5, burst: 3}
    auth: {api_key: {header: x-api-key, keys: [k]}}
  - path: /b
    sender: api_destination
    auth: {anonymous: true}
`)
	ok := headers{"x-api-key": "k"}
	for range 5 {
		refused(t, d.post("/a", `{}`, headers{"x-api-key": "wrong"}), 401, wrongCredentials)
	}
	for range 3 {
		require.Equal(t, 200, d.post("/a", `{}`, ok).status, "strangers don't use up the rate")
	}
	a := d.post("/a", `{}`, ok)
	refused(t, a, 429, rateLimited)
	require.Equal(t, "2", a.header.Get("Retry-After"))
	require.Equal(t, 200, d.post("/b", `{}`, nil).status, "each sender has its own")
	d.clock.advance(2 * time.Second)
	require.Equal(t, 200, d.post("/a", `{}`, ok).status)
	refused(t, d.post("/a", `{}`, ok), 429, rateLimited)
}

// TestAStreamAnswersAfterItsOutput runs a whole stream of Redpanda Connect.
func TestAStreamAnswersAfterItsOutput(t *testing.T) {
	builder := service.NewStreamBuilder()
	require.NoError(t, builder.SetLoggerYAML("level: OFF"))
	port := freePort(t)
	require.NoError(t, builder.AddInputYAML(fmt.Sprintf("helios_webhook: {address: '127.0.0.1:%d', paths: [{path: /e, sender: api_destination, auth: {anonymous: true}}]}", port)))
	var mu sync.Mutex
	written := map[string]bool{}
	require.NoError(t, builder.AddConsumerFunc(func(_ context.Context, m *service.Message) error {
		raw, err := m.AsBytes()
		if err != nil || strings.Contains(string(raw), "poison") {
			return errors.New("refused")
		}
		mu.Lock()
		defer mu.Unlock()
		written[string(raw)] = true
		return nil
	}))
	stream, err := builder.Build()
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(context.Background()) }()
	d := &door{t: t, base: fmt.Sprintf("http://127.0.0.1:%d", port)}
	require.Eventually(t, func() bool { return within(t, d.later("/e", `{"first":1}`)).status == 200 }, 15*time.Second, 10*time.Millisecond)
	refused(t, d.post("/e", `{"poison":1}`, nil), 503, notDurable)
	for n := range 20 {
		body := fmt.Sprintf(`{"n":%d}`, n)
		require.Equal(t, 200, d.post("/e", body, nil).status)
		mu.Lock()
		require.True(t, written[body])
		mu.Unlock()
	}
	require.NoError(t, stream.StopWithin(10*time.Second))
	require.NoError(t, within(t, ended))
	require.Zero(t, within(t, d.later("/e", `{}`)).status, "nobody listens any more")
}

package lifecycle

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
)

// childEnv makes the test binary play the process that is stopped, since a
// process that is stopping stays so.
const childEnv = "HELIOS_LIFECYCLE_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "signal":
		os.Exit(signalledChild())
	case "mark":
		os.Exit(markedChild())
	}
	os.Exit(m.Run())
}

func runChild(t *testing.T, kind string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+kind)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

// signalledChild registers like Redpanda Connect does, after us, and asks as
// soon as that registration has seen the signal.
func signalledChild() int {
	Watch()
	if Stopping() {
		return 2
	}
	theirs := make(chan os.Signal, 1)
	signal.Notify(theirs, syscall.SIGTERM)
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		return 3
	}
	<-theirs
	if !Stopping() || !StreamStopping() || !Stopping() {
		return 4
	}
	return 0
}

func markedChild() int {
	if Stopping() {
		return 2
	}
	MarkStopping()
	if !Stopping() {
		return 3
	}
	return 0
}

func TestWhoeverHasSeenTheSignalSeesTheProcessStopping(t *testing.T) {
	for range 20 {
		runChild(t, "signal")
	}
}

func TestAMarkedProcessIsStopping(t *testing.T) { runChild(t, "mark") }

// endBuffer passes messages on and notes what StreamStopping said at the end
// of input.
type endBuffer struct {
	batches chan service.MessageBatch
	end     sync.Once
	atEnd   chan bool
	// delivered gets a value when a message was.
	delivered chan struct{}
}

func newEndBuffer() *endBuffer {
	return &endBuffer{
		batches:   make(chan service.MessageBatch, 1),
		atEnd:     make(chan bool, 1),
		delivered: make(chan struct{}, 1),
	}
}

func (b *endBuffer) WriteBatch(ctx context.Context, batch service.MessageBatch, ack service.AckFunc) error {
	select {
	case b.batches <- batch:
		return ack(ctx, nil)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *endBuffer) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	select {
	case batch, ok := <-b.batches:
		if !ok {
			return nil, nil, service.ErrEndOfBuffer
		}
		return batch, b.ack, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func (b *endBuffer) ack(context.Context, error) error {
	select {
	case b.delivered <- struct{}{}:
	default:
	}
	return nil
}

func (b *endBuffer) EndOfInput() {
	b.end.Do(func() {
		b.atEnd <- StreamStopping()
		close(b.batches)
	})
}

func (b *endBuffer) Close(context.Context) error { return nil }

// startStream runs one stream with the buffer in it and returns once a message
// has come through.
func startStream(t *testing.T, b *endBuffer, generate string) *service.Stream {
	t.Helper()
	env := service.NewEnvironment()
	require.NoError(t, env.RegisterBatchBuffer("end_buffer", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Resources) (service.BatchBuffer, error) { return b, nil }))
	builder := env.NewStreamBuilder()
	require.NoError(t, builder.SetYAML(`
input:
  generate: {mapping: 'root = "x"', `+generate+`}
buffer:
  end_buffer: {}
output:
  drop: {}
logger: {level: "OFF"}
http: {enabled: false}
`))
	stream, err := builder.Build()
	require.NoError(t, err)
	go func() { _ = stream.Run(context.Background()) }()
	select {
	case <-b.delivered:
	case <-time.After(10 * time.Second):
		t.Fatal("no message came through the stream")
	}
	return stream
}

func atEnd(t *testing.T, b *endBuffer) bool {
	t.Helper()
	select {
	case stopping := <-b.atEnd:
		return stopping
	case <-time.After(10 * time.Second):
		t.Fatal("EndOfInput was not called")
		return false
	}
}

func TestAnInputThatEndsIsNoStop(t *testing.T) {
	b := newEndBuffer()
	startStream(t, b, "count: 3, interval: ''")
	require.False(t, atEnd(t, b))
}

func TestAStreamThatIsStoppedIsStopping(t *testing.T) {
	for range 20 {
		b := newEndBuffer()
		stream := startStream(t, b, "interval: 1ms")
		require.NoError(t, stream.StopWithin(10*time.Second))
		require.True(t, atEnd(t, b))
	}
}

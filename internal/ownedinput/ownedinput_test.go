package ownedinput

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
)

// cloud is what an input of the test's reads from.
type cloud struct {
	reachable atomic.Bool
	messages  chan string
}

func (c *cloud) Connect(context.Context) error {
	if !c.reachable.Load() {
		return errors.New("nobody answers")
	}
	return nil
}

func (c *cloud) Read(ctx context.Context) (*service.Message, service.AckFunc, error) {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case text, open := <-c.messages:
			if !open {
				return nil, nil, service.ErrEndOfInput
			}
			return service.NewMessage([]byte(text)), func(context.Context, error) error { return nil }, nil
		case <-ticker.C:
			if !c.reachable.Load() {
				return nil, nil, service.ErrNotConnected
			}
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

func (*cloud) Close(context.Context) error { return nil }

// reading is a plugin's input that reads from the one it owns.
type reading struct{ owned *service.OwnedInput }

func (reading) Connect(context.Context) error { return nil }
func (r reading) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	return r.owned.ReadBatch(ctx)
}

func (r reading) Close(ctx context.Context) error {
	CloseNow(r.owned)
	return r.owned.Close(ctx)
}

// follow makes an input that owns and follows the one of the config, in which
// cloud_a and cloud_b read from clouds.
func follow(t *testing.T, yaml string) (followed service.BatchInput, a, b *cloud) {
	t.Helper()
	a, b = &cloud{messages: make(chan string)}, &cloud{messages: make(chan string)}
	env := service.NewEnvironment()
	for name, c := range map[string]*cloud{"cloud_a": a, "cloud_b": b} {
		require.NoError(t, env.RegisterInput(name, service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.Input, error) { return c, nil }))
	}
	conf, err := service.NewConfigSpec().Field(service.NewInputField("input")).ParseYAML("input: "+yaml, env)
	require.NoError(t, err)
	owned, err := conf.FieldInput("input")
	require.NoError(t, err)
	followed = Follow(reading{owned}, owned)
	t.Cleanup(func() { require.NoError(t, followed.Close(context.Background())) })
	return followed, a, b
}

func connecting(t *testing.T, in service.BatchInput) <-chan error {
	done := make(chan error, 1)
	go func() { done <- in.Connect(t.Context()) }()
	return done
}

func within(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		require.FailNow(t, "not in time")
		return nil
	}
}

func requireWaiting(t *testing.T, done <-chan error) {
	t.Helper()
	select {
	case err := <-done:
		require.FailNow(t, "connected, though nobody answers", "%v", err)
	case <-time.After(200 * time.Millisecond):
	}
}

func requireRead(t *testing.T, in service.BatchInput, want string) {
	t.Helper()
	batch, ack, err := in.ReadBatch(t.Context())
	require.NoError(t, err)
	require.Len(t, batch, 1)
	got, err := batch[0].AsBytes()
	require.NoError(t, err)
	require.Equal(t, want, string(got))
	require.NoError(t, ack(t.Context(), nil))
}

func TestAnInputIsConnectedWhileTheOneItOwnsIs(t *testing.T) {
	in, a, _ := follow(t, "{cloud_a: {}}")
	done := connecting(t, in)
	requireWaiting(t, done)
	a.reachable.Store(true)
	require.NoError(t, within(t, done))
	go func() { a.messages <- "one" }()
	requireRead(t, in, "one")

	a.reachable.Store(false)
	_, _, err := in.ReadBatch(t.Context())
	require.ErrorIs(t, err, service.ErrNotConnected)
	done = connecting(t, in)
	requireWaiting(t, done)
	a.reachable.Store(true)
	require.NoError(t, within(t, done))
	go func() { a.messages <- "two" }()
	requireRead(t, in, "two")
}

func TestWhatCanBeReadDoesNotWaitForTheRest(t *testing.T) {
	in, a, _ := follow(t, "{broker: {inputs: [ {cloud_a: {}}, {cloud_b: {}} ]}}")
	a.reachable.Store(true)
	done := connecting(t, in)
	requireWaiting(t, done)
	go func() { a.messages <- "one" }()
	require.NoError(t, within(t, done))
	requireRead(t, in, "one")

	long, cancel := context.WithTimeout(t.Context(), 2*watchEach)
	defer cancel()
	_, _, err := in.ReadBatch(long)
	require.ErrorIs(t, err, context.DeadlineExceeded, "what was never connected is no loss")
	go func() { a.messages <- "two" }()
	requireRead(t, in, "two")
}

func TestAnInputThatEndsIsAtItsEnd(t *testing.T) {
	in, a, _ := follow(t, "{cloud_a: {}}")
	a.reachable.Store(true)
	close(a.messages)
	require.NoError(t, within(t, connecting(t, in)))
	_, _, err := in.ReadBatch(t.Context())
	require.ErrorIs(t, err, service.ErrEndOfInput)
}

func TestConnectingEndsWithItsContext(t *testing.T) {
	in, _, _ := follow(t, "{cloud_a: {}}")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, in.Connect(ctx), context.DeadlineExceeded)
}

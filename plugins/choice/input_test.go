package choice

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
)

// logged collects log lines, which are written from several goroutines.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs a stream that reads from the choice, and returns what arrives and
// what was logged. The stream is stopped with the test.
func start(t *testing.T, choice string) (<-chan string, *logged) {
	t.Helper()
	builder := service.NewStreamBuilder()
	logs := &logged{}
	builder.SetLogger(slog.New(slog.NewTextHandler(logs, nil)))
	require.NoError(t, builder.AddInputYAML(choice))
	arrived := make(chan string, 100)
	require.NoError(t, builder.AddConsumerFunc(func(_ context.Context, m *service.Message) error {
		b, err := m.AsBytes()
		arrived <- string(b)
		return err
	}))
	stream, err := builder.Build()
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- stream.Run(context.Background()) }()
	t.Cleanup(func() {
		require.NoError(t, stream.StopWithin(10*time.Second))
		require.NoError(t, <-done)
	})
	return arrived, logs
}

func first(t *testing.T, arrived <-chan string) string {
	t.Helper()
	select {
	case s := <-arrived:
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("nothing arrived")
		return ""
	}
}

const two = `
helios_choice:
  name: aws
  choices:
    - as: queue (QUEUE)
      when: ${HELIOS_TEST_QUEUE:}
      input: {generate: {mapping: 'root = "queue"', interval: 1ms}}
    - as: stream (STREAM)
      when: ${HELIOS_TEST_STREAM:}
      equals: yes please
      input: {generate: {mapping: 'root = "stream"', interval: 1ms}}
`

func TestTheFirstGivenSettingChooses(t *testing.T) {
	t.Setenv("HELIOS_TEST_QUEUE", "secret-value")
	t.Setenv("HELIOS_TEST_STREAM", "yes please")
	arrived, logs := start(t, two)
	require.Equal(t, "queue", first(t, arrived))
	require.Contains(t, logs.String(), "aws: reading from queue (QUEUE)")
	require.NotContains(t, logs.String(), "secret-value")
}

func TestALaterChoiceIsMadeByItsExactValue(t *testing.T) {
	t.Setenv("HELIOS_TEST_STREAM", "yes please")
	arrived, _ := start(t, two)
	require.Equal(t, "stream", first(t, arrived))
}

func TestWithoutASettingNothingIsReadAndNothingFails(t *testing.T) {
	t.Setenv("HELIOS_TEST_STREAM", "no")
	arrived, logs := start(t, two)
	require.Eventually(t, func() bool {
		return bytes.Contains([]byte(logs.String()), []byte("aws: off, because the setting of none of its choices is given: queue (QUEUE), stream (STREAM)"))
	}, 10*time.Second, time.Millisecond)
	require.Empty(t, arrived)
}

func TestTheInputsOfOtherChoicesAreNeverCreated(t *testing.T) {
	created := make(chan string, 2)
	env := service.NewEnvironment()
	spec := service.NewConfigSpec().Field(service.NewStringField("id"))
	require.NoError(t, env.RegisterInput("counted", spec,
		func(conf *service.ParsedConfig, _ *service.Resources) (service.Input, error) {
			id, _ := conf.FieldString("id")
			created <- id
			return nil, errors.New("not wanted")
		}))
	builder := env.NewStreamBuilder()
	require.NoError(t, builder.SetYAML(`
input:
  helios_choice:
    name: x
    choices:
      - {as: a, when: "", input: {counted: {id: a}}}
      - {as: b, when: given, input: {counted: {id: b}}}
output: {drop: {}}
logger: {level: "OFF"}
`))
	stream, err := builder.Build()
	require.NoError(t, err)
	require.ErrorContains(t, stream.Run(context.Background()), "creating choice 2 of x, b")
	require.Equal(t, "b", <-created)
	require.Empty(t, created)
}

func TestAnEmptyListOfChoicesIsAnError(t *testing.T) {
	builder := service.NewStreamBuilder()
	require.NoError(t, builder.SetYAML(`
input: {helios_choice: {name: x, choices: []}}
output: {drop: {}}
logger: {level: "OFF"}
`))
	stream, err := builder.Build()
	require.NoError(t, err)
	require.ErrorContains(t, stream.Run(context.Background()), "choices: the list is empty")
}

// TestABatchThatNobodySettlesHoldsUpNoStop stands for the batch that is read in
// the moment of the stop.
func TestABatchThatNobodySettlesHoldsUpNoStop(t *testing.T) {
	parsed, err := inputSpec().ParseYAML(`
name: x
choices:
  - {as: a, when: given, input: {generate: {mapping: 'root = "x"', interval: 1ms}}}
`, nil)
	require.NoError(t, err)
	in, err := newInputFromParsed(parsed, service.MockResources())
	require.NoError(t, err)
	_, _, err = in.ReadBatch(context.Background())
	require.NoError(t, err)
	closed := make(chan error, 1)
	go func() { closed <- in.Close(context.Background()) }()
	select {
	case err := <-closed:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("the input waits for an acknowledgement that can't come")
	}
}

func TestAChoiceIsConnectedWhenItsInputIs(t *testing.T) {
	env := service.NewEnvironment()
	require.NoError(t, env.RegisterInput("unreachable", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.Input, error) {
		return unreachable{}, nil
	}))
	for when, connects := range map[string]bool{"": true, "given": false} {
		conf, err := inputSpec().ParseYAML("{name: x, choices: [{as: X, when: '"+when+"', input: {unreachable: {}}}]}", env)
		require.NoError(t, err)
		in, err := newInputFromParsed(conf, service.MockResources())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		require.Equal(t, connects, in.Connect(ctx) == nil, "when is %q", when)
		require.NoError(t, in.Close(t.Context()))
	}
}

func TestAnInputThatCanNotBeStoppedWhileItConnectsHoldsNoStopUp(t *testing.T) {
	env := service.NewEnvironment()
	require.NoError(t, env.RegisterInput("endless", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.Input, error) {
		return endless{}, nil
	}))
	conf, err := inputSpec().ParseYAML("{name: x, choices: [{as: X, when: given, input: {endless: {}}}]}", env)
	require.NoError(t, err)
	in, err := newInputFromParsed(conf, service.MockResources())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, in.Connect(ctx), context.DeadlineExceeded)
	closed := make(chan error, 1)
	go func() { closed <- in.Close(context.Background()) }()
	select {
	case err := <-closed:
		require.NoError(t, err)
	case <-time.After(10 * connectingTime):
		t.Fatal("it waits for an attempt that never ends")
	}
}

// endless connects without regard to whoever stops it.
type endless struct{ service.Input }

func (endless) Connect(context.Context) error { select {} }
func (endless) Close(context.Context) error   { return nil }

// unreachable never connects.
type unreachable struct{ service.Input }

func (unreachable) Connect(context.Context) error { return errors.New("nobody answers") }
func (unreachable) Close(context.Context) error   { return nil }

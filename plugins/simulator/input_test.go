package simulator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/truth"
)

// reader builds an input from YAML and connects it.
func reader(t *testing.T, yaml string) *input {
	t.Helper()
	conf, err := inputSpec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	in, err := newInput(conf, service.MockResources())
	require.NoError(t, err)
	i := in.(*input)
	require.NoError(t, i.Connect(t.Context()))
	t.Cleanup(func() { require.NoError(t, i.Close(context.Background())) })
	return i
}

// drainAll reads an input to its end and hands every batch to handle.
func drainAll(ctx context.Context, i *input, handle func(service.MessageBatch) error) error {
	for {
		msgs, ack, err := i.ReadBatch(ctx)
		if errors.Is(err, service.ErrEndOfInput) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := ack(ctx, handle(msgs)); err != nil {
			return err
		}
	}
}

// fast settings make a whole run, drain included, last about a second.
const fast = `
window: 200ms
allowed_lateness: 100ms
idle_timeout: 100ms
rate: 2000
duration: 300ms
faults: {total: 0.3}
`

func TestThreeInputsShareTheFactsOfAWorld(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "truth.jsonl")
	var group sync.WaitGroup
	var received [cloudCount]atomic.Int64
	errs := make(chan error, cloudCount)
	var world *World
	for c := AWS; c < cloudCount; c++ {
		i := reader(t, fmt.Sprintf("world: shared\nclouds: [%s]\nledger: %q\n%s", c, path, fast))
		world = i.world
		group.Go(func() {
			errs <- drainAll(t.Context(), i, func(msgs service.MessageBatch) error {
				received[c].Add(int64(len(msgs)))
				return nil
			})
		})
	}
	group.Wait()
	for range cloudCount {
		require.NoError(t, <-errs)
	}
	l, err := truth.ReadFile(path)
	require.NoError(t, err)
	require.True(t, l.Complete)
	s := world.Snapshot()
	require.Equal(t, "over", s.Phase)
	require.EqualValues(t, len(l.Facts), s.Facts)
	events, malformed := l.Totals()
	bad := int64(0)
	for c := AWS; c < cloudCount; c++ {
		n := s.Clouds[c.String()]
		require.Equal(t, events[c.String()], n.Events-n.Malformed)
		require.Equal(t, received[c].Load(), n.Messages)
		require.Equal(t, n.Events, n.AckedEvents)
		require.Zero(t, n.InFlightEvents)
		require.Zero(t, n.WaitingEvents)
		bad += n.Malformed
	}
	require.Equal(t, malformed, bad)
	for _, class := range FaultClasses() {
		require.NotZero(t, s.Classes[class], class)
	}
}

func TestWhatIsRefusedComesAgainAndNothingElseDoes(t *testing.T) {
	t.Parallel()
	i := reader(t, "world: refused\n"+fast)
	seen, refusals := map[string]int{}, 0
	require.NoError(t, drainAll(t.Context(), i, func(msgs service.MessageBatch) error {
		var batchErr *service.BatchError
		for n, m := range msgs {
			body, err := m.AsBytes()
			require.NoError(t, err)
			id, _ := m.MetaGet("ce-id")
			seen[id+string(body)]++
			if len(seen)%7 == 3 && seen[id+string(body)] == 1 {
				if batchErr == nil {
					batchErr = service.NewBatchError(msgs, errors.New("some were refused"))
				}
				batchErr.Failed(n, errors.New("refused"))
				refusals++
			}
		}
		if batchErr != nil {
			return batchErr
		}
		return nil
	}))
	require.NotZero(t, refusals)
	total := LaneCounts{}
	for _, c := range i.world.Snapshot().Clouds {
		require.Equal(t, c.Events, c.AckedEvents)
		require.Equal(t, c.RefusedEvents, c.RedeliveredEvents)
		require.Zero(t, c.InFlightEvents)
		total.RefusedEvents += c.RefusedEvents
	}
	require.GreaterOrEqual(t, total.RefusedEvents, int64(refusals))
	require.Less(t, total.RefusedEvents, int64(refusals*9), "an array holds at most eight events")
}

func TestABatchThatIsNeverAcknowledgedStopsNoOther(t *testing.T) {
	i := reader(t, "world: stuck\nclouds: [aws, gcp, azure]\nrate: 5000\n")
	_, first, err := i.ReadBatch(t.Context())
	require.NoError(t, err)
	for range 50 {
		_, ack, err := i.ReadBatch(t.Context())
		require.NoError(t, err)
		require.NoError(t, ack(t.Context(), nil))
	}
	require.NoError(t, first(t.Context(), nil))
}

func TestWhatWasInFlightWhenAnInputClosedComesAgain(t *testing.T) {
	other := reader(t, "world: reopened\nclouds: [gcp, azure]\n")
	first := reader(t, "world: reopened\nclouds: [aws]\n")
	msgs, stale, err := first.ReadBatch(t.Context())
	require.NoError(t, err)
	want, err := msgs[0].AsBytes()
	require.NoError(t, err)
	require.NoError(t, first.Close(t.Context()))
	again := reader(t, "world: reopened\nclouds: [aws]\n")
	require.Same(t, other.world, again.world)
	msgs, ack, err := again.ReadBatch(t.Context())
	require.NoError(t, err)
	got, err := msgs[0].AsBytes()
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.NoError(t, stale(t.Context(), nil), "an acknowledgement that comes too late counts nothing")
	require.NoError(t, ack(t.Context(), nil))
	c := again.world.Snapshot().Clouds["aws"]
	require.EqualValues(t, len(msgs), c.AckedMessages)
	require.Zero(t, c.InFlightEvents)
}

func TestTheLedgerKnowsAFactBeforeItsEventIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "truth.jsonl")
	i := reader(t, fmt.Sprintf("world: ledger\nledger: %q\nduration: 200ms\nfaults: {total: 0}\ndrain: false", path))
	checked := 0
	require.NoError(t, drainAll(t.Context(), i, func(msgs service.MessageBatch) error {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, m := range msgs {
			if key, ok := m.MetaGet("ce-subject"); ok {
				require.Contains(t, string(text), `"key":"`+key+`"`)
				checked++
			}
		}
		return nil
	}))
	require.NotZero(t, checked)
}

func TestAWorldThatIsNotReadFastEnoughSaysSo(t *testing.T) {
	t.Parallel()
	i := reader(t, "world: slow\nrate: 5000\nmax_queued: 50")
	require.Eventually(t, func() bool {
		s := i.world.Snapshot()
		return s.Lost > 0 && s.ReachedRate < s.WantedRate
	}, 20*time.Second, 10*time.Millisecond)
}

func TestFinishClosesAWorldThatHasNoEndOfItsOwn(t *testing.T) {
	t.Parallel()
	i := reader(t, "world: endless\n"+strings.Replace(fast, "duration: 300ms", "", 1))
	finished := make(chan error, 1)
	time.AfterFunc(200*time.Millisecond, func() {
		w, ok := Lookup("endless")
		if !ok {
			finished <- errors.New("no world")
			return
		}
		w.StopFaults()
		finished <- w.Finish(t.Context())
	})
	require.NoError(t, drainAll(t.Context(), i, func(service.MessageBatch) error { return nil }))
	require.NoError(t, <-finished)
	require.False(t, i.world.Snapshot().Faults)
}

func TestBadSettingsAreAnsweredWithTheField(t *testing.T) {
	for _, test := range []struct{ yaml, want string }{
		{"rate: 0", "rate: 0 is outside the allowed range 1 to 100000"},
		{"rate: 100001", "rate: 100001 is outside"},
		{"clouds: [ibm]", `clouds: "ibm" is no cloud; allowed are aws, gcp, azure`},
		{"clouds: [aws, aws]", "clouds: aws stands there twice"},
		{"clouds: []", "clouds: at least one"},
		{"count: -1", "count: -1 is negative"},
		{"batch_size: 0", "batch_size: 0"},
		{"tenants: []", "tenants: at least one"},
		{"tenants: ['']", "tenants[0]"},
		{"start: yesterday", `start: "yesterday" is no RFC 3339 time`},
		{"window: 0s", "window: 0s is outside"},
		{"faults: {total: 1}", "faults.total: 1 is outside"},
		{"faults: {classes: [lost]}", `faults.classes: "lost" is no fault class; allowed are missing,`},
		{"faults: {fractions: {late: 0.2}}", "faults.fractions.late: 0.2 is outside 0 to faults.total"},
		{"faults: {classes: [late], fractions: {missing: 0.01}}", "faults.fractions.missing: the class is not among"},
		{"faults: {fractions: {late: 0.04, missing: 0.04}}", "they add up to more than faults.total"},
		{"max_queued: 0", "max_queued: 0"},
	} {
		t.Run(test.yaml, func(t *testing.T) {
			conf, err := inputSpec().ParseYAML(test.yaml, nil)
			require.NoError(t, err)
			_, err = newInput(conf, service.MockResources())
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestInputsOfOneWorldMustAgree(t *testing.T) {
	reader(t, "world: agreed\nclouds: [aws]")
	for yaml, want := range map[string]string{
		"world: agreed\nclouds: [gcp]\nseed: 2": "seed: differs from that of another input",
		"world: agreed\nclouds: [aws, gcp]":     "clouds: aws of the world \"agreed\" is read by another input",
	} {
		conf, err := inputSpec().ParseYAML(yaml, nil)
		require.NoError(t, err)
		in, err := newInput(conf, service.MockResources())
		require.NoError(t, err)
		require.ErrorContains(t, in.Connect(t.Context()), want)
	}
	_, ok := Lookup("agreed")
	require.True(t, ok)
}

func TestExamplesLint(t *testing.T) {
	linter := service.GlobalEnvironment().NewComponentConfigLinter()
	for _, yaml := range []string{
		"helios_simulator: {}",
		"helios_simulator:\n  rate: 1000\n  duration: 30s\n  ledger: ./truth.jsonl",
		"helios_simulator:\n  world: demo\n  clouds: [ aws ]\n  rate: 1000\n  seed: 42",
		"helios_simulator:\n  faults:\n    total: 0.2\n    classes: [ late ]\n    fractions: { late: 0.1 }",
	} {
		lints, err := linter.LintInputYAML([]byte(yaml))
		require.NoError(t, err)
		require.Empty(t, lints)
	}
}

func TestAStreamEndsWithItsWorld(t *testing.T) {
	t.Parallel()
	builder := service.NewStreamBuilder()
	require.NoError(t, builder.SetLoggerYAML("level: none"))
	require.NoError(t, builder.AddInputYAML("helios_simulator:\n  world: stream\n  window: 200ms\n  allowed_lateness: 100ms\n  idle_timeout: 100ms\n  count: 50\n  clouds: [aws, gcp, azure]\n"))
	clouds := map[string]int{}
	var mu sync.Mutex
	require.NoError(t, builder.AddBatchConsumerFunc(func(_ context.Context, msgs service.MessageBatch) error {
		mu.Lock()
		defer mu.Unlock()
		for _, m := range msgs {
			cloud, _ := m.MetaGet(MetaCloud)
			clouds[cloud]++
		}
		return nil
	}))
	stream, err := builder.Build()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(t, stream.Run(ctx))
	require.Len(t, clouds, 3)
	_, ok := Lookup("stream")
	require.False(t, ok, "a world ends with its last input")
}

func TestAnInputCanBeClosedAndReadAgainUnderACancelledContext(t *testing.T) {
	i := reader(t, "world: cancelled")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for {
		if _, _, err := i.ReadBatch(ctx); err != nil {
			require.ErrorIs(t, err, context.Canceled)
			break
		}
	}
	require.NoError(t, i.Close(ctx))
	_, _, err := i.ReadBatch(t.Context())
	require.ErrorIs(t, err, service.ErrNotConnected)
	require.NoError(t, i.Connect(t.Context()))
	_, ack, err := i.ReadBatch(t.Context())
	require.NoError(t, err)
	require.NoError(t, ack(t.Context(), nil))
}

func TestFinishSucceedsWhenTheInputsCloseAsSoonAsTheyEnd(t *testing.T) {
	t.Parallel()
	i := reader(t, "world: closing\ncount: 30\n"+strings.Replace(fast, "duration: 300ms", "", 1))
	w := i.world
	finished := make(chan error, 1)
	go func() { finished <- w.Finish(t.Context()) }()
	require.NoError(t, drainAll(t.Context(), i, func(service.MessageBatch) error { return nil }))
	require.NoError(t, i.Close(t.Context()))
	require.NoError(t, <-finished)
}

package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/internal/lifecycle"
)

// runStreams runs the pipelines through Redpanda Connect's own command line, as
// a user would, and calls session once they are up. They run until session
// returns. The environment is what ${NAME} stands for in them, beside the
// process's own.
//
// Redpanda Connect listens for signals only after the hook that session is
// called from has returned. That leaves the first Ctrl-C to the demo, which ends
// the traffic before the pipelines.
func runStreams(ctx context.Context, args []string, environment map[string]string, session func(context.Context) error) error {
	life := &lifetime{Context: ctx}
	var called bool
	var sessionErr error
	code, err := service.RunCLIToCode(life,
		service.CLIOptSetArgs(append([]string{"helios-connect", "streams"}, args...)...),
		service.CLIOptSetBinaryName("helios-connect"),
		service.CLIOptSetProductName("Helios"),
		service.CLIOptSetEnvVarLookup(func(_ context.Context, name string) (string, bool) {
			if value, ok := environment[name]; ok {
				return value, true
			}
			return os.LookupEnv(name)
		}),
		service.CLIOptOnStreamStart(func(*service.RunningStreamSummary) error {
			called = true
			sessionErr = session(ctx)
			life.end()
			// An error makes Redpanda Connect return without stopping the streams.
			// After a failure they may be stuck, and waiting for them would end the
			// process, with every goroutine's stack and without the error.
			return sessionErr
		}),
	)
	switch {
	case called:
		return sessionErr
	case err != nil:
		return fmt.Errorf("starting the pipelines: %w", err)
	default:
		return fmt.Errorf("starting the pipelines: exit status %d", code)
	}
}

// lifetime is a context whose deadline is set when it is reached. A deadline is
// the one thing beside a signal that makes Redpanda Connect's command line stop
// gracefully; it asks for it after the session.
type lifetime struct {
	context.Context
	ended atomic.Pointer[time.Time]
}

func (l *lifetime) end() {
	now := time.Now()
	l.ended.Store(&now)
}

// Deadline implements context.Context.
func (l *lifetime) Deadline() (time.Time, bool) {
	if ended := l.ended.Load(); ended != nil {
		return *ended, true
	}
	return l.Context.Deadline()
}

// stopOrder is how streams are stopped: along the way of an event, so that none
// waits for one that is gone.
var stopOrder = []string{"send", "ingest", "reconcile", "store", "dead"}

// stopStreams deletes every stream through the API, which lets each finish what
// it has taken in. The process is marked first, so that no fact is closed by it.
func stopStreams(ctx context.Context, address string) error {
	lifecycle.MarkStopping()
	var running map[string]json.RawMessage
	if err := call(ctx, http.MethodGet, "http://"+address+"/streams", &running); err != nil {
		return fmt.Errorf("listing the streams: %w", err)
	}
	ids := slices.Sorted(maps.Keys(running))
	slices.SortStableFunc(ids, func(a, b string) int { return rank(a) - rank(b) })
	var errs []error
	for _, id := range ids {
		if err := call(ctx, http.MethodDelete, "http://"+address+"/streams/"+id+"?timeout=10s", nil); err != nil {
			errs = append(errs, fmt.Errorf("stopping stream %s: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

func rank(id string) int {
	for i, prefix := range stopOrder {
		if strings.HasPrefix(id, prefix) {
			return i
		}
	}
	return len(stopOrder)
}

func call(ctx context.Context, method, url string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

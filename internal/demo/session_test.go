package demo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
)

func TestStillnessCountsLooksSinceTheLastChange(t *testing.T) {
	still := newStillness(1)
	for _, look := range []struct{ see, want int }{{1, 1}, {1, 2}, {2, 1}, {2, 2}, {2, 3}, {1, 1}} {
		require.Equal(t, look.want, still.look(look.see))
	}
}

// A stream that is stuck can't be stopped, and a run that failed must say why.
func TestAFailedSessionDoesNotWaitForTheStreams(t *testing.T) {
	dir := t.TempDir()
	service, stream := filepath.Join(dir, "service.yaml"), filepath.Join(dir, "stuck.yaml")
	require.NoError(t, os.WriteFile(service, []byte("shutdown_timeout: 20s\nhttp: {enabled: false}\nlogger: {level: none}\n"), 0o600))
	require.NoError(t, os.WriteFile(stream, []byte(`
input: {generate: {mapping: 'root = {}', interval: ""}}
pipeline: {processors: [{sleep: {duration: 1h}}]}
output: {drop: {}}
`), 0o600))
	failed := errors.New("not every event was taken")
	begin := time.Now()
	err := runStreams(context.Background(), []string{"-o", service, stream}, nil, func(context.Context) error { return failed })
	require.ErrorIs(t, err, failed)
	require.Less(t, time.Since(begin), 15*time.Second)
}

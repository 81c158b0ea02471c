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

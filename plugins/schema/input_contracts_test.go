package schema

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/redpanda-data/benthos/v4/public/service"
)

func startContracts(t *testing.T, yaml string) service.Input {
	t.Helper()
	conf, err := contractsSpec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	in, err := newContractsFromConfig(conf, service.MockResources())
	require.NoError(t, err)
	require.NoError(t, in.Connect(t.Context()))
	t.Cleanup(func() { require.NoError(t, in.Close(context.Background())) })
	return in
}

// emitted is the next message, acknowledged as told.
func emitted(t *testing.T, in service.Input, answer error) (c map[string]any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	msg, ack, err := in.Read(ctx)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(text(t, msg)), &c))
	require.Equal(t, c["subject"], meta(msg, "helios_subject"))
	require.NoError(t, ack(ctx, answer))
	return c
}

func intercepted(t *testing.T, intercept srfake.Interceptor) *srfake.Registry {
	t.Helper()
	reg := startRegistry(t)
	reg.Intercept(intercept)
	return reg
}

// silent: nothing comes while the registry is asked several times more.
func silent(t *testing.T, in service.Input, asked func() int32) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for before := asked(); asked() < before+4 && ctx.Err() == nil; {
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
	}()
	msg, _, err := in.Read(ctx)
	require.ErrorIs(t, err, context.Canceled, "%v", msg)
}

func TestEveryVersionIsEmittedOnceAndNewOnesAsTheyCome(t *testing.T) {
	var asked, down atomic.Int32
	reg := intercepted(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/subjects" {
			asked.Add(1)
		}
		if down.Load() > 0 {
			http.Error(w, `{"error_code":500,"message":"down"}`, http.StatusInternalServerError)
			return true
		}
		return false
	})
	reg.SeedSchema("order", 1, 7, sr.Schema{Type: sr.TypeJSON, Schema: orderV1})
	reg.SeedSchema("order", 2, 8, sr.Schema{Type: sr.TypeJSON, Schema: orderV2})
	reg.SeedSchema("ping", 1, 9, sr.Schema{Type: sr.TypeAvro, Schema: `{"type":"record","name":"ping","fields":[]}`})
	down.Store(1)
	in := startContracts(t, "registry: {url: "+reg.URL()+", refresh: 100ms}")
	require.Eventually(t, func() bool { return asked.Load() > 0 }, 10*time.Second, time.Millisecond)
	down.Store(0)

	first := emitted(t, in, nil)
	require.Equal(t, []any{"order", 1.0, 7.0, "JSON", orderV1, []any{}, false, false, "", ""}, []any{first["subject"], first["version"], first["id"],
		first["language"], first["text"], first["changes"], first["breaks_backward"], first["breaks_forward"], first["upgrade"], first["problem"]})
	seen, err := time.Parse(time.RFC3339Nano, first["seen_at"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), seen, time.Minute)

	second := emitted(t, in, errors.New("the store is down"))
	require.Equal(t, []any{2.0, true, true, "root = this.without(\"id\")\nroot.key = this.id"},
		[]any{second["version"], second["breaks_backward"], second["breaks_forward"], second["upgrade"]})
	require.NotEmpty(t, second["changes"])
	require.Contains(t, second["changes"].([]any)[0], "pointer")

	// What was rejected comes again, and nothing else twice.
	rest := map[any]any{}
	for range 2 {
		c := emitted(t, in, nil)
		rest[c["subject"]] = c["version"]
	}
	require.Equal(t, map[any]any{"order": 2.0, "ping": 1.0}, rest)
	silent(t, in, asked.Load)

	reg.SeedSchema("ping", 2, 10, sr.Schema{Type: sr.TypeAvro, Schema: `{"type":"record","name":"ping","fields":[{"name":"n","type":"int"}]}`})
	grown := emitted(t, in, nil)
	require.Equal(t, []any{"ping", 2.0, "AVRO", true, false}, []any{grown["subject"], grown["version"], grown["language"], grown["breaks_backward"], grown["breaks_forward"]})
	silent(t, in, asked.Load)
}

func TestAContractThatCannotBeUsedIsEmittedWithItsProblem(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "order.json"), []byte(`{"type":"nonsense"}`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "order.v2.json"), []byte(orderV1), 0o600))
	in := startContracts(t, "folder: "+dir)
	require.NotEmpty(t, emitted(t, in, nil)["problem"])
	require.Contains(t, emitted(t, in, nil)["problem"], "it can't be compared with version 1")
}

func TestOneSubjectThatCannotBeReadHoldsUpNoOther(t *testing.T) {
	var refuse atomic.Bool
	refuse.Store(true)
	reg := intercepted(t, func(w http.ResponseWriter, r *http.Request) bool {
		if refuse.Load() && r.URL.Path == "/subjects/a/versions/1" {
			http.Error(w, `{"error_code":500,"message":"broken"}`, http.StatusInternalServerError)
			return true
		}
		return false
	})
	for _, subject := range []string{"a", "b"} {
		reg.SeedSchema(subject, 1, int(subject[0]), sr.Schema{Type: sr.TypeJSON, Schema: `{}`})
	}
	in := startContracts(t, "registry: {url: "+reg.URL()+", refresh: 100ms}")
	require.Equal(t, "b", emitted(t, in, nil)["subject"])
	refuse.Store(false)
	require.Equal(t, "a", emitted(t, in, nil)["subject"])
}

func TestWithoutARegistryTheInputIdles(t *testing.T) {
	in := startContracts(t, "{}")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, _, err := in.Read(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestContractsRefuseSettingsThatContradict(t *testing.T) {
	for yaml, complaint := range map[string]string{
		"{folder: x, registry: {url: 'http://localhost:1'}}": "are both set",
		"{registry: {url: 'localhost:1'}}":                   "begins neither with",
		"{registry: {refresh: 1ms}}":                         "below 100ms",
	} {
		conf, err := contractsSpec().ParseYAML(yaml, nil)
		require.NoError(t, err)
		_, err = newContractsFromConfig(conf, service.MockResources())
		require.ErrorContains(t, err, complaint)
	}
}

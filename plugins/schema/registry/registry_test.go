package registry

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/helios-connect/helios/plugins/schema/contract"
)

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
}

func open(t *testing.T, s Source) *Catalog {
	t.Helper()
	c := Open(s, time.Hour, time.Now, Observer{})
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, c.Ready(ctx))
	return c
}

func TestAFolderNamesSubjectsAndVersions(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"com.example.order.json": `{"type":"object"}`, "com.example.order.v2.json": `{"type":"object","required":["a"]}`, "com.example.order.v10.json": `{}`,
		"acme:ping.proto": `syntax = "proto3"; message Ping {}`, "event.avsc": `"string"`, "README.md": "no contract", "broken.json": `{"type":`,
	})
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub.json"), 0o700))
	c := open(t, OpenFolder(dir))
	require.Equal(t, []string{"acme:ping", "broken", "com.example.order", "event"}, c.Names())
	order, err := c.Subject(t.Context(), "com.example.order")
	require.NoError(t, err)
	var versions []int
	for _, e := range order.Entries {
		require.NoError(t, e.Err)
		versions = append(versions, e.Version)
	}
	require.Equal(t, []int{1, 2, 10}, versions)
	require.Equal(t, 10, order.Latest().Version)
	require.Nil(t, order.Version(3))
	broken, err := c.Subject(t.Context(), "broken")
	require.NoError(t, err)
	require.ErrorContains(t, broken.Latest().Err, "broken version 1: the schema is no JSON")
	none, err := c.Subject(t.Context(), "none")
	require.NoError(t, err)
	require.Nil(t, none)
}

func TestReferencesAreResolvedWithinTheRegistry(t *testing.T) {
	reg := srfake.New()
	defer reg.Close()
	_, _, err := reg.RegisterSchema("money", sr.Schema{Schema: `{"type":"object","required":["cents"]}`, Type: sr.TypeJSON})
	require.NoError(t, err)
	_, _, err = reg.RegisterSchema("order", sr.Schema{Schema: `{"properties":{"price":{"$ref":"money.json"},"tax":{"$ref":"https://schemas.example.com/money"}}}`, Type: sr.TypeJSON,
		References: []sr.SchemaReference{{Name: "money.json", Subject: "money", Version: 1}, {Name: "https://schemas.example.com/money", Subject: "money", Version: 1}}})
	require.NoError(t, err)
	source, err := Dial(Connection{URL: reg.URL()})
	require.NoError(t, err)
	order, err := open(t, source).Subject(t.Context(), "order")
	require.NoError(t, err)
	require.NoError(t, order.Latest().Err)
	var j contract.Judge
	require.Empty(t, j.Failures(order.Latest().Contract, []byte(`{"price":{"cents":1},"tax":{"cents":1}}`)))
	require.Len(t, j.Failures(order.Latest().Contract, []byte(`{"price":{},"tax":{}}`)), 2)
	broken, versions, err := Examine(t.Context(), source, []string{"money", "order"})
	require.NoError(t, err)
	require.Empty(t, broken)
	require.Equal(t, 2, versions)
}

// counted counts the schemas that are read.
type counted struct {
	Source
	schemas atomic.Int64
	fails   atomic.Bool
}

func (c *counted) Schema(ctx context.Context, subject string, version int) (Registered, error) {
	c.schemas.Add(1)
	return c.Source.Schema(ctx, subject, version)
}

func (c *counted) Subjects(ctx context.Context) ([]string, error) {
	if c.fails.Load() {
		return nil, errors.New("down")
	}
	return c.Source.Subjects(ctx)
}

func TestAVersionIsReadOnceAndARemovedSubjectForgotten(t *testing.T) {
	reg := srfake.New()
	defer reg.Close()
	_, _, err := reg.RegisterSchema("order", sr.Schema{Schema: `{}`, Type: sr.TypeJSON})
	require.NoError(t, err)
	remote, err := Dial(Connection{URL: reg.URL()})
	require.NoError(t, err)
	source := &counted{Source: remote}
	c := open(t, source)
	require.Zero(t, source.schemas.Load(), "nothing is read before it is in use")
	for range 3 {
		s, err := c.Subject(t.Context(), "order")
		require.NoError(t, err)
		require.Len(t, s.Entries, 1)
		require.NoError(t, c.Refresh(t.Context()))
	}
	require.EqualValues(t, 1, source.schemas.Load())
	_, _, err = reg.RegisterSchema("order", sr.Schema{Schema: `{"type":"object"}`, Type: sr.TypeJSON})
	require.NoError(t, err)
	require.NoError(t, c.Refresh(t.Context()))
	s, err := c.Subject(t.Context(), "order")
	require.NoError(t, err)
	require.Len(t, s.Entries, 2)
	require.EqualValues(t, 2, source.schemas.Load())

	source.fails.Store(true)
	require.ErrorContains(t, c.Refresh(t.Context()), "down")
	_, err = remote.Client().DeleteSubject(t.Context(), "order", sr.SoftDelete)
	require.NoError(t, err)
	s, err = c.Subject(t.Context(), "order")
	require.NoError(t, err)
	require.NotNil(t, s, "while the registry is down everything known is used on")
	source.fails.Store(false)
	require.NoError(t, c.Refresh(t.Context()))
	s, err = c.Subject(t.Context(), "order")
	require.NoError(t, err)
	require.Nil(t, s)
}

func TestUpgradeMappingsAreKeptInTheSchema(t *testing.T) {
	require.Equal(t, "root = this", UpgradeOf(`{"x-helios-upgrade":"root = this"}`))
	for _, none := range []string{`{}`, `true`, `{"x-helios-upgrade":7}`, `"avro"`, ``} {
		require.Empty(t, UpgradeOf(none))
	}
}

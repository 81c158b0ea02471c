package infer_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/schema/infer"
)

// sampleData is the folder of real samples, which are no part of the project.
func sampleData(t *testing.T, name string) string {
	dir := filepath.Join("../../../../shared/data", name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no sample data: %v", err)
	}
	return dir
}

func learnFile(t *testing.T, in *infer.Inferrer, path, kind string) (taken [][]byte) {
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	lines := bufio.NewReader(z)
	for {
		line, err := lines.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if reason, ok := in.Add(infer.Event{Type: kind, Source: filepath.Base(path), Data: line}); ok {
				taken = append(taken, line)
			} else {
				t.Logf("%s: %v: %.80s", path, reason, line)
			}
		}
		if err == io.EOF {
			return taken
		}
		require.NoError(t, err)
	}
}

func TestRealLogs(t *testing.T) {
	dir := sampleData(t, "event-logs")
	for _, pattern := range []string{"gharchive-sample/*.gz", "airline-ontime-2014-01/dev/*.gz"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, path := range files {
			t.Run(filepath.Base(path), func(t *testing.T) {
				in, err := infer.New(infer.Settings{Ranges: true})
				require.NoError(t, err)
				taken := learnFile(t, in, path, "t")
				require.Greater(t, len(taken), 500)
				c := &in.Report().Contracts[0]
				valid := validator(t, c)
				for _, d := range taken[:min(len(taken), 5000)] {
					require.NoError(t, valid(string(d)))
				}
				sameAsJSON(t, c)
				require.False(t, c.Bounded)
				require.Less(t, len(c.JSONSchema()), 200_000)
			})
		}
	}
}

func TestRealPayloadsOfClouds(t *testing.T) {
	dir := sampleData(t, "cloud-events")
	in, err := infer.New(eager)
	require.NoError(t, err)
	var taken []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		reason, ok := in.Add(infer.Event{Type: "cloud", Source: filepath.Dir(path), Data: raw})
		if ok {
			taken = append(taken, string(raw))
		} else if json.Valid(raw) && raw[0] == '{' {
			t.Logf("%s: %v", path, reason)
		}
		return nil
	}))
	require.Greater(t, len(taken), 100)
	c := &in.Report().Contracts[0]
	valid := validator(t, c)
	for _, d := range taken {
		require.NoError(t, valid(d))
	}
	sameAsJSON(t, c)
}

func BenchmarkAdd(b *testing.B) {
	in, err := infer.New(infer.Settings{})
	require.NoError(b, err)
	raw := []byte(repeat(8, `{"order_id":"ord-%d","status":"paid","total":12.5,"customer":{"email":"a%d@example.com"},"lines":[{"sku":"x","price":1}]}`)[7])
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, ok := in.Add(infer.Event{Type: "t", Tenant: "acme", Source: "/s", Data: raw}); !ok {
			b.Fatal("refused")
		}
	}
}

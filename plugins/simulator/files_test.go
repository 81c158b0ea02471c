package simulator

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/truth"
)

func fileOptions() Options {
	mix, err := Faults{Total: 0.3}.Mix()
	if err != nil {
		panic(err)
	}
	return Options{
		Seed: 3, Start: FilesStart, Rate: 100, Tenants: []string{"default"}, Mix: mix, Count: 3000,
		Window: 5 * time.Second, AllowedLateness: 2 * time.Second, IdleTimeout: 3 * time.Second,
	}
}

// readRecords decodes a file of records; lines that no reader could use are
// counted.
func readRecords(t *testing.T, path string) (records []map[string]any, bad int64) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		in, err = gzip.NewReader(f)
		require.NoError(t, err)
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var r map[string]any
		d := json.NewDecoder(strings.NewReader(lines.Text()))
		d.UseNumber()
		err := d.Decode(&r)
		if err == nil && !strings.Contains(lines.Text(), "[[[[") && r["key"] != "" {
			when, parseErr := time.Parse(time.RFC3339Nano, r["event_time"].(string))
			_, amountErr := cents(r["amount"])
			if parseErr == nil && amountErr == nil && when.Year() == FilesStart.Year() {
				records = append(records, r)
				continue
			}
		}
		bad++
	}
	require.NoError(t, lines.Err())
	return records, bad
}

func TestTheTruthOfFilesIsWhatAnOracleDerivesFromTheirRecords(t *testing.T) {
	s, err := WriteFiles(t.TempDir(), "record", fileOptions())
	require.NoError(t, err)
	reports, bad, total := map[string][]report{}, int64(0), int64(0)
	for c, path := range s.Paths {
		records, n := readRecords(t, path)
		bad += n
		total += n + int64(len(records))
		for _, r := range records {
			when, err := time.Parse(time.RFC3339Nano, r["event_time"].(string))
			require.NoError(t, err)
			r["items"] = []any{r["quantity"]}
			key := r["key"].(string)
			reports[key] = append(reports[key], report{cloud: Cloud(c).String(), id: r["event_id"].(string), when: when, data: r})
		}
	}
	l, err := truth.ReadFile(s.Truth)
	require.NoError(t, err)
	require.True(t, l.Complete)
	require.Equal(t, total, s.Records)
	require.EqualValues(t, len(l.Facts), s.Facts)
	_, malformed := l.Totals()
	require.Equal(t, malformed, bad)
	require.NotZero(t, bad)
	for _, f := range l.Facts {
		status, missing, diffs := judge([]string{"aws", "azure", "gcp"}, reports[f.Key])
		for i := range diffs {
			diffs[i].Field = strings.Replace(diffs[i].Field, "items", "quantity", 1)
		}
		require.Equal(t, "record", f.Type)
		require.Equal(t, f.Status, status, "%+v", f)
		require.Equal(t, f.Missing, missing)
		require.Equal(t, f.Diffs, diffs)
		delete(reports, f.Key)
	}
	require.Empty(t, reports)
}

func TestTheSameSeedGivesTheSameFiles(t *testing.T) {
	a, err := WriteFiles(t.TempDir(), "record", fileOptions())
	require.NoError(t, err)
	b, err := WriteFiles(t.TempDir(), "record", fileOptions())
	require.NoError(t, err)
	for i, path := range append(a.Paths, a.Truth) {
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		got, err := os.ReadFile(append(b.Paths, b.Truth)[i])
		require.NoError(t, err)
		require.Equal(t, want, got, filepath.Base(path))
	}
}

func TestFilesNeedANumberOfFacts(t *testing.T) {
	opts := fileOptions()
	opts.Count = 0
	_, err := WriteFiles(t.TempDir(), "record", opts)
	require.ErrorContains(t, err, "count:")
}

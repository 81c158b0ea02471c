package records

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// scan reads a file to its end and returns its messages; failed ones as their
// error and what they hold.
func scan(t *testing.T, name, file string, most int) (all []string) {
	t.Helper()
	conf, err := scannerSpec().ParseYAML(fmt.Sprintf("max_record_bytes: %d", most), nil)
	require.NoError(t, err)
	c, err := newScannerCreator(conf, service.MockResources())
	require.NoError(t, err)
	acked := 0
	details := service.NewScannerSourceDetails()
	details.SetName(name)
	s, err := c.Create(io.NopCloser(strings.NewReader(file)), func(_ context.Context, err error) error { acked++; return err }, details)
	require.NoError(t, err)
	for {
		batch, ack, err := s.NextBatch(t.Context())
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		for _, m := range batch {
			text, err := m.AsBytes()
			require.NoError(t, err)
			if line, _ := m.MetaGet(metaLine); strings.HasPrefix(string(text), "line") {
				require.Equal(t, "line "+line, string(text))
			}
			if m.GetError() != nil {
				all = append(all, m.GetError().Error()+" | "+string(text))
			} else {
				all = append(all, string(text))
			}
		}
		require.NoError(t, ack(t.Context(), nil))
	}
	require.NoError(t, s.Close(t.Context()))
	require.NoError(t, c.Close(t.Context()))
	return all
}

func zipped(text string) string {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write([]byte(text)) // into memory
	_ = z.Close()
	return out.String()
}

func TestRecordsAreReadHoweverTheFileIsWritten(t *testing.T) {
	for name, file := range map[string]string{
		"with an end":            "a\nb\n",
		"without":                "a\nb",
		"as on Windows":          "\xef\xbb\xbfa\r\nb\r\n",
		"with empty lines":       "\n\r\na\n\nb\n\n",
		"gzip":                   zipped("a\nb\n"),
		"gzip, as on Windows":    zipped("\xef\xbb\xbfa\r\nb"),
		"gzip, written in parts": zipped("a\n") + zipped("b\n"),
	} {
		for _, called := range []string{"x.jsonl", "x.jsonl.gz", "X.GZ"} {
			require.Equal(t, []string{"a", "b"}, scan(t, called, file, 100), "%s in %s", name, called)
		}
	}
	require.Len(t, scan(t, "numbered", "line 1\n\nline 3\nline 4", 100), 3)
	require.Empty(t, scan(t, "x.jsonl", "", 100))
	require.Empty(t, scan(t, "x.gz", zipped(""), 100))
	require.Equal(t, []string{"\x1f"}, scan(t, "x", "\x1f", 100))
}

func TestALongRecordIsRefusedAndThoseAroundItAreRead(t *testing.T) {
	for _, n := range []int{1, 10, bufferSize - 1, bufferSize, bufferSize + 1, 3 * bufferSize} {
		for _, end := range []string{"\n", "\r\n"} {
			fits, long := strings.Repeat("x", n), strings.Repeat("x", n+1)
			got := scan(t, "f", "a"+end+fits+end+long+end+long+"yz"+end+"b"+end+fits, n)
			refused := func(line int) string {
				return fmt.Sprintf("f: line %d is longer than %d bytes (max_record_bytes) | %s", line, n, fits[:min(n, shown)])
			}
			require.Equal(t, []string{"a", fits, refused(3), refused(4), "b", fits}, got, "%d bytes", n)
		}
	}
}

func TestAFileThatCanNotBeReadToItsEndSaysSo(t *testing.T) {
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "record %d\n", i*i)
	}
	whole := zipped(text.String())
	got := scan(t, "cut.gz", whole[:len(whole)/2], 100)
	require.Greater(t, len(got), 100)
	require.Equal(t, "record 0", got[0])
	require.Contains(t, got[len(got)-1], fmt.Sprintf("cut.gz can't be read from line %d on: unexpected EOF | ", len(got)))

	changed := []byte(whole)
	changed[len(changed)-5] ^= 1
	got = scan(t, "changed.gz", string(changed), 100)
	require.Equal(t, "changed.gz can't be read from line 5001 on: gzip: invalid checksum | ", got[5000])

	require.Equal(t, []string{"none.gz can't be read from line 1 on: unexpected EOF | "}, scan(t, "none.gz", "", 100))
	require.Equal(t, []string{"head.gz can't be read from line 1 on: unexpected EOF | "}, scan(t, "head.gz", whole[:5], 100))
	require.Len(t, scan(t, "other", "\x1f\x8bno gzip", 100), 1)
}

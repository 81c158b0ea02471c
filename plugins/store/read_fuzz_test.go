package store

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzRead: whatever is read can be stored, that is, its text is UTF-8 without
// NUL and what stands in an index is short; and the document is kept as it came.
func FuzzRead(f *testing.F) {
	f.Add([]byte(eventJSON(nil)))
	f.Add([]byte(eventJSON(map[string]any{"id": "\x00", "tenant": "\u2028"})))
	f.Add([]byte(verdictJSON(1, opened, 1, nil)))
	f.Add([]byte(verdictJSON(1, opened, 1, map[string]any{"missing": []string{"\x00", "\ufffd"}})))
	f.Add([]byte(`{"id":"\ud800","source":"\udc00\ud800","type":"t","time":"2026-01-01T00:00:00Z","cloud":"c","correlationid":"k"}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		kept := bytes.Clone(document)
		storable := func(texts ...[]byte) {
			for _, text := range texts {
				require.True(t, utf8.Valid(text) && bytes.IndexByte(text, 0) < 0, "%q", text)
			}
		}
		var events eventReader
		if row, err := events.read(document); err == nil {
			storable(row.tenant, row.cloud, row.source, row.id, row.typ, row.key, row.document)
			require.NotEmpty(t, row.tenant)
			require.LessOrEqual(t, max(len(row.tenant), len(row.cloud), len(row.typ)), maxIndexed)
			again, err := events.read(document)
			require.NoError(t, err)
			require.Equal(t, row.identity, again.identity)
		}
		var verdicts verdictReader
		if row, err := verdicts.read(document); err == nil {
			storable([]byte(row.id), row.tenant, row.typ, row.key, []byte(row.status), row.closedBy, row.expectation, row.document)
			for _, name := range append(row.missing, row.stalled...) {
				storable([]byte(name))
			}
			require.Positive(t, row.revision)
		}
		require.Equal(t, kept, document)
	})
}

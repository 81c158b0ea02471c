package convert

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzAppendDecoded: what it answers is what encoding/base64 answers, and it
// answers whatever encoding/base64 has encoded.
func FuzzAppendDecoded(f *testing.F) {
	for _, seed := range []string{"", "a", "eyJhIjoxfQ==", "eyJhIjoxMn0=", "eyJhIjoxMjN9", "ab-_ab+/", "AAAA\nAAAA", "AA==AAAA", "AAAA====", "AAAAA===", "====", "AB==", "\x00\xffAAAAA"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := appendDecoded([]byte("kept"), text)
		if !ok {
			require.Equal(t, "kept", string(got))
		} else {
			want, err := base64.StdEncoding.AppendDecode([]byte("kept"), text)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		if len(text) > 0 {
			got, ok = appendDecoded(nil, base64.StdEncoding.AppendEncode(nil, text))
			require.True(t, ok)
			require.Equal(t, text, got)
		}
	})
}

func BenchmarkAppendDecoded(b *testing.B) {
	text := []byte(base64.StdEncoding.EncodeToString([]byte(`{"order_id":"ord-000012345","amount":129.95,"currency":"EUR","items":[{"sku":"A-1","qty":2}]}`)))
	dst := make([]byte, 0, len(text))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, ok := appendDecoded(dst, text); !ok {
			b.Fatal("not decoded")
		}
	}
}

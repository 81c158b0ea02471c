package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/helios-connect/helios/plugins/event"
)

// maxIndexed is the longest tenant, type and cloud in bytes. They stand in
// B-tree indexes, where PostgreSQL refuses an entry over 2704 bytes.
const maxIndexed = 1024

// instant is a time in Unix nanoseconds, or nothing.
type instant struct {
	ns    int64
	known bool
}

// time returns the instant in UTC; PostgreSQL cuts it to microseconds.
func (t instant) time() time.Time { return time.Unix(0, t.ns).UTC() }

// textTime has a fixed width, so that text sorts as time does.
const textTime = "2006-01-02T15:04:05.000000000Z"

// reader reads members of one document.
type reader struct {
	scanner event.Scanner
	raw     [][]byte
}

// text returns the contents of a member, which must be a non-empty string when
// required. The result is a view of the document unless something is escaped.
func (r *reader) text(i int, name string, need requirement) ([]byte, error) {
	raw := r.raw[i]
	if raw == nil || event.IsNull(raw) {
		if need == required {
			return nil, fmt.Errorf("%s is absent; it must be a non-empty string", name)
		}
		return []byte{}, nil
	}
	if !event.IsString(raw) {
		return nil, fmt.Errorf("%s is %s; it must be a string", name, excerpt(raw))
	}
	content := raw[1 : len(raw)-1]
	if bytes.IndexByte(content, '\\') >= 0 {
		var err error
		if content, err = event.Unquote(nil, raw); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(content) == 0 && need == required {
		return nil, fmt.Errorf("%s is empty; it must be a non-empty string", name)
	}
	return content, nil
}

type requirement bool

const (
	optional requirement = false
	required requirement = true
)

// short is text that takes at most maxIndexed bytes in its column.
func (r *reader) short(i int, name string, need requirement) ([]byte, error) {
	text, err := r.text(i, name, need)
	if n := len(column(text)); err == nil && n > maxIndexed {
		return nil, fmt.Errorf("%s is %d bytes long; at most %d are allowed", name, n, maxIndexed)
	}
	return text, err
}

func (r *reader) instant(i int, name string, need requirement) (instant, error) {
	text, err := r.text(i, name, need)
	if err != nil || len(text) == 0 {
		return instant{}, err
	}
	ns, err := event.ParseTime(text)
	if err != nil {
		return instant{}, fmt.Errorf("%s is %s: %w", name, excerpt(text), err)
	}
	return instant{ns: ns, known: true}, nil
}

// excerpt quotes what is wrong without repeating a megabyte of it.
func excerpt(b []byte) string {
	const most = 64
	if len(b) > most {
		return fmt.Sprintf("%q and %d bytes more", b[:most], len(b)-most)
	}
	return fmt.Sprintf("%q", b)
}

// column makes text fit for a database: PostgreSQL holds no NUL, which becomes
// its picture U+2400. Identities are hashed from the exact text, and documents
// are kept as they came, so nothing is lost by it.
func column(text []byte) []byte {
	if bytes.IndexByte(text, 0) < 0 {
		return text
	}
	return bytes.ReplaceAll(text, []byte{0}, []byte("\u2400"))
}

// identity is the first half of a SHA-256: a fixed-size key for the index,
// however long the text, on which nobody can make two events collide.
type identity [16]byte

// identify hashes parts with their lengths, so that no two lists of parts have
// the same input.
func identify(buf []byte, parts ...[]byte) (identity, []byte) {
	buf = buf[:0]
	for _, part := range parts {
		buf = binary.AppendUvarint(buf, uint64(len(part)))
		buf = append(buf, part...)
	}
	sum := sha256.Sum256(buf)
	return identity(sum[:16]), buf
}

// distinctRows drops repeats, of which the first wins, as it does between batches.
func distinctRows[R any](rows []R, of func(*R) identity) []R {
	seen := make(map[identity]struct{}, len(rows))
	distinct := make([]R, 0, len(rows))
	for i := range rows {
		id := of(&rows[i])
		if _, ok := seen[id]; ok {
			continue
		}
		seen[id] = struct{}{}
		distinct = append(distinct, rows[i])
	}
	return distinct
}

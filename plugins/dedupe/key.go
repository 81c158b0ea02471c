package dedupe

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/helios-connect/helios/plugins/event"
)

// Key is what an event is known by: 128 bits of the SHA-256 of its participant,
// source, id and, when present, heliosattempt. Its size does not depend on the
// event, and nobody can craft an event that passes for another one. The zero Key
// stands for an event that can't be known.
type Key [16]byte

// Valid reports whether the event can be known by its key.
func (k Key) Valid() bool { return k != Key{} }

var keyPaths = event.MustCompilePaths("source", "id", "cloud", "heliosattempt")

const (
	pathSource = iota
	pathID
	pathCloud
	pathAttempt
)

// keyer takes keys from canonical events. It is not safe for concurrent use.
type keyer struct {
	scanner event.Scanner
	values  [4][]byte
	scratch []byte
	text    []byte // what is hashed
}

// key returns the event's key and its participant, which is a view that holds
// until the next call. The key is zero for what is no event: no JSON object, or
// without a non-empty source and id.
func (k *keyer) key(doc []byte) (Key, []byte) {
	if k.scanner.Scan(doc, keyPaths, k.values[:]) != nil {
		return Key{}, nil
	}
	k.text = k.text[:0]
	if !k.add(k.values[pathCloud]) {
		k.text = append(k.text[:0], 0, 0, 0, 0)
	}
	cloud := len(k.text)
	if !k.add(k.values[pathSource]) || !k.add(k.values[pathID]) {
		return Key{}, nil
	}
	// A number or a string: CloudEvents allows both, and 2 is "2".
	if attempt := k.values[pathAttempt]; attempt != nil && !k.add(attempt) && !event.IsNull(attempt) {
		k.append(attempt)
	}
	sum := sha256.Sum256(k.text)
	return Key(sum[:16]), k.text[4:cloud]
}

// add appends the contents of a raw JSON string and reports whether it is one
// that is not empty.
func (k *keyer) add(raw []byte) (ok bool) {
	if raw == nil {
		return false
	}
	var s []byte
	if s, k.scratch, ok = event.StringBytes(raw, k.scratch); !ok || len(s) == 0 {
		return false
	}
	k.append(s)
	return true
}

// append puts the length before the text, so that no two lists of texts read
// the same.
func (k *keyer) append(s []byte) {
	k.text = binary.BigEndian.AppendUint32(k.text, uint32(len(s)))
	k.text = append(k.text, s...)
}

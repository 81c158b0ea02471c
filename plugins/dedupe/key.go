package dedupe

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/helios-connect/helios/plugins/event"
)

// Key is what an event is known by: 128 bits of the SHA-256 of its participant,
// tenant, the configured values (source and id) and, when present, heliosattempt.
// Its size does not depend on the event, and nobody can craft an event that passes
// for another one. The zero Key stands for an event that can't be known.
type Key [16]byte

// Valid reports whether the event can be known by its key.
func (k Key) Valid() bool { return k != Key{} }

// defaultKey is what tells events of one participant apart (CloudEvents 1.0,
// section "id").
var defaultKey = []string{"source", "id"}

// beside are the paths that belong to every key: the participant, the tenant,
// whose ids must suppress no other tenant's events, and what tells a deliberate
// repetition from a duplicate.
var beside = []string{"cloud", "tenant", "heliosattempt"}

// keyer takes keys from canonical events. It is not safe for concurrent use.
type keyer struct {
	scanner event.Scanner
	paths   *event.Paths // those of beside, then the configured ones
	values  [][]byte
	scratch []byte
	text    []byte // what is hashed
}

// newKeyer returns a keyer for events that are told apart by what is at paths.
func newKeyer(paths []string) (*keyer, error) {
	compiled, err := event.CompilePaths(append(slices.Clone(beside), paths...)...)
	if err != nil {
		return nil, err
	}
	return &keyer{paths: compiled, values: make([][]byte, compiled.Len())}, nil
}

// key returns the event's key and its participant, which is a view that holds
// until the next call. The key is zero for what can't be told apart: what is no
// JSON object, or has no non-empty string at one of the paths.
func (k *keyer) key(doc []byte) (Key, []byte) {
	if k.scanner.Scan(doc, k.paths, k.values) != nil {
		return Key{}, nil
	}
	cloud, tenant, attempt, own := k.values[0], k.values[1], k.values[2], k.values[len(beside):]
	k.text = k.text[:0]
	if !k.add(cloud) {
		k.append(nil)
	}
	name := len(k.text)
	if !k.add(tenant) {
		k.append(nil)
	}
	for _, value := range own {
		if !k.add(value) {
			return Key{}, nil
		}
	}
	// A number or a string: CloudEvents allows both, and 2 is "2".
	if attempt != nil && !k.add(attempt) && !event.IsNull(attempt) {
		k.append(attempt)
	}
	sum := sha256.Sum256(k.text)
	return Key(sum[:16]), k.text[4:name]
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

package event

import (
	"crypto/sha256"
	"encoding/binary"
)

// FactID is the identity of a business fact, as verdicts carry it: the first 128
// bits of the SHA-256 of its tenant, type and key, each preceded by its length
// as an unsigned varint.
func FactID[T string | []byte](tenant, eventType, key T) (id [16]byte) {
	b := make([]byte, 0, 128)
	for _, s := range [...]T{tenant, eventType, key} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	sum := sha256.Sum256(b)
	copy(id[:], sum[:])
	return id
}

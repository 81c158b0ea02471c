package store

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/helios-connect/helios/plugins/event"
)

// eventRow is a canonical event on its way into helios_events. Its slices are
// views of the document where possible.
type eventRow struct {
	identity identity
	time     instant
	ingest   instant
	tenant   []byte
	cloud    []byte
	source   []byte
	id       []byte
	typ      []byte
	key      []byte
	contract []byte // subject/version that judged it
	violated bool   // it passed with a breach of that contract
	document []byte
}

var eventPaths = event.MustCompilePaths(event.AttrTime, event.AttrIngestTime, event.AttrTenant, event.AttrCloud,
	event.AttrSource, event.AttrID, event.AttrType, event.AttrCorrelationID, event.AttrSchema, event.AttrViolations)

// noContract is heliosviolations of an event that no contract judged.
const noContract = "no_contract"

// Positions in eventPaths.
const (
	evTime = iota
	evIngestTime
	evTenant
	evCloud
	evSource
	evID
	evType
	evKey
	evContract
	evViolations
)

// eventReader turns documents into rows. Not safe for concurrent use.
type eventReader struct {
	reader
	buf []byte
}

// read asks of an event what reconciliation asks: id, type, time, cloud and
// correlationid.
func (r *eventReader) read(document []byte) (row eventRow, err error) {
	if r.raw == nil {
		r.raw = make([][]byte, eventPaths.Len())
	}
	if err = r.scanner.Scan(document, eventPaths, r.raw); err != nil {
		return row, fmt.Errorf("reading event: %w", err)
	}
	if err = r.members(&row); err != nil {
		return row, fmt.Errorf("reading event: %w", err)
	}
	row.document = document
	var time [8]byte
	binary.BigEndian.PutUint64(time[:], uint64(row.time.ns))
	row.identity, r.buf = identify(r.buf, r.exact(evTenant, row.tenant), r.exact(evCloud, row.cloud),
		r.exact(evSource, row.source), r.exact(evID, row.id), time[:])
	for _, text := range []*[]byte{&row.tenant, &row.cloud, &row.source, &row.id, &row.typ, &row.key, &row.contract} {
		*text = column(*text)
	}
	return row, nil
}

func (r *eventReader) members(row *eventRow) (err error) {
	if row.time, err = r.instant(evTime, event.AttrTime, required); err != nil {
		return err
	}
	// An event whose ingesttime can't be read is stored all the same: nothing
	// depends on it.
	row.ingest, _ = r.instant(evIngestTime, event.AttrIngestTime, optional)
	if row.tenant, err = r.short(evTenant, event.AttrTenant, optional); err != nil {
		return err
	}
	if len(row.tenant) == 0 {
		row.tenant = []byte(event.DefaultTenant)
	}
	if row.cloud, err = r.short(evCloud, event.AttrCloud, required); err != nil {
		return err
	}
	if row.source, err = r.text(evSource, event.AttrSource, optional); err != nil {
		return err
	}
	if row.id, err = r.text(evID, event.AttrID, required); err != nil {
		return err
	}
	if row.typ, err = r.short(evType, event.AttrType, required); err != nil {
		return err
	}
	// What the contract said only counts in the sums: it refuses nothing.
	row.contract, _ = r.text(evContract, event.AttrSchema, optional)
	violations, _ := r.text(evViolations, event.AttrViolations, optional)
	row.violated = len(violations) > 0 && string(violations) != noContract
	row.key, err = r.text(evKey, event.AttrCorrelationID, required)
	return err
}

var replacement = []byte("\uFFFD")

// exact returns the raw JSON instead of text when reading it lost something:
// different halves of surrogate pairs all read as U+FFFD, and different events
// must not become one.
func (r *eventReader) exact(i int, text []byte) []byte {
	if bytes.Contains(text, replacement) {
		return r.raw[i]
	}
	return text
}

package store

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/helios-connect/helios/plugins/event"
)

// verdictRow is a verdict on its way into helios_verdict_history and
// helios_verdicts.
type verdictRow struct {
	id          string
	opened      instant
	revision    int32
	tenant      []byte
	typ         []byte
	key         []byte
	status      string
	closedBy    []byte
	expectation []byte
	missing     []string
	stalled     []string
	deadline    instant
	decided     instant
	document    []byte
}

// compare orders the revisions of all facts: a fact that came back under a
// forgotten key starts again at revision 1 with a later opened_at.
func (v *verdictRow) compare(w *verdictRow) int {
	if c := strings.Compare(v.id, w.id); c != 0 {
		return c
	}
	if v.opened.ns != w.opened.ns {
		if v.opened.ns < w.opened.ns {
			return -1
		}
		return 1
	}
	return int(v.revision) - int(w.revision)
}

var verdictPaths = event.MustCompilePaths("id", "opened_at", "revision", "tenant", "type", "key", "status",
	"closed_by", "expectation", "missing", "stalled", "deadline", "decided_at")

// Positions in verdictPaths.
const (
	vdID = iota
	vdOpenedAt
	vdRevision
	vdTenant
	vdType
	vdKey
	vdStatus
	vdClosedBy
	vdExpectation
	vdMissing
	vdStalled
	vdDeadline
	vdDecidedAt
)

var statuses = []string{"matched", "mismatched", "partial", "missing", "indeterminate"}

// verdictReader turns documents into rows. Not safe for concurrent use.
type verdictReader struct{ reader }

func (r *verdictReader) read(document []byte) (row verdictRow, err error) {
	if r.raw == nil {
		r.raw = make([][]byte, verdictPaths.Len())
	}
	if err = r.scanner.Scan(document, verdictPaths, r.raw); err != nil {
		return row, fmt.Errorf("reading verdict: %w", err)
	}
	if err = r.key(&row); err == nil {
		err = r.judgement(&row)
	}
	if err != nil {
		return row, fmt.Errorf("reading verdict: %w", err)
	}
	row.document = document
	for _, text := range []*[]byte{&row.tenant, &row.typ, &row.key, &row.closedBy, &row.expectation} {
		*text = column(*text)
	}
	return row, nil
}

// key reads what names the fact and the revision.
func (r *verdictReader) key(row *verdictRow) error {
	id, err := r.text(vdID, "id", required)
	if err != nil {
		return err
	}
	if row.id = string(id); !isID(row.id) {
		return fmt.Errorf("id is %s; it must be 32 lower-case hexadecimal digits", excerpt(id))
	}
	if row.opened, err = r.instant(vdOpenedAt, "opened_at", required); err != nil {
		return err
	}
	revision, err := strconv.ParseInt(string(r.raw[vdRevision]), 10, 64)
	if err != nil || revision < 1 || revision > math.MaxInt32 {
		return fmt.Errorf("revision is %s; it must be an integer from 1 to %d", excerpt(r.raw[vdRevision]), math.MaxInt32)
	}
	row.revision = int32(revision)
	if row.tenant, err = r.short(vdTenant, "tenant", required); err != nil {
		return err
	}
	if row.typ, err = r.short(vdType, "type", required); err != nil {
		return err
	}
	row.key, err = r.text(vdKey, "key", required)
	return err
}

// judgement reads what was decided.
func (r *verdictReader) judgement(row *verdictRow) error {
	status, err := r.text(vdStatus, "status", required)
	if err != nil {
		return err
	}
	if row.status = string(status); !slices.Contains(statuses, row.status) {
		return fmt.Errorf("status is %s; allowed are %s", excerpt(status), strings.Join(statuses, ", "))
	}
	if row.closedBy, err = r.text(vdClosedBy, "closed_by", optional); err != nil {
		return err
	}
	if row.expectation, err = r.text(vdExpectation, "expectation", optional); err != nil {
		return err
	}
	if row.missing, err = r.names(vdMissing, "missing"); err != nil {
		return err
	}
	if row.stalled, err = r.names(vdStalled, "stalled"); err != nil {
		return err
	}
	if row.deadline, err = r.instant(vdDeadline, "deadline", optional); err != nil {
		return err
	}
	row.decided, err = r.instant(vdDecidedAt, "decided_at", required)
	return err
}

// names reads a list of participants.
func (r *verdictReader) names(i int, name string) ([]string, error) {
	raw := r.raw[i]
	if raw == nil || string(raw) == "[]" {
		return []string{}, nil
	}
	names := []string{}
	if err := json.Unmarshal(raw, &names); err != nil {
		return nil, fmt.Errorf("%s is %s; it must be an array of strings", name, excerpt(raw))
	}
	for j, text := range names {
		names[j] = string(column([]byte(text)))
	}
	return names, nil
}

func isID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// tidyVerdicts sorts rows, so that concurrent batches lock rows in one order,
// and drops repeats, of which the first wins, as it does between batches.
func tidyVerdicts(rows []verdictRow) []verdictRow {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b verdictRow) int { return a.compare(&b) })
	return slices.CompactFunc(rows, func(a, b verdictRow) bool { return a.compare(&b) == 0 })
}

// latestVerdicts returns the last revision of every fact in tidy rows.
func latestVerdicts(tidy []verdictRow) []verdictRow {
	var latest []verdictRow
	for i := range tidy {
		if i+1 == len(tidy) || tidy[i].id != tidy[i+1].id {
			latest = append(latest, tidy[i])
		}
	}
	return latest
}

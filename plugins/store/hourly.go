package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// maxHourlyText is how many characters of a text an hourly table keeps. The
	// migrations cut to the same length.
	maxHourlyText = 256
	// maxPerHour is how many values of a bounded column an hourly table tells
	// apart within an hour, a tenant and a type.
	maxPerHour = 100
	// otherValue is what the rest counts as.
	otherValue = "other"
)

// hourly is a table of sums by the hour. Its rows are named by the hour, by texts
// and perhaps by a flag.
type hourly struct {
	table   string
	texts   []string // columns
	flag    string   // column, or ""
	sums    []string // columns, at most maxSums
	bounded []int    // those of the texts whose values are bounded
	lock    int64    // key of the advisory lock of its writers (PostgreSQL)
}

var (
	hourlyEvents = &hourly{
		table: tableEvents + "_hourly", texts: []string{"tenant", "type", "cloud", "source", "contract"}, flag: "violated",
		sums: []string{"events", "bytes", "chunks", "padded"}, bounded: []int{3}, lock: hourlyEventsLock,
	}
	hourlyDeadLetters = &hourly{
		table: tableDeadLetters + "_hourly", texts: []string{"tenant", "type", "reason", "stage", "cloud", "source", "contract", "rule"},
		sums: []string{"letters"}, bounded: []int{5, 7}, lock: hourlyDeadLettersLock,
	}
	hourlyVerdicts = &hourly{
		table: tableVerdicts + "_hourly", texts: []string{"tenant", "type", "status", "expectation"},
		sums: []string{"verdicts", "corrections", "facts"}, lock: hourlyVerdictsLock,
	}
	hourlyFindings = &hourly{
		table: tableFindings, texts: []string{"tenant", "type", "finding", "cloud", "source", "field"},
		sums: []string{"facts"}, bounded: []int{4, 5}, lock: hourlyFindingsLock,
	}
)

// Every hourly table has these two first among its texts: bounds are counted
// within them.
const (
	htTenant = iota
	htType
	maxTexts = 8
)

// maxSums is the most sums of an hourly table.
const maxSums = 4

type sums [maxSums]int64

func (s *sums) add(more sums) {
	for i := range s {
		s[i] += more[i]
	}
}

// columns lists all columns, in the order of hourRow's values.
func (h *hourly) columns() []string {
	columns := append([]string{"hour"}, h.texts...)
	if h.flag != "" {
		columns = append(columns, h.flag)
	}
	return append(columns, h.sums...)
}

// adding is the assignment that adds a row to the one that is there.
func (h *hourly) adding() string {
	set := make([]string, len(h.sums))
	for i, column := range h.sums {
		set[i] = fmt.Sprintf("%s = %s.%[1]s + excluded.%[1]s", column, h.table)
	}
	return strings.Join(set, ", ")
}

// hourKey names a row.
type hourKey struct {
	hour int64 // its beginning, Unix seconds
	text [maxTexts]string
	flag bool
}

func (k *hourKey) time() instant { return instant{ns: k.hour * int64(time.Second), known: true} }

func compareHours(a, b hourRow) int {
	if c := cmp.Compare(a.hour, b.hour); c != 0 {
		return c
	}
	if c := slices.Compare(a.text[:], b.text[:]); c != 0 {
		return c
	}
	switch {
	case a.flag == b.flag:
		return 0
	case b.flag:
		return -1
	}
	return 1
}

// hourRow is what is to be added to a row.
type hourRow struct {
	hourKey
	sums sums
}

// hourOf is the beginning of an instant's hour, also before 1970.
func hourOf(t instant) int64 {
	const hour = int64(time.Hour)
	n := t.ns / hour
	if t.ns%hour < 0 {
		n--
	}
	return n * 3600
}

// hours sorts the rows of a batch into groups, one for each row of an hourly
// table that they would add to. Which of them do, the database says.
type hours struct {
	of     *hourly
	groups []hourRow
	known  map[hourKey]int
	rows   []hoursOfRow
	texts  map[string]string
}

// hoursOfRow is what one row adds to which group.
type hoursOfRow struct {
	group int
	adds  sums
}

func newHours(of *hourly) *hours {
	return &hours{of: of, known: map[hourKey]int{}, texts: map[string]string{}}
}

func groupHours[R any](of *hourly, rows []R, read func(h *hours, row *R, k *hourKey) sums) *hours {
	h := newHours(of)
	h.rows = make([]hoursOfRow, len(rows))
	for i := range rows {
		var key hourKey
		adds := read(h, &rows[i], &key)
		h.rows[i] = hoursOfRow{group: h.group(&key), adds: adds}
	}
	return h
}

func (h *hours) group(key *hourKey) int {
	group, ok := h.known[*key]
	if !ok {
		group = len(h.groups)
		h.known[*key] = group
		h.groups = append(h.groups, hourRow{hourKey: *key})
	}
	return group
}

// text is text as an hourly table keeps it. What repeats in a batch, as most
// does, is made once.
func (h *hours) text(b []byte) string {
	if s, ok := h.texts[string(b)]; ok {
		return s
	}
	whole := string(b)
	s := cutHourly(whole)
	h.texts[whole] = s
	return s
}

func cutHourly(s string) string {
	if len(s) <= maxHourlyText || utf8.RuneCountInString(s) <= maxHourlyText {
		return s
	}
	n := 0
	for at := range s {
		if n == maxHourlyText {
			return s[:at]
		}
		n++
	}
	return s
}

// inserted notes that a row is new in the database.
func (h *hours) inserted(row int) {
	r := &h.rows[row]
	h.groups[r.group].sums.add(r.adds)
}

// add adds to a row of any hour.
func (h *hours) add(key *hourKey, more sums) { h.groups[h.group(key)].sums.add(more) }

// changed returns what is to be added, in the order in which rows are locked.
func (h *hours) changed() []hourRow {
	changed := slices.DeleteFunc(h.groups, func(r hourRow) bool { return r.sums == sums{} })
	slices.SortFunc(changed, compareHours)
	return changed
}

// within is where the values of a bounded column are counted.
type within struct {
	hour         int64
	tenant, kind string
}

func (k *hourKey) within() within {
	return within{hour: k.hour, tenant: k.text[htTenant], kind: k.text[htType]}
}

// places lists where the rows lie, each once.
func places(rows []hourRow) (list []within) {
	seen := map[within]bool{}
	for i := range rows {
		if w := rows[i].within(); !seen[w] {
			seen[w] = true
			list = append(list, w)
		}
	}
	return list
}

// values holds, for one bounded column, what an hourly table tells apart already.
type values map[within]map[string]bool

func (v values) note(w within, value string) {
	if value == otherValue {
		return
	}
	if v[w] == nil {
		v[w] = map[string]bool{}
	}
	v[w][value] = true
}

// bound counts values of a column beyond maxPerHour as otherValue and joins the
// rows that become one by it. known is what the database holds.
func bound(rows []hourRow, column int, known values) []hourRow {
	joined := make(map[hourKey]int, len(rows))
	var bounded []hourRow
	for _, row := range rows {
		w, value := row.within(), row.text[column]
		if !known[w][value] {
			if len(known[w]) >= maxPerHour {
				row.text[column] = otherValue
			}
			known.note(w, row.text[column])
		}
		if at, ok := joined[row.hourKey]; ok {
			bounded[at].sums.add(row.sums)
			continue
		}
		joined[row.hourKey] = len(bounded)
		bounded = append(bounded, row)
	}
	slices.SortFunc(bounded, compareHours)
	return bounded
}

// Units that services bill events by, and the migrations count in.
const (
	chunkBytes  = 64 << 10
	paddedBytes = 1000
)

func eventHours(rows []eventRow) *hours {
	return groupHours(hourlyEvents, rows, func(h *hours, r *eventRow, k *hourKey) sums {
		k.hour, k.flag = hourOf(r.time), r.violated
		k.text = [maxTexts]string{h.text(r.tenant), h.text(r.typ), h.text(r.cloud), h.text(r.source), h.text(r.contract)}
		size := int64(len(r.document))
		return sums{1, size, (size + chunkBytes - 1) / chunkBytes, max(size, paddedBytes)}
	})
}

func deadLetterHours(rows []deadLetterRow) *hours {
	return groupHours(hourlyDeadLetters, rows, func(h *hours, r *deadLetterRow, k *hourKey) sums {
		k.hour = hourOf(r.recorded)
		k.text = [maxTexts]string{
			h.text(r.tenant), h.text(r.typ), h.text(r.reason), h.text(r.stage), h.text(r.cloud),
			h.text(r.source), h.text(r.contract), h.text(firstRule(r.violations)),
		}
		return sums{1}
	})
}

func verdictHours(rows []verdictRow) *hours {
	return groupHours(hourlyVerdicts, rows, func(h *hours, r *verdictRow, k *hourKey) sums {
		*k = h.verdictKey(r)
		if r.revision > 1 {
			return sums{0, 1}
		}
		return sums{1}
	})
}

func (h *hours) verdictKey(r *verdictRow) hourKey {
	return hourKey{hour: hourOf(r.decided), text: [maxTexts]string{h.text(r.tenant), h.text(r.typ), r.status, h.text(r.expectation)}}
}

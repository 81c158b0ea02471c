package conformance

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/helios-connect/helios/plugins/reconcile/oracle"
)

// verdict is the JSON of a verdict. Unknown members are refused.
type verdict struct {
	ID          string                   `json:"id"`
	Revision    int                      `json:"revision"`
	Tenant      string                   `json:"tenant"`
	Type        string                   `json:"type"`
	Key         string                   `json:"key"`
	Status      string                   `json:"status"`
	Expected    []string                 `json:"expected"`
	Present     []string                 `json:"present"`
	Missing     []string                 `json:"missing"`
	Stalled     []string                 `json:"stalled"`
	Late        []string                 `json:"late"`
	Unexpected  []string                 `json:"unexpected"`
	Duplicates  map[string]int           `json:"duplicates"`
	Conflicts   map[string]int           `json:"conflicts"`
	Diffs       []oracle.Diff            `json:"diffs"`
	Events      map[string]verdictedFrom `json:"events"`
	Sample      json.RawMessage          `json:"sample,omitempty"`
	OpenedAt    time.Time                `json:"opened_at"`
	Deadline    time.Time                `json:"deadline"`
	DecidedAt   time.Time                `json:"decided_at"`
	ClosedBy    string                   `json:"closed_by"`
	Expectation string                   `json:"expectation"`
}

type verdictedFrom struct {
	ID     string    `json:"id"`
	Source string    `json:"source"`
	Time   time.Time `json:"time"`
}

// parseVerdict reads a verdict and checks what every verdict promises: one
// line, sorted lists that are never null, a 128-bit id, an expectation with a
// hash, a sample only when someone is absent.
func parseVerdict(doc []byte, script []Step) (oracle.Revision, string, error) {
	var v verdict
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		return oracle.Revision{}, "", err
	}
	if bytes.ContainsAny(doc, "\r\n") {
		return oracle.Revision{}, "", fmt.Errorf("more than one line")
	}
	if raw, err := hex.DecodeString(v.ID); err != nil || len(raw) != 16 {
		return oracle.Revision{}, "", fmt.Errorf("id %q is not the hex of 128 bits", v.ID)
	}
	for name, list := range map[string][]string{"expected": v.Expected, "present": v.Present, "missing": v.Missing,
		"stalled": v.Stalled, "late": v.Late, "unexpected": v.Unexpected} {
		if list == nil || !sort.StringsAreSorted(list) {
			return oracle.Revision{}, "", fmt.Errorf("%s is not a sorted list: %v", name, list)
		}
	}
	if v.Duplicates == nil || v.Conflicts == nil || v.Diffs == nil || v.Events == nil {
		return oracle.Revision{}, "", fmt.Errorf("duplicates, conflicts, diffs or events is null or absent")
	}
	if v.DecidedAt.IsZero() {
		return oracle.Revision{}, "", fmt.Errorf("no decided_at")
	}
	rule, hash, _ := strings.Cut(v.Expectation, "@")
	if hash == "" {
		return oracle.Revision{}, "", fmt.Errorf("expectation %q has no content hash", v.Expectation)
	}
	if err := v.checkSample(script); err != nil {
		return oracle.Revision{}, "", err
	}
	r := oracle.Revision{Fact: oracle.FactKey{Tenant: v.Tenant, Type: v.Type, Key: v.Key}, Revision: v.Revision,
		Judgement: oracle.Judgement{Status: v.Status, Expected: v.Expected, Present: v.Present, Missing: v.Missing,
			Stalled: v.Stalled, Unexpected: v.Unexpected, Diffs: v.Diffs},
		Late: v.Late, OpenedAt: v.OpenedAt, Deadline: v.Deadline, ClosedBy: v.ClosedBy, Rule: rule,
		Duplicate: v.Duplicates, Conflict: v.Conflicts, Events: map[string]oracle.Reference{}}
	for p, e := range v.Events {
		r.Events[p] = oracle.Reference{ID: e.ID, Source: e.Source, Time: e.Time}
	}
	return r, v.ID, nil
}

// checkSample: a sample is a whole event of the fact, of a present participant
// (of an unexpected one when nobody else is), and only in verdicts that lack
// someone.
func (v verdict) checkSample(script []Step) error {
	if len(v.Sample) == 0 {
		return nil
	}
	if len(v.Missing)+len(v.Stalled) == 0 {
		return fmt.Errorf("a sample although nobody is missing or stalled")
	}
	var of struct{ Cloud, Type, Correlationid string }
	if err := json.Unmarshal(v.Sample, &of); err != nil {
		return fmt.Errorf("reading the sample: %w", err)
	}
	if of.Type != v.Type || of.Correlationid != v.Key {
		return fmt.Errorf("the sample is of fact %s %s", of.Type, of.Correlationid)
	}
	carriers := v.Present
	if len(carriers) == 0 {
		carriers = v.Unexpected
	}
	if at := sort.SearchStrings(carriers, of.Cloud); at == len(carriers) || carriers[at] != of.Cloud {
		return fmt.Errorf("the sample is of %s, who is not present", of.Cloud)
	}
	whole := compacted(v.Sample)
	for _, s := range script {
		if s.Event != nil && json.Valid(s.Event) && compacted(s.Event) == whole {
			return nil
		}
	}
	return fmt.Errorf("the sample is none of the events")
}

// Line writes a revision on one line; empty lists are left out. With sources,
// the representatives' ids, sources and times are part of it.
func Line(r oracle.Revision, sources bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s r%d %s by %s", factName(r.Fact), r.Revision, r.Status, r.ClosedBy)
	for _, l := range []struct {
		name string
		list []string
	}{{"present", r.Present}, {"missing", r.Missing}, {"stalled", r.Stalled}, {"unexpected", r.Unexpected}, {"late", r.Late}} {
		if len(l.list) > 0 {
			fmt.Fprintf(&b, " %s=%s", l.name, strings.Join(l.list, ","))
		}
	}
	writeCounts(&b, "duplicates", r.Duplicate)
	writeCounts(&b, "conflicts", r.Conflict)
	writeDiffs(&b, r.Diffs)
	fmt.Fprintf(&b, " opened=%s deadline=%s", offset(r.OpenedAt), offset(r.Deadline))
	if sources {
		fmt.Fprintf(&b, " rule=%s expected=%s", r.Rule, strings.Join(r.Expected, ","))
		writeReferences(&b, r.Events)
	}
	return b.String()
}

// Final writes the part of a revision that the order of arrival must not
// change.
func Final(j oracle.Judgement) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s present=%v missing=%v stalled=%v unexpected=%v", j.Status, j.Present, j.Missing, j.Stalled, j.Unexpected)
	writeDiffs(&b, j.Diffs)
	return b.String()
}

func writeReferences(b *strings.Builder, events map[string]oracle.Reference) {
	var parts []string
	for p, e := range events {
		parts = append(parts, fmt.Sprintf(" %s=%s|%s|%s", p, e.ID, e.Source, offset(e.Time)))
	}
	sort.Strings(parts)
	b.WriteString(strings.Join(parts, ""))
}

func writeDiffs(b *strings.Builder, diffs []oracle.Diff) {
	for _, d := range diffs {
		var values []string
		for p, v := range d.Values {
			values = append(values, p+"="+compacted(v))
		}
		sort.Strings(values)
		fmt.Fprintf(b, " diff(%s %s", d.Field, strings.Join(values, " "))
		if len(d.Outliers) > 0 {
			fmt.Fprintf(b, " outliers=%s", strings.Join(d.Outliers, ","))
		}
		b.WriteString(")")
	}
}

func writeCounts(b *strings.Builder, name string, counts map[string]int) {
	var parts []string
	for p, n := range counts {
		parts = append(parts, p+":"+strconv.Itoa(n))
	}
	if len(parts) > 0 {
		sort.Strings(parts)
		fmt.Fprintf(b, " %s=%s", name, strings.Join(parts, ","))
	}
}

// offset writes an instant as the time since Base, or in full when it is out
// of a duration's reach.
func offset(at time.Time) string {
	if at.Year() < 1800 || at.Year() > 2250 {
		return at.UTC().Format(time.RFC3339Nano)
	}
	return at.Sub(Base).String()
}

func factName(f oracle.FactKey) string {
	if f.Tenant == "default" && f.Type == defaultType {
		return f.Key
	}
	return f.Tenant + "/" + f.Type + "/" + f.Key
}

// eventName is the id of a readable event, or its beginning.
func eventName(doc []byte) string {
	var e struct{ ID string }
	if json.Unmarshal(doc, &e) == nil && e.ID != "" {
		return e.ID
	}
	return strconv.Quote(string(doc[:min(len(doc), 40)]))
}

func compacted(raw []byte) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return string(raw)
	}
	return b.String()
}

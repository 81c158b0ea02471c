package store

import (
	"encoding/json"
	"slices"
)

// tableFindings holds what current verdicts find wrong, by the hour.
const tableFindings = "helios_findings_hourly"

// Findings. The migrations know them too.
const (
	findingMissing = "missing" // the cloud did not report the fact
	findingOutlier = "outlier" // the cloud's value of a field was the odd one out
)

// finding is one thing that a verdict finds wrong.
type finding struct{ kind, cloud, source, field string }

// findings lists what a verdict finds wrong. What of its document is not as it
// should be finds nothing: the row is stored all the same. The migrations read it
// the same way.
func findings(v *verdictRow) (list []finding) {
	switch v.status {
	case "missing", "partial":
		for _, cloud := range v.missing {
			list = append(list, finding{kind: findingMissing, cloud: cloud})
		}
	case "mismatched":
		document := as[map[string]json.RawMessage](v.document)
		events := as[map[string]json.RawMessage](document["events"])
		for _, raw := range as[[]json.RawMessage](document["diffs"]) {
			diff := as[map[string]json.RawMessage](raw)
			for _, outlier := range as[[]json.RawMessage](diff["outliers"]) {
				if outlier[0] != '"' {
					continue
				}
				cloud := as[string](outlier)
				event := as[map[string]json.RawMessage](events[cloud])
				list = append(list, finding{kind: findingOutlier, cloud: cloud, source: as[string](event["source"]), field: as[string](diff["field"])})
			}
		}
	}
	return list
}

// as reads JSON as a type, or as nothing when it is something else.
func as[T any](raw []byte) T {
	var v, none T
	if json.Unmarshal(raw, &v) != nil {
		return none
	}
	return v
}

// current follows which verdicts of a batch became current, and which were until
// then.
type current struct {
	verdicts, findings *hours
}

func newCurrent(verdicts *hours) *current {
	return &current{verdicts: verdicts, findings: newHours(hourlyFindings)}
}

// became counts a verdict that is its fact's current one now, was one that no
// longer is.
func (c *current) became(v *verdictRow) { c.count(v, 1) }
func (c *current) was(v *verdictRow)    { c.count(v, -1) }

func (c *current) count(v *verdictRow, n int64) {
	key := c.verdicts.verdictKey(v)
	c.verdicts.add(&key, sums{2: n})
	h := c.findings
	text := func(s string) string { return h.text(column([]byte(s))) }
	for _, f := range findings(v) {
		key := hourKey{hour: hourOf(v.decided), text: [maxTexts]string{h.text(v.tenant), h.text(v.typ), f.kind, text(f.cloud), text(f.source), text(f.field)}}
		h.add(&key, sums{n})
	}
}

// follows is true of a verdict that comes after the current one of its fact.
func (v *verdictRow) follows(current *verdictRow) bool { return v.compare(current) > 0 }

// wanted returns the verdicts whose ids are in a sorted list.
func wanted(rows []verdictRow, ids []string, in bool) (list []verdictRow) {
	for i := range rows {
		if _, found := slices.BinarySearch(ids, rows[i].id); found == in {
			list = append(list, rows[i])
		}
	}
	return list
}

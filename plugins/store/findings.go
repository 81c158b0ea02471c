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

// findings lists what a verdict finds wrong. What of its document can't be read
// finds nothing: the row is stored all the same.
func findings(v *verdictRow) (list []finding) {
	switch v.status {
	case "missing", "partial":
		for _, cloud := range v.missing {
			list = append(list, finding{kind: findingMissing, cloud: cloud})
		}
	case "mismatched":
		var document struct {
			Diffs []struct {
				Field    string   `json:"field"`
				Outliers []string `json:"outliers"`
			} `json:"diffs"`
			Events map[string]struct {
				Source string `json:"source"`
			} `json:"events"`
		}
		if json.Unmarshal(v.document, &document) != nil {
			return nil
		}
		for _, diff := range document.Diffs {
			for _, cloud := range diff.Outliers {
				list = append(list, finding{kind: findingOutlier, cloud: cloud, source: document.Events[cloud].Source, field: diff.Field})
			}
		}
	}
	return list
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

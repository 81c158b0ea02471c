package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/helios-connect/helios/plugins/event"
	"github.com/helios-connect/helios/plugins/store/query"
)

// Bounds of a comparison.
const (
	maxFields = 300
	maxDepth  = 8
)

// Field is one field of a fact, as every cloud says it.
type Field struct {
	Field    string                     `json:"field" doc:"its path, as in expectations: data.amount"`
	Values   map[string]json.RawMessage `json:"values" doc:"by cloud; one that lacks the field has no entry"`
	Differs  bool                       `json:"differs" doc:"the clouds do not all say the same"`
	Judged   bool                       `json:"judged" doc:"the verdict lists the difference; one that it does not list is within a tolerance or not compared"`
	Outliers []string                   `json:"outliers" doc:"clouds outside the largest group that agrees"`
}

// judgement is what a comparison needs of a verdict.
type judgement struct {
	Events map[string]struct {
		ID     string `json:"id"`
		Source string `json:"source"`
	} `json:"events"`
	Diffs []struct {
		Field    string                     `json:"field"`
		Values   map[string]json.RawMessage `json:"values"`
		Outliers []string                   `json:"outliers"`
	} `json:"diffs"`
}

// ownAttributes belong to a cloud's way of sending, and differ by their nature.
var ownAttributes = []string{
	event.AttrID, event.AttrSource, event.AttrCloud, event.AttrIngestTime, "specversion", "traceparent", "tracestate",
	event.AttrTenant, event.AttrType, event.AttrCorrelationID, "subject", "datacontenttype", "account", "region", "version",
}

// ownPrefix starts the attributes that Helios itself adds.
const ownPrefix = "helios"

// fields compares the representatives of the clouds: the events that the latest
// verdict names, or a cloud's latest one when those are not stored.
func fields(fact query.Fact) []Field {
	var judged judgement
	// A verdict that can't be read, or an event, leaves the rest to compare.
	_ = json.Unmarshal(fact.Revisions[len(fact.Revisions)-1].JSON, &judged)
	representatives := map[string]query.Event{}
	for _, e := range fact.Events {
		known, has := representatives[e.Cloud]
		named := judged.Events[e.Cloud]
		if !has || known.ID != named.ID || known.Source != named.Source {
			representatives[e.Cloud] = e
		}
	}
	byPath := map[string]map[string]json.RawMessage{}
	for cloud, e := range representatives {
		var attributes map[string]json.RawMessage
		if json.Unmarshal(e.JSON, &attributes) != nil {
			continue
		}
		maps.DeleteFunc(attributes, func(name string, _ json.RawMessage) bool {
			return slices.Contains(ownAttributes, name) || strings.HasPrefix(name, ownPrefix)
		})
		flatten(byPath, cloud, "", attributes, 0)
	}
	var all []Field
	for path, values := range byPath {
		all = append(all, Field{Field: path, Values: values, Differs: differ(values, len(representatives)), Outliers: []string{}})
	}
	for _, d := range judged.Diffs {
		all = slices.DeleteFunc(all, func(f Field) bool { return f.Field == d.Field })
		all = append(all, Field{Field: d.Field, Values: nonNil(d.Values), Differs: true, Judged: true, Outliers: append([]string{}, d.Outliers...)})
	}
	slices.SortFunc(all, func(a, b Field) int {
		if rank := rankOf(a) - rankOf(b); rank != 0 {
			return rank
		}
		return strings.Compare(a.Field, b.Field)
	})
	return append([]Field{}, all[:min(len(all), maxFields)]...)
}

// rankOf puts what the verdict lists first, then other differences.
func rankOf(f Field) int {
	switch {
	case f.Judged:
		return 0
	case f.Differs:
		return 1
	}
	return 2
}

func nonNil(values map[string]json.RawMessage) map[string]json.RawMessage {
	if values == nil {
		return map[string]json.RawMessage{}
	}
	return values
}

// flatten adds the members of an object by their paths. Arrays are values.
func flatten(into map[string]map[string]json.RawMessage, cloud, prefix string, members map[string]json.RawMessage, depth int) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		value := members[name]
		path := prefix + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), ".", "~1")
		var inner map[string]json.RawMessage
		if depth < maxDepth && bytes.HasPrefix(value, []byte("{")) && json.Unmarshal(value, &inner) == nil && len(inner) > 0 {
			flatten(into, cloud, path+".", inner, depth+1)
			continue
		}
		if into[path] == nil {
			if len(into) >= 2*maxFields {
				continue
			}
			into[path] = map[string]json.RawMessage{}
		}
		into[path][cloud] = value
	}
}

// differ reports whether some cloud says something else, or nothing.
func differ(values map[string]json.RawMessage, clouds int) bool {
	if len(values) < clouds {
		return true
	}
	var first string
	seen := false
	for _, v := range values {
		text := normal(v)
		if seen && text != first {
			return true
		}
		first, seen = text, true
	}
	return false
}

// normal makes values comparable that mean the same, as reconciliation does: numbers
// as exact decimals, members in their order. What it can't read is compared as it is.
func normal(value json.RawMessage) string {
	text, err := event.AppendNormal(nil, value, event.Normal{})
	if err != nil {
		return string(value)
	}
	return string(text)
}

// comparedMembers of verdicts are those that a correction may change.
var comparedMembers = []string{
	"status", "present", "missing", "stalled", "late", "unexpected", "duplicates", "conflicts", "diffs", "events", "closed_by", "expectation", "opened_at", "deadline",
}

// changes lists the members in which two revisions differ.
func changes(before, after []byte) []Change {
	var was, is map[string]json.RawMessage
	found := []Change{}
	if json.Unmarshal(before, &was) != nil || json.Unmarshal(after, &is) != nil {
		return found
	}
	for _, member := range comparedMembers {
		a, b := orNull(was[member]), orNull(is[member])
		if normal(a) != normal(b) {
			found = append(found, Change{Member: member, Before: a, After: b})
		}
	}
	return found
}

func orNull(value json.RawMessage) json.RawMessage {
	if value == nil {
		return json.RawMessage("null")
	}
	return value
}

package payload

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxDefaultValues is how many values the default of one field may stand for.
const maxDefaultValues = 1 << 14

// avroDefaults measures the default values of schemas before a library expands
// them. A default {} of a record stands for the defaults of its fields, and so
// on: twenty records, each with two fields of the next one, are a schema of two
// kilobytes whose default has a million values, and every further record
// doubles it.
type avroDefaults struct {
	records map[string][]map[string]any // by name without namespace
	known   map[string]int              // values of the default of a record's field
	open    map[string]bool
	work    int // types looked at
}

// maxDefaultWork bounds the measuring itself: unions of records make the ways to
// read one default many.
const maxDefaultWork = 1 << 20

// checkAvroDefaults refuses schemas with a default of more than
// maxDefaultValues values, and returns how many all of them have together.
func checkAvroDefaults(schema string, references map[string]string) (int, error) {
	d := avroDefaults{records: map[string][]map[string]any{}, known: map[string]int{}, open: map[string]bool{}}
	texts := make([]string, 0, len(references)+1)
	for _, text := range references {
		texts = append(texts, text)
	}
	for _, text := range append(texts, schema) {
		var v any
		if json.Unmarshal([]byte(text), &v) == nil { // the library says what is wrong with it
			d.collect(v)
		}
	}
	return d.sumAll()
}

// collect finds the records among all members of a schema: a few too many do no
// harm.
func (d *avroDefaults) collect(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			d.collect(e)
		}
	case map[string]any:
		if _, ok := v["fields"].([]any); ok {
			name, _ := v["name"].(string)
			d.records[shortName(name)] = append(d.records[shortName(name)], v)
		}
		for _, e := range v {
			d.collect(e)
		}
	}
}

func shortName(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

func (d *avroDefaults) sumAll() (int, error) {
	sum := 0
	for _, name := range slices.Sorted(maps.Keys(d.records)) {
		for i, record := range d.records[name] {
			for j, f := range recordFields(record) {
				if _, ok := f["default"]; !ok {
					continue
				}
				n := d.ofField(fmt.Sprintf("%s#%d.%d", name, i, j), f)
				if n > maxDefaultValues {
					return 0, fmt.Errorf("the default of field %q of record %q stands for more than %d values", f["name"], name, maxDefaultValues)
				}
				sum += n
			}
		}
	}
	return sum, nil
}

func recordFields(record map[string]any) []map[string]any {
	list, _ := record["fields"].([]any)
	fields := make([]map[string]any, 0, len(list))
	for _, e := range list {
		if f, ok := e.(map[string]any); ok {
			fields = append(fields, f)
		}
	}
	return fields
}

// ofField counts the values of the default of a field; id tells the fields
// apart. A default that contains itself counts as too many.
func (d *avroDefaults) ofField(id string, f map[string]any) int {
	if n, ok := d.known[id]; ok {
		return n
	}
	if d.open[id] {
		return maxDefaultValues + 1
	}
	d.open[id] = true
	n := d.count(f["default"], fieldType(f))
	delete(d.open, id)
	d.known[id] = n
	return n
}

// fieldType is the type of a field, also where its parts stand in the field
// itself, as some writers do.
func fieldType(f map[string]any) any {
	if _, ok := f["type"].(string); ok {
		for _, part := range []string{"fields", "items", "values"} {
			if _, ok := f[part]; ok {
				return f
			}
		}
	}
	return f["type"]
}

// count says how many values the default v of type t stands for. Text counts by
// its length.
func (d *avroDefaults) count(v, t any) int {
	if d.work++; d.work > maxDefaultWork {
		return maxDefaultValues + 1
	}
	switch t := t.(type) {
	case string:
		return d.ofRecords(v, d.records[shortName(t)])
	case []any: // a union: any branch may be meant
		most := plainCount(v)
		for _, branch := range t {
			most = max(most, d.count(v, branch))
		}
		return most
	case map[string]any:
		if name, ok := t["type"].(string); !ok {
			return d.count(v, t["type"])
		} else if records := d.records[shortName(name)]; len(records) > 0 && t["fields"] == nil {
			return d.ofRecords(v, records)
		}
		if _, ok := t["fields"]; ok {
			name, _ := t["name"].(string)
			return d.ofRecords(v, d.records[shortName(name)])
		}
		return d.elements(v, t)
	}
	return plainCount(v)
}

// elements counts the default of an array or a map.
func (d *avroDefaults) elements(v any, t map[string]any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n = min(n+d.count(e, t["items"]), maxDefaultValues+1)
		}
	case map[string]any:
		for _, e := range v {
			n = min(n+d.count(e, t["values"]), maxDefaultValues+1)
		}
	default:
		return plainCount(v)
	}
	return n
}

// ofRecords counts the default of a record, by the largest of those with its
// name.
func (d *avroDefaults) ofRecords(v any, records []map[string]any) int {
	members, ok := v.(map[string]any)
	if !ok {
		return plainCount(v)
	}
	most := plainCount(v)
	for i, record := range records {
		name, _ := record["name"].(string)
		n := 1
		for j, f := range recordFields(record) {
			field, _ := f["name"].(string)
			if member, ok := members[field]; ok {
				n += d.count(member, fieldType(f))
			} else if _, ok := f["default"]; ok {
				n += d.ofField(fmt.Sprintf("%s#%d.%d", shortName(name), i, j), f)
			}
			n = min(n, maxDefaultValues+1)
		}
		most = max(most, n)
	}
	return most
}

// plainCount counts the values that v itself has.
func plainCount(v any) int {
	n := 1
	switch v := v.(type) {
	case string:
		n += len(v) / 64
	case []any:
		for _, e := range v {
			n += plainCount(e)
		}
	case map[string]any:
		for _, e := range v {
			n += plainCount(e)
		}
	}
	return min(n, maxDefaultValues+1)
}

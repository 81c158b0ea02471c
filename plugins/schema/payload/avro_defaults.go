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
	records map[string][]*defaultRecord // by name without namespace
	fields  []*defaultField
	work    int  // fields and types looked at
	over    bool // one was too large: nothing else matters
}

type defaultRecord struct {
	name   string
	fields []*defaultField
}

type defaultField struct {
	record, name string
	typ          any
	value        any // the default
	has          bool
	state        defaultState
	count        int // of values, once measured
}

type defaultState uint8

const (
	unmeasured defaultState = iota
	measuring
	measured
)

// maxDefaultWork bounds the measuring itself: unions of records make the ways to
// read one default many.
const maxDefaultWork = 1 << 20

// checkAvroDefaults refuses schemas with a default of more than
// maxDefaultValues values, and returns how many all of them have together.
func checkAvroDefaults(schema string, references map[string]string) (sum int, err error) {
	d := avroDefaults{records: map[string][]*defaultRecord{}}
	for _, name := range slices.Sorted(maps.Keys(references)) {
		d.read(references[name])
	}
	d.read(schema)
	for _, f := range d.fields {
		if sum += d.ofField(f); d.over {
			return 0, fmt.Errorf("the default of field %q of record %q stands for more than %d values", f.name, f.record, maxDefaultValues)
		}
	}
	return sum, nil
}

func (d *avroDefaults) read(text string) {
	var v any
	if json.Unmarshal([]byte(text), &v) == nil { // the library says what is wrong with it
		d.collect(v)
	}
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
		if list, ok := v["fields"].([]any); ok {
			d.addRecord(v, list)
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			d.collect(v[name])
		}
	}
}

func (d *avroDefaults) addRecord(v map[string]any, list []any) {
	name, _ := v["name"].(string)
	r := &defaultRecord{name: name}
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			continue
		}
		f := &defaultField{record: name, typ: fieldType(m)}
		f.name, _ = m["name"].(string)
		f.value, f.has = m["default"]
		r.fields = append(r.fields, f)
		d.fields = append(d.fields, f)
	}
	d.records[shortName(name)] = append(d.records[shortName(name)], r)
}

func shortName(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

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

// limited returns n, and notes when it is too large.
func (d *avroDefaults) limited(n int) int {
	if d.work++; n > maxDefaultValues || d.work > maxDefaultWork {
		d.over = true
	}
	return n
}

// ofField counts the values of the default of a field. A default that contains
// itself counts as too many.
func (d *avroDefaults) ofField(f *defaultField) int {
	if !f.has || f.state == measured {
		return f.count
	}
	if f.state == measuring {
		d.over = true
		return 0
	}
	f.state = measuring
	f.count = d.count(f.value, f.typ)
	f.state = measured
	return f.count
}

// count says how many values the default v of type t stands for. Text counts by
// its length.
func (d *avroDefaults) count(v, t any) int {
	if d.over {
		return 0
	}
	switch t := t.(type) {
	case string:
		return d.ofRecords(v, d.records[shortName(t)])
	case []any: // a union: any branch may be meant
		most := 1
		for _, branch := range t {
			most = max(most, d.count(v, branch))
		}
		return d.limited(most)
	case map[string]any:
		name, ok := t["type"].(string)
		if !ok {
			return d.limited(d.count(v, t["type"]))
		}
		if _, ok := t["fields"]; ok {
			name, _ = t["name"].(string)
		}
		if records := d.records[shortName(name)]; len(records) > 0 {
			return d.ofRecords(v, records)
		}
		return d.elements(v, t)
	}
	return d.plain(v)
}

// elements counts the default of an array or a map.
func (d *avroDefaults) elements(v any, t map[string]any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n = d.limited(n + d.count(e, t["items"]))
		}
	case map[string]any:
		for _, e := range v {
			n = d.limited(n + d.count(e, t["values"]))
		}
	default:
		return d.plain(v)
	}
	return n
}

// ofRecords counts the default of a record, by the largest of those with its
// name.
func (d *avroDefaults) ofRecords(v any, records []*defaultRecord) int {
	members, ok := v.(map[string]any)
	if !ok || len(records) == 0 {
		return d.plain(v)
	}
	most := 1
	for _, record := range records {
		n := 1
		for _, f := range record.fields {
			if d.over {
				return 0
			}
			if member, ok := members[f.name]; ok {
				n += d.count(member, f.typ)
			} else {
				n += d.ofField(f)
			}
			d.limited(n)
		}
		most = max(most, n)
	}
	return most
}

// plain counts the values that v itself has.
func (d *avroDefaults) plain(v any) int {
	n := 1
	switch v := v.(type) {
	case string:
		n += len(v) / 64
	case []any:
		for _, e := range v {
			n = d.limited(n + d.plain(e))
		}
	case map[string]any:
		for _, e := range v {
			n = d.limited(n + d.plain(e))
		}
	}
	return n
}

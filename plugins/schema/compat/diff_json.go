package compat

import (
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

func (s *jsonSchema) diff(next opened) []Change {
	return diffDocuments(s.main, next.(*jsonSchema).main)
}

func (s *avroSchema) diff(next opened) []Change {
	return diffDocuments(s.main, next.(*avroSchema).main)
}

// differ walks two JSON documents side by side.
type differ struct{ changes []Change }

// maxShown bounds how much of a value a change quotes, in characters.
const maxShown = 400

func diffDocuments(before, after any) []Change {
	d := &differ{}
	d.walk(before, after, "", "", "schema")
	return d.changes
}

// walk compares the values at the pointers old and new; noun names them.
func (d *differ) walk(before, after any, old, new, noun string) {
	if equalValues(before, after) {
		return
	}
	switch left := before.(type) {
	case map[string]any:
		if right, ok := after.(map[string]any); ok && !isData[noun] {
			d.objects(left, right, old, new, noun)
			return
		}
	case []any:
		if right, ok := after.([]any); ok && !isData[noun] || ok && noun == "enum" {
			d.lists(left, right, old, new, noun)
			return
		}
	}
	d.add(old, new, noun, change(before, after), before, after)
}

// change names the direction in which a value went.
func change(before, after any) string {
	left, okLeft := before.(json.Number)
	right, okRight := after.(json.Number)
	if !okLeft || !okRight {
		return "changed"
	}
	a, okA := new(big.Rat).SetString(left.String())
	b, okB := new(big.Rat).SetString(right.String())
	if okA && okB && a.Cmp(b) < 0 {
		return "raised"
	}
	return "lowered"
}

// nouns names the members of keywords that hold several.
var nouns = map[string]string{
	"properties": "property", "patternProperties": "pattern_property", "definitions": "definition", "$defs": "definition",
	"dependencies": "dependency", "dependentRequired": "dependency", "dependentSchemas": "dependency",
	"fields": "field", "symbols": "symbol", "enum": "enum_value", "required": "required", "type": "type",
	"anyOf": "alternative", "oneOf": "alternative", "allOf": "part", "items": "item", "prefixItems": "item", "aliases": "alias",
}

func (d *differ) objects(left, right map[string]any, old, new, noun string) {
	names := map[string]bool{}
	for name := range left {
		names[name] = true
	}
	for name := range right {
		names[name] = true
	}
	holds := nouns[noun] != "" && noun != "items" && noun != "type"
	for _, name := range sortedKeys(names) {
		child := name
		if holds {
			child = nouns[noun]
		}
		before, was := left[name]
		after, is := right[name]
		oldAt, newAt := old+"/"+escape(name), new+"/"+escape(name)
		switch {
		case !was:
			d.add(oldAt, newAt, child, "added", nil, after)
		case !is:
			d.add(oldAt, newAt, child, "removed", before, nil)
		case holds:
			d.walk(before, after, oldAt, newAt, "schema")
		default:
			d.walk(before, after, oldAt, newAt, name)
		}
	}
}

// lists pairs what both lists have, wherever it stands, then what has the same
// name, then what is left in order.
func (d *differ) lists(left, right []any, old, new, noun string) {
	pairs, takenLeft, takenRight := map[int]int{}, map[int]bool{}, map[int]bool{}
	pair := func(alike func(a, b any) bool) {
		for i, a := range left {
			for j, b := range right {
				if !takenLeft[i] && !takenRight[j] && alike(a, b) {
					pairs[i], takenLeft[i], takenRight[j] = j, true, true
				}
			}
		}
	}
	byKey := map[string][]int{}
	for j, b := range right {
		byKey[valueKey(b)] = append(byKey[valueKey(b)], j)
	}
	for i, a := range left {
		if places := byKey[valueKey(a)]; len(places) > 0 {
			pairs[i], takenLeft[i], takenRight[places[0]] = places[0], true, true
			byKey[valueKey(a)] = places[1:]
		}
	}
	if len(left)*len(right) <= 1_000_000 {
		pair(func(a, b any) bool { return nameOf(a) != "" && nameOf(a) == nameOf(b) })
		pair(func(a, b any) bool { return isObject(a) && isObject(b) && nameOf(a) == "" && nameOf(b) == "" })
	}
	child := nouns[noun]
	if child == "" {
		child = noun
	}
	for i, value := range left {
		at := "/" + strconv.Itoa(i)
		if j, both := pairs[i]; both {
			d.walk(value, right[j], old+at, new+"/"+strconv.Itoa(j), "schema")
			continue
		}
		d.add(old+at, new, child, "removed", value, nil)
	}
	for j, value := range right {
		if !takenRight[j] {
			d.add(old, new+"/"+strconv.Itoa(j), child, "added", nil, value)
		}
	}
}

func isObject(value any) bool {
	_, ok := value.(map[string]any)
	return ok
}

func nameOf(value any) string {
	object, _ := value.(map[string]any)
	name, _ := object["name"].(string)
	return name
}

func (d *differ) add(old, new, noun, how string, before, after any) {
	entry := Change{Pointer: new, Kind: Kind(snake(noun) + "_" + how), Before: quote(before), After: quote(after), old: old, new: new}
	if how == "removed" {
		entry.Pointer = old
	}
	d.changes = append(d.changes, entry)
}

func quote(value any) string {
	if value == nil {
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return shorten(string(text), maxShown)
}

// snake turns maxLength into max_length.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(strings.TrimPrefix(name, "$"))
	for index, char := range runes {
		if unicode.IsUpper(char) && index > 0 && !unicode.IsUpper(runes[index-1]) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(char))
	}
	return strings.ReplaceAll(b.String(), " ", "_")
}

// declarations compares two listings of a .proto file by place.
func diffDeclarations(before, after map[string]declaration) []Change {
	var changes []Change
	places := sortedKeys(before)
	for _, place := range sortedKeys(after) {
		if _, both := before[place]; !both {
			places = append(places, place)
		}
	}
	slices.Sort(places)
	for _, place := range places {
		left, was := before[place]
		right, is := after[place]
		entry := Change{Pointer: place, Before: left.text, After: right.text, old: place, new: place}
		switch {
		case left.text == right.text:
			continue
		case !was:
			entry.Kind = right.noun + "_added"
		case !is:
			entry.Kind = left.noun + "_removed"
		default:
			entry.Kind = right.noun + "_changed"
		}
		changes = append(changes, entry)
	}
	return changes
}

package contracts

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/helios-connect/helios/plugins/event"
	"github.com/helios-connect/helios/plugins/schema/contract"
)

// mendRequired follows a member to its new name where there is one, and makes it
// optional else.
func (e *evolution) mendRequired(s map[string]any, b *breach) {
	properties, _ := s["properties"].(map[string]any)
	required := stringsOf(s["required"])
	for _, old := range required {
		if !allLack(b.samples, old) {
			if anyLacks(b.samples, old) {
				e.optional(s, b, old)
			}
			continue
		}
		name := successor(properties, old, b.samples)
		if name == "" {
			e.optional(s, b, old)
			continue
		}
		properties[name] = properties[old]
		delete(properties, old)
		replace(s, old, name)
		e.renames = append(e.renames, rename{path: b.path, old: old, new: name})
		e.step("%s: the member %q is now called %q", placeOf(b.path), old, name)
	}
}

func (e *evolution) optional(s map[string]any, b *breach, name string) {
	replace(s, name, "")
	e.step("%s: the member %q is no longer required", placeOf(b.path), name)
}

// replace writes a name in required anew, or takes it out.
func replace(s map[string]any, old, name string) {
	var list []any
	for _, r := range stringsOf(s["required"]) {
		switch {
		case r != old:
			list = append(list, r)
		case name != "":
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		delete(s, "required")
		return
	}
	s["required"] = list
}

// successor is the one member that all samples have, that the contract doesn't
// know, and whose values are what the old member's had to be.
func successor(properties map[string]any, old string, samples []any) string {
	var candidates []string
	for name := range members(samples[0]) {
		if _, known := properties[name]; !known {
			candidates = append(candidates, name)
		}
	}
	slices.Sort(candidates)
	schema, err := json.Marshal(properties[old])
	if err != nil || properties[old] == nil {
		return ""
	}
	c, err := contract.Compile("member", schema, contract.Options{AssertFormat: true})
	if err != nil { // it refers to something outside
		return ""
	}
	fitting := slices.DeleteFunc(candidates, func(name string) bool {
		var judge contract.Judge
		for _, sample := range samples {
			value, ok := members(sample)[name]
			raw, err := json.Marshal(value)
			if !ok || err != nil || len(judge.Failures(c, raw)) > 0 {
				return true
			}
		}
		return false
	})
	if len(fitting) != 1 { // none, or nobody knows which
		return ""
	}
	return fitting[0]
}

func members(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func allLack(samples []any, name string) bool {
	return !slices.ContainsFunc(samples, func(s any) bool { _, ok := members(s)[name]; return ok })
}

func anyLacks(samples []any, name string) bool {
	return slices.ContainsFunc(samples, func(s any) bool { _, ok := members(s)[name]; return !ok })
}

// addMembers describes members that a closed object did not know.
func (e *evolution) addMembers(s map[string]any, b *breach) {
	properties, ok := s["properties"].(map[string]any)
	if !ok {
		properties = map[string]any{}
		s["properties"] = properties
	}
	unknown := map[string][]any{}
	for _, sample := range b.samples {
		for name, v := range members(sample) {
			if _, known := properties[name]; !known {
				unknown[name] = append(unknown[name], v)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		types := typesOf(unknown[name])
		member := map[string]any{"type": typeValue(types)}
		properties[name] = member
		value, raw, ok := always(unknown[name], len(b.samples))
		if !ok {
			e.step("%s: the new member %q (%s) is known, and optional", placeOf(b.path), name, strings.Join(types, " or "))
			continue
		}
		member["default"] = value
		e.added = append(e.added, addition{path: b.path, name: name, value: raw})
		e.step("%s: the new member %q (%s) is known; older payloads get its default %s", placeOf(b.path), name, strings.Join(types, " or "), raw)
	}
}

// always is the one value that a new member has wherever samples break the rule: a
// scalar, as a default can be.
func always(values []any, samples int) (value any, raw string, ok bool) {
	if len(values) != samples {
		return nil, "", false
	}
	for _, v := range values {
		text, err := json.Marshal(v)
		if err != nil || len(text) == 0 || text[0] == '{' || text[0] == '[' || raw != "" && raw != string(text) {
			return nil, "", false
		}
		value, raw = v, string(text)
	}
	return value, raw, true
}

// widenType adds the types that were seen.
func (e *evolution) widenType(s map[string]any, b *breach) {
	had := stringsOf(s["type"])
	types := slices.Clone(had)
	for _, t := range typesOf(b.samples) {
		if t == "number" {
			types = slices.DeleteFunc(types, func(h string) bool { return h == "integer" })
		}
		if !slices.Contains(types, t) && (t != "integer" || !slices.Contains(types, "number")) {
			types = append(types, t)
		}
	}
	if len(had) == 0 || slices.Equal(had, types) {
		return
	}
	s["type"] = typeValue(types)
	e.step("%s: %s is widened to %s", placeOf(b.path), strings.Join(had, " or "), strings.Join(types, " or "))
}

// maxAdded is how many values an enum may grow by at once: more than that is no
// enum.
const maxAdded = 20

func (e *evolution) addValues(s map[string]any, b *breach) {
	allowed, _ := s["enum"].([]any)
	if v, ok := s["const"]; ok {
		allowed = []any{v}
	}
	var added []string
	for _, v := range b.samples {
		raw, err := json.Marshal(v)
		if err != nil || len(raw) > 0 && (raw[0] == '{' || raw[0] == '[') {
			return
		}
		if slices.Contains(allowed, v) {
			continue
		}
		allowed, added = append(allowed, v), append(added, string(raw))
	}
	if len(added) == 0 || len(added) > maxAdded {
		return
	}
	delete(s, "const")
	s["enum"] = allowed
	e.step("%s: %s allowed too", placeOf(b.path), strings.Join(added, ", "))
}

// relax moves a bound to what was seen.
func (e *evolution) relax(s map[string]any, b *breach) {
	var seen []event.Decimal
	var texts []string
	for _, v := range b.samples {
		text := sizeOf(b.rule, v)
		d, err := event.ParseDecimal([]byte(text))
		if err != nil {
			return
		}
		seen, texts = append(seen, d), append(texts, text)
	}
	best := 0
	for i := range seen {
		if c := seen[i].Cmp(seen[best]); strings.HasPrefix(b.rule, "min") && c < 0 || strings.HasPrefix(b.rule, "max") && c > 0 {
			best = i
		}
	}
	e.step("%s: %s is %s instead of %v", placeOf(b.path), b.rule, texts[best], s[b.rule])
	s[b.rule] = json.Number(texts[best])
}

func sizeOf(rule string, v any) string {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case string:
		return fmt.Sprint(len([]rune(v)))
	case []any:
		return fmt.Sprint(len(v))
	}
	return rule
}

func typesOf(values []any) (types []string) {
	for _, v := range values {
		t := "object"
		switch v := v.(type) {
		case nil:
			t = "null"
		case bool:
			t = "boolean"
		case string:
			t = "string"
		case []any:
			t = "array"
		case json.Number:
			t = "number"
			if d, err := event.ParseDecimal([]byte(v)); err == nil && d.IsInteger() {
				t = "integer"
			}
		}
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	if slices.Contains(types, "number") {
		types = slices.DeleteFunc(types, func(t string) bool { return t == "integer" })
	}
	slices.Sort(types)
	return types
}

func typeValue(types []string) any {
	if len(types) == 1 {
		return types[0]
	}
	list := make([]any, len(types))
	for i, t := range types {
		list[i] = t
	}
	return list
}

func stringsOf(v any) (list []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, s := range v {
			if text, ok := s.(string); ok {
				list = append(list, text)
			}
		}
	}
	return list
}

// mapping turns payloads of the version before into payloads of this one. Only
// members that were renamed, or that have a default, need it: what was widened or
// made optional takes older payloads as they are.
func (e *evolution) mapping() string {
	if len(e.renames) == 0 && len(e.added) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("root = this\n")
	for _, r := range e.renames {
		b.WriteString("root = " + within("root", r.path, func(object string) string {
			return fmt.Sprintf(`if %[1]s.exists(%[2]q) && !%[1]s.exists(%[3]q) { %[1]s.without(%[2]q).assign({%[4]q: %[1]s.get(%[2]q)}) } else { %[1]s }`,
				object, escapeDots(r.old), escapeDots(r.new), r.new)
		}) + "\n")
	}
	for _, a := range e.added {
		b.WriteString("root = " + within("root", a.path, func(object string) string {
			return fmt.Sprintf(`if %[1]s.exists(%[2]q) { %[1]s } else { %[1]s.assign({%[3]q: %[4]s}) }`, object, escapeDots(a.name), a.name, a.value)
		}) + "\n")
	}
	return b.String()
}

// escapeDots writes a name as the path functions of Bloblang take it.
func escapeDots(name string) string {
	return strings.NewReplacer("~", "~0", ".", "~1").Replace(name)
}

// within writes an expression that is object with a part of it changed.
func within(object string, path []string, change func(object string) string) string {
	if len(path) == 0 {
		return change(object)
	}
	name, rest := path[0], path[1:]
	if name == "*" {
		return fmt.Sprintf("%s.map_each(e%d -> %s)", object, len(path), within(fmt.Sprintf("e%d", len(path)), rest, change))
	}
	key := escapeDots(name)
	inner := within(fmt.Sprintf("%s.get(%q)", object, key), rest, change)
	return fmt.Sprintf("if %[1]s.exists(%[2]q) { %[1]s.without(%[2]q).assign({%[4]q: %[3]s}) } else { %[1]s }", object, key, inner, name)
}

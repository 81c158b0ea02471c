package contract

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/helios-connect/helios/internal/terminal"
)

var printer = message.NewPrinter(language.English)

// leavesOf are the errors that name a rule of their own: what only says that
// something below it failed is followed down. Alternatives are one error.
func leavesOf(e *jsonschema.ValidationError, leaves []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	switch e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.AllOf, *kind.Reference:
		for _, cause := range e.Causes {
			leaves = leavesOf(cause, leaves)
		}
		if len(e.Causes) > 0 {
			return leaves
		}
	}
	return append(leaves, e)
}

// sensitiveValue stands for what must not be shown.
const sensitiveValue = "(sensitive)"

// maxShown is how many bytes of a value are shown.
const maxShown = 80

// failure says what an error of the library means.
func (c *Contract) failure(e *jsonschema.ValidationError, doc any) Failure {
	path := e.InstanceLocation
	f := Failure{Pointer: pointerOf(path), Rule: ruleOf(e.ErrorKind)}
	if f.Value = scalar(valueAt(doc, path)); f.Value != "" && c.sensitive(path) {
		f.Value = sensitiveValue
	}
	f.Text = pointerOr(path, "the payload") + " " + c.sentence(e, f.Value, doc)
	return f
}

func ruleOf(k jsonschema.ErrorKind) string {
	if path := k.KeywordPath(); len(path) > 0 {
		if path[0] == "dependency" {
			return "dependencies"
		}
		return path[0]
	}
	return "false"
}

// sentence says what is wrong, behind the name of the value.
func (c *Contract) sentence(e *jsonschema.ValidationError, value string, doc any) string {
	is := "is " + value
	if value == "" {
		is = "is " + article(valueAt(doc, e.InstanceLocation))
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		if value != "" {
			is += ", " + article(valueAt(doc, e.InstanceLocation))
		}
		return fmt.Sprintf("%s; the contract asks for %s", is, orList(k.Want))
	case *kind.Required:
		return fmt.Sprintf("lacks %s, which the contract requires", quotedList(k.Missing))
	case *kind.AdditionalProperties:
		slices.Sort(k.Properties)
		return fmt.Sprintf("has %s, which the contract doesn't know and doesn't allow", quotedList(k.Properties))
	case *kind.Enum:
		return fmt.Sprintf("%s; the contract allows %s", is, literals(k.Want))
	case *kind.Const:
		return fmt.Sprintf("%s; the contract allows nothing but %s", is, literals([]any{k.Want}))
	case *kind.Format:
		return fmt.Sprintf("%s, which is no %s", is, k.Want)
	case *kind.Pattern:
		return fmt.Sprintf("%s, which doesn't match the pattern %s", is, k.Want)
	case *kind.MinLength:
		return fmt.Sprintf("has %s; the contract asks for at least %d", terminal.Count(k.Got, "character", "characters"), k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("has %s; the contract allows at most %d", terminal.Count(k.Got, "character", "characters"), k.Want)
	case *kind.Minimum:
		return fmt.Sprintf("%s; the contract allows nothing below %s", is, decimalText(k.Want))
	case *kind.Maximum:
		return fmt.Sprintf("%s; the contract allows nothing above %s", is, decimalText(k.Want))
	case *kind.ExclusiveMinimum:
		return fmt.Sprintf("%s; the contract asks for more than %s", is, decimalText(k.Want))
	case *kind.ExclusiveMaximum:
		return fmt.Sprintf("%s; the contract asks for less than %s", is, decimalText(k.Want))
	case *kind.MultipleOf:
		return fmt.Sprintf("%s, which is no multiple of %s", is, decimalText(k.Want))
	case *kind.MinItems:
		return fmt.Sprintf("has %s; the contract asks for at least %d", terminal.Count(k.Got, "element", "elements"), k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("has %s; the contract allows at most %d", terminal.Count(k.Got, "element", "elements"), k.Want)
	case *kind.UniqueItems:
		return fmt.Sprintf("has equal elements at %d and %d, where all must differ", k.Duplicates[0], k.Duplicates[1])
	case *kind.MinProperties:
		return fmt.Sprintf("has %s; the contract asks for at least %d", terminal.Count(k.Got, "member", "members"), k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("has %s; the contract allows at most %d", terminal.Count(k.Got, "member", "members"), k.Want)
	case *kind.FalseSchema:
		return "is there, where the contract allows nothing"
	case *kind.Not:
		return "is what the contract excludes"
	case *kind.AnyOf:
		return fmt.Sprintf("fits none of %d alternatives%s", len(e.Causes), c.nearest(e, doc))
	case *kind.OneOf:
		if len(k.Subschemas) == 2 {
			return fmt.Sprintf("fits alternatives %d and %d at once, where it must fit one", k.Subschemas[0]+1, k.Subschemas[1]+1)
		}
		return fmt.Sprintf("fits none of %d alternatives%s", len(e.Causes), c.nearest(e, doc))
	case *kind.Dependency:
		return fmt.Sprintf("has %q but lacks %s", k.Prop, quotedList(k.Missing))
	case *kind.DependentRequired:
		return fmt.Sprintf("has %q but lacks %s", k.Prop, quotedList(k.Missing))
	case *kind.PropertyNames:
		return fmt.Sprintf("has a member %q, whose name the contract doesn't allow", k.Property)
	case *kind.Contains:
		return "holds no element of the kind that the contract asks for"
	case *kind.MinContains:
		return fmt.Sprintf("holds %s of the kind that the contract asks for at least %d of", terminal.Count(len(k.Got), "element", "elements"), k.Want)
	case *kind.MaxContains:
		return fmt.Sprintf("holds %s of the kind that the contract allows at most %d of", terminal.Count(len(k.Got), "element", "elements"), k.Want)
	case *kind.AdditionalItems:
		return fmt.Sprintf("has %s more than the contract allows", terminal.Count(k.Count, "element", "elements"))
	case *kind.RefCycle:
		return "can't be judged: a $ref of the contract leads back to itself"
	}
	return "breaks the rule " + ruleOf(e.ErrorKind)
}

// nearest is the first complaint of the alternative that came furthest into the
// value.
func (c *Contract) nearest(e *jsonschema.ValidationError, doc any) string {
	best, depth := (*jsonschema.ValidationError)(nil), -1
	for _, cause := range e.Causes {
		leaves := leavesOf(cause, nil)
		shallow := len(leaves[0].InstanceLocation)
		if _, isType := leaves[0].ErrorKind.(*kind.Type); isType && shallow == len(e.InstanceLocation) {
			shallow = -1 // another type altogether is no near miss
		}
		if shallow > depth || best == nil {
			best, depth = leaves[0], shallow
		}
	}
	if best == nil {
		return ""
	}
	return "; of the nearest, " + c.failure(best, doc).Text
}

// literals are allowed values; they are shown even for sensitive members, since
// they stand in the contract for all to read.
func literals(values []any) string {
	const most = 8
	texts := make([]string, 0, most+1)
	for i, v := range values {
		if i == most {
			texts = append(texts, fmt.Sprintf("%d more", len(values)-most))
			break
		}
		text, err := json.Marshal(v)
		if err != nil {
			text = fmt.Append(nil, v)
		}
		texts = append(texts, shorten(string(text)))
	}
	return orList(texts)
}

func article(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case []any:
		return "an array"
	default:
		return "an object"
	}
}

// scalar is a value as JSON; empty for objects and arrays, which may hold what
// must not be shown.
func scalar(v any) string {
	switch v := v.(type) {
	case map[string]any, []any, nil:
		return ""
	case json.Number:
		return shorten(v.String())
	case string:
		return shorten(strconv.Quote(v))
	}
	return fmt.Sprint(v)
}

func shorten(s string) string {
	if len(s) <= maxShown {
		return s
	}
	cut := maxShown - 3
	for cut > 0 && s[cut]&0xc0 == 0x80 { // not within a character
		cut--
	}
	return s[:cut] + "..."
}

func valueAt(doc any, path []string) any {
	for _, token := range path {
		switch v := doc.(type) {
		case map[string]any:
			doc = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			doc = v[i]
		}
	}
	return doc
}

func decimalText(r *big.Rat) string {
	digits, _ := r.FloatPrec()
	return r.FloatString(digits)
}

func quotedList(names []string) string {
	const most = 8
	quoted := make([]string, 0, most+1)
	for i, n := range names {
		if i == most {
			quoted = append(quoted, fmt.Sprintf("%d more", len(names)-most))
			break
		}
		quoted = append(quoted, shorten(strconv.Quote(n)))
	}
	return joined(quoted, "and")
}

func orList(list []string) string { return joined(list, "or") }

func joined(list []string, last string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " " + last + " " + list[len(list)-1]
}

package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxDepth bounds how deep a schema nests, in objects and arrays.
const maxDepth = 256

// maxObjects bounds how many schemas a schema consists of: the time to compile
// them grows with the square of their number (25,000 take about 2 s).
const maxObjects = 25_000

// jsonSchema is a JSON Schema that compiles, with the text it came from: the
// compiled form forgets formats and encodings it doesn't know.
type jsonSchema struct {
	root *jsonschema.Schema
	docs map[string]any
	// main is the text as it was, for showing what changed.
	main any
}

func (*jsonSchema) format() Format { return JSON }

func openJSONSchema(schema Schema, side string) (*jsonSchema, error) {
	main, err := decodeJSON(schema.Text)
	if err != nil {
		return nil, err
	}
	base := "helios://" + side + "/schema.json"
	if count := countObjects(main); count > maxObjects {
		return nil, fmt.Errorf("schema has %d nested objects: at most %d are allowed", count, maxObjects)
	}
	allowEmptyEnum(main)
	loader := &referenceLoader{base: "helios://" + side + "/", texts: schema.References, docs: map[string]any{base: main}}
	root, err := compileJSONSchema(loader, base, main)
	if err != nil {
		return nil, err
	}
	if loop := refLoop(root); loop != "" {
		return nil, fmt.Errorf("$ref at %q leads back to itself without going into a property or an item, so no document can be judged by it", loop)
	}
	original, err := decodeJSON(schema.Text)
	return &jsonSchema{root: root, docs: loader.docs, main: original}, err
}

func compileJSONSchema(loader *referenceLoader, base string, main any) (root *jsonschema.Schema, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("compiling JSON Schema: %v", cause)
		}
	}()
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(loader)
	compiler.DefaultDraft(defaultDraft(main))
	compiler.AssertFormat()
	compiler.AssertContent()
	if err := compiler.AddResource(base, main); err != nil {
		return nil, fmt.Errorf("reading JSON Schema: %w", err)
	}
	root, err = compiler.Compile(base)
	if err != nil {
		return nil, errors.New(strings.ReplaceAll("compiling JSON Schema: "+err.Error(), loader.base+"schema.json", "schema"))
	}
	return root, nil
}

// allowEmptyEnum rewrites an empty enum, which the specification discourages
// but allows and the compiler refuses, as the negation of everything.
func allowEmptyEnum(value any) {
	switch value := value.(type) {
	case map[string]any:
		if list, ok := value["enum"].([]any); ok && len(list) == 0 {
			delete(value, "enum")
			all, _ := value["allOf"].([]any)
			value["allOf"] = append(all, false)
		}
		for name, child := range value {
			if !isData[name] {
				allowEmptyEnum(child)
			}
		}
	case []any:
		for _, child := range value {
			allowEmptyEnum(child)
		}
	}
}

// referenceLoader resolves only what the caller handed over.
type referenceLoader struct {
	base  string
	texts map[string]string
	docs  map[string]any
}

// Load implements jsonschema.URLLoader and never leaves the process.
func (l *referenceLoader) Load(url string) (any, error) {
	for name, text := range l.texts {
		if url != name && url != l.base+name && !strings.HasSuffix(url, "/"+name) {
			continue
		}
		doc, err := decodeJSON(text)
		if err != nil {
			return nil, fmt.Errorf("reference %q: %w", name, err)
		}
		if count := countObjects(doc); count > maxObjects {
			return nil, fmt.Errorf("reference %q has %d nested objects: at most %d are allowed", name, count, maxObjects)
		}
		allowEmptyEnum(doc)
		l.docs[url] = doc
		return doc, nil
	}
	return nil, fmt.Errorf("$ref to %q: only registered references resolve, nothing is fetched from a URL", strings.TrimPrefix(url, l.base))
}

// decodeJSON reads one JSON value within the limits of depth and magnitude.
func decodeJSON(text string) (any, error) {
	if err := scanLimits(text); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("schema is not JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("schema is not JSON: text follows the first value")
	}
	return value, checkNumbers(value, "")
}

// scanLimits counts brackets outside strings before anything recursive runs.
func scanLimits(text string) error {
	depth, quoted := 0, false
	for index := 0; index < len(text); index++ {
		switch char := text[index]; {
		case quoted && char == '\\':
			index++
		case char == '"':
			quoted = !quoted
		case quoted:
		case char == '{' || char == '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("schema nests deeper than %d levels at byte %d", maxDepth, index)
			}
		case char == '}' || char == ']':
			depth--
		}
	}
	return nil
}

// countObjects counts the objects that may be schemas.
func countObjects(value any) int {
	count := 0
	switch value := value.(type) {
	case map[string]any:
		count++
		for name, child := range value {
			if !isData[name] {
				count += countObjects(child)
			}
		}
	case []any:
		for _, child := range value {
			count += countObjects(child)
		}
	}
	return count
}

// maxExponent keeps exact arithmetic on bounds small: 1e999999999 would need
// hundreds of megabytes.
const maxExponent = 400

func checkNumbers(value any, pointer string) error {
	switch value := value.(type) {
	case json.Number:
		text := value.String()
		if at := strings.IndexAny(text, "eE"); at >= 0 {
			exponent, err := strconv.Atoi(text[at+1:])
			if err != nil || exponent > maxExponent || exponent < -maxExponent {
				return fmt.Errorf("number %.20s at %q: exponents beyond %d are not allowed", text, pointer, maxExponent)
			}
		}
		if len(text) > 2*maxExponent {
			return fmt.Errorf("number %.20s... at %q: has more than %d digits", text, pointer, 2*maxExponent)
		}
	case map[string]any:
		for name, child := range value {
			if err := checkNumbers(child, pointer+"/"+escape(name)); err != nil {
				return err
			}
		}
	case []any:
		for index, child := range value {
			if err := checkNumbers(child, pointer+"/"+strconv.Itoa(index)); err != nil {
				return err
			}
		}
	}
	return nil
}

// defaultDraft is the draft of a schema that names none: 2020-12, unless it
// uses a form that only draft 7 gives a meaning to.
func defaultDraft(main any) *jsonschema.Draft {
	if usesDraft7(main) {
		return jsonschema.Draft7
	}
	return jsonschema.Draft2020
}

func usesDraft7(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		if _, list := value["items"].([]any); list {
			return true
		}
		if id, _ := value["$id"].(string); strings.HasPrefix(id, "#") {
			return true
		}
		_, additional := value["additionalItems"]
		if _, isMap := value["dependencies"].(map[string]any); isMap || additional {
			return true
		}
		for name, child := range value {
			if !isData[name] && usesDraft7(child) {
				return true
			}
		}
	case []any:
		for _, child := range value {
			if usesDraft7(child) {
				return true
			}
		}
	}
	return false
}

// isData are the keywords whose value is no schema.
var isData = map[string]bool{"enum": true, "const": true, "default": true, "examples": true}

func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func unescape(name string) string {
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
}

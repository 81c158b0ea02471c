package reconcile

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

// defaultLateness is what the config spec gives, too.
const defaultLateness = 10 * time.Second

// What an expectation file may say.
var (
	expectationMembers = []string{rcFieldName, rcFieldTypes, rcFieldTenants, rcFieldExpect, rcFieldOptional, rcFieldQuorum,
		rcFieldPrimary, rcFieldWindow, rcFieldLateness, rcFieldClock, rcFieldCompare}
	compareMembers = []string{rcFieldField, rcFieldTolerance, rcFieldRelative, rcFieldWithin, rcFieldIgnoreCase,
		rcFieldUnordered, rcFieldNullIsAbsent}
)

// readExpectationFiles reads the files that the globs match, in order.
func readExpectationFiles(fsys fs.FS, globs []string) (out []engine.Expectation, err error) {
	for _, glob := range globs {
		names, err := service.Globs(fsys, glob)
		if err != nil {
			return nil, fmt.Errorf("%s: glob %q: %w", rcFieldExpectationFiles, glob, err)
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("%s: %q matches no file", rcFieldExpectationFiles, glob)
		}
		for _, name := range names {
			raw, err := fs.ReadFile(fsys, name)
			if err != nil {
				return nil, fmt.Errorf("reading expectation file %q: %w", name, err)
			}
			list, err := parseExpectationFile(raw)
			if err != nil {
				return nil, fmt.Errorf("reading expectation file %q: %w", name, err)
			}
			out = append(out, list...)
		}
	}
	return out, nil
}

var errNoList = errors.New("it takes a list of one or more expectations, each with name, expect and window")

// parseExpectationFile reads a list of expectations, bare or under the key
// expectations.
func parseExpectationFile(raw []byte) ([]engine.Expectation, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(raw, &root); err != nil {
		return nil, readable(err)
	}
	if len(root.Content) == 0 {
		return nil, errNoList
	}
	list := root.Content[0]
	if list.Kind == yaml.MappingNode {
		if len(list.Content) != 2 || list.Content[0].Value != rcFieldExpectations {
			return nil, errNoList
		}
		list = list.Content[1]
	}
	if list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		return nil, errNoList
	}
	out := make([]engine.Expectation, len(list.Content))
	for i, item := range list.Content {
		x := engine.Expectation{AllowedLateness: defaultLateness, Clock: "default"}
		if err := errors.Join(unknownMembers(item, expectationMembers), readable(item.Decode(&x))); err != nil {
			return nil, err
		}
		out[i] = x
	}
	return out, nil
}

// unknownMembers complains of members that do not exist: a typo is an error, not
// a field that does nothing.
func unknownMembers(n *yaml.Node, known []string) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return nil // Decode complains of it
	}
	var errs []error
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if !slices.Contains(known, name.Value) && name.Tag != "!!merge" {
			errs = append(errs, fmt.Errorf("line %d: there is no field %q: it takes %s", name.Line, name.Value, strings.Join(known, ", ")))
		}
		if name.Value == rcFieldCompare && value.Kind == yaml.SequenceNode {
			for _, item := range value.Content {
				errs = append(errs, unknownMembers(item, compareMembers))
			}
		}
	}
	return errors.Join(errs...)
}

// readable puts the complaints of the YAML library into words of the file.
func readable(err error) error {
	var typed *yaml.TypeError
	if !errors.As(err, &typed) {
		if err != nil {
			return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
		}
		return nil
	}
	var errs []error
	for _, text := range typed.Errors {
		if m := wrongKind.FindStringSubmatch(text); m != nil {
			text = fmt.Sprintf("%s%s is no %s", m[1], strings.ReplaceAll(m[2], "`", "\""), kindWords[m[3]])
		}
		errs = append(errs, errors.New(text))
	}
	return errors.Join(errs...)
}

var wrongKind = regexp.MustCompile("^(line \\d+: )cannot unmarshal !!\\w+ ?(`.*`|) into (.*)$")

var kindWords = map[string]string{
	"time.Duration":      "duration with a unit, such as 60s",
	"int":                "whole number",
	"bool":               "true or false",
	"string":             "text",
	"[]string":           "list of names, such as [aws, gcp]",
	"[]engine.Compare":   "list of fields, such as [{field: data.amount}]",
	"engine.Compare":     "field to compare, such as {field: data.amount}",
	"engine.Expectation": "expectation with name, expect and window",
}

package terraform_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// evaluation computes a module's values with inputs, as a plan does, and takes
// what only a cloud knows from the table computed.
type evaluation struct {
	m      *module
	inputs map[string]cty.Value
	known  map[string]cty.Value // by "var.x", "local.x", "aws_sqs_queue.x"
	blocks []evaluated
}

// evaluated is a nested block of an instance, with its arguments.
type evaluated struct {
	of, kind string
	args     map[string]cty.Value
}

func evaluate(m *module, inputs map[string]cty.Value) *evaluation {
	return &evaluation{m: m, inputs: inputs, known: map[string]cty.Value{}}
}

// refused returns the error messages of the validations that don't hold.
func (e *evaluation) refused() (messages []string, err error) {
	for name, b := range e.m.variables {
		if _, err := e.variable(name); err != nil {
			return nil, err
		}
		for _, v := range b.Body.Blocks {
			holds, err := e.value(v.Body.Attributes["condition"].Expr, nil)
			if err != nil {
				return nil, err
			}
			if holds.False() {
				message, err := e.value(v.Body.Attributes["error_message"].Expr, nil)
				if err != nil {
					return nil, err
				}
				messages = append(messages, message.AsString())
			}
		}
	}
	return messages, nil
}

// outputs computes every resource and then every output.
func (e *evaluation) outputs() (map[string]cty.Value, error) {
	for name := range e.m.resources {
		if _, err := e.resource(name); err != nil {
			return nil, err
		}
	}
	values := map[string]cty.Value{}
	for name, b := range e.m.outputs {
		v, err := e.value(b.Body.Attributes["value"].Expr, nil)
		if err != nil {
			return nil, err
		}
		values[name] = v
	}
	return values, nil
}

// value computes an expression; bound is what loops around it bind.
func (e *evaluation) value(x hclsyntax.Expression, bound map[string]cty.Value) (cty.Value, error) {
	context, err := e.context(x.Variables(), bound)
	if err != nil {
		return cty.NilVal, err
	}
	v, diags := x.Value(context)
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	return v, nil
}

func (e *evaluation) context(wanted []hcl.Traversal, bound map[string]cty.Value) (*hcl.EvalContext, error) {
	roots := map[string]map[string]cty.Value{}
	data := map[string]map[string]cty.Value{}
	for _, v := range wanted {
		if _, ok := bound[v.RootName()]; ok {
			continue
		}
		name := address(v)
		value, err := e.named(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.SourceRange(), err)
		}
		parts := strings.Split(name, ".")
		of := roots
		if parts[0] == "data" {
			of, parts = data, parts[1:]
		}
		if of[parts[0]] == nil {
			of[parts[0]] = map[string]cty.Value{}
		}
		of[parts[0]][parts[1]] = value
	}
	variables := map[string]cty.Value{"data": objects(data)}
	for name, values := range roots {
		variables[name] = cty.ObjectVal(values)
	}
	for name, value := range bound {
		variables[name] = value
	}
	return &hcl.EvalContext{Variables: variables, Functions: functions}, nil
}

func objects(of map[string]map[string]cty.Value) cty.Value {
	all := map[string]cty.Value{}
	for name, values := range of {
		all[name] = cty.ObjectVal(values)
	}
	return cty.ObjectVal(all)
}

func (e *evaluation) named(name string) (v cty.Value, err error) {
	if v, ok := e.known[name]; ok {
		return v, nil
	}
	root, rest, _ := strings.Cut(name, ".")
	switch root {
	case "var":
		v, err = e.variable(rest)
	case "local":
		x := e.m.locals[rest]
		if x == nil {
			return cty.NilVal, fmt.Errorf("there is no %s", name)
		}
		v, err = e.value(x, nil)
	default:
		return e.resource(name)
	}
	e.known[name] = v
	return v, err
}

// variable is an input, or the default, of the declared type.
func (e *evaluation) variable(name string) (cty.Value, error) {
	b := e.m.variables[name]
	if b == nil {
		return cty.NilVal, fmt.Errorf("there is no variable %s", name)
	}
	of, diags := typeexpr.TypeConstraint(b.Body.Attributes["type"].Expr)
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	v, given := e.inputs[name]
	if !given {
		a := b.Body.Attributes["default"]
		if a == nil {
			return cty.NilVal, fmt.Errorf("variable %s is required", name)
		}
		if v, diags = a.Expr.Value(nil); diags.HasErrors() {
			return cty.NilVal, diags
		}
	}
	return convert.Convert(v, of)
}

// resource computes all instances: an object, or a tuple or an object of them
// with count or for_each.
func (e *evaluation) resource(name string) (cty.Value, error) {
	if v, ok := e.known[name]; ok {
		return v, nil
	}
	b := e.m.resources[name]
	if b == nil {
		return cty.NilVal, fmt.Errorf("there is no %s", name)
	}
	v, err := e.instances(name, b.Body)
	e.known[name] = v
	return v, err
}

func (e *evaluation) instances(name string, body *hclsyntax.Body) (cty.Value, error) {
	if a := body.Attributes["count"]; a != nil {
		n, err := e.value(a.Expr, nil)
		if err != nil {
			return cty.NilVal, err
		}
		all := []cty.Value{}
		for i := int64(0); n.GreaterThan(cty.NumberIntVal(i)).True(); i++ {
			v, err := e.instance(name, body, nil)
			if err != nil {
				return cty.NilVal, err
			}
			all = append(all, v)
		}
		return cty.TupleVal(all), nil
	}
	if a := body.Attributes["for_each"]; a != nil {
		each, err := e.value(a.Expr, nil)
		if err != nil {
			return cty.NilVal, err
		}
		all := map[string]cty.Value{}
		for it := each.ElementIterator(); it.Next(); {
			_, value := it.Element()
			v, err := e.instance(name, body, map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{"key": value, "value": value})})
			if err != nil {
				return cty.NilVal, err
			}
			all[value.AsString()] = v
		}
		return cty.ObjectVal(all), nil
	}
	return e.instance(name, body, nil)
}

func (e *evaluation) instance(name string, body *hclsyntax.Body, bound map[string]cty.Value) (cty.Value, error) {
	args, err := e.arguments(body, bound)
	if err != nil {
		return cty.NilVal, err
	}
	if err = e.nested(name, body, bound); err != nil {
		return cty.NilVal, err
	}
	_, kind, _ := strings.Cut("."+name, ".")
	kind = kind[:strings.LastIndexByte(kind, '.')]
	for attr, v := range computed[kind] {
		if _, given := args[attr]; !given {
			args[attr] = v
		}
	}
	return cty.ObjectVal(args), nil
}

func (e *evaluation) arguments(body *hclsyntax.Body, bound map[string]cty.Value) (map[string]cty.Value, error) {
	args := map[string]cty.Value{}
	for name, a := range body.Attributes {
		switch name {
		case "count", "for_each", "depends_on", "ignore_changes":
			continue
		}
		v, err := e.value(a.Expr, bound)
		if err != nil {
			return nil, err
		}
		args[name] = v
	}
	return args, nil
}

func (e *evaluation) nested(of string, body *hclsyntax.Body, bound map[string]cty.Value) error {
	for _, b := range body.Blocks {
		if b.Type != "dynamic" {
			if err := e.block(of, b.Type, b.Body, bound); err != nil {
				return err
			}
			continue
		}
		each, err := e.value(b.Body.Attributes["for_each"].Expr, bound)
		if err != nil {
			return err
		}
		for it := each.ElementIterator(); it.Next(); {
			_, value := it.Element()
			inner := map[string]cty.Value{b.Labels[0]: cty.ObjectVal(map[string]cty.Value{"value": value})}
			for name, v := range bound {
				inner[name] = v
			}
			if err = e.block(of, b.Labels[0], b.Body.Blocks[0].Body, inner); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *evaluation) block(of, kind string, body *hclsyntax.Body, bound map[string]cty.Value) error {
	args, err := e.arguments(body, bound)
	if err != nil {
		return err
	}
	e.blocks = append(e.blocks, evaluated{of, kind, args})
	return e.nested(of, body, bound)
}

// functions are those of Terraform that the modules call.
var functions = map[string]function.Function{
	"base64decode": texts(func(s []string) (string, error) {
		b, err := base64.StdEncoding.DecodeString(s[0])
		return string(b), err
	}, 1),
	"can": tryfunc.CanFunc, "try": tryfunc.TryFunc,
	"coalesce": stdlib.CoalesceFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
	"floor": stdlib.FloorFunc, "join": stdlib.JoinFunc, "jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc,
	"keys": stdlib.KeysFunc, "length": stdlib.LengthFunc, "merge": stdlib.MergeFunc, "min": stdlib.MinFunc,
	"one": one, "regex": stdlib.RegexFunc, "replace": stdlib.ReplaceFunc,
	"setintersection": stdlib.SetIntersectionFunc, "setsubtract": stdlib.SetSubtractFunc,
	"sha256": texts(func(s []string) (string, error) {
		h := sha256.Sum256([]byte(s[0]))
		return hex.EncodeToString(h[:]), nil
	}, 1),
	"startswith":  tests(strings.HasPrefix),
	"strcontains": tests(strings.Contains),
	"substr":      stdlib.SubstrFunc,
	"toset":       stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
	"uuidv5":      texts(func([]string) (string, error) { return "11111111-2222-5333-8444-555555555555", nil }, 2),
}

func parameters(n int) (all []function.Parameter) {
	for i := range n {
		all = append(all, function.Parameter{Name: fmt.Sprint(i), Type: cty.String})
	}
	return all
}

func texts(f func([]string) (string, error), n int) function.Function {
	return function.New(&function.Spec{Params: parameters(n), Type: function.StaticReturnType(cty.String), Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		given := []string{}
		for _, a := range args {
			given = append(given, a.AsString())
		}
		s, err := f(given)
		return cty.StringVal(s), err
	}})
}

func tests(f func(s, part string) bool) function.Function {
	return function.New(&function.Spec{Params: parameters(2), Type: function.StaticReturnType(cty.Bool), Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		return cty.BoolVal(f(args[0].AsString(), args[1].AsString())), nil
	}})
}

// one is the only element, or null if there is none.
var one = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
	Type: func(args []cty.Value) (cty.Type, error) {
		v, err := only(args[0])
		return v.Type(), err
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return only(args[0]) },
})

func only(list cty.Value) (cty.Value, error) {
	switch all := list.AsValueSlice(); len(all) {
	case 0:
		return cty.NullVal(cty.String), nil
	case 1:
		return all[0], nil
	default:
		return cty.NilVal, fmt.Errorf("one: %d elements", len(all))
	}
}

package terraform_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/require"
)

// clouds are the modules of this folder; each has an example of the same name.
var clouds = []string{"aws", "gcp", "azure"}

// module is one folder of Terraform, parsed.
type module struct {
	dir       string
	variables map[string]*hclsyntax.Block
	outputs   map[string]*hclsyntax.Block
	calls     map[string]*hclsyntax.Block // of other modules
	// resources by "type.name", data by "data.type.name".
	resources map[string]*hclsyntax.Block
	locals    map[string]hclsyntax.Expression
	providers map[string]bool // named in required_providers
	bodies    []*hclsyntax.Body
}

func load(t testing.TB, dir string) *module {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "no *.tf in %s", dir)
	m := &module{
		dir: dir, variables: map[string]*hclsyntax.Block{}, outputs: map[string]*hclsyntax.Block{},
		calls: map[string]*hclsyntax.Block{}, resources: map[string]*hclsyntax.Block{},
		locals: map[string]hclsyntax.Expression{}, providers: map[string]bool{},
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		file, diags := hclparse.NewParser().ParseHCL(text, name)
		require.False(t, diags.HasErrors(), "%s", diags)
		body := file.Body.(*hclsyntax.Body)
		m.bodies = append(m.bodies, body)
		for _, b := range body.Blocks {
			m.add(t, b)
		}
	}
	return m
}

func (m *module) add(t testing.TB, b *hclsyntax.Block) {
	t.Helper()
	into := func(to map[string]*hclsyntax.Block, name string) {
		require.NotContains(t, to, name, "declared twice in %s", m.dir)
		to[name] = b
	}
	switch b.Type {
	case "variable":
		into(m.variables, b.Labels[0])
	case "output":
		into(m.outputs, b.Labels[0])
	case "module":
		into(m.calls, b.Labels[0])
	case "resource":
		into(m.resources, strings.Join(b.Labels, "."))
	case "data":
		into(m.resources, "data."+strings.Join(b.Labels, "."))
	case "locals":
		for name, a := range b.Body.Attributes {
			require.NotContains(t, m.locals, name, "declared twice in %s", m.dir)
			m.locals[name] = a.Expr
		}
	case "terraform":
		for _, inner := range b.Body.Blocks {
			if inner.Type == "required_providers" {
				for name := range inner.Body.Attributes {
					m.providers[name] = true
				}
			}
		}
	case "provider":
	default:
		t.Fatalf("%s: a block %q", b.DefRange(), b.Type)
	}
}

// references returns everything that the module refers to, and where.
func (m *module) references() (found []hcl.Traversal) {
	for _, body := range m.bodies {
		// What a loop or a dynamic block binds is no reference.
		found = append(found, bodyReferences(body, map[string]bool{})...)
	}
	return found
}

func bodyReferences(body *hclsyntax.Body, bound map[string]bool) (found []hcl.Traversal) {
	for name, a := range body.Attributes {
		if name == "ignore_changes" {
			continue // names of the block's own arguments
		}
		for _, v := range a.Expr.Variables() {
			if !bound[v.RootName()] {
				found = append(found, v)
			}
		}
	}
	for _, b := range body.Blocks {
		inner := bound
		if b.Type == "dynamic" {
			inner = map[string]bool{b.Labels[0]: true}
			for name := range bound {
				inner[name] = true
			}
		}
		found = append(found, bodyReferences(b.Body, inner)...)
	}
	return found
}

// address is what a traversal of a resource names: "aws_sqs_queue.events".
func address(v hcl.Traversal) string {
	parts := []string{v.RootName()}
	for _, step := range v[1:] {
		attr, ok := step.(hcl.TraverseAttr)
		if !ok {
			break
		}
		parts = append(parts, attr.Name)
	}
	n := 2
	if parts[0] == "data" {
		n = 3
	}
	return strings.Join(parts[:min(n, len(parts))], ".")
}

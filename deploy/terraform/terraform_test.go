// Package terraform_test checks the modules as far as that goes without the
// providers: that they parse and hang together, and, with a cloud made up, what
// they put into local.env, read by the real program.
package terraform_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
)

func folders() (all []string) {
	for _, cloud := range clouds {
		all = append(all, cloud, filepath.Join("examples", cloud))
	}
	return all
}

func text(t testing.TB, b *hclsyntax.Block, name string) string {
	t.Helper()
	a := b.Body.Attributes[name]
	require.NotNil(t, a, "%s: %s is missing", b.DefRange(), name)
	v, diags := a.Expr.Value(nil)
	require.False(t, diags.HasErrors(), "%s", diags)
	require.Equal(t, cty.String, v.Type(), "%s: %s is no text", b.DefRange(), name)
	return v.AsString()
}

func TestEveryVariableAndOutputSaysWhatItIs(t *testing.T) {
	for _, dir := range folders() {
		m := load(t, dir)
		for name, b := range m.variables {
			require.NotEmpty(t, text(t, b, "description"), "variable %s of %s", name, dir)
			require.Contains(t, b.Body.Attributes, "type", "variable %s of %s", name, dir)
			for _, v := range b.Body.Blocks {
				require.Equal(t, "validation", v.Type)
				require.Contains(t, text(t, v, "error_message"), name+" must", "%s: the message names the variable and what is allowed", v.DefRange())
				about := []string{}
				for _, x := range v.Body.Attributes["condition"].Expr.Variables() {
					about = append(about, address(x))
				}
				require.Contains(t, about, "var."+name, "%s: Terraform refuses a condition that is not about its variable", v.DefRange())
			}
		}
		for name, b := range m.outputs {
			require.NotEmpty(t, text(t, b, "description"), "output %s of %s", name, dir)
		}
	}
}

func TestEveryReferenceIsDeclared(t *testing.T) {
	for _, dir := range folders() {
		m := load(t, dir)
		used := map[string]bool{}
		for _, v := range m.references() {
			at, name := v.SourceRange(), address(v)
			_, what, _ := strings.Cut(name, ".")
			switch v.RootName() {
			case "var":
				require.Contains(t, m.variables, what, "%s", at)
				used[what] = true
			case "local":
				require.Contains(t, m.locals, what, "%s", at)
			case "module":
				require.Contains(t, m.calls, what, "%s", at)
				output, ok := v[2].(hcl.TraverseAttr)
				require.True(t, ok, "%s: no output named", at)
				require.Contains(t, load(t, source(t, m, m.calls[what])).outputs, output.Name, "%s", at)
			case "each", "string", "number", "bool", "any": // the last are types
			default:
				require.Contains(t, m.resources, name, "%s", at)
			}
		}
		for name := range m.variables {
			require.True(t, used[name], "variable %s of %s is used nowhere", name, dir)
		}
	}
}

func TestEveryProviderIsPinned(t *testing.T) {
	for _, dir := range folders() {
		m := load(t, dir)
		for name := range m.resources {
			provider, _, _ := strings.Cut(strings.TrimPrefix(name, "data."), "_")
			require.True(t, m.providers[provider], "%s of %s: %s is not in required_providers", name, dir, provider)
		}
		require.NotEmpty(t, m.providers, dir)
	}
}

// source is the folder that a call of a module names.
func source(t testing.TB, m *module, call *hclsyntax.Block) string {
	t.Helper()
	return filepath.Join(m.dir, text(t, call, "source"))
}

func TestEachExampleGivesItsModuleWhatItTakes(t *testing.T) {
	for _, cloud := range clouds {
		example := load(t, filepath.Join("examples", cloud))
		require.Len(t, example.calls, 1, cloud)
		for _, call := range example.calls {
			require.Equal(t, cloud, source(t, example, call))
			requireInputs(t, load(t, cloud), call)
		}
		require.Contains(t, example.outputs, "helios_settings")
	}
}

func TestThePagesCallTheModulesAsTheyAre(t *testing.T) {
	calls := 0
	for _, page := range []string{"../../docs/connecting-clouds.md", "aws/README.md", "gcp/README.md", "azure/README.md"} {
		body, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, block := range strings.Split(string(body), "```hcl\n")[1:] {
			block, _, _ = strings.Cut(block, "```")
			file, diags := hclsyntax.ParseConfig([]byte(block), page, hcl.InitialPos)
			require.False(t, diags.HasErrors(), "%s\n%s", diags, block)
			for _, b := range file.Body.(*hclsyntax.Body).Blocks {
				if b.Type != "module" {
					continue
				}
				calls++
				cloud := filepath.Base(text(t, b, "source"))
				require.Contains(t, clouds, cloud, "%s", b.DefRange())
				requireInputs(t, load(t, cloud), b)
			}
		}
	}
	require.Equal(t, 8, calls)
}

// requireInputs checks that a call gives what the module declares, and all that it
// requires.
func requireInputs(t testing.TB, m *module, call *hclsyntax.Block) {
	t.Helper()
	for name := range call.Body.Attributes {
		if name != "source" {
			require.Contains(t, m.variables, name, "%s", call.DefRange())
		}
	}
	for name, b := range m.variables {
		if b.Body.Attributes["default"] == nil {
			require.Contains(t, call.Body.Attributes, name, "%s: %s is required", call.DefRange(), name)
		}
	}
}

func TestWhatHoldsSecretsIsSensitive(t *testing.T) {
	for _, dir := range folders() {
		settings := load(t, dir).outputs["helios_settings"]
		require.NotNil(t, settings, dir)
		a := settings.Body.Attributes["sensitive"]
		require.NotNil(t, a, "%s: helios_settings must be sensitive", dir)
		v, _ := a.Expr.Value(nil)
		require.True(t, v.True(), dir)
	}
}

// TestTerraformAcceptsTheFormat asks the program itself, where it is installed.
func TestTerraformAcceptsTheFormat(t *testing.T) {
	program := ""
	for _, name := range []string{"tofu", "terraform"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("neither tofu nor terraform is installed")
	}
	out, err := exec.Command(program, "fmt", "-check", "-recursive", ".").Output()
	require.NoError(t, err, "terraform fmt would change:\n%s", out)
}

var setting = regexp.MustCompile(`\b(HELIOS_[A-Z_]+|AWS_[A-Z_]+|AZURE_[A-Z_]+|GOOGLE_[A-Z_]+)\b`)

// known are the names of all settings.
func known(t testing.TB) map[string]bool {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "config", "local.env.example"))
	require.NoError(t, err)
	names := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(?:# )?([A-Z][A-Z_]+)=`).FindAllStringSubmatch(string(page), -1) {
		names[m[1]] = true
	}
	return names
}

func TestEverySettingThatModulesAndPagesNameExists(t *testing.T) {
	names := known(t)
	pages := []string{filepath.Join("..", "..", "docs", "connecting-clouds.md"), filepath.Join("..", "..", "docs", "webhook-tunnel.md")}
	for _, dir := range folders() {
		files, err := filepath.Glob(filepath.Join(dir, "*.tf"))
		require.NoError(t, err)
		pages = append(pages, append(files, filepath.Join(dir, "README.md"))...)
	}
	found := 0
	for _, page := range pages {
		body, err := os.ReadFile(page)
		if os.IsNotExist(err) && strings.HasPrefix(page, "examples") {
			continue // the module's README is the example's too
		}
		require.NoError(t, err)
		for _, name := range setting.FindAllString(string(body), -1) {
			require.True(t, names[name], "%s names %s, which is not in config/local.env.example", page, name)
			found++
		}
	}
	require.Greater(t, found, 50)
}

package reconcile

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/reconcile/engine"
)

// complaint is what a user reads of a config: the linter's words, and what the
// start says if the linter let it pass.
func complaint(t *testing.T, config string) string {
	t.Helper()
	linter := service.GlobalEnvironment().NewComponentConfigLinter()
	indented := "helios_reconcile:\n  " + strings.ReplaceAll(strings.TrimSpace(config), "\n", "\n  ")
	lints, err := linter.LintBufferYAML([]byte(indented))
	if err != nil {
		return "lint: " + err.Error()
	}
	if len(lints) > 0 {
		var out []string
		for _, l := range lints {
			out = append(out, "lint: "+l.Error())
		}
		return strings.Join(out, "\n")
	}
	conf, err := bufferConfig().ParseYAML(config, nil)
	if err != nil {
		return "start: " + err.Error()
	}
	b, err := newIdleBuffer(conf, service.MockResources())
	if err != nil {
		return "start: " + err.Error()
	}
	close(b.done)
	require.NoError(t, b.Close(t.Context()))
	return ""
}

// orders is one expectation with fields added or replaced.
func orders(fields string) string {
	x := "expectations:\n  - name: orders"
	for _, d := range []string{"expect: [ aws, gcp ]", "window: 60s"} {
		if name, _, _ := strings.Cut(d, ":"); !strings.Contains(fields, name+":") {
			x += "\n    " + d
		}
	}
	for _, line := range strings.Split(fields, "\n") {
		x += "\n    " + line
	}
	return x
}

var badConfigs = []struct{ name, config, want string }{
	{"nothing", `{}`,
		"lint: (2,1) expectations is empty and so is expectation_files: at least one expectation is needed"},
	{"no list", `expectations: []`,
		"lint: (2,1) expectations is empty and so is expectation_files: at least one expectation is needed"},
	{"negative window", orders(`window: -5s`),
		"lint: (5,1) window must be positive, such as 60s"},
	{"zero window", orders(`window: 0s`),
		"start: expectations[0] \"orders\": invalid reconciliation config: window is 0s: it takes a duration above 0 (allowed_lateness: of at least 0), such as 60s"},
	{"window without unit", orders(`window: 60`),
		"start: expectation \"orders\": window takes a duration such as 60s: failed to parse 'window' as a duration string: time: missing unit in duration \"60\""},
	{"window that is no duration", orders(`window: soon`),
		"start: expectation \"orders\": window takes a duration such as 60s: failed to parse 'window' as a duration string: time: invalid duration \"soon\""},
	{"no window", "expectations:\n  - { name: orders, expect: [ aws, gcp ] }",
		"lint: (3,1) field window is required"},
	{"no expect", "expectations:\n  - { name: orders, window: 1s }",
		"start: expectations[0] \"orders\": invalid reconciliation config: expect is empty: it takes the participants that must report the fact, such as [aws, gcp, azure]"},
	{"no name", "expectations:\n  - { expect: [ a, b ], window: 1s }",
		"lint: (3,1) field name is required"},
	{"empty name", "expectations:\n  - { name: ' ', expect: [ a, b ], window: 1s }",
		"start: expectations[0] \" \": invalid reconciliation config: name is empty: every expectation needs one, such as orders"},
	{"empty expect", orders(`expect: []`),
		"start: expectations[0] \"orders\": invalid reconciliation config: expect is empty: it takes the participants that must report the fact, such as [aws, gcp, azure]"},
	{"negative lateness", orders(`allowed_lateness: -1s`),
		"lint: (6,1) allowed_lateness must not be negative"},
	{"typo in a field", orders(`widnow: 5s`),
		"lint: (6,1) field widnow not recognised"},
	{"unknown compare option", orders(`compare: [ { field: data.amount, tolerence: 0.01 } ]`),
		"lint: (6,1) field tolerence not recognised"},
	{"compare without field", orders(`compare: [ { tolerance: 0.01 } ]`),
		"lint: (6,1) field field is required"},
	{"empty field", orders(`compare: [ { field: "" } ]`),
		"start: expectations[0] \"orders\": compare[0]: invalid reconciliation config: field is empty: it takes a path such as data.amount"},
	{"bad path", orders(`compare: [ { field: "data..amount" } ]`),
		"start: invalid reconciliation config: compare: invalid path \"data..amount\": a segment is empty; a path is a list of member names such as data.amount"},
	{"tolerance with within", orders(`compare: [ { field: data.amount, tolerance: 0.01, within: 2s } ]`),
		"start: expectations[0] \"orders\": compare[0]: invalid reconciliation config: field data.amount has tolerance and within: tolerance, relative and within exclude one another, ignore_case and unordered"},
	{"tolerance with relative", orders(`compare: [ { field: data.amount, tolerance: 0.01, relative: 0.1 } ]`),
		"start: expectations[0] \"orders\": compare[0]: invalid reconciliation config: field data.amount has tolerance and relative: tolerance, relative and within exclude one another, ignore_case and unordered"},
	{"tolerance with ignore_case", orders(`compare: [ { field: data.amount, tolerance: 0.01, ignore_case: true } ]`),
		"start: expectations[0] \"orders\": compare[0]: invalid reconciliation config: field data.amount has tolerance and ignore_case: tolerance, relative and within exclude one another, ignore_case and unordered"},
	{"negative tolerance", orders(`compare: [ { field: data.amount, tolerance: -0.01 } ]`),
		"start: expectations[0] \"orders\": compare[0]: invalid reconciliation config: tolerance \"-0.01\" of field data.amount: it takes a decimal of at least 0, such as 0.01"},
	{"tolerance that is no number", orders(`compare: [ { field: data.amount, tolerance: little } ]`),
		"start: field 'expectations': field 'compare': field 'tolerance': yaml: unmarshal errors:\n  line 5: cannot unmarshal !!str `little` into float64"},
	{"infinite tolerance", orders(`compare: [ { field: data.amount, tolerance: .inf } ]`),
		"start: expectations[0] \"orders\": compare[0]: invalid reconciliation config: tolerance \"+Inf\" of field data.amount: it takes a decimal of at least 0, such as 0.01"},
	{"tolerance that is not a number", orders(`compare: [ { field: data.amount, tolerance: .nan } ]`),
		"start: expectations[0] \"orders\": compare[0]: invalid reconciliation config: tolerance \"NaN\" of field data.amount: it takes a decimal of at least 0, such as 0.01"},
	{"negative within", orders(`compare: [ { field: time, within: -2s } ]`),
		"start: expectation \"orders\": within -2s of field time: it takes a duration above 0, such as 2s"},
	{"quorum above the participants", orders(`quorum: 3`),
		"lint: (2,1) expectation orders: quorum is 3, more than the participants in expect"},
	{"negative quorum", orders(`quorum: -1`),
		"lint: (6,1) quorum is a number of participants: at least 0"},
	{"field compared twice", orders(`compare: [ { field: data.amount }, { field: data.amount, tolerance: 1 } ]`),
		"start: expectations[0] \"orders\": compare[1]: invalid reconciliation config: field data.amount stands twice"},
	{"endless window", orders(`window: 876001h`),
		"start: expectations[0] \"orders\": invalid reconciliation config: window is 876001h0m0s: it takes at most 876000h, a hundred years"},
	{"endless horizon", orders("quorum: 0") + "\ncorrection_horizon: 1000000h",
		"start: invalid reconciliation config: correction_horizon is 1000000h0m0s: it takes at most 876000h, a hundred years"},
	{"primary that is no participant", orders(`primary: azure`),
		"start: expectations[0] \"orders\": invalid reconciliation config: primary is \"azure\": it takes one of the participants in expect or optional"},
	{"participant twice", orders(`expect: [ aws, aws ]`),
		"start: expectations[0] \"orders\": invalid reconciliation config: participant \"aws\" stands twice in expect and optional"},
	{"expected and optional", orders(`optional: [ aws ]`),
		"start: expectations[0] \"orders\": invalid reconciliation config: participant \"aws\" stands twice in expect and optional"},
	{"empty participant", orders(`expect: [ aws, "" ]`),
		"start: expectations[0] \"orders\": invalid reconciliation config: expect and optional take names, one is empty"},
	{"33 participants", orders(`expect: [ ` + strings.Repeat("x, ", 32) + `x ]`),
		"start: expectations[0] \"orders\": invalid reconciliation config: expect and optional name 33 participants: at most 32"},
	{"empty glob", orders(`types: [ "" ]`),
		"start: expectations[0] \"orders\": invalid reconciliation config: types and tenants take globs, one is empty: leave the list out to match all"},
	{"duplicate names", orders(`quorum: 0`) + "\n  - { name: orders, expect: [ a ], window: 1s }",
		"start: expectations[1] \"orders\": invalid reconciliation config: name \"orders\" stands twice"},
	{"max_open", orders("quorum: 0") + "\nmax_open: 0",
		"start: max_open is 0: it takes a number of facts above 0"},
	{"max_closed", orders("quorum: 0") + "\nmax_closed: -1",
		"start: max_closed is -1: it takes a number of facts above 0"},
	{"idle_timeout", orders("quorum: 0") + "\nidle_timeout: 0s",
		"start: idle_timeout is 0s: it takes a duration above 0, such as 30s"},
	{"idle_timeout without unit", orders("quorum: 0") + "\nidle_timeout: 30",
		"start: idle_timeout takes a duration such as 30s: failed to parse 'idle_timeout' as a duration string: time: missing unit in duration \"30\""},
	{"horizon", orders("quorum: 0") + "\ncorrection_horizon: -1m",
		"start: correction_horizon is -1m0s: it takes a duration above 0, such as 30s"},
	{"short horizon", orders("quorum: 0") + "\ncorrection_horizon: 1s",
		"start: invalid reconciliation config: correction_horizon is 1s: it takes at least the allowed_lateness of every expectation, and that of \"orders\" is 10s"},
	{"glob without match", `expectation_files: [ "/nowhere/*.yaml" ]`,
		"start: expectation_files: \"/nowhere/*.yaml\" matches no file"},
	{"bad glob", `expectation_files: [ "[" ]`,
		"start: expectation_files: glob \"[\": syntax error in pattern"},
}

func TestEveryBadConfigIsAnswered(t *testing.T) {
	for _, c := range badConfigs {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, complaint(t, c.config)) })
	}
}

var badFiles = []struct{ name, text, want string }{
	{"empty", "",
		"start: reading expectation file \"DIR/orders.yaml\": it takes a list of one or more expectations, each with name, expect and window"},
	{"no list", "name: orders\nexpect: [a]\n",
		"start: reading expectation file \"DIR/orders.yaml\": it takes a list of one or more expectations, each with name, expect and window"},
	{"empty list", "[]\n",
		"start: reading expectation file \"DIR/orders.yaml\": it takes a list of one or more expectations, each with name, expect and window"},
	{"empty list under its key", "expectations: []\n",
		"start: reading expectation file \"DIR/orders.yaml\": it takes a list of one or more expectations, each with name, expect and window"},
	{"a typo", "- name: orders\n  expect: [ aws, gcp ]\n  window: 60s\n  alowed_lateness: 5s\n",
		"start: reading expectation file \"DIR/orders.yaml\": line 4: there is no field \"alowed_lateness\": it takes name, types, tenants, expect, optional, quorum, primary, window, allowed_lateness, clock, compare"},
	{"a typo in compare", "# the orders\n- name: orders\n  expect: [ aws, gcp ]\n  window: 60s\n  compare:\n    - field: data.amount\n      tolerence: 0.01\n",
		"start: reading expectation file \"DIR/orders.yaml\": line 7: there is no field \"tolerence\": it takes field, tolerance, relative, within, ignore_case, unordered, null_is_absent"},
	{"a word for a window", "- name: orders\n  expect: [ aws, gcp ]\n  window: soon\n",
		"start: reading expectation file \"DIR/orders.yaml\": line 3: \"soon\" is no duration with a unit, such as 60s"},
	{"a number for a window", "- name: orders\n  expect: [ aws, gcp ]\n  window: 60\n",
		"start: reading expectation file \"DIR/orders.yaml\": line 3: \"60\" is no duration with a unit, such as 60s"},
	{"a word for a list", "- name: orders\n  expect: aws\n  window: 60s\n",
		"start: reading expectation file \"DIR/orders.yaml\": line 2: \"aws\" is no list of names, such as [aws, gcp]"},
	{"a word for a number", "- name: orders\n  expect: [ aws, gcp ]\n  window: 60s\n  quorum: two\n",
		"start: reading expectation file \"DIR/orders.yaml\": line 4: \"two\" is no whole number"},
	{"a word for a tolerance", "- name: orders\n  expect: [ aws, gcp ]\n  window: 60s\n  compare: [ { field: data.amount, tolerance: little } ]\n",
		"start: expectations[0] \"orders\": compare[0]: invalid reconciliation config: tolerance \"little\" of field data.amount: it takes a decimal of at least 0, such as 0.01"},
	{"a field twice", "- name: orders\n  name: others\n  expect: [ aws, gcp ]\n  window: 60s\n",
		"start: reading expectation file \"DIR/orders.yaml\": line 2: mapping key \"name\" already defined at line 1"},
	{"no YAML", "- name: [orders\n",
		"start: reading expectation file \"DIR/orders.yaml\": line 1: did not find expected ',' or ']'"},
	{"quorum", "- name: orders\n  expect: [ aws, gcp ]\n  window: 60s\n  quorum: 3\n",
		"start: expectations[0] \"orders\": invalid reconciliation config: quorum is 3: it takes 0 (all) to 2, the number of participants in expect"},
	{"negative window", "- name: orders\n  expect: [ aws, gcp ]\n  window: -60s\n",
		"start: expectations[0] \"orders\": invalid reconciliation config: window is -1m0s: it takes a duration above 0 (allowed_lateness: of at least 0), such as 60s"},
	{"an item that is no expectation", "- orders\n",
		"start: reading expectation file \"DIR/orders.yaml\": line 1: \"orders\" is no expectation with name, expect and window"},
}

func TestEveryBadExpectationFileIsAnswered(t *testing.T) {
	dir := t.TempDir()
	for _, c := range badFiles {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(dir, "orders.yaml")
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
			require.Equal(t, c.want, strings.ReplaceAll(complaint(t, `expectation_files: [ "`+path+`" ]`), dir, "DIR"))
		})
	}
}

func TestAnExpectationFileSaysWhatAConfigSays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.yaml")
	for _, file := range []string{orders("compare: [ { field: time, within: 2s }, { field: data.n, tolerance: 0.01 } ]"),
		strings.TrimPrefix(orders("compare: [ { field: time, within: 2s }, { field: data.n, tolerance: 0.01 } ]"), "expectations:\n")} {
		require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
		var got [2]engine.Config
		for i, config := range []string{"expectation_files: [ " + path + " ]", orders("compare: [ { field: time, within: 2s }, { field: data.n, tolerance: 0.01 } ]")} {
			conf, err := bufferConfig().ParseYAML(config, nil)
			require.NoError(t, err)
			got[i], err = parseReconcileConfig(conf, service.MockResources())
			require.NoError(t, err)
			for _, x := range got[i].Expectations { // no list and an empty one are the same
				require.Empty(t, x.Types)
				require.Empty(t, x.Tenants)
				require.Empty(t, x.Optional)
			}
			x := &got[i].Expectations[0]
			x.Types, x.Tenants, x.Optional = nil, nil, nil
		}
		require.Equal(t, got[1], got[0])
	}
}

// What never judges is told, since the first expectation that matches does.
func TestAnExpectationBehindOneThatTakesEverythingIsTold(t *testing.T) {
	one := func(name string, types, tenants []string) engine.Expectation {
		return engine.Expectation{Name: name, Types: types, Tenants: tenants}
	}
	for name, c := range map[string]struct {
		list []engine.Expectation
		want []string
	}{
		"behind one without types":   {[]engine.Expectation{one("all", nil, nil), one("orders", []string{"order.*"}, nil), one("rest", nil, nil)}, []string{"orders", "rest"}},
		"behind one of all types":    {[]engine.Expectation{one("all", []string{"x", "*"}, []string{"*"}), one("orders", []string{"order.*"}, nil)}, []string{"orders"}},
		"behind one of some types":   {[]engine.Expectation{one("orders", []string{"order.*"}, nil), one("all", nil, nil)}, nil},
		"behind one of some tenants": {[]engine.Expectation{one("acme", nil, []string{"acme"}), one("all", nil, nil)}, nil},
	} {
		var out bytes.Buffer
		warnOfHidden(c.list, service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(&out, nil))))
		require.Equal(t, len(c.want), strings.Count(out.String(), "never judges"), "%s: %s", name, out.String())
		for _, hidden := range c.want {
			require.Contains(t, out.String(), `expectation \"`+hidden+`\" never judges: \"all\" before it`, name)
		}
	}
}

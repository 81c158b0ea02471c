package grafana

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/grafana/alerts"
	"github.com/helios-connect/helios/grafana/panels"
	"github.com/helios-connect/helios/grafana/queries"
	"github.com/helios-connect/helios/plugins/telemetry"
)

// The golden files are the committed ones: a change of a dashboard shows in the
// diff of deploy/grafana.
func TestTheCommittedFilesAreThoseOfTheCode(t *testing.T) {
	cmd := exec.Command(binary, "dashboards", "check", "--dir", "deploy")
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))

	dir := t.TempDir()
	render := func(verb string) ([]byte, error) {
		cmd := exec.Command(binary, "dashboards", verb, "--dir", dir)
		cmd.Dir = "../.."
		return cmd.CombinedOutput()
	}
	out, err = render("render")
	require.NoError(t, err, string(out))
	stale := filepath.Join(dir, "grafana/dashboards/helios-gone.json")
	require.NoError(t, os.WriteFile(stale, []byte("{}"), 0o600))
	out, err = render("check")
	require.Error(t, err, "check must see a dashboard that no longer exists")
	require.Contains(t, string(out), "helios-gone.json")
	out, err = render("render")
	require.NoError(t, err, string(out))
	require.NoFileExists(t, stale)
}

// Two files with one title freeze Grafana's provider, two with one uid overwrite
// each other.
func TestTitlesAndUIDsAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range boards(t) {
		for _, name := range []string{"title " + strings.ToLower(b.Title), "uid " + b.UID} {
			require.False(t, seen[name], name)
			seen[name] = true
		}
		require.LessOrEqual(t, len(b.UID), 40)
		for _, row := range b.Rows {
			for _, p := range row.Panels {
				require.False(t, seen[b.UID+p.Title], "%s: two panels are called %q", b.Title, p.Title)
				seen[b.UID+p.Title] = true
			}
		}
	}
	for _, a := range alerts.Alerts() {
		require.False(t, seen[a.Name], a.Name)
		seen[a.Name] = true
	}
}

// The rules are those of Grafana's dashboard-linter, and ours: what red means,
// and where one goes next.
func TestEveryPanelKeepsTheRules(t *testing.T) {
	uids := map[string]bool{}
	for _, b := range boards(t) {
		uids[b.UID] = true
	}
	for _, b := range boards(t) {
		for _, row := range b.Rows {
			for _, p := range row.Panels {
				for _, complaint := range complaints(p, uids) {
					t.Errorf("%s, %q: %s", b.Title, p.Title, complaint)
				}
			}
		}
	}
}

var window = regexp.MustCompile(`rate\([^\[\]]+\[([^\]]+)\]`)

func complaints(p panels.Panel, uids map[string]bool) (all []string) {
	check := func(ok bool, text string) {
		if !ok {
			all = append(all, text)
		}
	}
	check(p.Title != "" && len(p.Title) <= 60, "no title, or too long")
	check(len(p.Help) >= 40 && strings.Contains(p.Help, " "), "its description does not say what it means")
	check(p.Unit != "", "no unit")
	check(len(p.Steps) > 0, "no thresholds")
	check(slices.IsSortedFunc(p.Steps, func(a, b panels.Step) int { return int(math.Copysign(1, a.Value-b.Value)) }), "thresholds are not in order")
	check(len(p.Queries) > 0, "no query")
	uid, _, _ := strings.Cut(strings.TrimPrefix(p.Next.URL, "/d/"), "?")
	check(uids[uid], "its link leads nowhere: "+p.Next.URL)
	for _, q := range p.Queries {
		if q.Source != queries.Prometheus {
			continue
		}
		check(q.Table || q.Legend != "", "a query has no legend")
		for _, m := range window.FindAllStringSubmatch(q.Text, -1) {
			check(m[1] == queries.Interval || q.Instant, "a rate over a fixed window, "+m[1])
		}
	}
	return all
}

func TestTheRulesFindMistakes(t *testing.T) {
	good := panels.Panel{Title: "Good", Help: "What it shows, what red means and what one does.", Kind: panels.Stat, Unit: "short",
		Steps: panels.ZeroIsGood(), Next: panels.To("x", "x"), Queries: []queries.Query{queries.Prom("rate(a[$__rate_interval])", "a")}}
	uids := map[string]bool{"x": true}
	require.Empty(t, complaints(good, uids))
	for name, spoil := range map[string]func(*panels.Panel){
		"no title":       func(p *panels.Panel) { p.Title = "" },
		"no description": func(p *panels.Panel) { p.Help = "Rate" },
		"no unit":        func(p *panels.Panel) { p.Unit = "" },
		"no thresholds":  func(p *panels.Panel) { p.Steps = nil },
		"wrong order":    func(p *panels.Panel) { p.Steps = []panels.Step{{Value: 2}, {Value: 1}} },
		"dead link":      func(p *panels.Panel) { p.Next = panels.To("y", "y") },
		"fixed window":   func(p *panels.Panel) { p.Queries = []queries.Query{queries.Prom("rate(a[5m])", "a")} },
		"no legend":      func(p *panels.Panel) { p.Queries = []queries.Query{queries.Prom("a", "")} },
	} {
		p := good
		spoil(&p)
		require.NotEmpty(t, complaints(p, uids), name)
	}
}

// contrast of two colours (WCAG 2.2, relative luminance).
func contrast(a, b string) float64 {
	luminance := func(hex string) (l float64) {
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			n, _ := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
			c := float64(n) / 255
			if c <= 0.04045 {
				c /= 12.92
			} else {
				c = math.Pow((c+0.055)/1.055, 2.4)
			}
			l += weight * c
		}
		return l
	}
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func TestColoursAreReadableOnDarkAndOnLight(t *testing.T) {
	const dark, light = "#181b1f", "#ffffff" // Grafana's panels
	all := append(slices.Clone(panels.Clouds), panels.Statuses...)
	for _, c := range append(all, panels.Entry{Name: "good", Colour: panels.Good}, panels.Entry{Name: "warn", Colour: panels.Warn},
		panels.Entry{Name: "bad", Colour: panels.Bad}, panels.Entry{Name: "neutral", Colour: panels.Neutral}) {
		for _, ground := range []string{dark, light} {
			require.GreaterOrEqual(t, contrast(c.Colour, ground), 3.0, "%s %s on %s", c.Name, c.Colour, ground)
		}
	}
	for _, group := range [][]panels.Entry{panels.Clouds, panels.Statuses} {
		colours := map[string]bool{}
		for _, e := range group {
			require.False(t, colours[e.Colour], "two of one colour: %s", e.Name)
			colours[e.Colour] = true
		}
	}
}

var (
	quoted    = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	durations = regexp.MustCompile(`\[[^\]]*\]|offset \S+`)
	grouping  = regexp.MustCompile(`\b(?:by|on|without|ignoring) \(([^)]*)\)`)
	matchers  = regexp.MustCompile(`([a-zA-Z_:][\w:]*)?\{([^}]*)\}`)
	names     = regexp.MustCompile(`[a-zA-Z_:][\w:]*`)
)

// unknown lists the metrics of an expression that nobody emits, and the labels
// that they don't have.
func unknown(expr string, known map[string][]string) (all []string) {
	expr = durations.ReplaceAllString(quoted.ReplaceAllString(expr, `""`), "")
	allowed := map[string]bool{}
	rest := grouping.ReplaceAllString(expr, " ")
	for _, m := range matchers.FindAllStringSubmatch(rest, -1) {
		for _, label := range names.FindAllString(m[2], -1) {
			if !slices.Contains(known[m[1]], label) {
				all = append(all, m[1]+"{"+label+"}")
			}
		}
	}
	rest = matchers.ReplaceAllString(rest, "$1 ")
	for _, at := range names.FindAllStringIndex(rest, -1) {
		name := rest[at[0]:at[1]]
		if strings.HasPrefix(strings.TrimLeft(rest[at[1]:], " "), "(") || slices.Contains([]string{"or", "and", "unless", "by"}, name) ||
			at[0] > 0 && rest[at[0]-1] >= '0' && rest[at[0]-1] <= '9' {
			continue
		}
		labels, ok := known[name]
		if !ok {
			all = append(all, name)
		}
		for _, l := range labels {
			allowed[l] = true
		}
	}
	for _, m := range grouping.FindAllStringSubmatch(expr, -1) {
		for _, label := range names.FindAllString(m[1], -1) {
			if !allowed[label] {
				all = append(all, "by "+label)
			}
		}
	}
	return all
}

// knownMetrics are those that plugins emit and rules record, with their labels;
// Connect adds stream, path and label.
func knownMetrics() map[string][]string {
	known := map[string][]string{}
	for _, m := range telemetry.All() {
		labels := append(slices.Clone(m.Labels), telemetry.LabelStream, telemetry.LabelPath, telemetry.LabelName)
		known[m.Name] = labels
		if m.Kind == telemetry.Histogram {
			delete(known, m.Name)
			known[m.Name+"_bucket"] = append(slices.Clone(labels), telemetry.LabelLE)
			known[m.Name+"_count"], known[m.Name+"_sum"] = labels, labels
		}
	}
	for _, w := range alerts.Windows {
		for _, name := range []string{alerts.ErrorsRecorded(w), alerts.EventsRecorded(w)} {
			known[name] = []string{alerts.LabelSLO, telemetry.LabelParticipant}
		}
	}
	return known
}

func TestEveryMetricAndLabelExists(t *testing.T) {
	known := knownMetrics()
	for _, b := range boards(t) {
		for _, row := range b.Rows {
			for _, p := range row.Panels {
				for _, q := range p.Queries {
					if q.Source == queries.Prometheus {
						require.Empty(t, unknown(q.Text, known), "%s, %q: %s", b.Title, p.Title, q.Text)
					}
				}
			}
		}
	}
	for _, a := range alerts.Alerts() {
		require.Empty(t, unknown(a.Expr, known), "%s: %s", a.Name, a.Expr)
	}
	for _, o := range alerts.Objectives() {
		require.Empty(t, unknown(o.Errors("1h")+" + "+o.Events("1h"), known), o.Name)
	}
	for _, wrong := range []string{"helios_gone_total", `helios_reconcile_verdicts_total{tenant="x"}`,
		"sum by (tenant) (rate(helios_reconcile_verdicts_total[5m]))", "helios_reconcile_verdict_delay_seconds"} {
		require.NotEmpty(t, unknown(wrong, known), wrong)
	}
}

// Every metric that telemetry defines is listed in All: the sources say which.
func TestAllListsEveryMetric(t *testing.T) {
	files, err := filepath.Glob("../../plugins/telemetry/*.go")
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, m := range telemetry.All() {
		listed[m.Name] = true
	}
	defined := regexp.MustCompile(`Name:\s+"([a-z_]+)"`)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range defined.FindAllStringSubmatch(string(raw), -1) {
			require.True(t, listed[m[1]], "telemetry.All() lacks %s", m[1])
		}
	}
}

func TestEveryAlertHasItsRunbookAndGrafanaItsTwin(t *testing.T) {
	raw, err := os.ReadFile("../../deploy/grafana/provisioning/alerting/helios.json")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Interval, Folder string
			Rules            []struct {
				Title, Condition string
				Annotations      map[string]string
			}
		}
	}
	require.NoError(t, json.Unmarshal(raw, &file))
	require.Len(t, file.Groups, 1)
	require.Len(t, file.Groups[0].Rules, len(alerts.Alerts()))
	pages := map[string]bool{}
	for i, a := range alerts.Alerts() {
		require.Equal(t, a.Name, file.Groups[0].Rules[i].Title)
		for name, text := range file.Groups[0].Rules[i].Annotations {
			require.NotRegexp(t, `\$value\b`, text, "%s of %s: Grafana's $value is no number", name, a.Name)
		}
		page, err := os.ReadFile(filepath.Join("../..", a.Runbook()))
		require.NoError(t, err, "%s has no runbook", a.Name)
		require.Contains(t, string(page), "# "+a.Name)
		require.Contains(t, string(page), "Severity: "+a.Severity)
		pages[filepath.Base(a.Runbook())] = true
	}
	found, err := filepath.Glob("../../docs/runbooks/*.md")
	require.NoError(t, err)
	for _, page := range found {
		require.True(t, pages[filepath.Base(page)], "%s is of no alert", page)
	}
}

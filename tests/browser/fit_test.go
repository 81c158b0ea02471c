package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/npmtest"
)

// misfits lists what is wider than the page, cut off without the whole in a title,
// or too small for a finger where the pointer is one. Boxes that scroll may hold
// more than they show.
const misfits = `(() => {
  const wrong = [], describe = (e) => e.tagName + "#" + e.id + "." + e.className + " " + (e.textContent || "").slice(0, 60);
  const hidden = (e) => e.closest(".hidden, .skip, [hidden]") || !e.getClientRects().length;
  const inside = (e) => { for (let p = e; p && p !== document.body; p = p.parentElement) if (/auto|scroll|hidden/.test(getComputedStyle(p).overflowX) && p.scrollWidth > p.clientWidth) return true; return false; };
  if (document.scrollingElement.scrollWidth > innerWidth) wrong.push("the page is " + document.scrollingElement.scrollWidth + " wide");
  for (const e of document.querySelectorAll("body *")) {
    if (hidden(e)) continue;
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    if ((box.right > innerWidth + 1 || box.left < -1) && !inside(e)) wrong.push("beyond the page: " + describe(e));
    if (/hidden|clip/.test(style.overflowX) && e.scrollWidth > e.clientWidth + 1 && !e.querySelector("[title]") && !e.title) wrong.push("cut off: " + describe(e));
    if (matchMedia("(pointer: coarse)").matches && e.matches("a, button, input, select, summary") && (box.width < 44 || box.height < 44)) wrong.push("too small for a finger, " + box.width + " x " + box.height + ": " + describe(e));
  }
  for (const th of document.querySelectorAll("#statuses th")) if (th.getBoundingClientRect().height > 2 * parseFloat(getComputedStyle(th).lineHeight)) wrong.push("two lines: " + describe(th));
  return wrong.slice(0, 20);
})()`

func TestThePagesFitDesksAndPhones(t *testing.T) {
	s, b := opened(t)
	s.produceUntil(b, "events", "document.querySelectorAll('#events tr').length > 5", map[string]any{
		"type": "com.example.warehouse.consignment.dispatched", "correlationid": "consignment-000000000000000000000000000000000000000000001",
		"data": map[string]any{"a_rather_long_name_of_a_member_of_data": "and a value that is long enough to fill more than a line of a phone, and of a desk"},
	})
	for _, width := range []int64{1280, 768, 390, 320} {
		b.size(width)
		b.visit(s.url("/"))
		b.until("both streams", live)
		b.until("disagreements and rows", "document.querySelectorAll('#disagreements li').length === 2 && document.querySelectorAll('#events tr').length > 1")
		require.Empty(t, value[[]string](b, misfits), "console at %d", width)
		b.do("document.querySelectorAll('#disagreements button')[1].click()")
		b.until("the fact", "document.querySelectorAll('#fact-body details').length === 2")
		b.do("document.querySelectorAll('#fact-body details').forEach((d) => { d.open = true; })")
		require.Empty(t, value[[]string](b, misfits), "fact at %d", width)
		b.visit(s.url("/docs"))
		b.until("the operations", "document.querySelectorAll('#operations section').length > 5")
		b.do("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
		require.Empty(t, value[[]string](b, misfits), "docs at %d", width)
	}
}

// As many columns as a card of three clouds has leave the names of the demo's fields whole.
func TestNamesOfFieldsStandOnOneLine(t *testing.T) {
	_, b := opened(t)
	b.do(`addDisagreements([{ id: "0".repeat(32), status: "mismatched", key: "ord-8", expected: ["aws", "azure", "gcp"], present: ["aws", "azure", "gcp"],
		diffs: ["data.amount", "data.currency", "data.status"].map((field) => ({ field, values: { aws: "PLN", azure: "CHF", gcp: "PLN" }, outliers: ["azure"] })) }])`)
	for _, width := range []int64{1280, 1400, 1920} {
		b.size(width)
		b.do("draw()")
		require.Empty(t, value[[]string](b, `[...document.querySelectorAll("#disagreements th[scope=row]")].filter((th) => th.getBoundingClientRect().height > 2 * parseFloat(getComputedStyle(th).lineHeight)).map((th) => th.textContent)`), "at %d", width)
	}
}

// focused names what has the focus, and how it is seen.
const focused = `(() => {
  const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
  return { name: e === document.body ? "" : e.id || e.textContent.slice(0, 20) || e.className, inDialog: Boolean(e.closest("dialog")),
    seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.top >= 0 && box.bottom <= innerHeight && box.width > 1 };
})()`

type focus struct {
	Name           string
	InDialog, Seen bool
}

func TestEverythingIsReachedByKeyboard(t *testing.T) {
	_, b := opened(t)
	next := func() focus { b.keys(kb.Tab); return value[focus](b, focused) }
	b.do("document.querySelector('.scroll').id = 'scroll'")
	var order []string
	for range 12 {
		f := next()
		if f.Name == "" {
			break // out of the page, to the browser
		}
		require.True(t, f.Seen, "the focus on %s is not seen", f.Name)
		order = append(order, f.Name)
	}
	require.Equal(t, []string{"To the figures", "API", "ord-2", "ord-1", "filter-cloud", "filter-type", "pause", "scroll"}, order)
	require.Equal(t, len(order), value[int](b, "document.querySelectorAll('a, button, input, select, [tabindex=\"0\"]').length - document.querySelectorAll('dialog :is(a, button, input)').length"))

	b.do("document.querySelectorAll('#disagreements button')[1].focus()")
	b.keys(kb.Enter)
	b.until("the fact", "document.querySelectorAll('#fact-body summary').length === 2")
	inside := map[string]bool{}
	for range 8 {
		f := next()
		require.True(t, f.InDialog || f.Name == "", "the focus is on %s, behind the fact", f.Name)
		inside[f.Name] = true
	}
	require.Len(t, inside, 4, "the close button, two events, and out of the page and back: %v", inside)
	b.keys(kb.Escape)
	b.until("the page without the fact", "!document.getElementById('fact').open && location.hash === ''")
	require.Equal(t, "ord-1", value[focus](b, focused).Name, "the focus is back where it came from")
	b.do("document.activeElement.blur()")
	b.keys(kb.Tab) // goes on from there
	run(b, chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift)))
	require.NotEmpty(t, value[focus](b, focused).Name, "backwards too")
}

const axeVersion = "4.14.1"

// violation is one of axe.
type violation struct {
	ID, Help string
	Nodes    []string
}

// audit asks axe-core about the page that is open.
func audit(b *tab, axe string) []violation {
	b.do(axe)
	return value[[]violation](b, `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then((r) => r.violations.map((v) => ({ id: v.id, help: v.help, nodes: v.nodes.map((n) => n.html.slice(0, 200) + " " + n.failureSummary) })))`)
}

func TestAxeFindsNothing(t *testing.T) {
	script, err := os.ReadFile(npmtest.Install(t, "axe-core", axeVersion, "axe.min.js"))
	require.NoError(t, err)
	axe := string(script)
	s, b := opened(t)
	clean := func(where string) {
		t.Helper()
		found := audit(b, axe)
		text, err := json.MarshalIndent(found, "", "  ")
		require.NoError(t, err)
		require.Empty(t, found, "%s: %s", where, text)
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 390} {
			where := fmt.Sprintf("%s at %d", scheme, width)
			b.scheme(scheme)
			b.size(width)
			b.visit(s.url("/"))
			b.until("both streams", live)
			s.produceUntil(b, "events", "document.querySelectorAll('#events tr').length > 5 && document.querySelectorAll('#disagreements li').length === 2", nil)
			b.do("dependencies = [{ name: 'log', state: 'down', since: Date.now() }]; drawTrouble()")
			clean("console " + where)
			b.do("document.querySelectorAll('#disagreements button')[1].click()")
			b.until("the fact", "document.querySelectorAll('#fact-body details').length === 2")
			b.do("document.querySelectorAll('#fact-body details').forEach((d) => { d.open = true; })")
			clean("fact " + where)
			b.do("document.getElementById('fact').close(); login()")
			clean("login " + where)
			b.visit(s.url("/docs"))
			b.until("the operations", "document.querySelectorAll('#operations section').length > 5")
			b.do("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
			clean("docs " + where)
		}
	}
	b.do("document.body.append(document.createElement('img'))")
	require.NotEmpty(t, audit(b, axe), "axe finds what is wrong")
}

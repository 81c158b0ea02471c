package browser

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/internal/storetest"
)

// samples would each be seen if anything took them for more than text: they run
// pwn(), add elements, or break the order of the line.
var samples = []string{
	`<script>pwn()</script>`, `</script><script>pwn()</script>`, `<img src=x onerror=pwn()>`, `"><img src=x onerror="pwn()">`, `' onmouseover='pwn()`,
	`<svg onload=pwn()>`, `<svg><script>pwn()</script></svg>`, `<iframe srcdoc="<script>parent.pwn()</script>"></iframe>`, `<object data="javascript:pwn()">`,
	`<a href="javascript:pwn()">x</a>`, `javascript:pwn()`, `<style>*{display:none}</style>`, `<link rel=stylesheet href=//evil.example/x.css>`, `<base href=//evil.example/>`,
	`<form action=//evil.example><button>x</button></form>`, `<dialog open>x</dialog>`, `<input autofocus onfocus=pwn()>`, `<body onload=pwn()>`, `<math><mtext></form><form><mglyph><style></math><img src onerror=pwn()>`,
	`</td></tr></table></main>`, `</title><script>pwn()</script>`, `<!--`, `]]>`, `{{constructor.constructor('pwn()')()}}`, `${pwn()}`, `&lt;script&gt;pwn()&lt;/script&gt;`,
	"invoice\u202efdp.exe", "\u2066\u2067abc", "pay\u200bpal\u200d\ufeff", "nul\u0000l", "\u001b[31mred\u001b[0m", "a\nb\tc\r\nd", "\u2028\u2029", "\ufff9\ufffa\ufffb", "\U000e0041\U000e0042",
	"Z" + strings.Repeat("\u0300\u0489", 60) + "algo", "\u0627\u0644\u0639\u0631\u0628\u064a\u0629", "﷽﷽﷽﷽", "𒐫𒐫𒐫", "👩‍👩‍👧‍👦❤️🇩🇪", strings.Repeat("W", 3000), strings.Repeat("long word ", 300),
	"__proto__", "constructor", "toString", "hasOwnProperty", "undefined", "null", "other", "", " ",
}

// naughty adds the Big List of Naughty Strings, where it is.
func naughty(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash("../../../shared/data/bad-input/big-list-of-naughty-strings/blns.json"))
	if err != nil {
		t.Logf("without the list of naughty strings: %v", err)
		return samples
	}
	var list []string
	require.NoError(t, json.Unmarshal(text, &list))
	return append(slices.Clone(samples), list...)
}

// inert is what the pages are made of: anything else came out of an event.
const inert = `(() => {
  const known = "HTML HEAD META TITLE LINK SCRIPT BODY A HEADER H1 H2 H3 P NAV MAIN DIV SECTION SPAN TABLE CAPTION THEAD TBODY TR TH TD BDI UL OL LI B TIME LABEL SELECT OPTION INPUT BUTTON DIALOG FORM NOSCRIPT DETAILS SUMMARY PRE CODE svg title g line path".split(" ");
  const wrong = [];
  for (const e of document.querySelectorAll("*")) {
    if (!known.includes(e.tagName)) wrong.push("an element " + e.tagName);
    for (const a of e.attributes) if (/^on/i.test(a.name) || /^\s*javascript:/i.test(a.value) && a.name !== "title" && a.name !== "value" && a.name !== "data-cloud") wrong.push("an attribute " + a.name + "=" + a.value);
  }
  if (document.querySelectorAll("script").length !== 3 && location.pathname === "/") wrong.push(document.querySelectorAll("script").length + " scripts");
  for (const text of [document.getElementById("events"), document.getElementById("fact-body"), document.getElementById("disagreements")]) {
    if (text && /[\u200b\u202a-\u202e\u2066-\u2069\ufeff\u0000]/.test(text.innerText)) wrong.push("characters that nobody sees");
  }
  return wrong.slice(0, 20);
})()`

// harmless asserts that nothing on the page came alive.
func (b *tab) harmless(where string) {
	b.t.Helper()
	_, dialogs, errors := b.seen()
	require.Empty(b.t, dialogs, where)
	require.Empty(b.t, errors, where)
	require.Empty(b.t, value[[]string](b, inert), where)
	require.Empty(b.t, value[[]string](b, misfits), where)
	require.Zero(b.t, value[int](b, "window.pwned || 0"), where)
	require.Empty(b.t, value[[]string](b, "forbidden"), "%s: not even tried", where)
}

// hostile returns an event and a verdict that are made of a string.
func (s *site) hostile(n int, text string) (event, verdict string) {
	at := time.Now().UTC().Format(time.RFC3339Nano)
	event = s.event(map[string]any{
		"id": fmt.Sprint("h-", n), "type": text, "tenant": text, "correlationid": text, "cloud": text, "source": "/" + text, "subject": text, "data": map[string]any{text: text, "list": []string{text}},
	})
	verdict = storetest.Verdict(1000+n, 1, 0, map[string]any{
		"decided_at": at, "tenant": text, "type": text, "key": text, "expected": []string{"aws", text}, "present": []string{"aws", text}, "missing": []string{text},
		"diffs": []any{map[string]any{"field": text, "values": map[string]any{"aws": 1, text: text}, "outliers": []string{text}}}, "expectation": text,
	})
	return event, verdict
}

func TestHostileContentsAreTextOnTheConsole(t *testing.T) {
	s, b := opened(t, fmt.Sprintf(quick, 1, 4000)) // nothing is left out
	b.do("window.pwned = 0; window.pwn = () => { window.pwned++; }; const all = eventRow; window.rowsMade = 0; eventRow = (...a) => { window.rowsMade++; return all(...a); }")
	texts := naughty(t)
	for from := 0; from < len(texts); from += 8 { // as many disagreements as are shown
		var events, verdicts []string
		for i, text := range texts[from:min(from+8, len(texts))] {
			event, verdict := s.hostile(from+i, text)
			events, verdicts = append(events, event), append(verdicts, verdict)
		}
		b.do("window.before = window.rowsMade; disagreements.length = 0; dirty = true")
		deadline := time.Now().Add(patience)
		for !value[bool](b, fmt.Sprintf("window.rowsMade >= window.before + 1 && disagreements.length >= %d", len(verdicts))) {
			require.True(t, time.Now().Before(deadline))
			s.log(embedded.TopicEvents, events...)
			s.log(embedded.TopicVerdicts, verdicts...)
			time.Sleep(20 * time.Millisecond) // between two looks
		}
		b.size([]int64{1280, 390}[from/8%2])
		b.do("draw()")
		b.harmless(fmt.Sprintf("%.80q", texts[from:min(from+8, len(texts))]))
	}
	require.LessOrEqual(t, value[int](b, "document.querySelectorAll('#clouds tr').length"), 7, "names of clouds are bounded")
}

// Records of another shape than anything that Helios writes: the page goes on.
func TestContentsOfAnyShapeStopNothing(t *testing.T) {
	s, b := opened(t)
	strange := []string{`null`, `1`, `"x"`, `[]`, `{}`, `[{"a":1}]`, `{"cloud":1,"type":[],"data":null,"ingesttime":{},"time":[]}`, `{"cloud":null,"correlationid":{"a":1}}`,
		`{"ingesttime":"9999999-01-01T00:00:00Z"}`, `{"time":"+275760-09-13T00:00:00.001Z","data":"x"}`}
	id := `"id":"` + storetest.VerdictID(77) + `","status":`
	for _, members := range []string{`1`, `"missing","expected":1,"present":{"a":1},"missing":"aws","stalled":{},"diffs":7`, `"mismatched","diffs":[null,1,"x",{"field":1,"values":[1],"outliers":"aws"}],"expected":[null,1,{"a":1}]`,
		`"mismatched","decided_at":{},"key":{"a":[1]},"type":null,"tenant":[],"revision":"x"`} {
		strange = append(strange, "{"+id+members+"}")
	}
	for range 20 {
		s.log(embedded.TopicEvents, strange...)
		s.log(embedded.TopicVerdicts, strange...)
		b.do("draw()")
	}
	s.produceUntil(b, "an ordinary event", "[...document.querySelectorAll('#events bdi')].some((e) => e.textContent === 'afterwards')", map[string]any{"correlationid": "afterwards"})
	b.until("the strange fact", "disagreements.some((d) => d.id.endsWith('4d'))")
	b.do("draw(); location.hash = 'fact=" + storetest.VerdictID(77) + "'")
	b.until("the fact", "document.getElementById('fact-body').innerText.includes('follow')")
	b.harmless("strange shapes")
}

// Where the page expects texts, times and counts, numbers that JavaScript can't hold.
func TestNumbersOutOfReachStopNothing(t *testing.T) {
	s, b := opened(t)
	id := storetest.VerdictID(77)
	deadline := time.Now().Add(patience)
	for !value[bool](b, "disagreements.some((d) => d.id === '"+id+"')") {
		require.True(t, time.Now().Before(deadline))
		s.log(embedded.TopicEvents, `{"id":1e400,"cloud":1e400,"type":1e400,"time":1e400,"ingesttime":1e400,"correlationid":1e400,"data":1e400}`)
		s.log(embedded.TopicVerdicts, `{"id":1e400,"status":"missing"}`,
			`{"id":"`+id+`","status":1e400,"decided_at":1e400,"key":1e400,"type":1e400,"tenant":1e400,"revision":1e400,"missing":[1e400],"expected":[1e400],"diffs":[{"field":1e400,"values":{"aws":1e400},"outliers":[1e400]}]}`)
		time.Sleep(50 * time.Millisecond) // between two looks
	}
	s.produceUntil(b, "an ordinary event", "[...document.querySelectorAll('#events bdi')].some((e) => e.textContent === 'afterwards')", map[string]any{"correlationid": "afterwards"})
	b.do("draw(); location.hash = 'fact=" + id + "'")
	b.until("the fact", "document.getElementById('fact-body').innerText.includes('follow')")
	b.harmless("numbers out of reach")
}

func TestHostileContentsAreTextOutOfTheStore(t *testing.T) {
	dsn := storetest.SQLite(t)
	s := serve(t, dsn, "")
	var events, verdicts []string
	for i, text := range samples {
		if text == "" || len(text) > 300 { // the store takes no such names
			text = "x"
		}
		event, verdict := s.hostile(i, text)
		events, verdicts = append(events, event), append(verdicts, verdict)
	}
	storetest.Write(t, dsn, "events", events...)
	storetest.Write(t, dsn, "verdicts", verdicts...)
	b := open(t)
	const watch = "window.pwned = 0; window.pwn = () => { window.pwned++; }"
	for i, text := range samples {
		if i%4 != 0 && !strings.Contains(text, "pwn") {
			continue
		}
		b.visit(s.url("/?" + fmt.Sprint(i)))
		b.do(watch)
		b.do("location.hash = 'fact=" + storetest.VerdictID(1000+i) + "'")
		b.until("the fact", "document.querySelector('#fact-body ol li')")
		b.do("document.querySelectorAll('#fact-body details').forEach((d) => { d.open = true; })")
		b.harmless(fmt.Sprintf("%.80q", text))
	}
	b.visit(s.url("/docs"))
	b.until("the operations", "document.querySelectorAll('#operations section').length > 5")
	b.do(watch)
	for _, operation := range []string{"list-events", "list-verdicts", "get-stats"} {
		b.do("document.querySelector('#" + operation + " button').click()")
		b.until("an answer", "document.querySelector('#"+operation+" > pre').textContent.includes('200 application/json')")
	}
	b.harmless("the pages of the API")

	for _, path := range []string{"/api/v1/events", "/api/v1/verdicts", "/api/v1/verdicts/" + storetest.VerdictID(1000), "/api/v1/stats", "/api/v1/events?type=%3Cscript%3E", "/api/v1/events?limit=%3Cscript%3Epwn()%3C/script%3E", "/%3Cscript%3Epwn()%3C/script%3E"} {
		resp, err := http.Get(s.url(path))
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Regexp(t, `^application/(problem\+)?json$`, resp.Header.Get("Content-Type"), path)
		require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"), path)
		require.True(t, json.Valid(body), path)
		b.visit(s.url(path)) // as a page of its own
		_, dialogs, _ := b.seen()
		require.Empty(t, dialogs, path)
		require.Zero(t, value[int](b, "document.querySelectorAll('script, img, iframe').length"), path)
	}
}

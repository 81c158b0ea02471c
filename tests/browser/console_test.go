package browser

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/internal/storetest"
)

// live is what the page says when both streams are open.
const live = "document.getElementById('connection').textContent === 'live'"

// opened is a console over a store with facts, with both streams open. Scripts run
// before the page's own.
func opened(t *testing.T, scripts ...string) (*site, *tab) {
	t.Helper()
	s := serve(t, filled(t), "")
	b := open(t)
	for _, script := range scripts {
		b.before(script)
	}
	b.visit(s.url("/"))
	b.until("both streams", live)
	b.until("disagreements", "document.querySelectorAll('#disagreements li').length === 2")
	return s, b
}

// produceUntil writes events until the page shows one of them: a stream begins
// somewhere in the log.
func (s *site) produceUntil(b *tab, what, expression string, members map[string]any) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for !value[bool](b, "Boolean("+expression+")") {
		require.True(s.t, time.Now().Before(deadline), "waited in vain for %s", what)
		s.log(embedded.TopicEvents, s.event(members))
		time.Sleep(50 * time.Millisecond) // between two looks
	}
}

// Also without any network: no name is resolved in these browsers.
func TestThePagesAskForNothingButTheirOwnOrigin(t *testing.T) {
	s, b := opened(t)
	s.produceUntil(b, "an event", "document.querySelectorAll('#events tr').length > 3", nil)
	b.do("document.querySelector('#disagreements button').click()")
	b.until("the fact", "document.querySelector('#fact-body ol li')")
	b.visit(s.url("/docs"))
	b.until("the operations", "document.querySelectorAll('#operations section').length > 5")
	b.do("document.querySelector('#get-stats button').click()")
	b.until("an answer", "document.querySelector('#get-stats > pre').textContent.includes('200 application/json')")

	requests, _, errors := b.seen()
	require.Empty(t, errors)
	require.Empty(t, value[[]string](b, "forbidden"))
	own := 0
	for _, request := range requests {
		u, err := url.Parse(request)
		require.NoError(t, err)
		if u.Scheme == "data" { // the empty icon
			continue
		}
		require.Equal(t, s.address, u.Host, request)
		own++
	}
	require.Greater(t, own, 12)

	resp, err := http.Get(s.url("/"))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	policy := resp.Header.Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.NotRegexp(t, `unsafe|\*|https?:`, policy)
}

func TestDisagreementsStandSideBySide(t *testing.T) {
	_, b := opened(t)
	require.Equal(t, []string{"missing ord-2", "mismatched ord-1"},
		value[[]string](b, "[...document.querySelectorAll('#disagreements .what')].map((p) => p.children[1].textContent + ' ' + p.children[2].textContent)"))
	rows := func(of string) [][]string {
		return value[[][]string](b, "[...document.querySelectorAll('"+of+" .diff tr')].map((r) => [...r.children].map((c) => c.textContent))")
	}
	require.Equal(t, [][]string{{"", "aws", "gcp"}, {"data.amount", "10", "≠ 12"}}, rows("#disagreements li:nth-child(2)"))
	require.Equal(t, [][]string{{"", "aws", "gcp"}, {"event", "there", "✗ missing"}}, rows("#disagreements li:nth-child(1)"))

	b.do("document.querySelectorAll('#disagreements button')[1].click()")
	b.until("the fact", "document.querySelectorAll('#fact-body details').length === 2")
	fact := rows("#fact-body")
	require.Equal(t, [][]string{{"field", "aws", "gcp"}, {"≠ data.amount", "10", "≠ 12"}}, fact[:2])
	require.True(t, slices.ContainsFunc(fact, func(row []string) bool { return row[0] == "data.note" && row[1] == "same" && row[2] == "same" }), "fields that agree are there too")
	require.Equal(t, "≠ 12", value[string](b, "document.querySelector('#fact-body td.out').textContent"))
	history := value[string](b, "document.querySelector('#fact-body ol').innerText")
	require.Regexp(t, regexp.MustCompile(`(?s)missing, complete.*mismatched, late event.*status: missing → mismatched`), history, "what was believed when")
	require.Equal(t, "#fact="+storetest.VerdictID(1), value[string](b, "location.hash"), "it can be passed on")
}

// Dead letters are told with their reasons, the commonest first.
func TestTheReasonsOfDeadLettersAreTold(t *testing.T) {
	dsn := filled(t)
	storetest.WriteDeadLetters(t, dsn, "too_late", `{"n":1}`)
	storetest.WriteDeadLetters(t, dsn, "unreadable", `{"n":2`, `{"n":3`)
	s := serve(t, dsn, "")
	b := open(t)
	b.visit(s.url("/"))
	b.until("the reasons", "document.getElementById('reasons').textContent === 'Dead letters of 24 hours: unreadable 2, too_late 1'")
}

// What reconciliation tells apart must not look the same.
func TestValuesThatDifferNeverLookTheSame(t *testing.T) {
	s, b := opened(t)
	now := time.Now().UTC().Format(time.RFC3339Nano)
	for cloud, data := range map[string]string{
		"aws": `{"amount":"10","exact":9007199254740993,"far":1e400,"plain":10.50,"sku":"A"}`,
		"gcp": `{"amount":10,"exact":9007199254740992,"far":2e400,"plain":10.5,"sku":"B"}`,
	} {
		event := storetest.Event(map[string]any{"id": cloud, "time": now, "ingesttime": now, "cloud": cloud, "correlationid": "ord-9", "data": json.RawMessage(data)})
		storetest.Write(t, s.dsn, "events", event)
	}
	storetest.Write(t, s.dsn, "verdicts", storetest.Verdict(9, 1, 0, map[string]any{"decided_at": now, "diffs": []any{}, "status": "matched"}))
	b.do("location.hash = 'fact=" + storetest.VerdictID(9) + "'")
	b.until("the fact", "document.querySelectorAll('#fact-body details').length === 2")
	rows := value[map[string][]string](b, "Object.fromEntries([...document.querySelectorAll('#fact-body .diff tbody tr')].map((r) => [r.children[0].textContent, [...r.children].slice(1).map((c) => c.textContent)]))")
	require.Equal(t, []string{`"10"`, `10`}, rows["· data.amount"], "a string and a number")
	require.Equal(t, []string{"9007199254740993", "9007199254740992"}, rows["· data.exact"], "more digits than JavaScript's numbers have")
	require.Equal(t, []string{"1e400", "2e400"}, rows["· data.far"], "further than they reach")
	require.Equal(t, []string{"10.5", "10.5"}, rows["data.plain"])
	require.Equal(t, []string{"A", "B"}, rows["· data.sku"])
	require.Contains(t, value[string](b, "document.querySelector('#fact-body pre').textContent"), `"exact": 900719925474099`)
	require.NotContains(t, value[string](b, "document.querySelector('#fact-body').textContent"), "null")
}

// Whoever opens the address of a fact finds the list behind it.
func TestTheListIsThereBehindAFactThatWasOpenedByItsAddress(t *testing.T) {
	s := serve(t, filled(t), "")
	b := open(t)
	b.visit(s.url("/#fact=" + storetest.VerdictID(1)))
	b.until("the fact", "document.querySelectorAll('#fact-body details').length === 2")
	b.until("disagreements", "document.querySelectorAll('#disagreements li').length === 2 && document.getElementById('disagreements-empty').hidden")
}

// A verdict is on the screen before it is stored.
func TestAFactThatIsNotStoredYetIsShownFromTheStream(t *testing.T) {
	s, b := opened(t)
	deadline := time.Now().Add(patience)
	for !value[bool](b, "[...document.querySelectorAll('#disagreements button')].some((e) => e.textContent === 'ord-7')") {
		require.True(t, time.Now().Before(deadline))
		s.log(embedded.TopicVerdicts, verdict(7, nil))
		time.Sleep(50 * time.Millisecond) // between two looks
	}
	b.do("[...document.querySelectorAll('#disagreements button')].find((e) => e.textContent === 'ord-7').click()")
	b.until("the comparison", "document.querySelector('#fact-body td.out').textContent === '≠ 12'")
	b.until("what is still to come", "document.getElementById('fact-body').innerText.includes('follow when they are stored')")
	storetest.Write(t, s.dsn, "verdicts", verdict(7, nil))
	b.until("the stored fact", "document.querySelectorAll('#fact-body ol li').length === 1")
}

func TestAFilterChangesWhatIsShownAndNoFigure(t *testing.T) {
	s, b := opened(t)
	all := "['aws', 'gcp', 'azure'].every((c) => [...document.querySelectorAll('#events td:nth-child(2) bdi')].some((e) => e.textContent === c))"
	s.produceUntil(b, "events of all clouds", all, nil)
	b.do("const f = document.getElementById('filter-cloud'); f.value = 'gcp'; f.dispatchEvent(new Event('change'))")
	s.produceUntil(b, "only events of one", "document.querySelectorAll('#events tr').length > 5", nil)
	require.Equal(t, []string{"gcp"}, value[[]string](b, "[...new Set([...document.querySelectorAll('#events td:nth-child(2) bdi')].map((e) => e.textContent))]"))
	b.do("Date.now = ((now) => () => now() + 6000)(Date.now)") // six seconds later, in which more has come
	s.produceUntil(b, "shares of all clouds", "document.querySelectorAll('#clouds td.bar .fill:not([hidden])').length === 3 && !document.querySelector('#clouds .silent')", nil)
}

func TestTheTokenIsAskedForAndOpensThePage(t *testing.T) {
	const secret = "a-token-of-enough-length"
	s := serve(t, filled(t), secret)
	b := open(t)
	b.visit(s.url("/"))
	b.until("the question", "document.getElementById('login').open")
	require.Equal(t, "login-token", value[string](b, "document.activeElement.id"))
	b.keys(secret, "\r")
	b.until("both streams", live)
	b.until("disagreements", "document.querySelectorAll('#disagreements li').length === 2")
	requests, _, _ := b.seen()
	require.NotContains(t, requests, secret)
	for _, request := range requests {
		require.NotContains(t, request, secret, "no address holds it")
	}
}

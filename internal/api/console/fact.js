"use strict";
// Disagreements, field by field, a column a cloud; and one fact as a whole.
const STATUSES = [["matched", "✓"], ["mismatched", "≠"], ["partial", "◐"], ["missing", "∅"], ["indeterminate", "?"]];
const COLUMNS = 8, STORED_WITHIN = 30;

function mark(status) {
  const known = STATUSES.find((s) => s[0] === status), e = element("span", "mark s-" + (known ? status : "indeterminate"), known ? known[1] : "?");
  e.setAttribute("aria-hidden", "true");
  return e;
}
function heading(scope, text, most = 60) {
  const th = element("th", "", bdi(text, most));
  th.scope = scope;
  return th;
}
function cell(name, classes, ...children) {
  const td = element("td", classes, ...children);
  td.dataset.cloud = visible(clip(name, 24)); // what a phone shows instead of the column
  return td;
}
function sideBySide(corner, names, ...rows) {
  const head = element("tr", "", corner ? heading("col", corner) : element("td"));
  for (const n of names) head.append(heading("col", n, 24));
  return element("table", "diff", element("thead", "", head), element("tbody", "", ...rows));
}
const cloudsOf = (v) => [...new Set([...list(v.expected), ...list(v.present)].map(say))].slice(0, COLUMNS);

// differences of a verdict.
function differences(v) {
  const names = cloudsOf(v);
  return sideBySide("", names, ...list(v.diffs).slice(0, 6).map((d) => compared(say(members(d).field), names, members(members(d).values), list(members(d).outliers), 80)), ...absence(v, names));
}
// absence is a row about the events themselves, where some did not come.
function absence(v, names) {
  const missing = list(v.missing), stalled = list(v.stalled);
  if (!missing.length && !stalled.length) return [];
  return [element("tr", "", heading("row", "event"), ...names.map((n) => (
    missing.includes(n) ? cell(n, "out", "✗ missing") : stalled.includes(n) ? cell(n, "out", "… stalled") : cell(n, "", "there"))))];
}
// compared is one field. Of long values the beginning that all share is left out,
// so that what differs is seen; and "10" has its quotes beside 10.
function compared(field, names, values, outliers, most) {
  const has = names.filter((n) => Object.hasOwn(values, n)), said = has.map((n) => say(values[n])), quoted = has.map((n) => JSON.stringify(values[n]));
  const texts = new Set(said).size < new Set(quoted).size ? quoted : said;
  let shared = 0;
  if (texts.some((t) => t.length > most) && new Set(texts).size > 1) {
    while (texts.every((t) => shared < t.length && t[shared] === texts[0][shared])) shared++;
    shared = Math.max(0, shared - 12);
  }
  return element("tr", "", heading("row", field), ...names.map((n) => {
    const at = has.indexOf(n), out = outliers.includes(n);
    return cell(n, (out ? "out" : "") + (at < 0 ? " none" : ""), out ? "≠ " : "", at < 0 ? "–" : bdi((shared > 8 ? "… " : "") + texts[at].slice(shared > 8 ? shared : 0), most));
  }));
}

// ---- One fact --------------------------------------------------------------
// showFact shows the fact that the address names. What the page has seen of it
// is there at once, and the rest as soon as it is stored.
async function showFact() {
  const id = (location.hash.match(/^#fact=([0-9a-f]{32})$/) || [])[1];
  if (!id) { if ($("fact").open) $("fact").close(); return; }
  const known = disagreements.find((d) => d.id === id), still = () => location.hash === "#fact=" + id && $("fact").open;
  $("fact-title").replaceChildren(known ? bdi(known.key) : "Fact");
  const wait = element("p", "empty", "Reading …");
  $("fact-body").replaceChildren(...(known ? [summary(known), differences(known), wait] : [wait]));
  if (!$("fact").open) $("fact").showModal();
  $("fact").scrollTop = 0;
  for (let tries = 0; still(); tries++) {
    try {
      const f = await ask("/api/v1/verdicts/" + id);
      if (still()) {
        $("fact-title").replaceChildren(bdi(f.key));
        $("fact-body").replaceChildren(...factParts(f));
      }
      return;
    } catch (e) {
      const storing = e.status === 404 && known && tries < STORED_WITHIN;
      wait.textContent = storing ? "The events and the history follow when they are stored …" : "More can't be shown: " + e.message + ".";
      if (!storing) return;
      await new Promise((go) => setTimeout(go, 1000));
    }
  }
}
const summary = (f) => element("p", "", mark(f.status), say(f.status), " ", element("span", "type", bdi(f.type), ", tenant ", bdi(f.tenant || "default")));
function factParts(f) {
  const verdict = members(f.history[f.history.length - 1].verdict);
  const names = [...new Set([...cloudsOf(verdict), ...f.events.map((e) => e.cloud), ...f.fields.flatMap((x) => Object.keys(x.values))])].sort().slice(0, COLUMNS);
  const table = sideBySide("field", names, ...absence(verdict, names), ...f.fields.slice(0, 100).map((x) => compared((x.judged ? "≠ " : x.differs ? "· " : "") + x.field, names, x.values, x.outliers, 600)));
  const past = element("ol", "", ...f.history.map((r) => element("li", "", mark(r.status), r.status + ", " + r.closed_by.replaceAll("_", " ") + ", ", time(r.decided_at, new Date(r.decided_at).toISOString()),
    ...r.changes.filter((c) => c.member !== "events").map((c) => element("div", "note", c.member + ": ", bdi(c.before, 200), " → ", bdi(c.after, 200))))));
  const raw = f.events.map((e) => {
    const text = element("pre", "", visible(clip(JSON.stringify(e.event, null, 2), 100000)));
    text.tabIndex = 0; // it scrolls
    return element("details", "", element("summary", "", bdi(e.cloud), " ", time(e.time, e.time)), text);
  });
  return [summary(f), element("h3", "", "Field by field"), table,
    element("p", "note", "≠ listed by the verdict;  · differs, but within a tolerance or not compared"), element("h3", "", "What was believed when"), past, element("h3", "", "Events"), ...raw];
}
$("fact-close").addEventListener("click", () => $("fact").close());
$("fact").addEventListener("close", () => { if (location.hash) history.replaceState(null, "", location.pathname); });
addEventListener("hashchange", showFact);

"use strict";
// Everything shown is inserted as text: createTextNode and textContent, never
// HTML. All that is kept has a bound, so that the page can stay open for days.
const ROWS = 60, DISAGREEMENTS = 8, SECONDS = 120, SLOTS = 6, LIVE_RATE = 25;
const STATUSES = [["matched", "✓"], ["mismatched", "≠"], ["partial", "◐"], ["missing", "∅"], ["indeterminate", "?"]];
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "1 2", "12 4"];
const $ = (id) => document.getElementById(id);
const set = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };

// element makes one with classes and children; strings become text.
function element(name, classes, ...children) {
  const e = document.createElement(name);
  if (classes) e.className = classes;
  for (const c of children) if (c !== null && c !== undefined) e.append(c);
  return e;
}
const clip = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
const bdi = (text, most = 160) => { const full = String(text), e = element("bdi", "", clip(full, most)); if (full.length > 24) e.title = clip(full, 400); return e; };
const say = (value) => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));
const number = (n) => (n >= 100 ? Math.round(n).toLocaleString("en") : n >= 10 ? n.toFixed(1) : n.toFixed(2).replace(/\.?0+$/, "") || "0");
const clock = (t) => new Date(t).toLocaleTimeString("en-GB");

// ---- The API ---------------------------------------------------------------
let token = sessionStorage.getItem("helios-token") || "";
async function ask(path) {
  const response = await fetch(path, { headers: token ? { Authorization: "Bearer " + token } : {} });
  if (response.status === 401) { login(); throw new Error("a token is needed"); }
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail || body.title || response.statusText);
  return body;
}
function login() { if (!$("login").open) $("login").showModal(); }
$("login-form").addEventListener("submit", () => {
  token = $("login-token").value.trim();
  sessionStorage.setItem("helios-token", token);
  $("login-token").value = "";
  start();
});
function protocols() {
  if (!token) return ["helios"];
  const text = Array.from(new TextEncoder().encode(token), (b) => String.fromCharCode(b)).join("");
  return ["helios", "helios.bearer." + btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")];
}

// follow keeps a stream open, and opens it again after a while when it is lost.
function follow(path, query, take) {
  let socket, timer, wait = 500, ended = false;
  const open = () => {
    const url = new URL(path, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    for (const [k, v] of Object.entries(query())) if (v) url.searchParams.set(k, v);
    socket = new WebSocket(url, protocols());
    socket.onmessage = (m) => { wait = 500; connected(path, true); take(JSON.parse(m.data)); };
    socket.onclose = () => { if (ended) return; connected(path, false); timer = setTimeout(open, wait); wait = Math.min(wait * 2, 10000); };
  };
  open();
  return () => { ended = true; clearTimeout(timer); socket.onmessage = null; socket.close(); };
}
const streams = new Map();
function connected(path, is) {
  streams.set(path, is);
  const all = [...streams.values()].every(Boolean);
  $("connection").dataset.state = all ? "live" : "lost";
  set("connection", all ? "live" : "connection lost, trying again");
}

// ---- Counts by second ------------------------------------------------------
const clouds = new Map();    // name → {slot, perSecond: [SECONDS], last}
const verdictsPerSecond = new Array(SECONDS).fill(0);
const statusCounts = new Map();  // as counted last
const statusSeconds = new Map(); // status → {perSecond: [SECONDS]}, as they come
let second = Math.floor(Date.now() / 1000), opened = Date.now();

function cloud(name) {
  if (!clouds.has(name)) {
    if (clouds.size >= SLOTS) name = "other";
    if (!clouds.has(name)) {
      const known = ["aws", "gcp", "azure"].indexOf(name), taken = new Set([...clouds.values()].map((c) => c.slot));
      let slot = known;
      for (let i = 3; slot < 0; i++) if (i >= SLOTS || !taken.has(i)) slot = Math.min(i, SLOTS - 1);
      clouds.set(name, { slot, perSecond: new Array(SECONDS).fill(0), last: 0 });
      if (name !== "other" && ![...$("filter-cloud").options].some((o) => o.value === name)) {
        const option = element("option", "", clip(name, 40));
        option.value = name;
        $("filter-cloud").append(option);
      }
    }
  }
  return clouds.get(name);
}
function tick() {
  const now = Math.floor(Date.now() / 1000);
  for (let n = Math.min(now - second, SECONDS); n > 0; n--) {
    verdictsPerSecond.push(0); verdictsPerSecond.shift();
    for (const c of [...clouds.values(), ...statusSeconds.values()]) { c.perSecond.push(0); c.perSecond.shift(); }
  }
  second = now;
}
// mean of the last whole seconds, as far as the page has seen them.
function mean(perSecond, over) {
  const seen = Math.max(1, Math.min(over, Math.floor((Date.now() - opened) / 1000)));
  return perSecond.slice(-1 - seen, -1).reduce((a, b) => a + b, 0) / seen;
}

// ---- Live events -----------------------------------------------------------
let waiting = [], paused = false, delays = [], shown = 0, sampled = 0, stopEvents;
function takeEvents(frame) {
  tick();
  let n = 0;
  for (const [name, count] of Object.entries(frame.counts || {})) {
    const c = cloud(name);
    c.perSecond[SECONDS - 1] += count;
    c.last = Date.now();
    n += count;
  }
  sampled = frame.sampled;
  if (frame.dropped) set("note-events", number(frame.dropped) + " not shown: this page is too slow");
  if (!frame.items || paused) return;
  waiting.push(...frame.items);
  if (waiting.length > ROWS) waiting = waiting.slice(-ROWS);
  schedule();
}
let scheduled = false;
function schedule() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => { scheduled = false; showEvents(); });
}
function showEvents() {
  const body = $("events");
  for (const e of waiting) {
    const received = Date.parse(e.ingesttime || e.time), ms = Date.now() - received;
    if (e.fresh !== false && ms > -1000 && ms < 60000) { delays.push(Math.max(0, ms)); if (delays.length > 100) delays.shift(); }
    body.prepend(eventRow(e, received));
    shown++;
  }
  waiting = [];
  while (body.rows.length > ROWS) body.deleteRow(-1);
}
function eventRow(e, received) {
  const name = say(e.cloud), c = cloud(name), row = element("tr");
  row.append(element("td", "", element("time", "", Number.isNaN(received) ? "–" : clock(received))),
    element("td", "", element("span", "k" + c.slot, "■ "), bdi(name, 40)), element("td", "", bdi(say(e.type))),
    element("td", "", bdi(say(e.correlationid))), element("td", "", bdi(say(e.data), 120)));
  return row;
}
function followEvents() {
  if (stopEvents) stopEvents();
  stopEvents = follow("/ws/events", () => ({ max_rate: LIVE_RATE, cloud: $("filter-cloud").value, type: $("filter-type").value.trim() }), takeEvents);
}
$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  $("pause").textContent = paused ? "Continue" : "Pause";
});
for (const id of ["filter-cloud", "filter-type"]) $(id).addEventListener("change", () => { $("events").replaceChildren(); followEvents(); });

// ---- Verdicts --------------------------------------------------------------
const disagreements = [];
function takeVerdicts(frame) {
  tick();
  for (const [status, n] of Object.entries(frame.counts || {})) {
    if (!STATUSES.some((s) => s[0] === status)) continue;
    verdictsPerSecond[SECONDS - 1] += n;
    if (!statusSeconds.has(status)) statusSeconds.set(status, { perSecond: new Array(SECONDS).fill(0) });
    statusSeconds.get(status).perSecond[SECONDS - 1] += n;
    statusCounts.set(status, (statusCounts.get(status) || 0) + n);
  }
  for (const v of frame.items || []) { // corrected: the clouds agree after all
    const at = v.status === "matched" && v.revision > 1 ? disagreements.findIndex((d) => d.id === v.id) : -1;
    if (at >= 0) { disagreements.splice(at, 1); dirty = true; }
  }
  const news = (frame.items || []).filter((v) => v.status !== "matched");
  if (news.length) addDisagreements(news);
}
function addDisagreements(verdicts) {
  for (const v of verdicts) {
    const at = disagreements.findIndex((d) => d.id === v.id);
    if (at >= 0) disagreements.splice(at, 1);
    disagreements.unshift(v);
  }
  disagreements.length = Math.min(disagreements.length, DISAGREEMENTS);
  dirty = true;
}
let dirty = false;
function mark(status) {
  const known = STATUSES.find((s) => s[0] === status);
  return element("span", "mark s-" + (known ? status : "indeterminate"), known ? known[1] : "?");
}
function showDisagreements() {
  if (!dirty || $("disagreements").contains(document.activeElement)) return; // nobody loses the focus
  dirty = false;
  $("disagreements-empty").hidden = disagreements.length > 0;
  $("disagreements").replaceChildren(...disagreements.map((v) => {
    const open = element("button", "link", bdi(say(v.key), 60));
    open.type = "button";
    open.setAttribute("aria-label", "History of " + clip(say(v.key), 100));
    open.addEventListener("click", () => { location.hash = "fact=" + v.id; });
    const what = element("p", "what", mark(v.status), element("span", "", say(v.status)), open,
      element("span", "type", bdi(say(v.type), 60)), element("time", "", clock(v.decided_at)));
    return element("li", "", what, differences(v));
  }));
}
// differences of a verdict, field by field, a column a cloud.
function differences(v) {
  const names = [...new Set([...(v.expected || []), ...(v.present || [])])].slice(0, 8);
  const table = element("table", "diff"), head = element("tr", "", heading("col", ""));
  for (const n of names) head.append(heading("col", n, 24));
  table.append(element("thead", "", head));
  const body = element("tbody"), absent = [...(v.missing || []), ...(v.stalled || [])];
  for (const d of (v.diffs || []).slice(0, 6)) body.append(compared(d.field, names, d.values || {}, d.outliers || []));
  if (absent.length) {
    const row = element("tr", "", heading("row", "event"));
    for (const n of names) row.append(element("td", absent.includes(n) ? "out" : "", (v.missing || []).includes(n) ? "✗ missing" : (v.stalled || []).includes(n) ? "… stalled" : "there"));
    body.append(row);
  }
  table.append(body);
  return table;
}
function heading(scope, text, most = 60) {
  const th = element("th", "", bdi(text, most));
  th.scope = scope;
  return th;
}
function compared(field, names, values, outliers) {
  const row = element("tr", "", heading("row", field));
  for (const n of names) {
    const has = Object.hasOwn(values, n), out = outliers.includes(n);
    row.append(element("td", (out ? "out" : "") + (has ? "" : " none"), out ? "≠ " : "", has ? bdi(say(values[n]), 80) : "–"));
  }
  return row;
}

// ---- Once a second ---------------------------------------------------------
function draw() {
  tick();
  let all = 0, minute = 0;
  for (const c of clouds.values()) { all += mean(c.perSecond, 5); minute += mean(c.perSecond, 60); }
  set("rate-events", number(all));
  set("rate-verdicts", number(mean(verdictsPerSecond, 5)));
  if (delays.length) set("delay", Math.round([...delays].sort((a, b) => a - b)[delays.length >> 1]) + " ms");
  set("sampled", sampled ? "At this rate about " + LIVE_RATE + " events a second are shown; all are counted." : "");
  drawClouds(minute);
  drawStatuses();
  drawPlot();
  showDisagreements();
}
function bar(name, prefix, share, classes, ...rest) {
  const fill = element("div", "fill");
  fill.style.width = (100 * share).toFixed(1) + "%";
  fill.hidden = !share;
  const th = element("th", "", prefix, bdi(name, 40));
  th.scope = "row";
  return element("tr", "", th, element("td", "bar", element("div", "track " + classes, fill)), ...rest);
}
function svg(name, attributes) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  return e;
}
function sample(slot) {
  const s = svg("svg", { class: "line k" + slot, viewBox: "0 0 24 8", "aria-hidden": "true" });
  s.append(svg("path", { d: "M0 4H24", stroke: "currentColor", "stroke-width": "3", "stroke-dasharray": DASHES[slot] }));
  return s;
}
function drawClouds(minute) {
  $("clouds-empty").hidden = clouds.size > 0;
  $("clouds").replaceChildren(...[...clouds].map(([name, c]) => {
    const rate = mean(c.perSecond, 60), share = minute ? rate / minute : 0, silent = c.last ? (Date.now() - c.last) / 1000 : 0;
    const last = !c.last ? element("td", "n", "–") : silent > 5 ? element("td", "n silent", "▲ silent " + Math.round(silent) + " s") : element("td", "n", number(mean(c.perSecond, 5)) + "/s");
    return bar(name, sample(c.slot), share, "k" + c.slot, element("td", "n", (100 * share).toFixed(1) + " %"), last);
  }));
}
function drawStatuses() {
  let sum = 0;
  for (const n of statusCounts.values()) sum += n;
  $("statuses").replaceChildren(...STATUSES.map(([status, sign]) => {
    const n = statusCounts.get(status) || 0, row = bar(status, element("span", "mark s-" + status, sign), sum ? n / sum : 0, "s-" + status, element("td", "n", n.toLocaleString("en")));
    row.dataset.status = status;
    row.dataset.count = n;
    return row;
  }));
}
function drawPlot() {
  // The page knows only what came since it was opened.
  const seen = Math.min(SECONDS - 1, Math.max(2, Math.floor((Date.now() - opened) / 1000))), span = Math.max(seen, 30);
  let most = 1;
  for (const c of clouds.values()) most = Math.max(most, ...c.perSecond.slice(0, -1));
  const top = [1, 2, 5].map((f) => f * 10 ** Math.floor(Math.log10(most))).concat(10 * 10 ** Math.floor(Math.log10(most))).find((f) => f >= most);
  if (!$("plot-grid").childNodes.length) for (const y of [5, 85, 165]) $("plot-grid").append(svg("line", { x1: 0, x2: 720, y1: y, y2: y }));
  $("plot-lines").replaceChildren(...[...clouds.values()].map((c) => {
    const path = c.perSecond.slice(SECONDS - 1 - seen, -1).map((n, i) => (i ? "L" : "M") + (720 * (span - seen + i) / (span - 1)).toFixed(1) + " " + (165 - 160 * n / top).toFixed(1)).join("");
    return svg("path", { d: path, class: "k" + c.slot, stroke: "currentColor", "stroke-dasharray": DASHES[c.slot] });
  }));
  set("plot-from", span + " s ago");
  set("plot-max", "top line: " + number(top) + " events/s");
}

// ---- Now and then: figures and health --------------------------------------
async function figures() {
  const stats = await ask("/api/v1/stats");
  const day = stats.windows[0];
  // Facts as counted in the store, and what has come since then.
  tick();
  const since = Math.max(0, Math.min(SECONDS, Math.round((Date.now() - Date.parse(stats.generated_at)) / 1000)));
  for (const [status] of STATUSES) {
    const come = since && statusSeconds.has(status) ? statusSeconds.get(status).perSecond.slice(-since).reduce((a, b) => a + b, 0) : 0;
    statusCounts.set(status, (day.verdicts.by_status[status] || 0) + come);
  }
  for (const name of Object.keys(day.events.by_cloud)) if (name !== "other") cloud(name);
  set("agreement", day.verdicts.agreement === undefined ? "–" : (100 * day.verdicts.agreement).toFixed(2) + " %");
  $("windows").replaceChildren(...stats.windows.map((w) => {
    const row = element("tr", "", heading("row", { "24h": "24 hours", "7d": "7 days", "30d": "30 days" }[w.window]));
    for (const n of [w.events.total, w.verdicts.total, w.dead_letters.total]) row.append(element("td", "", n.toLocaleString("en")));
    return row;
  }));
}
async function health() {
  const state = await ask("/api/v1/health/detailed");
  $("health").replaceChildren(...state.dependencies.map((d) => {
    const up = d.state === "up", li = element("li", "", element("span", "mark " + (up ? "s-matched" : "s-mismatched"), up ? "✓" : d.state === "down" ? "▲" : "…"), element("b", "", bdi(d.name)),
      element("span", "", d.state + (up ? ", " + (1000 * d.latency_seconds).toFixed(0) + " ms" : "") + (d.since ? ", since " + clock(d.since) : "")));
    if (d.last_error) li.append(element("span", up ? "type" : "silent", "last error " + clock(d.last_error_at) + ": ", bdi(d.last_error, 200)));
    return li;
  }));
}
async function first() {
  const [events, verdicts] = await Promise.all([ask("/api/v1/events?limit=15"), ask("/api/v1/verdicts?limit=" + DISAGREEMENTS + "&status=mismatched,missing,partial,indeterminate")]);
  waiting.unshift(...events.items.reverse().map((e) => ({ ...e.event, fresh: false })));
  schedule();
  addDisagreements(verdicts.items.reverse().map((v) => v.verdict));
}

// ---- One fact --------------------------------------------------------------
async function showFact() {
  const id = (location.hash.match(/^#fact=([0-9a-f]{32})$/) || [])[1];
  if (!id) { if ($("fact").open) $("fact").close(); return; }
  $("fact-body").replaceChildren(element("p", "empty", "Reading …"));
  if (!$("fact").open) $("fact").showModal();
  try {
    const f = await ask("/api/v1/verdicts/" + id);
    $("fact-title").replaceChildren(bdi(f.key));
    $("fact-body").replaceChildren(...factParts(f));
  } catch (e) {
    $("fact-body").replaceChildren(element("p", "empty", "It can't be shown: " + e.message + ". A verdict appears here a moment after it is on the screen, when it is stored."));
  }
}
function factParts(f) {
  const names = [...new Set([...f.events.map((e) => e.cloud), ...f.fields.flatMap((x) => Object.keys(x.values))])].sort().slice(0, 8);
  const head = element("tr", "", heading("col", "field"));
  for (const n of names) head.append(heading("col", n, 24));
  const table = element("table", "diff", element("thead", "", head), element("tbody", "", ...f.fields.slice(0, 100).map((x) => compared((x.judged ? "≠ " : x.differs ? "· " : "") + x.field, names, x.values, x.outliers))));
  const history = element("ol", "", ...f.history.map((r) => element("li", "", mark(r.status), r.status + ", " + r.closed_by + ", ", element("time", "", new Date(r.decided_at).toISOString()),
    ...r.changes.filter((c) => c.member !== "events").map((c) => element("div", "note", c.member + ": ", bdi(say(c.before), 200), " → ", bdi(say(c.after), 200))))));
  const raw = f.events.map((e) => { const d = element("details", "", element("summary", "", bdi(e.cloud), " ", element("time", "", e.time)), element("pre", "", JSON.stringify(e.event, null, 2))); return d; });
  return [element("p", "", mark(f.status), f.status, " ", element("span", "type", bdi(f.type), ", tenant ", bdi(f.tenant))), element("h3", "", "Field by field"), table,
    element("p", "note", "≠ the verdict lists it · differs within a tolerance, or is not compared"), element("h3", "", "What was believed when"), history, element("h3", "", "Events"), ...raw];
}
$("fact-close").addEventListener("click", () => $("fact").close());
$("fact").addEventListener("close", () => { if (location.hash) history.replaceState(null, "", location.pathname); });
addEventListener("hashchange", showFact);

// ---- Start -----------------------------------------------------------------
const quietly = (promise) => promise.catch((e) => { set("note-agreement", e.message); });
let started = false;
async function start() {
  try { await Promise.all([figures(), health()]); } catch (e) { set("note-agreement", e.message); if ($("login").open) return; }
  if (started) { followEvents(); return; }
  started = true;
  quietly(first());
  followEvents();
  follow("/ws/verdicts", () => ({ max_rate: LIVE_RATE }), takeVerdicts);
  setInterval(draw, 1000);
  setInterval(() => quietly(figures()), 15000);
  setInterval(() => health().catch((e) => $("health").replaceChildren(element("li", "silent", "▲ the API does not answer: " + e.message))), 5000);
  draw();
  showFact();
}
start();

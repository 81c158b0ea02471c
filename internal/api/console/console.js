"use strict";
// All that is kept has a bound, so that the page can stay open for days.
const ROWS = 60, DISAGREEMENTS = 8, SECONDS = 120, SLOTS = 6, LIVE_RATE = 25;
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "1 2", "12 4"];

// ---- The API ---------------------------------------------------------------
async function ask(path) {
  const response = await fetch(path, credentials());
  if (response.status === 401) { login(); throw new Error("a token is needed"); }
  const body = parse(await response.text());
  if (!response.ok) throw Object.assign(new Error(body.detail || body.title || response.statusText), { status: response.status });
  return body;
}
function login() { if (!$("login").open) $("login").showModal(); }
$("login-form").addEventListener("submit", () => {
  remember($("login-token").value);
  $("login-token").value = "";
  start();
});
function protocols() {
  if (!token) return ["helios"];
  const text = Array.from(new TextEncoder().encode(token), (b) => String.fromCharCode(b)).join("");
  return ["helios", "helios.bearer." + btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")];
}

// follow keeps a stream open, and opens it again after a while when it is lost.
function follow(name, path, query, take) {
  let socket, timer, wait = 500, ended = false;
  const open = () => {
    const url = new URL(path, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    for (const [k, v] of Object.entries(query)) if (v) url.searchParams.set(k, v);
    socket = new WebSocket(url, protocols());
    const stream = streams.get(name) || { live: null, since: Date.now(), lost: 0 }, before = stream.lost;
    streams.set(name, stream);
    socket.onmessage = (m) => {
      wait = 500;
      const frame = parse(m.data);
      stream.lost = before + frame.dropped;
      connected(stream, true);
      take(frame);
    };
    socket.onclose = () => { if (ended) return; connected(stream, false); timer = setTimeout(open, wait); wait = Math.min(wait * 2, 10000); };
  };
  open();
  return () => { ended = true; clearTimeout(timer); socket.onmessage = null; socket.close(); streams.delete(name); connection(); };
}
const streams = new Map(); // name → {live: null until it is known, since, lost}
function connected(stream, is) {
  if (stream.live === is) return;
  if (stream.live === false) { quietly(figures()); quietly(recent()); } // what was missed meanwhile
  stream.live = is;
  stream.since = Date.now();
  connection();
}
function connection() {
  const all = [...streams.values()], state = all.some((s) => s.live === false) ? "lost" : all.every((s) => s.live) ? "live" : "wait";
  $("connection").dataset.state = state;
  set("connection", { lost: "connection lost, trying again", live: "live", wait: "connecting" }[state]);
}

// ---- Counts by second ------------------------------------------------------
const clouds = new Map();    // name → {slot, perSecond: [SECONDS], faults: [SECONDS], last, patience}
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
      clouds.set(name, { slot, perSecond: new Array(SECONDS).fill(0), faults: new Array(SECONDS).fill(0), last: 0, patience: 0 });
      if (name !== "other" && ![...$("filter-cloud").options].some((o) => o.value === name)) {
        const option = element("option", "", visible(clip(name, 40)));
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
    for (const c of [...clouds.values(), ...statusSeconds.values()]) for (const ring of [c.perSecond, c.faults]) if (ring) { ring.push(0); ring.shift(); }
  }
  second = now;
}
// mean of the last whole seconds, as far as the page has seen them.
function mean(perSecond, over) {
  const seen = Math.max(1, Math.min(over, Math.floor((Date.now() - opened) / 1000)));
  return perSecond.slice(-1 - seen, -1).reduce((a, b) => a + b, 0) / seen;
}

// ---- Live events -----------------------------------------------------------
let waiting = [], paused = false, missed = 0, delays = [], sampled = 0, stopFiltered;
// takeEvents counts everything; takeRows shows what the filter lets through.
function takeEvents(frame) {
  tick();
  const now = Date.now(), seen = Math.min(SECONDS, (now - opened) / 1000);
  for (const [name, count] of Object.entries(frame.counts || {})) {
    const c = cloud(name);
    c.perSecond[SECONDS - 1] += count;
    c.last = now;
    // It may be silent ten times as long as it was between two events.
    c.patience = Math.max(5, 10 * seen / c.perSecond.reduce((a, b) => a + b, 0));
  }
  if (!stopFiltered) takeRows(frame);
}
function takeRows(frame) {
  sampled = frame.sampled;
  const items = list(frame.items).filter((e) => e && typeof e === "object");
  if (paused) { for (const n of Object.values(frame.counts || {})) missed += n; return; }
  if (document.hidden) for (const e of items) e.fresh = false; // nobody sees when
  if (items.length) show(items);
}
let scheduled = false;
function show(items) {
  waiting.push(...items);
  if (waiting.length > ROWS) waiting = waiting.slice(-ROWS);
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => { scheduled = false; showEvents(); });
}
function showEvents() {
  const body = $("events");
  for (const e of waiting) {
    const at = say(e.ingesttime || e.time), ms = Date.now() - Date.parse(at);
    if (e.fresh !== false && ms > -1000 && ms < 60000) { delays.push(Math.max(0, ms)); if (delays.length > 100) delays.shift(); }
    body.prepend(eventRow(e, at));
  }
  waiting = [];
  while (body.rows.length > ROWS) body.deleteRow(-1);
}
function eventRow(e, at) {
  const name = say(e.cloud), row = element("tr"), square = element("span", "k" + cloud(name).slot, "■ ");
  square.setAttribute("aria-hidden", "true");
  row.append(element("td", "", time(at)), element("td", "", square, bdi(name, 40)), element("td", "", bdi(e.type)), element("td", "", bdi(e.correlationid)), element("td", "", bdi(e.data, 120)));
  return row;
}
function filter() {
  $("events").replaceChildren();
  waiting = [];
  sampled = 0;
  if (stopFiltered) { stopFiltered(); stopFiltered = null; }
  const wanted = { cloud: $("filter-cloud").value, type: $("filter-type").value.trim() };
  if (wanted.cloud || wanted.type) stopFiltered = follow("filtered", "/ws/events", { max_rate: LIVE_RATE, ...wanted }, takeRows);
  set("events-empty", stopFiltered ? "No event that the filter lets through has come yet." : "");
}
$("pause").addEventListener("click", () => {
  paused = !paused;
  missed = 0;
  $("pause").textContent = paused ? "Continue" : "Pause";
});
for (const id of ["filter-cloud", "filter-type"]) $(id).addEventListener("change", filter);

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
  const items = list(frame.items).filter((v) => v && typeof v === "object" && /^[0-9a-f]{32}$/.test(v.id));
  for (const v of items) { // corrected: the clouds agree after all
    const at = v.status === "matched" && v.revision > 1 ? disagreements.findIndex((d) => d.id === v.id) : -1;
    if (at >= 0) { disagreements.splice(at, 1); dirty = true; }
  }
  const news = items.filter((v) => v.status !== "matched");
  for (const v of news) for (const name of atFault(v)) if (clouds.has(name)) clouds.get(name).faults[SECONDS - 1]++;
  if (news.length) addDisagreements(news);
}
const atFault = (v) => new Set([...list(v.missing), ...list(v.stalled), ...list(v.diffs).flatMap((d) => list(members(d).outliers))].filter((n) => typeof n === "string"));
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
// held: nothing moves under a pointer, and nobody loses the focus.
const held = () => $("disagreements").hasChildNodes() && ($("fact").open || $("disagreements").contains(document.activeElement) || (matchMedia("(hover: hover)").matches && $("disagreements").matches(":hover")));
function showDisagreements() {
  set("held", dirty && held() ? "There are newer ones, shown when the pointer or the focus leaves." : "");
  if (!dirty || held()) return;
  dirty = false;
  $("disagreements-empty").hidden = disagreements.length > 0;
  $("disagreements").replaceChildren(...disagreements.map((v) => {
    const open = element("button", "link", bdi(v.key, 60));
    open.type = "button";
    open.addEventListener("click", () => { location.hash = "fact=" + v.id; });
    const what = element("p", "what", mark(v.status), element("span", "", visible(clip(say(v.status), 40))), open,
      element("span", "type", bdi(v.type, 60)), time(v.decided_at));
    return element("li", "", what, differences(v));
  }));
}

// ---- Once a second ---------------------------------------------------------
function draw() {
  tick();
  let all = 0, minute = 0;
  for (const c of clouds.values()) { all += mean(c.perSecond, 5); minute += mean(c.perSecond, 60); }
  set("rate-events", number(all));
  set("rate-verdicts", number(mean(verdictsPerSecond, 5)));
  if (delays.length) set("delay", Math.round([...delays].sort((a, b) => a - b)[delays.length >> 1]) + " ms");
  const lost = [...streams.values()].reduce((n, one) => n + one.lost, 0);
  set("sampled", paused ? "Paused; " + whole(missed) + " events have come since." : sampled ? "At this rate about " + LIVE_RATE + " events a second are shown; all are counted." : "");
  set("lost", lost ? whole(lost) + " items were lost: this page read too slowly." : "");
  $("events-empty").hidden = !$("events-empty").textContent || $("events").rows.length > 0;
  drawTrouble();
  drawClouds(minute);
  drawStatuses();
  drawPlot();
  showDisagreements();
}
function bar(name, prefix, share, classes, ...rest) {
  const fill = element("div", "fill");
  fill.style.width = (100 * share).toFixed(1) + "%";
  fill.hidden = !share;
  prefix.setAttribute("aria-hidden", "true");
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
const silent = (c) => c.last && Date.now() - c.last > 1000 * c.patience;
// drawTrouble says what is wrong, where, and since when.
let reported = "", dependencies = [], unreachable = "";
function drawTrouble() {
  const all = [...streams.values()], gone = all.filter((s) => s.live === false);
  const wrong = [
    ...(gone.length ? ["The connection is lost since " + clock(Math.min(...gone.map((s) => s.since))) + "; what is shown is from before."] : []),
    ...(unreachable && !gone.length ? ["The API does not answer: " + unreachable + "."] : []),
    ...dependencies.filter((d) => d.state === "down").map((d) => "The " + d.name + " is down since " + clock(d.since) + ": " + (EFFECTS[d.name] || "") + "."),
    ...(gone.length || dependencies.some((d) => d.name === "log" && d.state === "down") ? [] : [...clouds].filter(([, c]) => silent(c)).map(([name, c]) => visible(clip(name, 40)) + " is silent since " + clock(c.last) + "."))];
  if (reported === wrong.join("\n")) return; // screen readers are told of changes only
  reported = wrong.join("\n");
  $("trouble").replaceChildren(...wrong.map((text) => element("p", "", "▲ " + text)));
}
const EFFECTS = { store: "figures and details stand still", log: "nothing new can be seen" };
function drawClouds(minute) {
  $("clouds-empty").hidden = clouds.size > 0;
  $("clouds").replaceChildren(...[...clouds].map(([name, c]) => {
    const rate = mean(c.perSecond, 60), share = minute ? rate / minute : 0, faults = c.faults.slice(-60).reduce((a, b) => a + b, 0);
    const last = !c.last ? element("td", "n", "–") : silent(c) ? element("td", "n silent", "▲ silent") : element("td", "n", number(mean(c.perSecond, 5)) + "/s");
    return bar(name, sample(c.slot), share, "k" + c.slot, element("td", "n", (100 * share).toFixed(0) + " %"), last, element("td", "n" + (faults ? " out" : ""), whole(faults)));
  }));
}
function drawStatuses() {
  let sum = 0;
  for (const n of statusCounts.values()) sum += n;
  $("statuses").replaceChildren(...STATUSES.map(([status, sign]) => {
    const n = statusCounts.get(status) || 0, row = bar(status, element("span", "mark s-" + status, sign), sum ? n / sum : 0, "s-" + status, element("td", "n", whole(n)));
    row.dataset.status = status;
    row.dataset.count = n;
    return row;
  }));
}
function drawPlot() {
  // The page knows only what came since it was opened.
  const seen = Math.min(SECONDS - 1, Math.max(2, Math.floor((Date.now() - opened) / 1000) - 1)), span = Math.max(seen, 30);
  let most = 1;
  for (const c of clouds.values()) most = Math.max(most, ...c.perSecond.slice(0, -1));
  const top = [1, 2, 5].map((f) => f * 10 ** Math.floor(Math.log10(most))).concat(10 * 10 ** Math.floor(Math.log10(most))).find((f) => f >= most);
  if (!$("plot-grid").childNodes.length) for (const y of [5, 85, 165]) $("plot-grid").append(svg("line", { x1: 0, x2: 720, y1: y, y2: y }));
  $("plot-lines").replaceChildren(...[...clouds.values()].map((c) => {
    const path = c.perSecond.slice(SECONDS - 1 - seen, -1).map((n, i) => (i ? "L" : "M") + (720 * (span - seen + i) / (span - 1)).toFixed(1) + " " + (165 - 160 * n / top).toFixed(1)).join("");
    return svg("path", { d: path, class: "k" + c.slot, stroke: "currentColor", "stroke-dasharray": DASHES[c.slot] });
  }));
  set("plot-from", span + " s ago");
  for (const [id, part] of [["plot-top", 1], ["plot-middle", 0.5]]) set(id, whole(part * top) + "/s");
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
    for (const n of [w.events.total, w.verdicts.total, w.dead_letters.total]) row.append(element("td", "", whole(n)));
    return row;
  }));
  const reasons = Object.entries(members(day.dead_letters.by_reason)).sort((a, b) => b[1] - a[1]);
  $("reasons").replaceChildren(...reasons.flatMap(([reason, n], i) => [i ? ", " : "Dead letters of 24 hours: ", bdi(reason, 60), " " + whole(n)]));
}
async function health() {
  try {
    dependencies = (await ask("/api/v1/health/detailed")).dependencies;
    unreachable = "";
  } catch (e) {
    unreachable = e.message;
    dependencies = [];
    $("health").replaceChildren(element("li", "silent", "▲ the API does not answer"));
    return;
  }
  $("health").replaceChildren(...dependencies.map((d) => {
    const up = d.state === "up", ms = 1000 * d.latency_seconds, li = element("li", "", element("span", "mark " + (up ? "s-matched" : "s-mismatched"), up ? "✓" : d.state === "down" ? "▲" : "…"), element("b", "", bdi(d.name)),
      element("span", "", d.state + (up ? ", " + (ms < 1 ? "< 1" : ms.toFixed(0)) + " ms" : "") + (d.since ? ", since " + clock(d.since) : "")));
    if (d.last_error) li.append(element("span", up ? "type" : "silent", "last error " + clock(d.last_error_at) + ": ", bdi(d.last_error, 200)));
    return li;
  }));
}
// recent disagreements, from the store.
async function recent() {
  const verdicts = await ask("/api/v1/verdicts?limit=" + DISAGREEMENTS + "&status=mismatched,missing,partial,indeterminate");
  const stored = verdicts.items.map((v) => members(v.verdict)), newest = stored.length ? say(stored[0].decided_at) : "";
  const newer = disagreements.filter((d) => say(d.decided_at) > newest && !stored.some((v) => v.id === d.id));
  disagreements.splice(0, DISAGREEMENTS, ...[...newer, ...stored].slice(0, DISAGREEMENTS));
  dirty = true;
}
async function past() {
  const events = await ask("/api/v1/events?limit=15");
  show(events.items.reverse().map((e) => ({ ...members(e.event), fresh: false })));
}

// ---- Start -----------------------------------------------------------------
// quietly: what is wrong is shown by the health.
const quietly = (promise) => promise.catch(() => {});
let started = false;
async function start() {
  // What is slow to answer holds up nothing; that a token is needed shows at once.
  await Promise.race([Promise.all([quietly(figures()), health()]), new Promise((go) => setTimeout(go, 500))]);
  if (started || $("login").open) return;
  started = true;
  quietly(past());
  quietly(recent());
  follow("events", "/ws/events", { max_rate: LIVE_RATE }, takeEvents);
  follow("verdicts", "/ws/verdicts", { max_rate: LIVE_RATE }, takeVerdicts);
  setInterval(draw, 1000);
  setInterval(() => quietly(figures()), 15000);
  setInterval(health, 5000);
  draw();
  showFact();
}
start();

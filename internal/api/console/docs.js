"use strict";
// The API's pages, made from its own specification. Everything is inserted as
// text.
function element(name, classes, ...children) {
  const e = document.createElement(name);
  if (classes) e.className = classes;
  e.append(...children);
  return e;
}
const $ = (id) => document.getElementById(id);
$("token").value = sessionStorage.getItem("helios-token") || "";
$("token").addEventListener("change", () => sessionStorage.setItem("helios-token", $("token").value.trim()));

function field(p) {
  const input = element("input");
  input.name = p.name;
  input.required = Boolean(p.required);
  const schema = p.schema || {}, items = schema.items || {};
  if (schema.default !== undefined) input.placeholder = String(schema.default);
  const allowed = (schema.enum || items.enum || []).join(", ");
  const kind = allowed || schema.format || schema.type || "";
  return element("tr", "", element("td", "", element("label", "", p.name + " ", input)), element("td", "type", kind), element("td", "", p.description || ""));
}
async function tryIt(path, operation, form, answer) {
  const params = new URLSearchParams(), data = new FormData(form);
  let at = path;
  for (const p of operation.parameters || []) {
    const value = data.get(p.name);
    if (!value) continue;
    if (p.in === "path") at = at.replace("{" + p.name + "}", encodeURIComponent(value));
    else params.set(p.name, value);
  }
  const url = at + (params.size ? "?" + params : ""), token = $("token").value.trim();
  try {
    const response = await fetch(url, { headers: token ? { Authorization: "Bearer " + token } : {} });
    answer.textContent = "GET " + url + "\n" + response.status + " " + response.headers.get("Content-Type") + "\n\n" + JSON.stringify(await response.json(), null, 2);
  } catch (e) { answer.textContent = "GET " + url + "\n" + e.message; }
  answer.hidden = false;
}
function show(path, operation) {
  const answer = element("pre");
  answer.hidden = true;
  answer.tabIndex = 0;
  const form = element("form", "");
  form.append(element("table", "", ...(operation.parameters || []).map(field)));
  if (!path.startsWith("/ws/")) form.append(element("button", "", "Try it"));
  form.addEventListener("submit", (e) => { e.preventDefault(); tryIt(path, operation, form, answer); });
  const id = operation.operationId, card = element("section", "card", element("h3", "", "GET " + path), element("p", "", element("b", "", operation.summary + ". "), operation.description || ""), form, answer);
  card.id = id;
  return card;
}
(async () => {
  const spec = await (await fetch("/openapi.json")).json();
  $("about").textContent = spec.info.description + " Errors are problem details after RFC 9457.";
  for (const path of Object.keys(spec.paths).sort()) $("operations").append(show(path, spec.paths[path].get));
})().catch((e) => { $("about").textContent = "The specification can't be read: " + e.message; });

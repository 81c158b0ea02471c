"use strict";
// The API's pages, made from its own specification.
$("token").value = token;
$("token").addEventListener("change", () => remember($("token").value));

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
// answers lists the members of what an operation answers, with those inside them.
function answers(spec, operation) {
  const rows = [], resolve = (schema) => (schema.$ref ? spec.components.schemas[schema.$ref.split("/").pop()] : schema);
  const walk = (schema, path, depth) => {
    for (const [name, inner] of Object.entries(schema.properties || {})) {
      const own = resolve(inner), items = own.items && resolve(own.items), kind = [].concat(own.type || []).filter((t) => t !== "null")[0] || "any JSON";
      rows.push(element("tr", "", element("td", "", element("code", "", path + name)), element("td", "type", (own.enum || []).join(", ") || own.format || kind), element("td", "", inner.description || own.description || "")));
      if (depth < 4) walk(items || own, path + name + (items ? "[]." : "."), depth + 1);
    }
  };
  const json = ((operation.responses["200"] || {}).content || {})["application/json"];
  if (json) walk(resolve(json.schema), "", 0);
  return rows.length ? element("details", "", element("summary", "", "What it answers"), element("table", "", element("tbody", "", ...rows))) : "";
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
  const url = at + (params.size ? "?" + params : "");
  try {
    const response = await fetch(url, credentials());
    answer.textContent = "GET " + url + "\n" + response.status + " " + response.headers.get("Content-Type") + "\n\n" + visible(clip(JSON.stringify(parse(await response.text()), null, 2), 200000));
  } catch (e) { answer.textContent = "GET " + url + "\n" + visible(e.message); }
  answer.hidden = false;
}
function show(spec, path, operation) {
  const answer = element("pre");
  answer.hidden = true;
  answer.tabIndex = 0;
  const form = element("form", "");
  form.append(element("table", "", ...(operation.parameters || []).map(field)));
  if (!path.startsWith("/ws/")) form.append(element("button", "", "Try it"));
  form.addEventListener("submit", (e) => { e.preventDefault(); tryIt(path, operation, form, answer); });
  const id = operation.operationId, card = element("section", "card", element("h2", "", "GET " + path), element("p", "", element("b", "", operation.summary + ". "), operation.description || ""), form, answer, answers(spec, operation));
  card.id = id;
  return card;
}
(async () => {
  const spec = await (await fetch("/openapi.json")).json();
  $("about").textContent = spec.info.description + " Errors are problem details after RFC 9457.";
  for (const path of Object.keys(spec.paths).sort()) $("operations").append(show(spec, path, spec.paths[path].get));
})().catch((e) => { $("about").textContent = "The specification can't be read: " + e.message; });

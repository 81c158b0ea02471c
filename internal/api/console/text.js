"use strict";
// What the pages share. Everything shown is inserted as text, never as HTML.
const $ = (id) => document.getElementById(id);
const set = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };

// element makes one with classes and children; strings become text.
function element(name, classes, ...children) {
  const e = document.createElement(name);
  if (classes) e.className = classes;
  for (const c of children) if (c !== null && c !== undefined) e.append(c);
  return e;
}

// visible shows what has no picture of its own: control characters, zero widths,
// and what turns the direction of text, so that two values that look the same and
// are not can be told apart. Heaps of accents, which would cover other lines, end.
const UNSEEN = /(?!\n)[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\u034f\u115f\u1160\u3164\uffa0\ufe00-\ufe0f]/gu;
const HEAP = /(\p{M}{4})\p{M}+/gu;
// What joins pictures to one is part of them.
const JOINER = /^[\u200d\ufe0f]$/, PICTURE = /[\p{Extended_Pictographic}\p{Emoji_Modifier}]\ufe0f?$/u;
const code = (c, at, text) => (JOINER.test(c) && PICTURE.test(text.slice(Math.max(0, at - 4), at)) ? c : "⟨U+" + c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0") + "⟩");
const visible = (text) => text.toWellFormed().replace(UNSEEN, code).replace(HEAP, "$1…");
const clip = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
// bdi keeps the direction of a text from its surroundings.
function bdi(value, most = 160) {
  const text = say(value), shown = visible(clip(text, most)).replaceAll("\n", "⏎"), e = element("bdi", "", shown);
  if (shown.length > 6) e.title = visible(clip(text, 400));
  return e;
}
// parse reads JSON as JSON.parse does, and keeps the numbers that JavaScript would
// round, or can't hold, as they are written: two that differ must not look the same.
const digits = (text) => text.replace(/e.*/i, "").replace(/\D/g, "").replace(/^0+|0+$/g, "");
const written = (source) => ({ toJSON: () => JSON.rawJSON(source), toString: () => source });
const parse = (text) => JSON.parse(text, (_, value, context) => (
  typeof value === "number" && JSON.rawJSON && digits(String(value)) !== digits(context.source) ? written(context.source) : value));
const say = (value) => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));
// list and members take nothing for granted: what is in the log was written by others.
const list = (value) => (Array.isArray(value) ? value : []);
const members = (value) => (value && typeof value === "object" && !Array.isArray(value) ? value : {});
const number = (n) => (n >= 100 ? Math.round(n).toLocaleString("en") : n >= 10 ? n.toFixed(1) : n.toFixed(2).replace(/\.?0+$/, "") || "0");
const whole = (n) => n.toLocaleString("en");
const clock = (t) => { const at = new Date(t); return Number.isNaN(at.getTime()) ? "–" : at.toLocaleTimeString("en-GB"); };
// time is a moment of which machines find the whole and people see the clock.
function time(t, text = clock(t)) {
  const e = element("time", "", text), at = new Date(t);
  if (!Number.isNaN(at.getTime())) e.dateTime = e.title = typeof t === "string" ? clip(t, 40) : at.toISOString();
  return e;
}

let token = sessionStorage.getItem("helios-token") || "";
const credentials = () => ({ headers: token ? { Authorization: "Bearer " + token } : {} });
function remember(text) {
  token = text.trim();
  sessionStorage.setItem("helios-token", token);
}

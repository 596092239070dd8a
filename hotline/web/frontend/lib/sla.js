// What a deadline leaves: "2 h 05", "24 min", "12 min over", "paused". Words and icon change, never colour alone.
import { all, attribute, find } from "./dom.js";
import { t } from "./i18n.js";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const two = (n) => String(n).padStart(2, "0");

/** A length of time in two steps at most. Seconds are not told: what is left of the last minute is 1 min. */
export function span(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole >= DAY) return t("{d} d {h} h", { d: Math.floor(whole / DAY), h: Math.floor((whole % DAY) / HOUR) });
  if (whole >= HOUR) return t("{h} h {m}", { h: Math.floor(whole / HOUR), m: two(Math.floor((whole % HOUR) / MINUTE)) });
  return t("{m} min", { m: Math.max(1, Math.ceil(whole / MINUTE)) });
}

const ICONS = { plain: "clock", warn: "clock", breach: "alert", paused: "pause", met: "check" };
const CLASSES = { plain: "", warn: "sla-warn", breach: "sla-breach", paused: "sla-paused", met: "sla-met" };

/**
 * How a clock {state, due, warn} looks at `now` (milliseconds): {look, text}. `state` is running, paused, met, breached
 * or missed; a breach that is over ("missed") keeps its word without a running time.
 */
export function lookOf({ state = "running", due = null, warn = null }, now) {
  if (state === "paused") return { look: "paused", text: t("paused") };
  if (state === "met") return { look: "met", text: t("met") };
  if (state === "missed") return { look: "breach", text: t("missed") };
  if (!due) return { look: "plain", text: "" };
  const left = (Date.parse(due) - now) / 1000;
  if (left < 0) return { look: "breach", text: t("{time} over", { time: span(-left) }) };
  const amber = warn !== null && warn !== "" && now >= Date.parse(warn);
  return { look: amber ? "warn" : "plain", text: span(left) };
}

/** Writes one element marked data-clock anew. */
export function showClock(element, now) {
  const { clock: state, due, warn } = element.dataset;
  const { look, text } = lookOf({ state: state || "running", due, warn }, now);
  const word = find("[data-part=left]", element) ?? element;
  if (word.textContent !== text) word.textContent = text;
  if (element.dataset.look === look) return;
  element.dataset.look = look;
  for (const name of Object.values(CLASSES)) if (name) element.classList.toggle(name, name === CLASSES[look]);
  const use = find("use", element);
  if (use) attribute(use, "href", use.getAttribute("href").replace(/#.*$/, `#i-${ICONS[look]}`));
}

/** Every clock and every bar of the page, and how long customers wait for an answer to what they wrote. */
export function showClocks(now, root = document) {
  for (const element of all("[data-waits]", root)) {
    const text = span((now - Date.parse(element.dataset.waits)) / 1000);
    const word = find("[data-part=left]", element);
    if (word.textContent !== text) word.textContent = text;
    element.classList.toggle("sla-breach", Boolean(element.dataset.due && Date.parse(element.dataset.due) < now));
  }
  for (const element of all("[data-clock]", root)) showClock(element, now);
  for (const bar of all("[data-bar]", root)) {
    const { bar: state, due, warn, used } = bar.dataset;
    const { look } = lookOf({ state, due, warn }, now);
    const fill = bar.firstElementChild;
    fill.className = { warn: "is-warn", breach: "is-breach", met: "is-ok" }[look] ?? "";
    fill.style.width = `${look === "breach" || look === "met" ? 100 : Math.min(100, Number(used) || 0)}%`;
  }
}

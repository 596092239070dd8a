// Running clocks: every element with data-since shows how long ago that instant was, with data-until how long until
// then, with data-clock what a deadline leaves; all by the server's clock.
import { all } from "./dom.js";
import { showClocks } from "./sla.js";
import { duration } from "./text.js";

let skew = 0; // server's clock minus ours, in milliseconds
let timer = 0;

/** Sets the clock by an instant that the server has just sent. */
export function setClock(serverInstant) {
  const at = Date.parse(serverInstant);
  if (Number.isFinite(at)) skew = at - Date.now();
}

/** Now, in milliseconds, by the server's clock. */
export const now = () => Date.now() + skew;

function tick() {
  for (const element of all("[data-since]")) {
    const since = Date.parse(element.dataset.since);
    if (!Number.isFinite(since)) continue;
    const text = duration((now() - since) / 1000);
    if (element.textContent !== text) element.textContent = text;
  }
  for (const element of all("[data-until]")) {
    const text = duration(Math.ceil(Math.max(0, (Date.parse(element.dataset.until) - now()) / 1000)));
    if (element.textContent !== text) element.textContent = text;
  }
  showClocks(now());
}

/** Brings every clock up to now, for those that have just come onto the page. */
export const refreshClocks = () => tick();

/** Makes the element count down to an ISO instant; null stops it and empties it. */
export function countTo(element, instant) {
  if (!element) return;
  if (instant) {
    delete element.dataset.since;
    element.dataset.until = instant;
    element.textContent = duration(Math.ceil(Math.max(0, (Date.parse(instant) - now()) / 1000)));
  } else {
    delete element.dataset.until;
    element.textContent = "";
  }
}

/** Makes the element count from an ISO instant; null stops it and empties it. */
export function countFrom(element, instant) {
  if (!element) return;
  delete element.dataset.until;
  if (instant) {
    if (element.dataset.since !== instant) element.dataset.since = instant;
    element.textContent = duration((now() - Date.parse(instant)) / 1000);
  } else {
    delete element.dataset.since;
    element.textContent = "";
  }
}

/** Starts the page's one timer. */
export function startClocks() {
  tick();
  timer ||= setInterval(tick, 1000);
}

// Buttons that do one thing through the API and need no script of their own:
// <button data-act='{"method", "url", "body", "said", "undo": {method, url, body}, "then"}'>. Done at once; the bar
// undoes it. `then`: "reload" (the default), "remove" (the closest [data-row] goes), "none", or an address.
import { ApiError, api } from "../lib/api.js";
import { attribute } from "../lib/dom.js";
import { goOn, toast } from "./toast.js";

export function startActs() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-act]");
    if (!button || button.getAttribute("aria-disabled") === "true" || button.disabled) return;
    event.preventDefault();
    void act(button, JSON.parse(button.dataset.act));
  });
}

async function act(button, { method, url, body, said = "", undo = null, then = "reload" }) {
  if (button.getAttribute("aria-busy") === "true") return;
  attribute(button, "aria-busy", "true");
  try {
    await api(method, url, body);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.code === "confirm_needed") location.assign(`/confirm?next=${encodeURIComponent(location.pathname)}`);
    else toast.bad(error.message);
    return;
  } finally {
    attribute(button, "aria-busy", null);
  }
  const row = then === "remove" ? button.closest("[data-row]") : null;
  if (row) {
    // The focus goes to the next row's first control, not to the page's start.
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.hidden = true;
    next?.querySelector("a, button")?.focus({ preventScroll: true });
  }
  const after = row ? () => (row.hidden = false) : then;
  if (undo) toast.undo(said, undo, { then: row ? after : "reload" });
  else if (said && (row || then === "none")) toast.say(said);
  if (!row) goOn(then, undo ? "" : then === "none" ? "" : said);
}

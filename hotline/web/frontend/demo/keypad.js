// The handset's keys, by pointer and by keyboard, sent in the order in which they were pressed.
import { all, find } from "../lib/dom.js";

const KEYS = "0123456789*#";
let sending = Promise.resolve();

/** Whether somebody writes a text: its digits are no keys of the telephone. */
function writes(target) {
  return target instanceof Element && target.closest("textarea, select, input:not([type=radio], [type=checkbox])") !== null;
}

/** Calls `send(key)` for each key; keys that come meanwhile wait. `ready()` says whether anybody takes them. */
export function startKeypad(send, ready) {
  const press = (key) => {
    if (!ready()) return;
    const button = find(`[data-key="${key}"]`);
    button.classList.add("is-pressed");
    setTimeout(() => button.classList.remove("is-pressed"), 180);
    sending = sending.then(() => send(key));
  };
  for (const button of all("[data-key]")) button.addEventListener("click", () => press(button.dataset.key));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || writes(event.target)) return;
    if (event.key.length === 1 && KEYS.includes(event.key)) {
      event.preventDefault();
      press(event.key);
    }
  });
}

/** Only while somebody takes keys they can be pressed. */
export function enableKeypad(on) {
  for (const button of all("[data-key]")) button.disabled = !on;
}

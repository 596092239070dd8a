// What was done at once can be undone for 30 seconds; the bar says so. What must be read never stands here.
import { clone, find, part } from "../lib/dom.js";

const SECONDS = 30;
let current = null;

/** Shows "done · Undo"; `undo` runs when the person asks. A new one replaces the old. */
export function offerUndo(text, undo) {
  current?.remove();
  const bar = clone("undo-bar");
  current = bar;
  part(bar, "text").textContent = text;
  const close = () => {
    clearTimeout(timer);
    bar.remove();
  };
  const timer = setTimeout(close, SECONDS * 1000);
  part(bar, "undo").addEventListener("click", () => {
    close();
    undo();
  });
  part(bar, "close").addEventListener("click", close);
  (find("#undo-place") ?? document.body).append(bar);
}

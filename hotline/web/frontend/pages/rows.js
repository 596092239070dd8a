// Rows of a form that can be put in another order: [data-move-row] moves its [data-row] up (-1) or down (1).
import { find } from "../lib/dom.js";

export function startRows(root) {
  root.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-move-row]");
    if (!button) return;
    const row = button.closest("[data-row]");
    const up = button.dataset.moveRow === "-1";
    const other = up ? row.previousElementSibling : row.nextElementSibling;
    if (!other?.matches("[data-row]")) return;
    if (up) other.before(row);
    else other.after(row);
    const way = find(`[data-move-row="${button.dataset.moveRow}"]`, row);
    way.focus();
    way.dispatchEvent(new Event("input", { bubbles: true })); // drafts are kept as they are now
  });
}

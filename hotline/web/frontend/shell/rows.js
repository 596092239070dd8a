// The keyboard in lists and between columns: J and K go through the rows of the page, X chooses one, / searches,
// F6 goes to the next column. Rows are links (or buttons) that the list marks by their class.
import { all, find } from "../lib/dom.js";

const ROWS = ".row-link, [data-row-link], .work-row";
const shown = (element) => element.checkVisibility?.({ visibilityProperty: true }) !== false;

const rows = () => {
  // On the desk: the rows of the column in which one is; elsewhere those of the page.
  const column = document.activeElement?.closest?.(".desk-col") ?? find(".col-work") ?? find("#main");
  return column ? all(ROWS, column).filter(shown) : [];
};

/** Goes `by` rows on; answers whether there are any. */
export function step(by) {
  const found = rows();
  if (found.length === 0) return false;
  const at = found.findIndex((row) => row === document.activeElement || row.closest("tr, li")?.contains(document.activeElement));
  found[Math.min(found.length - 1, Math.max(0, at < 0 ? (by > 0 ? 0 : found.length - 1) : at + by))].focus();
  return true;
}

function chooseRow() {
  const box = find("input[type=checkbox]", document.activeElement?.closest?.("tr, li") ?? document.createElement("i"));
  if (!box) return false;
  box.click();
  return true;
}

function searchHere() {
  const field = find("#main input[type=search]");
  if (!field || !shown(field)) return false;
  field.focus();
  field.select();
  return true;
}

/** The desk's columns, else the rail, the top bar and the page. */
function nextColumn() {
  const columns = all(".desk-col").filter(shown);
  const places = columns.length > 1 ? columns : [find(".navbar-rail"), find(".topbar"), find("#main")].filter(Boolean);
  const at = places.findIndex((place) => place.contains(document.activeElement));
  const next = places[(at + 1) % places.length];
  const first = all("a[href], button, input, select, textarea, summary, [tabindex='0']", next).find((one) => !one.disabled && shown(one));
  if (!first) next.tabIndex = -1;
  (first ?? next).focus();
}

/** The keys, for startKeys. */
export const rowKeys = {
  J: () => step(1),
  K: () => step(-1),
  X: chooseRow,
  "/": searchHere,
  F6: nextColumn,
};

/** The visible twins of J and K below a list. */
export function startRows() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-part=next-row], [data-part=previous-row]");
    if (button) step(button.dataset.part === "next-row" ? 1 : -1);
  });
}

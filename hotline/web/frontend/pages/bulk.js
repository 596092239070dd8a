// Many customers at once: rows are chosen (X, a click, all of the page, all that match), the bar says what can be done,
// the dialog shows how many would change, and the job's own line follows.
import { ApiError, api } from "../lib/api.js";
import { all, find, part } from "../lib/dom.js";
import { nt, t } from "../lib/i18n.js";

const WAIT = 300; // milliseconds that a field rests before the preview is read anew
const FILTERS = ["q", "tag", "tier", "responsible", "classification", "kind"];

export function startBulk(root) {
  const bar = part(root, "bar");
  const dialog = part(root, "dialog");
  const chosen = new Set();
  let everything = null; // how many match, when all of them are meant
  let timer = 0;
  let asked = 0;
  let following = false; // a job whose end changes the rows

  const boxes = () => all("input[data-pick]", root);
  const whom = () => (everything === null ? { ids: [...chosen] } : { filter: filter() });

  /** What the list is narrowed by: its address. */
  function filter() {
    const query = new URLSearchParams(location.search);
    return Object.fromEntries(FILTERS.filter((name) => query.get(name)).map((name) => [name, query.get(name)]));
  }

  function show() {
    const count = everything ?? chosen.size;
    bar.hidden = count === 0;
    part(bar, "count").textContent = nt("{n} chosen", "{n} chosen", count);
    part(bar, "everything").hidden = everything !== null || chosen.size < boxes().length;
    const two = part(bar, "merge");
    if (two) two.hidden = everything !== null || chosen.size !== 2;
    const page = find("input[data-pick-page]", root);
    for (const box of boxes()) {
      box.checked = everything !== null || chosen.has(box.value);
      box.closest("tr").classList.toggle("is-selected", box.checked);
    }
    if (page) {
      page.checked = boxes().length > 0 && boxes().every((box) => box.checked);
      page.indeterminate = !page.checked && boxes().some((box) => box.checked);
    }
  }

  function clear() {
    chosen.clear();
    everything = null;
    show();
  }

  root.addEventListener("change", ({ target }) => {
    if (target.matches("[data-pick-page]")) {
      for (const box of boxes()) target.checked ? chosen.add(box.value) : chosen.delete(box.value);
    } else if (target.matches("[data-pick]")) {
      if (everything !== null) for (const box of boxes()) chosen.add(box.value);
      target.checked ? chosen.add(target.value) : chosen.delete(target.value);
    } else return;
    everything = null;
    show();
  });
  // Another search is another list: what was chosen in the one before is not in sight any more.
  document.addEventListener("htmx:after:swap", () => {
    if (following && !find("[data-part=job] .job-line[hx-get]", root)) {
      following = false;
      void globalThis.htmx?.ajax("GET", location.pathname + location.search, { target: "#customers", swap: "innerHTML" });
    }
    if (everything !== null || boxes().every((box) => !chosen.has(box.value))) clear();
    else show();
  });

  bar.addEventListener("click", async ({ target }) => {
    const button = target.closest("button");
    if (!button || button.getAttribute("aria-disabled") === "true") return;
    if (button.dataset.batch) await open(button.dataset.batch);
    else if (button.dataset.part === "clear") clear();
    else if (button.dataset.part === "everything") {
      try {
        const seen = await api("POST", "/batches", { action: bar.dataset.countsBy, filter: filter(), dry_run: true });
        everything = seen.count;
        show();
      } catch (error) {
        tell(error);
      }
    } else if (button.dataset.part === "merge") {
      const [one, other] = [...chosen].sort();
      location.assign(`/customers/${one}/merge?with=${other}`);
    } else if (button.dataset.part === "export") {
      if (everything !== null) location.assign(`/exports/new?${new URLSearchParams(filter())}`);
      else await start({ action: "export" }, () => location.assign("/exports"));
    }
  });

  async function open(action) {
    const response = await fetch(`/batches/form?action=${action}`, { credentials: "same-origin", headers: { "HX-Request": "true" } }).catch(() => null);
    if (!response?.ok) return;
    part(dialog, "body").innerHTML = await response.text(); // our own template, escaped by the server
    dialog.showModal();
    const form = part(dialog, "form");
    form.addEventListener("input", () => preview(form));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void start(order(form), follow);
    });
    preview(form);
  }

  function order(form) {
    const { action } = form.dataset;
    const value = form.elements.value?.value || null;
    const tags = (form.elements.tags?.value ?? "").split(/[,，、]/).map((tag) => tag.trim().replace(/^#/, "")).filter(Boolean);
    const values = { classify: { classification: value }, transfer: { responsible: value } }[action] ?? { tags };
    return { action, values };
  }

  function preview(form) {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const mine = ++asked;
      const wanted = order(form);
      if (wanted.values.tags?.length === 0) return;
      try {
        const seen = await api("POST", "/batches", { ...whom(), ...wanted, dry_run: true });
        if (mine !== asked) return;
        part(form, "refused").hidden = true;
        part(form, "preview").textContent = t("{count} chosen, {changing} of them would change.", { count: seen.count, changing: seen.changing });
      } catch (error) {
        if (mine === asked) tell(error, form);
      }
    }, WAIT);
  }

  async function start(wanted, then) {
    const form = part(dialog, "form");
    try {
      const made = await api("POST", "/batches", { ...whom(), ...wanted });
      dialog.close();
      clear();
      then(made.job);
    } catch (error) {
      tell(error, dialog.open ? form : null);
    }
  }

  /** The job's line shows how far it is, asks for itself again, and has its own buttons. */
  async function follow(job) {
    const place = part(root, "job");
    const response = await fetch(`/jobs/${job.id}/line`, { credentials: "same-origin", headers: { "HX-Request": "true" } }).catch(() => null);
    if (!response?.ok) {
      location.assign(`/jobs/${job.id}`);
      return;
    }
    place.innerHTML = await response.text(); // our own template, escaped by the server
    place.hidden = false;
    following = true;
    globalThis.htmx?.process(place);
  }

  function tell(error, form = null) {
    if (!(error instanceof ApiError)) throw error;
    const line = form ? part(form, "refused") : part(bar, "count");
    line.textContent = error.message;
    line.hidden = false;
  }

  show();
}

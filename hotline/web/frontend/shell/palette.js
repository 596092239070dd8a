// Ctrl K: pages and actions at once, customers and tickets as they are found. A combobox with a listbox (ARIA APG),
// in a dialog. Actions are what the page offers now: everything with a key, and every element with data-palette.
import { all, attribute, clone, find, part } from "../lib/dom.js";
import { ApiError, api } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";
import { kindName, stateName } from "../lib/tickets.js";

const WAIT = 120; // after the last letter
const SHORTEST = 2;
const MOST = 8; // customers, and as many tickets
const NUMBER = /^\+?\d[\d\s()./-]{2,24}$/;
const NO_ACTIONS = new Set(["J", "K", "X", "/"]); // walking through rows is nothing to search for

const shown = (element) => !element.disabled && element.checkVisibility?.({ visibilityProperty: true }) !== false;

export function startPalette() {
  const dialog = find("#palette");
  if (!dialog) return null;
  const input = find("input", dialog);
  const list = find("[role=listbox]", dialog);
  const note = find("[data-part=note]", dialog);
  const mayFind = dialog.dataset.finds === "yes";
  const mayDial = dialog.dataset.dials === "yes";
  const doing = new WeakMap(); // option → what it stands for
  let timer = 0;
  let asking = null;
  let chosen = 0;
  let number = 0;

  const options = () => all("[role=option]", list).filter((option) => !option.hidden);

  function choose(index) {
    const found = options();
    for (const option of all("[aria-selected=true]", list)) option.setAttribute("aria-selected", "false");
    chosen = found.length ? (index + found.length) % found.length : 0;
    for (const [at, option] of found.entries()) attribute(option, "aria-selected", at === chosen ? "true" : "false");
    attribute(input, "aria-activedescendant", found[chosen]?.id ?? null);
    found[chosen]?.scrollIntoView({ block: "nearest" });
  }

  function add(template, words, { href, act, before = null } = {}) {
    const option = clone(template);
    option.id = `palette-made-${(number += 1)}`;
    for (const [name, text] of Object.entries(words)) {
      const place = part(option, name);
      if (place) {
        place.textContent = text;
        place.hidden = text === "";
      }
    }
    if (href) option.dataset.href = href;
    if (act) doing.set(option, act);
    list.insertBefore(option, before);
    return option;
  }

  /** What can be done here and now, each once. */
  function collect() {
    for (const option of all("[data-made]", list)) option.remove();
    const known = new Set();
    const offer = (element, name, key) => {
      if (!name || known.has(name)) return;
      known.add(name);
      add("palette-action", { name, key }, { act: () => element.click() }).dataset.made = "";
    };
    for (const element of all("[data-key]")) {
      const { key } = element.dataset;
      if (NO_ACTIONS.has(key) || !shown(element) || element.closest("dialog") || element.getAttribute("aria-disabled")) continue;
      offer(element, nameOf(element), key);
    }
    for (const element of all("[data-palette]")) {
      if (!element.disabled && !element.closest("[hidden]") && !element.getAttribute("aria-disabled")) offer(element, element.dataset.palette, element.dataset.paletteKey ?? "");
    }
  }

  function search() {
    const text = input.value.trim();
    const wanted = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    for (const option of all("[role=option]:not([data-found])", list)) {
      const said = option.textContent.toLocaleLowerCase();
      option.hidden = !wanted.every((word) => said.includes(word));
    }
    clearTimeout(timer);
    asking?.abort();
    note.textContent = "";
    if (!mayFind || text.length < SHORTEST) found();
    else timer = setTimeout(() => void ask(text), WAIT);
    choose(0);
  }

  async function ask(text) {
    asking = new AbortController();
    const { signal } = asking;
    try {
      const { customers, tickets } = await api("GET", `/search?limit=${MOST}&q=${encodeURIComponent(text)}`, undefined, { signal });
      found(customers, tickets);
      note.textContent = options().length ? "" : t("Nothing matches “{text}”. Try the first letters of a name, the last four digits of a number, or C10001.", { text: plain(text, 40) });
    } catch (error) {
      if (error instanceof ApiError) note.textContent = error.message;
    }
  }

  function found(customers = [], tickets = []) {
    for (const option of all("[data-found]", list)) option.remove();
    const text = input.value.trim();
    if (mayDial && NUMBER.test(text)) {
      const option = add("palette-action", { name: t("Call {number}", { number: plain(text, 30) }), key: "" }, { before: list.firstElementChild });
      option.dataset.found = "";
      option.dataset.dial = text.replace(/[^\d+]/g, ""); // dial.js listens
      option.dataset.dialShown = text;
      doing.set(option, () => {});
    }
    for (const customer of customers) {
      const option = add("palette-customer", { name: plain(customer.name, 80), hint: plain(customer.hint?.text, 60), number: plain(customer.reference ?? customer.number, 20) }, { href: `/customers/${encodeURIComponent(customer.id)}` });
      if (customer.kind === "organisation") find("use", option)?.setAttribute("href", find("use", option).getAttribute("href").replace(/#.*/, "#i-building"));
    }
    for (const ticket of tickets) {
      const hint = [stateName(ticket.state), plain(ticket.customer?.name, 40)].filter(Boolean).join(" · ");
      add("palette-ticket", { name: plain(ticket.subject, 80) || kindName(ticket.kind), hint, number: plain(ticket.reference, 20) }, { href: `/tickets/${encodeURIComponent(ticket.id)}` });
    }
    choose(0);
  }

  function open() {
    if (dialog.open) return;
    collect();
    input.value = "";
    search();
    dialog.showModal();
  }

  function go(option) {
    if (!option) return;
    dialog.close();
    const act = doing.get(option);
    if (act) {
      act();
      return;
    }
    // On the desk a customer opens in the middle column, so that nothing else there is left.
    const event = new CustomEvent("hl:open", { detail: { href: option.dataset.href, label: part(option, "name")?.textContent ?? "" }, cancelable: true });
    if (document.dispatchEvent(event)) location.assign(option.dataset.href);
  }

  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const page = Math.max(1, Math.floor(list.clientHeight / 36));
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "PageDown") choose(Math.min(options().length - 1, chosen + page));
    else if (event.key === "PageUp") choose(Math.max(0, chosen - page));
    else if (event.key === "Enter") options()[chosen]?.click();
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => go(event.target.closest("[role=option]")));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.addEventListener("click", (event) => event.target.closest?.("[data-open-palette]") && open());
  return { open };
}

/** What a control says, without its key. */
function nameOf(element) {
  const copy = element.cloneNode(true);
  for (const key of all(".kbd", copy)) key.remove();
  return plain(copy.textContent || element.getAttribute("aria-label"), 60);
}

// Ctrl K: pages at once, customers and tickets as they are found. A combobox with a listbox (ARIA APG), in a dialog.
import { all, attribute, clone, find, part } from "../lib/dom.js";
import { ApiError, api } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";
import { kindName } from "../lib/tickets.js";

const WAIT = 120; // after the last letter
const SHORTEST = 2;
const TICKET = /^[Tt]?\d{3,12}$/;

export function startPalette() {
  const dialog = find("#palette");
  if (!dialog) return null;
  const input = find("input", dialog);
  const list = find("[role=listbox]", dialog);
  const note = find("[data-part=note]", dialog);
  const pages = all("[role=option]", list);
  const mayFind = dialog.dataset.customers === "yes";
  const mayFindTickets = dialog.dataset.tickets === "yes";
  let timer = 0;
  let asking = null;
  let chosen = 0;

  const options = () => all("[role=option]", list).filter((option) => !option.hidden);

  function choose(index) {
    const shown = options();
    for (const option of all("[aria-selected=true]", list)) option.setAttribute("aria-selected", "false");
    chosen = shown.length ? (index + shown.length) % shown.length : 0;
    for (const [at, option] of shown.entries()) attribute(option, "aria-selected", at === chosen ? "true" : "false");
    attribute(input, "aria-activedescendant", shown[chosen]?.id ?? null);
    shown[chosen]?.scrollIntoView({ block: "nearest" });
  }

  function search() {
    const wanted = input.value.trim().toLocaleLowerCase();
    for (const page of pages) page.hidden = wanted !== "" && !page.textContent.toLocaleLowerCase().includes(wanted);
    clearTimeout(timer);
    asking?.abort();
    if (wanted.length < SHORTEST || !(mayFind || mayFindTickets)) {
      show([]);
      note.textContent = "";
      return;
    }
    timer = setTimeout(() => void ask(input.value.trim()), WAIT);
    choose(0);
  }

  async function ask(text) {
    asking = new AbortController();
    const { signal } = asking;
    const read = (may, path) => (may ? api("GET", `${path}${encodeURIComponent(text)}`, undefined, { signal }) : Promise.resolve({ items: [] }));
    try {
      const [tickets, customers] = await Promise.all([
        read(mayFindTickets && TICKET.test(text), "/tickets?limit=3&q="),
        read(mayFind, "/customers?limit=8&q="),
      ]);
      show(customers.items, tickets.items);
      note.textContent = options().length ? "" : t("No page, customer or ticket matches “{text}”.", { text: plain(text, 40) });
    } catch (error) {
      if (error instanceof ApiError) note.textContent = error.message;
    }
  }

  function show(customers, tickets = []) {
    for (const option of all("[data-found]", list)) option.remove();
    for (const [at, ticket] of tickets.entries()) {
      const option = clone("palette-ticket");
      option.id = `found-ticket-${at}`;
      option.dataset.href = `/tickets/${encodeURIComponent(ticket.id)}`;
      part(option, "name").textContent = plain(ticket.subject, 80) || kindName(ticket.kind);
      part(option, "number").textContent = plain(ticket.reference, 20);
      list.append(option);
    }
    for (const [at, customer] of customers.entries()) {
      const option = clone("palette-customer");
      option.id = `found-${at}`;
      option.dataset.href = `/customers/${encodeURIComponent(customer.id)}`;
      part(option, "name").textContent = plain(customer.name, 80);
      part(option, "number").textContent = plain(customer.reference ?? customer.number, 20);
      list.append(option);
    }
    choose(0);
  }

  function open() {
    if (dialog.open) return;
    input.value = "";
    search();
    dialog.showModal();
  }

  function go(option) {
    if (!option) return;
    dialog.close();
    // On the desk a customer opens in the middle column, so that nothing else there is left.
    const event = new CustomEvent("hl:open", { detail: { href: option.dataset.href }, cancelable: true });
    if (document.dispatchEvent(event)) location.assign(option.dataset.href);
  }

  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter") go(options()[chosen]);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => go(event.target.closest("[role=option]")));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.addEventListener("click", (event) => event.target.closest?.("[data-open-palette]") && open());
  return { open };
}

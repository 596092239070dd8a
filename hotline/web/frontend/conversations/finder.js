// Finding a customer or a ticket for a conversation: a dialog with one field and what is found.
import { clone, find, part, say } from "../lib/dom.js";
import { ApiError, api } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";

const WAIT = 150;
const MOST = 8;

/** Asks for a record of a kind ("customer" or "ticket"); `onChoose(record)` runs when one was chosen. */
export function askFor(kind, onChoose) {
  const dialog = find("#find-record");
  const input = part(dialog, "q");
  const list = part(dialog, "found");
  const title = part(dialog, "title");
  let timer = 0;
  let asking = null;

  title.textContent = title.dataset[kind];
  input.value = "";
  list.replaceChildren();
  say(dialog, "note", "");

  async function search() {
    asking?.abort();
    const text = input.value.trim();
    if (text.length < 2) return list.replaceChildren();
    asking = new AbortController();
    try {
      const found = await api("GET", `/search?limit=${MOST}&q=${encodeURIComponent(text)}`, undefined, { signal: asking.signal });
      const records = kind === "customer" ? found.customers : found.tickets;
      list.replaceChildren(...records.map(row));
      say(dialog, "note", records.length ? "" : t("Nothing matches “{text}”.", { text: plain(text, 40) }));
    } catch (error) {
      if (error instanceof ApiError) say(dialog, "note", error.message);
    }
  }

  function row(record) {
    const made = clone("found-record");
    part(made, "name").textContent = kind === "customer" ? plain(record.name, 80) : plain(record.subject, 80) || plain(record.reference, 20);
    part(made, "number").textContent = plain(record.reference, 20);
    say(made, "hint", kind === "customer" ? plain(record.hint?.text, 60) : plain(record.customer?.name, 60));
    if (kind === "ticket") find("use", made).setAttribute("href", find("use", made).getAttribute("href").replace(/#.*/, "#i-ticket"));
    find("button", made).addEventListener("click", () => {
      dialog.close();
      onChoose(record);
    });
    return made;
  }

  input.oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void search(), WAIT);
  };
  dialog.showModal();
  input.focus();
}

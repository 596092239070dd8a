// The pages of tickets: the list by keys, what changed since it was read, one ticket with its actions, call backs.
import { all, attribute, find, part, say } from "../lib/dom.js";
import { ApiError, api } from "../lib/api.js";
import { refreshClocks } from "../lib/clock.js";
import { nt, t } from "../lib/i18n.js";
import { startPlayers } from "../lib/player.js";
import { openDrafts } from "../desk/drafts.js";
import { createNote } from "../desk/note.js";
import { createTicket } from "../desk/ticket.js";
import { openTicketDrafts } from "../desk/ticketDrafts.js";
import { toast } from "../shell/toast.js";

const EVENTS = ["ticket.created", "ticket.updated", "ticket.discarded", "ticket.breached", "ticket.escalated"];

export function startTickets(stream, page) {
  const list = find("[data-list]");
  if (list) startList(list, stream);
  const place = find("[data-ticket-page]");
  if (place) startTicketPage(place, stream, page);
}

/** "3 changed" waits for a click, rows never jump. */
function startList(list, stream) {
  const line = find("[data-part=stale]");
  const changed = new Set();
  for (const type of EVENTS) {
    stream.listen(type, (data) => {
      changed.add(data.ticket_id ?? data.ticket?.id ?? data.event_id);
      say(line, "stale-text", nt("{n} changed since you opened the view.", "{n} changed since you opened the view.", changed.size));
      line.hidden = false;
    });
  }
  for (const button of all("[data-callback-done]", list)) button.addEventListener("click", () => void callbackDone(button));
}

async function callbackDone(button) {
  const id = button.dataset.callbackDone;
  const row = button.closest("[data-row]");
  if (button.getAttribute("aria-busy") === "true") return;
  attribute(button, "aria-busy", "true");
  try {
    await api("POST", `/tickets/${encodeURIComponent(id)}/callback`, { done: true });
    row.classList.add("is-done");
    button.hidden = true;
    toast.undo(t("Call back done."), async () => {
      try {
        await api("POST", `/tickets/${encodeURIComponent(id)}/callback`, { due: button.dataset.due });
        row.classList.remove("is-done");
        button.hidden = false;
      } catch (error) {
        tell(error);
      }
    });
  } catch (error) {
    tell(error);
  } finally {
    attribute(button, "aria-busy", null);
  }
}

/** What went wrong stands in the page's own line for it. */
function tell(error) {
  if (!(error instanceof ApiError)) throw error;
  const line = find("[data-part=page-problem]");
  if (!line) return;
  say(line, "page-problem-text", error.message);
  line.hidden = false;
}

/** One ticket: its form is the desk's, the rest is the server's and read again after each change. */
function startTicketPage(place, stream, page) {
  const id = place.dataset.ticketPage;
  const root = find("#note");
  const drafts = openDrafts(page.user);
  const ticketDrafts = openTicketDrafts(page.user);
  const ticket = createTicket(root, ticketDrafts, stream, {
    onChange: () => note.refresh(),
    onSaved: () => void reread(),
    onMoved: () => void reread(),
  });
  const note = createNote(root, drafts, ticket, stream, { onChange() {}, onSaved: () => void reread() });
  note.open({ key: `ticket:${id}`, kind: "ticket", call_id: null, ticket_id: id, customer_id: null, label: place.dataset.label ?? "" });

  let rereads = 0;

  async function reread() {
    const turn = ++rereads;
    try {
      const response = await fetch(location.pathname, { headers: { Accept: "text/html", "HX-Request": "true" }, credentials: "same-origin" });
      if (!response.ok || response.redirected) return;
      const html = await response.text();
      if (turn !== rereads) return; // an answer that came late would show what was before
      const inner = find("#ticket-parts");
      const focused = document.activeElement?.id;
      inner.innerHTML = html; // our own template, escaped by the server
      globalThis.htmx?.process(inner);
      startPlayers(inner);
      if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
      find("[data-part=stale]").hidden = true;
      refreshClocks();
    } catch {
      // What is shown stays; the line's own bar says that it is away.
    }
  }

  /** Changes the ticket at once; the bar undoes it for a while. */
  async function change(button, changes, said) {
    if (button.getAttribute("aria-busy") === "true") return;
    attribute(button, "aria-busy", "true");
    try {
      // Whoever is quick clicks before the ticket was read: they can undo it, too.
      const before = ticket.body ?? (await api("GET", `/tickets/${encodeURIComponent(id)}`));
      const back = Object.fromEntries(Object.keys(changes).map((name) => [name, before[name] ?? null]));
      const problem = await ticket.save(id, changes);
      if (problem) throw new ApiError("error", problem, 0);
      if (said) toast.undo(said, () => void ticket.save(id, back));
    } catch (error) {
      tell(error);
    } finally {
      attribute(button, "aria-busy", null);
    }
  }

  async function callback(button, body, said, undo) {
    attribute(button, "aria-busy", "true");
    try {
      await api("POST", `/tickets/${encodeURIComponent(id)}/callback`, body);
      await reread();
      if (said) toast.undo(said, () => void callback(button, undo, "", null));
    } catch (error) {
      tell(error);
    } finally {
      attribute(button, "aria-busy", null);
    }
  }

  place.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-patch], [data-callback], [data-part=show-change]");
    if (!button) return;
    if (button.dataset.patch) void change(button, JSON.parse(button.dataset.patch), button.dataset.said);
    else if (button.dataset.callback) void callback(button, JSON.parse(button.dataset.callback), button.dataset.said, JSON.parse(button.dataset.undo ?? "null"));
    else void reread();
  });
  place.addEventListener("change", (event) => {
    const select = event.target.closest?.("[data-assign]");
    if (select) void change(select, { assignee: select.value || null }, t("Given to {name}.", { name: select.selectedOptions[0].textContent.trim() }));
  });
  place.addEventListener("submit", (event) => {
    const form = event.target.closest?.("[data-callback-form]");
    if (!form) return;
    event.preventDefault();
    const at = new Date(form.elements.due.value);
    if (Number.isFinite(at.getTime())) void callback(form.querySelector("button"), { due: at.toISOString() }, "", null);
  });
  const others = (data) => {
    if ((data.ticket_id ?? data.ticket?.id) !== id) return;
    // One's own changes come by this way too: they are shown already.
    if ((data.version ?? data.ticket?.version ?? 0) > Number(find("[data-shown-version]", place)?.dataset.shownVersion ?? 0)) find("[data-part=stale]").hidden = false;
  };
  for (const type of [...EVENTS, "recording.stored"]) stream.listen(type, others);
}

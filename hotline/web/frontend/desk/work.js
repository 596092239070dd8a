// One's own tickets by deadline and the call backs that are due, in the work column. Rows do not jump under the pointer.
import { all, attribute, part, say } from "../lib/dom.js";
import { refreshClocks } from "../lib/clock.js";
import { nt } from "../lib/i18n.js";
import { lockButton } from "../shell/line.js";

/** `place` holds the server's lists (/desk/work), null for who may not see tickets. */
export function createWork(place, { onCount }) {
  if (!place) return { load() {}, changed() {}, mark() {}, concerns: () => false, count: 0 };
  let waiting = 0;
  let timer = 0;
  let marked = null;
  let read = 0; // when the lists were read last

  async function load() {
    timer = 0;
    read = Date.now();
    attribute(place, "aria-busy", "true");
    try {
      const response = await fetch("/desk/work", { headers: { Accept: "text/html", "HX-Request": "true" }, credentials: "same-origin" });
      if (!response.ok || response.redirected) return;
      part(place, "list").innerHTML = await response.text(); // our own template, escaped by the server
      waiting = 0;
      say(place, "changed", "");
      part(place, "stale").hidden = true;
      for (const button of all("[data-needs-line]", place)) lockButton(button);
      mark(marked);
      refreshClocks();
      onCount();
    } catch {
      // Old rows stay; the line's own bar says that it is away.
    } finally {
      attribute(place, "aria-busy", null);
    }
  }

  /** Shows which ticket is open on the right. */
  function mark(id) {
    marked = id;
    for (const row of all("a[data-ticket-link]", place)) {
      row.classList.toggle("is-current", row.dataset.ticketLink === id);
      attribute(row, "aria-current", row.dataset.ticketLink === id ? "true" : null);
    }
  }

  part(place, "changed").addEventListener("click", () => void load());

  return {
    load: () => void load(),
    mark,
    get count() {
      return place.querySelectorAll("li").length;
    },
    /** Whether a ticket's event is about one of these rows, or about one that belongs here now. */
    concerns({ ticket_id, ticket }, me) {
      if (all("[data-ticket-link]", place).some((row) => row.dataset.ticketLink === ticket_id)) return true;
      if (!ticket) return false;
      const due = ticket.callback_due && !ticket.callback_done_at;
      return me.includes(ticket.assignee_id) || me.includes(ticket.assignee) || Boolean(due && !ticket.assignee_id);
    },
    changed() {
      if (place.matches(":hover, :focus-within")) {
        waiting += 1;
        part(place, "stale").hidden = false;
        say(place, "changed", nt("{n} changed", "{n} changed", waiting));
      } else {
        // Several events of one change make one reading, and a busy hour makes one every few seconds.
        timer ||= setTimeout(load, Math.max(400, read + 3000 - Date.now()));
      }
    },
  };
}

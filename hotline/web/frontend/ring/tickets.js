// One's own tickets: a deadline that comes near ticks once, and the clock itself says so; while no tab is looked at, the
// desktop tells of deadlines and of tickets that became one's own, by the tab that reads the stream alone.
import { api } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { notifyTicket, permission } from "./notify.js";
import { warnTick } from "./sound.js";

const MOST = 200;

/** `page` holds who this is, and what they want to be told of. */
export function startOwnTickets(stream, { user, login, preferences: { notifications = {} } = {} }) {
  const isMine = (ticket) => [user, login].includes(ticket?.assignee ?? "");
  let mine = null; // ids, once they are known

  async function read() {
    mine = new Set();
    try {
      const { items } = await api("GET", `/tickets?assignee=me&limit=${MOST}`);
      for (const ticket of items) mine.add(ticket.id);
    } catch {
      mine = null; // asked again at the next event
    }
  }

  const tell = (ticket, text) => ticket && stream.leads && notifyTicket(ticket, text);

  for (const type of ["ticket.warned", "ticket.breached"]) {
    stream.listen(type, ({ ticket }) => {
      if (!isMine(ticket)) return;
      warnTick();
      if (notifications.deadlines === false) return;
      const values = { number: ticket.reference };
      tell(ticket, type === "ticket.warned" ? t("{number}: the deadline is near.", values) : t("{number}: the deadline has passed.", values));
    });
  }
  for (const type of ["ticket.created", "ticket.updated"]) {
    stream.listen(type, ({ ticket }) => {
      if (!ticket || !mine) return;
      if (!isMine(ticket)) mine.delete(ticket.id);
      else if (!mine.has(ticket.id)) {
        mine.add(ticket.id);
        // What one takes or opens oneself happens in a tab that is looked at: then nothing is shown.
        if (notifications.tickets !== false) tell(ticket, t("{number} is yours now.", { number: ticket.reference }));
      }
    });
  }
  if (notifications.tickets !== false && permission() === "granted") void read();
}

// Replies and notes that are being written, kept in this browser for this person until the server has them: a reload, a
// lost line, another conversation or a closed tab loses nothing. One draft per conversation.
import { newId as makeId } from "../lib/ids.js";

const KEPT = 30 * 86_400_000; // milliseconds

/** Whether there is anything that somebody would miss. */
export const holds = (draft) => Boolean(draft && (draft.reply?.trim() || draft.note?.trim() || draft.files?.length || draft.template));

/** `store` is a Storage; `newId` makes the id under which a reply is sent, however often. */
export function openReplyDrafts(user, store = localStorage, newId = makeId) {
  const prefix = `hl.reply.${user}.`;

  function read(id) {
    try {
      const draft = JSON.parse(store.getItem(prefix + id));
      return draft && draft.once ? { ...draft, id } : null;
    } catch {
      return null; // not ours, or half written
    }
  }

  function write(id, draft) {
    try {
      if (holds(draft)) store.setItem(prefix + id, JSON.stringify({ ...draft, at: Date.now() }));
      else store.removeItem(prefix + id);
    } catch {
      // No storage, or it is full: what is typed still stands in the field.
    }
  }

  return {
    get: read,

    /** Keeps what changed. `seen` is the newest message when the draft began: it says what its writer knew. */
    keep(id, changes, seen) {
      const before = read(id) ?? { once: newId(), seen, mode: "reply", reply: "", note: "", files: [], queued: false };
      const draft = { ...before, ...changes, queued: false };
      write(id, draft);
      return draft;
    },

    /** Marks it for sending as soon as there is a line. */
    queue(id) {
      const draft = read(id);
      if (draft) write(id, { ...draft, queued: true });
    },

    /** The server has the reply or the note; the other one stays, under a new id. */
    sent(id, mode) {
      const draft = read(id);
      if (!draft) return;
      const rest = mode === "note" ? { note: "" } : { reply: "", files: [], template: null, variables: null, actions: null, subject: undefined, close: false };
      write(id, { ...draft, ...rest, once: newId(), seen: null, queued: false });
    },

    drop(id) {
      const draft = read(id);
      store.removeItem(prefix + id);
      return draft;
    },

    put(id, draft) {
      write(id, draft);
    },

    all() {
      const found = [];
      for (let index = 0; index < store.length; index += 1) {
        const key = store.key(index);
        const draft = key?.startsWith(prefix) ? read(key.slice(prefix.length)) : null;
        if (draft) found.push(draft);
      }
      return found.sort((a, b) => b.at - a.at);
    },

    queued() {
      return this.all().filter((draft) => draft.queued);
    },

    /** Forgets what nobody came back to for a month. */
    sweep(now = Date.now()) {
      for (const draft of this.all()) if (now - draft.at > KEPT) store.removeItem(prefix + draft.id);
    },
  };
}

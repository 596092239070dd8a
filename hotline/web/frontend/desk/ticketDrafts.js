// What was chosen or typed in a ticket's form and is not saved yet, kept in this browser for this person until the
// server has it: one draft per ticket, by field, with the value that each field had when it was touched first.

/** `store` is a Storage. A draft is {ticket_id, fields, base, subject, label, queued, at}. */
export function openTicketDrafts(user, store = localStorage) {
  const prefix = `hl.ticket.${user}.`;

  function read(id) {
    try {
      const draft = JSON.parse(store.getItem(prefix + id));
      return draft && draft.fields && draft.base ? { ...draft, ticket_id: id } : null;
    } catch {
      return null; // not ours, or half written
    }
  }

  function write(draft) {
    if (Object.keys(draft.fields).length) store.setItem(prefix + draft.ticket_id, JSON.stringify(draft));
    else store.removeItem(prefix + draft.ticket_id);
    return read(draft.ticket_id);
  }

  const without = (record, name) => Object.fromEntries(Object.entries(record).filter(([key]) => key !== name));

  return {
    get: read,

    /** Keeps one field. `was` is what the ticket says; set back to that, the field is no draft any more. */
    keep(id, name, value, was, about) {
      const before = read(id) ?? { ticket_id: id, fields: {}, base: {} };
      const base = name in before.base ? before.base[name] : was;
      const touched = value !== was;
      return write({
        ...before,
        ...about,
        fields: touched ? { ...before.fields, [name]: value } : without(before.fields, name),
        base: touched ? { ...before.base, [name]: base } : without(before.base, name),
        queued: false,
        at: new Date().toISOString(),
      });
    },

    /** The server has these values; fields that were changed again meanwhile stay. */
    saved(id, sent) {
      const draft = read(id);
      if (!draft) return;
      let { fields, base } = draft;
      for (const [name, value] of Object.entries(sent)) {
        if (fields[name] === value) {
          fields = without(fields, name);
          base = without(base, name);
        } else {
          base = { ...base, [name]: value };
        }
      }
      write({ ...draft, fields, base, queued: false });
    },

    /** "Keep mine": somebody else's value is what this person has seen and wants to change. */
    rebase(id, name, value) {
      const draft = read(id);
      if (draft) write({ ...draft, base: { ...draft.base, [name]: value } });
    },

    /** "Take theirs". */
    forget(id, name) {
      const draft = read(id);
      if (draft) write({ ...draft, fields: without(draft.fields, name), base: without(draft.base, name) });
    },

    drop(id) {
      const draft = read(id);
      store.removeItem(prefix + id);
      return draft;
    },

    put: write,

    queue(id) {
      const draft = read(id);
      if (draft) write({ ...draft, queued: true });
    },

    all() {
      const found = [];
      for (let index = 0; index < store.length; index += 1) {
        const key = store.key(index);
        const draft = key?.startsWith(prefix) ? read(key.slice(prefix.length)) : null;
        if (draft) found.push(draft);
      }
      return found.sort((a, b) => (a.at < b.at ? 1 : -1));
    },

    queued() {
      return this.all().filter((draft) => draft.queued);
    },
  };
}

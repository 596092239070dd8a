// Drafts of notes, kept in this browser for this person until the server has them: a reload, a lost line, another
// call or a closed tab loses nothing. One draft per subject ("call:<id>" or "customer:<id>").

import { newId as makeId } from "../lib/ids.js";

const clean = (text) => text.trim() !== "";

/** `store` is a Storage; `newId` makes the note's id, which makes sending twice harmless. */
export function openDrafts(user, store = localStorage, newId = makeId) {
  const prefix = `hl.note.${user}.`;

  const read = (key) => {
    try {
      const draft = JSON.parse(store.getItem(key));
      return draft && typeof draft.text === "string" && draft.note_id ? { ...draft, subject: key.slice(prefix.length) } : null;
    } catch {
      return null; // not ours, or half written
    }
  };

  return {
    get(subject) {
      return read(prefix + subject);
    },

    /** Keeps the text; answers the draft. `about` says what the note is about: {call_id, customer_id, label}. */
    keep(subject, text, about) {
      const before = this.get(subject);
      if (!clean(text) && !before?.saved_text) {
        store.removeItem(prefix + subject);
        return null;
      }
      const draft = {
        note_id: before?.note_id ?? newId(),
        saved_text: before?.saved_text ?? "",
        ...about,
        subject,
        text,
        queued: false,
        at: new Date().toISOString(),
      };
      store.setItem(prefix + subject, JSON.stringify(draft));
      return draft;
    },

    /** Marks the draft for sending as soon as there is a line. */
    queue(subject) {
      const draft = this.get(subject);
      if (draft) store.setItem(prefix + subject, JSON.stringify({ ...draft, queued: true }));
    },

    /** The server has the text. A call's note stays open for changes; a customer's note is finished. */
    saved(subject, text, { finished }) {
      const draft = this.get(subject);
      if (!draft) return;
      if (finished && draft.text === text) store.removeItem(prefix + subject);
      else store.setItem(prefix + subject, JSON.stringify({ ...draft, saved_text: text, queued: draft.text === text ? false : draft.queued }));
    },

    drop(subject) {
      const draft = this.get(subject);
      store.removeItem(prefix + subject);
      return draft;
    },

    put(draft) {
      store.setItem(prefix + draft.subject, JSON.stringify(draft));
    },

    /** All drafts whose text the server does not have, the newest first. */
    unsaved() {
      return this.all().filter((draft) => draft.text !== draft.saved_text && clean(draft.text));
    },

    queued() {
      return this.all().filter((draft) => draft.queued);
    },

    all() {
      const found = [];
      for (let index = 0; index < store.length; index += 1) {
        const key = store.key(index);
        if (key?.startsWith(prefix)) {
          const draft = read(key);
          if (draft) found.push(draft);
        }
      }
      return found.sort((a, b) => (a.at < b.at ? 1 : -1));
    },

    /** Forgets notes that the server has had for a day. */
    sweep(now = Date.now()) {
      for (const draft of this.all()) {
        if (draft.text === draft.saved_text && now - Date.parse(draft.at) > 86_400_000) store.removeItem(prefix + draft.subject);
      }
    },
  };
}

// The right column: the note about a call, a ticket or a customer, below the ticket's fields where there is a ticket.
// What is typed is kept at every letter; only the person changes what the field shows.
import { attribute, clone, find, part, say } from "../lib/dom.js";
import { ApiError, api } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";
import { fieldName } from "../lib/tickets.js";
import { clockSeconds } from "../shell/line.js";
import { toast } from "../shell/toast.js";

/**
 * `ticket` is the form beside it (ticket.js). `onChange` runs when the set of unsaved drafts may have changed,
 * `onSaved(subject)` when the server has one.
 */
export function createNote(root, drafts, ticket, stream, { onChange, onSaved }) {
  const form = find("form", root);
  const field = form.elements.note;
  let subject = null; // {key, kind, call_id, ticket_id, customer_id, label}
  let back = null; // the subject to which Alt B leads

  function open(next, { goBack = null } = {}) {
    subject = next;
    back = goBack;
    form.hidden = next === null;
    part(root, "empty").hidden = next !== null;
    strip();
    if (next) part(root, "label").textContent = next.kind === "call" ? t("Call note") : t("Note");
    void ticket.open(next?.ticket_id ?? null, next);
    if (!next) return;
    say(root, "about", plain(next.label, 80));
    const draft = drafts.get(next.key);
    const text = draft?.text ?? "";
    if (field.value !== text) field.value = text;
    attribute(field, "aria-label", `${next.kind === "call" ? t("Call note") : t("Note")}: ${plain(next.label, 80)}`);
    state(draft);
  }

  function strip() {
    const bar = part(root, "strip");
    bar.hidden = back === null;
    if (back === null) return;
    say(bar, "text", back.text ?? t("Your note on {who} is kept.", { who: plain(back.subject.label, 40) }));
    say(bar, "go", back.go ?? t("Go back"));
  }

  function state(draft, problem = "") {
    say(root, "problem", problem);
    const fields = ticket.draft;
    const open = Boolean(fields) || (Boolean(draft) && draft.text !== draft.saved_text);
    const at = [draft?.at, fields?.at].filter(Boolean).sort().at(-1);
    const text = draft?.queued || fields?.queued
      ? t("Waiting for the line. It is sent by itself.")
      : open
        ? t("Draft kept {time}. A ringing call leaves your cursor here.", { time: clockSeconds(at) })
        : at
          ? t("Saved {time}", { time: clockSeconds(at) })
          : "";
    say(root, "state", text);
    part(root, "discard").hidden = !open;
  }

  field.addEventListener("input", () => {
    if (!subject) return;
    state(drafts.keep(subject.key, field.value, about(subject)));
    onChange();
  });

  async function send(key) {
    const draft = drafts.get(key);
    if (!draft || draft.text.trim() === "" || (draft.text === draft.saved_text && !draft.queued)) return true;
    const { text } = draft;
    let kept = true;
    try {
      if (draft.kind === "ticket") await api("POST", `/tickets/${encodeURIComponent(draft.ticket_id)}/notes`, { id: draft.note_id, text });
      else await api("PUT", `/desk/notes/${encodeURIComponent(draft.note_id)}`, { text, call_id: draft.call_id ?? null, customer_id: draft.customer_id ?? null });
      const finished = !key.startsWith("call:");
      drafts.saved(key, text, { finished });
      if (subject?.key === key) {
        if (finished && field.value === text) field.value = "";
        const now = drafts.get(key);
        state(now);
        if (!now) say(root, "state", t("Saved {time}", { time: clockSeconds(new Date()) }));
      }
      onSaved(draft);
    } catch (error) {
      if (error instanceof ApiError && error.code === "offline") {
        drafts.queue(key);
        if (subject?.key === key) state(drafts.get(key));
      } else if (subject?.key === key) {
        kept = false;
        state(drafts.get(key), t("Not saved: {reason} Your text is kept here.", { reason: error.message }));
      }
    }
    onChange();
    return kept;
  }

  const unsavedNote = () => {
    const draft = subject && drafts.get(subject.key);
    return Boolean(draft) && draft.text !== draft.saved_text;
  };

  /** Saves the note and the ticket's fields, with `extra` fields of the ticket. Answers whether all is kept. */
  async function save(extra = {}) {
    const key = subject.key;
    say(root, "problem", "");
    let kept = true;
    if (unsavedNote() && field.value.trim() !== "") kept = await send(key);
    if (ticket.draft || Object.keys(extra).length) {
      const problem = await ticket.save(ticket.id, extra);
      if (problem && subject?.key === key) say(root, "problem", problem);
      kept &&= problem === "";
      if (!problem && subject?.key === key) {
        state(drafts.get(key));
        if (kept && !ticket.draft) say(root, "state", t("Saved {time}", { time: clockSeconds(new Date()) }));
      }
    }
    return kept;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!subject) return;
    if (field.value.trim() === "" && !ticket.draft) {
      say(root, "problem", ticket.id ? t("Nothing was changed yet.") : t("Write something first."));
      field.focus();
      return;
    }
    if (field.value.trim() !== "") drafts.keep(subject.key, field.value, about(subject));
    void save();
  });

  part(root, "resolve").addEventListener("click", async () => {
    const before = ticket.body;
    if (!subject || !before || !(await save({ state: "resolved" }))) return;
    toast.undo(t("{number} is resolved.", { number: before.reference }), () => void ticket.setState(before.id, before.state));
  });

  part(root, "discard").addEventListener("click", () => {
    if (!subject) return;
    const key = subject.key;
    const fields = ticket.discard();
    const dropped = unsavedNote() ? drafts.drop(key) : null;
    if (!dropped && !fields) return;
    if (dropped?.saved_text) drafts.put({ ...dropped, text: dropped.saved_text, queued: false });
    if (dropped) field.value = dropped.saved_text;
    state(drafts.get(key));
    onChange();
    toast.undo(t("Draft discarded."), () => {
      if (dropped) drafts.put(dropped);
      if (fields) ticket.restore(fields);
      if (subject?.key === key) {
        if (dropped) field.value = dropped.text;
        state(drafts.get(key));
      }
      onChange();
    });
  });

  const sendQueued = () => {
    for (const draft of drafts.queued()) void send(draft.subject);
  };
  stream.onLine(({ state: line }) => line === "up" && sendQueued());

  // Another tab wrote: the same note there is the same note here, unless this person is typing in it here.
  addEventListener("storage", (event) => {
    if (!subject || !event.key?.endsWith(`.${subject.key}`) || document.activeElement === field) return;
    const draft = drafts.get(subject.key);
    field.value = draft?.text ?? "";
    state(draft);
    onChange();
  });

  return {
    open,
    get subject() {
      return subject;
    },
    get back() {
      return back;
    },
    /** Whether the person is in the middle of something that the server does not have. */
    get busy() {
      return form.contains(document.activeElement) && this.unsaved;
    },
    get unsaved() {
      return unsavedNote() || Boolean(ticket.draft);
    },
    save,
    send,
    /** Says anew what is kept and what is saved. */
    refresh() {
      if (subject) state(drafts.get(subject.key), part(root, "problem").textContent);
    },
    offer(next) {
      back = next;
      strip();
    },
    focus: () => field.focus(),
  };
}

const about = ({ call_id, ticket_id, customer_id, label, kind }) => ({ call_id: call_id ?? null, ticket_id: ticket_id ?? null, customer_id: customer_id ?? null, label, kind });

/** The list "Not saved yet" in the work column: notes, and tickets of which fields were changed. */
export function showKept(place, drafts, ticketDrafts, current, open) {
  const notes = drafts.unsaved();
  const fields = ticketDrafts
    .all()
    .filter((draft) => draft.subject && !notes.some((note) => note.subject === draft.subject))
    .map((draft) => ({ ...draft, text: Object.keys(draft.fields).map(fieldName).join(", ") }));
  const kept = [...notes, ...fields].filter((draft) => draft.subject !== current?.key);
  place.hidden = kept.length === 0;
  part(place, "count").textContent = String(kept.length);
  part(place, "list").replaceChildren(
    ...kept.map((draft) => {
      const row = clone("kept-row");
      part(row, "title").textContent = plain(draft.label, 60);
      part(row, "text").textContent = plain(draft.text, 80);
      say(row, "state", draft.queued ? t("waiting for the line") : t("not saved"));
      row.querySelector("button").addEventListener("click", () => open(draft));
      return row;
    }),
  );
}

// The right column: the note about a call or a customer. What is typed is kept at every letter; only the person
// changes what the field shows.
import { attribute, clone, find, part, say } from "../lib/dom.js";
import { ApiError, api } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";
import { clockSeconds } from "../shell/line.js";
import { offerUndo } from "../shell/toast.js";

/** `onChange` runs when the set of unsaved drafts may have changed, `onSaved(subject)` when the server has one. */
export function createNote(root, drafts, stream, { onChange, onSaved }) {
  const form = find("form", root);
  const field = form.elements.note;
  let subject = null; // {key, kind, call_id, customer_id, label}
  let back = null; // the subject to which Alt B leads

  function open(next, { goBack = null } = {}) {
    subject = next;
    back = goBack;
    form.hidden = next === null;
    part(root, "empty").hidden = next !== null;
    strip();
    if (!next) return;
    say(root, "label", next.kind === "call" ? t("Call note") : t("Note"));
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
    const text = !draft
      ? ""
      : draft.queued
        ? t("Waiting for the line. It is sent by itself.")
        : draft.text === draft.saved_text
          ? t("Saved {time}", { time: clockSeconds(draft.at) })
          : t("Draft kept {time}. A ringing call leaves your cursor here.", { time: clockSeconds(draft.at) });
    say(root, "state", text);
    part(root, "discard").hidden = !draft || draft.text === draft.saved_text;
  }

  field.addEventListener("input", () => {
    if (!subject) return;
    state(drafts.keep(subject.key, field.value, about(subject)));
    onChange();
  });

  async function send(key) {
    const draft = drafts.get(key);
    if (!draft || draft.text.trim() === "") return;
    const { text } = draft;
    try {
      await api("PUT", `/desk/notes/${encodeURIComponent(draft.note_id)}`, { text, call_id: draft.call_id ?? null, customer_id: draft.customer_id ?? null });
      const finished = key.startsWith("customer:");
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
        state(drafts.get(key), t("Not saved: {reason} Your text is kept here.", { reason: error.message }));
      }
    }
    onChange();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!subject) return;
    if (field.value.trim() === "") {
      say(root, "problem", t("Write something first."));
      field.focus();
      return;
    }
    drafts.keep(subject.key, field.value, about(subject));
    void send(subject.key);
  });

  part(root, "discard").addEventListener("click", () => {
    if (!subject) return;
    const key = subject.key;
    const dropped = drafts.drop(key);
    if (!dropped) return;
    if (dropped.saved_text) drafts.put({ ...dropped, text: dropped.saved_text, queued: false });
    field.value = dropped.saved_text;
    state(drafts.get(key));
    onChange();
    offerUndo(t("Draft discarded."), () => {
      drafts.put(dropped);
      if (subject?.key === key) {
        field.value = dropped.text;
        state(dropped);
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
    /** Whether the person is in the middle of a note that the server does not have. */
    get busy() {
      const draft = subject && drafts.get(subject.key);
      return document.activeElement === field && Boolean(draft) && draft.text !== draft.saved_text;
    },
    get unsaved() {
      const draft = subject && drafts.get(subject.key);
      return Boolean(draft) && draft.text !== draft.saved_text;
    },
    offer(next) {
      back = next;
      strip();
    },
    focus: () => field.focus(),
  };
}

const about = ({ call_id, customer_id, label, kind }) => ({ call_id: call_id ?? null, customer_id: customer_id ?? null, label, kind });

/** The list "Kept notes" in the work column. */
export function showKept(place, drafts, current, open) {
  const kept = drafts.unsaved().filter((draft) => draft.subject !== current?.key);
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

// Writing in a conversation: a reply or a note, kept while it is written, sent under one id however often, and never
// beside a colleague's answer without a look at it.
import { all, attribute, clone, find, part, say } from "../lib/dom.js";
import { ApiError, api } from "../lib/api.js";
import { now } from "../lib/clock.js";
import { nt, t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";
import { lockButton } from "../shell/line.js";
import { toast } from "../shell/toast.js";
import { createAttachments } from "./attachments.js";
import { createMacroPicker } from "./macroPicker.js";
import { holds } from "./replyDrafts.js";
import { bodyOf } from "./rules.js";
import { segments } from "./segments.js";
import { createTyping } from "./typing.js";

/** As hotline/conversations/macros.py knows them. */
const PLACEHOLDER = /\{\s*(customer\.name|customer\.reference|ticket\.reference|ticket\.subject|agent\.name|company\.name|today)\s*\}/;

export const send = (id, draft, options) =>
  api("POST", `/conversations/${encodeURIComponent(id)}/messages`, bodyOf(draft, options), { headers: { "Idempotency-Key": `reply:${draft.once}:${draft.mode}` } });

/**
 * `form` is the composer of the open conversation, `root` the thread around it. `onSent({close})` runs when the
 * server has what was written, with `close` when that closed the conversation, `onMeanwhile()` reads what a colleague wrote.
 */
export function createComposer(form, root, drafts, stream, { user, onSent, onMeanwhile }) {
  const id = form.dataset.composer;
  const { channel } = form.dataset;
  const field = find("textarea", form);
  const { subject, then } = form.elements;
  const typing = createTyping(stream, id, user, root);
  const files = createAttachments(form, id, (some) => keep({ files: some }));
  const picker = createMacroPicker(find("#macro-picker", root), (macro) => void useMacro(macro));
  const notices = () => find("[data-fresh=notices]", root);
  const newest = () => notices()?.dataset.newest || null;
  const longest = field.maxLength;
  let mode = "reply";
  let sending = false;

  const draft = () => drafts.get(id) ?? { once: "", mode, reply: "", note: "", files: [] };

  function keep(changes) {
    const kept = drafts.keep(id, { mode, ...changes }, newest());
    show(kept);
    return kept;
  }

  /** What the composer says about the draft: how it will be sent, whether it can be. */
  function show(kept = draft()) {
    const note = mode === "note";
    say(form, "count", note ? "" : counted(kept.reply ?? "", kept.files ?? []));
    say(form, "kept", kept.queued ? t("Sent by itself when the line is back.") : "");
    field.readOnly = !note && Boolean(kept.template);
    extra(kept);
    const closed = notices()?.dataset.window === "closed" && !note && !kept.template;
    const unwanted = notices()?.dataset.suppressed === "yes" && !note;
    part(form, "send").disabled = closed || unwanted || sending;
    say(form, "send-text", note ? t("Keep the note") : t("Send"));
  }

  function counted(text, some) {
    const place = part(form, "count");
    place.classList.remove("is-many", "is-over");
    if (channel === "sms") {
      if (some.length) return t("as MMS, with {n}", { n: nt("{n} file", "{n} files", some.length) });
      if (!text) return "";
      const { count, left, encoding, letters } = segments(text);
      place.classList.toggle("is-many", count > 1);
      const parts = nt("{n} SMS", "{n} SMS", count);
      const room = t("{n} left", { n: left });
      return [parts, room, encoding === "ucs2" && letters ? t("70 per SMS because of “{letters}”", { letters: letters.slice(0, 4) }) : ""].filter(Boolean).join(" · ");
    }
    if (text.length < longest * 0.8) return "";
    place.classList.add("is-many");
    return t("{n} left", { n: longest - text.length });
  }

  /** The template and the actions that are sent along; each can be left out. */
  function extra(kept) {
    const place = part(form, "extra");
    place.replaceChildren();
    const chip = (name, remove) => {
      const made = clone("action-chip");
      part(made, "name").textContent = name;
      part(made, "remove").addEventListener("click", remove);
      place.append(made);
    };
    if (mode === "reply" && kept.template) chip(t("Template: {name}", { name: plain(kept.macro_name, 40) }), () => {
      keep({ template: null, variables: null, macro_name: null, reply: "" });
      fill();
    });
    if (mode === "reply" && kept.actions) chip(t("and then: {what}", { what: kept.actions.names.join(", ") }), () => keep({ actions: null }));
    place.hidden = !place.children.length;
  }

  function fill() {
    const kept = draft();
    field.value = (mode === "note" ? kept.note : kept.reply) ?? "";
    show(kept);
  }

  function setMode(next, { focus = true } = {}) {
    mode = next;
    form.dataset.mode = mode;
    for (const radio of all("[name=mode]", form)) radio.checked = radio.value === mode;
    field.placeholder = mode === "note" ? t("Write a note. Only colleagues read it.") : t("Write a reply. / offers macros.");
    attribute(field, "aria-label", mode === "note" ? t("Your note") : t("Your reply"));
    if (mode === "note") typing.stopped();
    say(form, "problem", "");
    if (holds(drafts.get(id))) keep({});
    fill();
    if (focus) field.focus();
  }

  async function useMacro(macro) {
    say(form, "problem", "");
    try {
      const made = await api("GET", `/conversations/${encodeURIComponent(id)}/macros/${encodeURIComponent(macro)}`);
      if (mode === "note") setMode("reply", { focus: false });
      const before = field.value.replace(/^\/\s*$/, "");
      const at = before ? field.selectionStart : 0;
      const text = made.template ? made.text : before.slice(0, at) + made.text + before.slice(before ? field.selectionEnd : 0);
      field.value = text;
      const names = actionNames(made.actions);
      keep({
        reply: text,
        macro,
        macro_name: made.name,
        template: made.template,
        variables: made.template ? made.variables : null,
        actions: names.length ? { macro, names } : null,
      });
      field.focus();
      field.setSelectionRange(at + made.text.length, at + made.text.length);
      if (made.missing.length) say(form, "problem", t("There is nothing to fill in for {names}.", { names: made.missing.map((name) => `{${name}}`).join(", ") }));
      if (!made.text && names.length) await act(macro, names); // one that only does something
    } catch (error) {
      tell(error);
    }
  }

  async function act(macro, names) {
    drafts.keep(id, { actions: null }, newest());
    const { skipped } = await api("POST", `/conversations/${encodeURIComponent(id)}/macros/${encodeURIComponent(macro)}`);
    const left = Object.values(skipped);
    if (left.includes("no_ticket")) toast.bad(t("There is no ticket whose kind could change."));
    else if (left.includes("no_customer")) toast.bad(t("There is no customer yet who could get tags."));
    else if (left.length) toast.bad(t("A part of it your role does not allow."));
    else toast.say(names.join(", "));
    onSent({});
  }

  async function submit(options = {}) {
    const kept = keep({ [mode]: field.value, ...(mode === "reply" ? { close: then.checked, ...(subject ? { subject: subject.value } : {}) } : {}) });
    say(form, "problem", "");
    if (sending) return;
    if (files.busy) return say(form, "problem", t("A file is still on its way. Send it in a moment."));
    if (mode === "note" ? !kept.note.trim() : !kept.reply.trim() && !kept.files.length && !kept.template) return say(form, "problem", t("Something must stand here."));
    const left = mode === "reply" && kept.reply.match(PLACEHOLDER);
    if (left) return say(form, "problem", t("“{name}” is not filled in: write what belongs there.", { name: left[0] }));
    sending = true;
    attribute(part(form, "send"), "aria-busy", "true");
    try {
      await send(id, { ...kept, mode }, options);
      typing.stopped();
      drafts.sent(id, mode);
      if (mode === "reply") {
        files.restore([]);
        then.checked = false;
        part(form, "conflict").hidden = true;
      }
      fill();
      onSent({ close: mode === "reply" && kept.close });
      if (mode === "reply" && kept.actions) await act(kept.actions.macro, kept.actions.names);
      else if (mode === "note") setMode("reply");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "answered_meanwhile") await meanwhile();
      else if (error.code === "offline") {
        drafts.queue(id);
        show();
      } else tell(error);
    } finally {
      sending = false;
      attribute(part(form, "send"), "aria-busy", null);
      show();
    }
  }

  /** A colleague answered while this was written: both are shown, and the writer chooses. */
  async function meanwhile(message = null) {
    const strip = part(form, "conflict");
    await onMeanwhile();
    const theirs = message ?? (await latestOfOthers());
    const card = clone("answered-meanwhile");
    part(card, "what").textContent = t("{name} answered while you were writing:", { name: plain(theirs?.user_name, 40) || t("A colleague") });
    say(card, "theirs", plain(theirs?.body, 400));
    part(card, "send-too").addEventListener("click", () => {
      strip.hidden = true;
      keep({ seen: newest() });
      void submit({ force: true });
    });
    part(card, "keep").addEventListener("click", () => {
      strip.hidden = true;
      keep({ seen: newest() });
      field.focus();
    });
    part(card, "drop").addEventListener("click", () => {
      strip.hidden = true;
      const dropped = drafts.drop(id);
      files.restore([]);
      fill();
      toast.undo(t("Draft discarded."), () => {
        drafts.put(id, { ...dropped, seen: newest() });
        files.restore(dropped.files ?? []);
        fill();
      });
    });
    strip.replaceChildren(card);
    strip.hidden = false;
  }

  async function latestOfOthers() {
    try {
      const { items } = await api("GET", `/conversations/${encodeURIComponent(id)}/messages?limit=20`);
      return items.find((one) => one.direction === "out" && one.kind === "message" && one.user_id !== user && one.user !== user) ?? null;
    } catch {
      return null;
    }
  }

  function tell(error) {
    if (!(error instanceof ApiError)) throw error;
    say(form, "problem", error.message);
  }

  field.addEventListener("input", () => {
    if (mode === "reply" && field.value === "/") picker.open();
    keep({ [mode]: field.value });
    say(form, "problem", "");
    if (mode === "reply" && field.value.trim()) typing.typed();
  });
  subject?.addEventListener("input", () => keep({ subject: subject.value }));
  field.addEventListener("blur", () => typing.stopped());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  form.addEventListener("change", (event) => {
    if (event.target.name === "mode") setMode(event.target.value);
    else if (event.target === then) keep({ close: then.checked });
  });
  form.addEventListener("click", (event) => {
    const { part: name } = event.target.closest?.("button[data-part]")?.dataset ?? {};
    if (name === "switch") setMode(mode === "note" ? "reply" : "note");
    else if (name === "choose-file") files.choose();
    else if (name === "macros") picker.open();
  });

  const first = draft();
  mode = first.mode ?? "reply";
  files.restore(first.files ?? []);
  then.checked = Boolean(first.close);
  if (subject && first.subject !== undefined) subject.value = first.subject;
  setMode(mode, { focus: false });
  for (const button of all("[data-needs-line]", root)) lockButton(button);

  return {
    id,
    get holds() {
      return holds(drafts.get(id));
    },
    pickTemplate: () => picker.open({ templates: true }),
    focus: () => field.focus(),
    refresh: () => show(),
    typing,
    /** Somebody's message arrived while this one is being written. */
    arrived(message) {
      typing.arrived(message.user_id);
      const kept = drafts.get(id);
      if (message.direction !== "out" || message.kind !== "message" || !kept?.reply?.trim() || sending || message.user_id === user) return;
      void meanwhile(message);
    },
    end: () => typing.end(),
    windowEnds: () => Date.parse(notices()?.dataset.windowUntil ?? "") - now(),
  };
}

/** What a macro does beside answering, in words. */
export function actionNames(actions) {
  const kinds = { consultation: t("Consultation"), complaint: t("Complaint"), service_request: t("Service request") };
  return [
    actions.kind ? t("Kind: {kind}", { kind: kinds[actions.kind] ?? actions.kind }) : "",
    actions.tags?.length ? t("Tags: {tags}", { tags: actions.tags.map((tag) => plain(tag, 30)).join(", ") }) : "",
    { waiting: t("Put it aside"), closed: t("Close it") }[actions.state] ?? "",
    { me: t("Take it"), nobody: t("Give it up") }[actions.assign] ?? "",
  ].filter(Boolean);
}

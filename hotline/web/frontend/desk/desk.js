// The desk: joins what the stream tells with the three columns. A pop takes its place in the work column and nothing
// else; what the other columns show changes when the person acts, or when they answer and are not typing.
import { attribute, find, part, say } from "../lib/dom.js";
import { ApiError, api } from "../lib/api.js";
import { command } from "../lib/commands.js";
import { t } from "../lib/i18n.js";
import { plain, safeName } from "../lib/text.js";
import { namesOf, numberOf } from "../ring/words.js";
import { callsOf, ringsOf } from "../stream/state.js";
import { createCalls } from "./calls.js";
import { openDrafts } from "./drafts.js";
import { createNote, showKept } from "./note.js";
import { createRecord } from "./record.js";
import { createRings } from "./rings.js";
import { createRecent } from "./recent.js";

export function startDesk(root, stream, user) {
  const drafts = openDrafts(user);
  drafts.sweep();
  const picked = new Map(); // call_id → the customer chosen while it rang
  let answered = new Set(); // calls whose answer has been acted upon
  let previewed = null; // the customer whose record opened by itself while it rang
  let first = true;

  const recent = createRecent(find("#recent"), { onCount: idle });
  const note = createNote(find("#note"), drafts, stream, { onChange: kept, onSaved: noteSaved });
  const record = createRecord(find("#record"), { onLoaded: remember });
  const rings = createRings(find("#rings"), {
    open: (ring) => openCall(withPick(ring)),
    decline,
    pick: (ring, customerId) => choose(ring, customerId),
    create,
  });
  const calls = createCalls(find("#calls"), stream, {
    user,
    open: (call) => openCall(call),
    pick: (call, customerId) => choose(call, customerId),
    create,
    putAway: (call) => {
      stream.putAway(call.call_id);
      answered.delete(call.call_id);
    },
  });

  const withPick = (call) => (picked.has(call.call_id) && !call.customer_id ? { ...call, customer_id: picked.get(call.call_id) } : call);
  const onlyCustomer = (call) => call.customer_id ?? (call.customers?.length === 1 ? call.customers[0].id : null);
  const labelOf = (call) => (onlyCustomer(call) ? namesOf(call) : "") || numberOf(call);
  const subjectOf = (call) => ({
    key: `call:${call.call_id}`,
    kind: "call",
    call_id: call.call_id,
    customer_id: onlyCustomer(call),
    label: labelOf(call),
  });

  /** With nothing open there is nothing under the hands: the one customer of a ringing call shows by themselves. */
  function preview(ringing) {
    const caller = ringing.length ? onlyCustomer(ringing[0]) : null;
    if (previewed && previewed !== caller && record.wanted === previewed && !note.subject) {
      previewed = null;
      record.clear(); // taken back: the call is somebody else's
      remember();
    }
    if (!caller || record.wanted || note.subject) return;
    previewed = caller;
    void record.open(caller);
  }

  function show(state) {
    const ringing = ringsOf(state).map(withPick);
    rings(ringing);
    preview(ringing);
    const now = callsOf(state).map(withPick);
    calls(now);
    find("#work-count").textContent = String(Object.keys(state.rings).length + now.length || "");
    idle();
    for (const call of now) {
      if (call.state === "ended" || answered.has(call.call_id)) continue;
      answered.add(call.call_id);
      if (picked.has(call.call_id)) void save(call, picked.get(call.call_id));
      if (!first) tookCall(call);
      else if (note.subject?.kind !== "call" && !note.unsaved) openCall(call);
    }
    // A call that this person no longer has may be told anew.
    answered = new Set([...answered].filter((id) => state.calls[id]));
    const current = note.subject?.kind === "call" ? state.calls[note.subject.call_id] : null;
    if (current && onlyCustomer(withPick(current)) && onlyCustomer(withPick(current)) !== note.subject.customer_id) openCall(withPick(current));
    if (state.known) first = false;
  }

  /** This person answered: the caller's record opens, unless they are typing; either way a strip leads to the other. */
  function tookCall(call) {
    const subject = subjectOf(call);
    if (note.busy || find("#record").matches(":focus-within:has(form :focus)")) {
      note.offer({ subject, text: t("{who} is on the line.", { who: plain(subject.label, 40) }), go: t("Open the call note") });
      return;
    }
    openCall(call);
  }

  function openCall(call, goBack = null) {
    previewed = null;
    openSubject(subjectOf(call), goBack);
    if (!onlyCustomer(call) && !record.wanted) record.clear();
  }

  function openSubject(subject, goBack = null) {
    // Whatever made the other note open: the one that is not saved yet stays one key away.
    const same = note.subject?.key === subject.key;
    const left = !same && note.unsaved ? { subject: note.subject } : null;
    note.open(subject, { goBack: goBack ?? left ?? (same || note.back?.subject.key !== subject.key ? note.back : null) });
    if (subject.customer_id) void record.open(subject.customer_id);
    remember();
    kept();
    const tab = find("#tab-customer");
    if (tab && matchMedia("(max-width: 720px)").matches && document.activeElement?.closest("#rings, #calls")) tab.checked = true;
  }

  /** The address names what is open, so that a reload opens it again. */
  function remember() {
    const address = new URL(location.href);
    address.search = "";
    if (record.id) address.searchParams.set("customer", record.id);
    if (note.subject?.kind === "call") address.searchParams.set("call", note.subject.call_id);
    history.replaceState(null, "", address);
  }

  async function choose(call, customerId) {
    if (customerId === null) {
      picked.delete(call.call_id);
      document.querySelector("[data-open-palette]")?.click();
      return;
    }
    picked.set(call.call_id, customerId);
    show(stream.state);
    openCall(withPick(call));
    if (stream.state.calls[call.call_id]) await save(call, customerId);
  }

  /** Keeps who the caller is, once the call is this person's. */
  async function save(call, customerId) {
    try {
      await api("POST", `/calls/${encodeURIComponent(call.call_id)}/customer`, { customer_id: customerId });
    } catch (error) {
      problem(call.call_id, error);
    }
  }

  async function create(call, card) {
    const button = part(card, "create");
    attribute(button, "aria-busy", "true");
    try {
      const made = await api("POST", `/desk/calls/${encodeURIComponent(call.call_id)}/customer`, { name: safeName(call.caller?.name) });
      picked.set(call.call_id, made.id);
      stream.tell("call.updated", { call_id: call.call_id, customers: [made], customer_id: made.id });
      note.open({ ...subjectOf({ ...call, customers: [made], customer_id: made.id }) });
      await record.open(made.id, { edit: true, again: true });
    } catch (error) {
      say(card, "trouble", error instanceof ApiError ? error.message : t("The customer was not made."));
    } finally {
      attribute(button, "aria-busy", null);
    }
  }

  async function decline(ring, card) {
    const button = part(card, "decline");
    if (button.getAttribute("aria-busy") === "true") return;
    attribute(button, "aria-busy", "true");
    say(card, "trouble", "");
    try {
      await command(stream, { action: "hangup", call_id: ring.call_id });
    } catch (error) {
      say(card, "trouble", error instanceof ApiError ? error.message : t("The call was not declined."));
    } finally {
      attribute(button, "aria-busy", null);
    }
  }

  function problem(callId, error) {
    const card = find(`[data-call="${CSS.escape(callId)}"], [data-ring]`);
    if (card) say(card, "trouble", error instanceof ApiError ? error.message : t("This did not work."));
  }

  function kept() {
    showKept(find("#kept"), drafts, note.subject, (draft) =>
      openSubject(subjectOfDraft(draft)),
    );
  }

  function noteSaved(draft) {
    if (draft.customer_id && draft.customer_id === record.id && !find("#record").matches(":focus-within")) record.refresh();
  }

  function idle() {
    const nothing = Object.keys(stream.state.rings).length === 0 && Object.keys(stream.state.calls).length === 0 && recent.count === 0;
    find("#idle").hidden = !stream.state.known || !nothing;
  }

  part(find("#note"), "back").addEventListener("click", () => {
    const { back } = note;
    if (!back) return;
    const here = note.subject;
    openSubject(back.subject, here && back.text ? { subject: here } : null);
    note.focus();
  });

  // A customer found with Ctrl K or in a list opens here.
  document.addEventListener("hl:open", (event) => {
    const id = /^\/customers\/([0-9a-f-]{36})$/.exec(event.detail.href)?.[1];
    if (!id) return;
    event.preventDefault();
    openCustomer(id);
  });
  root.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-customer-link]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    openCustomer(link.dataset.customerLink);
  });

  function openCustomer(id) {
    const call = callsOf(stream.state).map(withPick).find((one) => onlyCustomer(one) === id);
    if (call) {
      openCall(call);
      return;
    }
    void record.open(id).then(() => {
      if (record.id !== id) return;
      const label = find("[data-customer-name]", find("#record"))?.textContent.trim() ?? "";
      openSubject({ key: `customer:${id}`, kind: "customer", call_id: null, customer_id: id, label });
    });
    const tab = find("#tab-customer");
    if (tab) tab.checked = true;
  }

  stream.onChange((state, event) => {
    show(state);
    if (["call.ended", "call.abandoned", "call.retracted", "call.answered"].includes(event.type)) recent.changed();
  });
  stream.listen("customer.updated", (data) => {
    const id = data.customer_id ?? data.id;
    if (id && id === record.id) say(find("#record"), "changed", t("Changed by somebody else. Show the change"));
  });
  root.addEventListener("click", (event) => event.target.closest?.("[data-part=changed]") && record.refresh());

  // What was open before a reload.
  const asked = new URL(location.href).searchParams;
  const openId = asked.get("customer");
  const openCallId = asked.get("call");
  const draft = openCallId ? drafts.get(`call:${openCallId}`) : openId ? drafts.get(`customer:${openId}`) : null;
  record.clear();
  if (draft) openSubject(subjectOfDraft(draft));
  else if (openId) openCustomer(openId);
  kept();
  void recent.load();
}

const subjectOfDraft = ({ subject, kind, call_id, customer_id, label }) => ({
  key: subject,
  kind: kind ?? "customer",
  call_id,
  customer_id,
  label,
});

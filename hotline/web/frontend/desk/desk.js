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
import { createTicket } from "./ticket.js";
import { openTicketDrafts } from "./ticketDrafts.js";
import { createWork } from "./work.js";
import { createWrapUps } from "./wrapUp.js";

export function startDesk(root, stream, user) {
  const drafts = openDrafts(user);
  const ticketDrafts = openTicketDrafts(user);
  drafts.sweep();
  const picked = new Map(); // call_id → the customer chosen while it rang
  let answered = new Set(); // calls whose answer has been acted upon
  let previewed = null; // the call that opened by itself while it rang, and its customer
  let first = true;

  const recent = createRecent(find("#recent"), { onCount: idle });
  const work = createWork(find("#mine"), { onCount: idle });
  const ticket = createTicket(find("#note"), ticketDrafts, stream, {
    onChange: () => {
      note.refresh();
      kept();
    },
    onSaved: () => work.changed(),
    onKnown: (known) => {
      if (!known.customer_id || note.subject?.ticket_id !== known.id) return;
      note.subject.customer_id = known.customer_id;
      void record.open(known.customer_id);
      remember();
    },
    onMoved: (callId, moved, version) => {
      stream.tell("call.updated", { call_id: callId, ticket_id: moved.id, version });
      stream.tell("ticket.updated", { ticket_id: moved.id, call_id: callId, ticket: moved });
    },
  });
  const note = createNote(find("#note"), drafts, ticket, stream, { onChange: kept, onSaved: noteSaved });
  const record = createRecord(find("#record"), { onLoaded: remember });
  const rings = createRings(find("#rings"), {
    open: (ring) => openCall(withPick(ring)),
    decline,
    pick: (ring, customerId) => choose(ring, customerId),
    create,
  });
  const wraps = createWrapUps(stream, {
    /** Saves what is written about the call, without opening it; answers whether all is kept. */
    save: async (call) => {
      if (note.subject?.key === `call:${call.call_id}`) return note.save();
      const kept = await note.send(`call:${call.call_id}`);
      const problem = call.ticket_id && ticketDrafts.get(call.ticket_id) ? await ticket.save(call.ticket_id) : "";
      return kept && problem === "";
    },
    done: (call, { byHand }) => {
      stream.putAway(call.call_id);
      answered.delete(call.call_id);
      // By hand the column is done with; by the clock it stays as it is under the hands.
      if (byHand && note.subject?.key === `call:${call.call_id}` && !note.unsaved) {
        note.open(null);
        remember();
      }
      work.changed();
    },
  });
  const calls = createCalls(find("#calls"), stream, {
    user,
    wraps,
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
    ticket_id: call.ticket_id ?? null,
    customer_id: onlyCustomer(call),
    label: labelOf(call),
  });

  /**
   * With nothing open there is nothing under the hands: the ticket of a ringing call, and its one customer, show by
   * themselves. Taken back, they go again, unless something was written.
   */
  function preview(ringing, state) {
    const [ring] = ringing;
    if (previewed && !state.calls[previewed.call_id] && !ringing.some((one) => one.call_id === previewed.call_id)) {
      if (note.subject?.key === `call:${previewed.call_id}` && !note.unsaved) note.open(null);
      if (previewed.customer && record.wanted === previewed.customer && !note.subject) record.clear();
      previewed = null;
      remember();
    }
    if (!ring || (!previewed && (record.wanted || note.subject))) return;
    if (previewed && previewed.call_id !== ring.call_id) return;
    const subject = subjectOf(ring);
    const { key, ticket_id, customer_id } = note.subject ?? {};
    if (!previewed || (key === subject.key && (ticket_id !== subject.ticket_id || customer_id !== subject.customer_id))) note.open(subject);
    if (subject.customer_id && subject.customer_id !== previewed?.customer) void record.open(subject.customer_id);
    previewed = { call_id: ring.call_id, customer: subject.customer_id };
  }

  function show(state) {
    const ringing = ringsOf(state).map(withPick);
    rings(ringing);
    preview(ringing, state);
    const now = callsOf(state).map(withPick);
    calls(now, state.wraps);
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
    const current = note.subject?.kind === "call" ? (state.calls[note.subject.call_id] ?? ringing.find((ring) => ring.call_id === note.subject.call_id)) : null;
    if (current) follow(withPick(current));
    if (state.known) first = false;
  }

  /** The call in the right column was given a customer or another ticket. */
  function follow(call) {
    const subject = subjectOf(call);
    if (subject.customer_id && subject.customer_id !== note.subject.customer_id) openCall(call);
    else if (subject.ticket_id && subject.ticket_id !== note.subject.ticket_id) note.open({ ...note.subject, ticket_id: subject.ticket_id }, { goBack: note.back });
  }

  /** This person answered: the caller's record opens, unless they are typing; either way a strip leads to the other. */
  function tookCall(call) {
    const subject = subjectOf(call);
    if (note.subject?.key === subject.key) {
      openCall(call);
      return;
    }
    if (note.busy || find("#record").matches(":focus-within:has(form :focus)")) {
      note.offer({ subject, text: t("{who} is on the line.", { who: plain(subject.label, 40) }), go: t("Open the call's ticket") });
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
    if (note.subject?.kind === "ticket") address.searchParams.set("ticket", note.subject.ticket_id);
    work.mark(note.subject?.ticket_id ?? null);
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
    showKept(find("#kept"), drafts, ticketDrafts, note.subject, (draft) =>
      openSubject(subjectOfDraft(draft)),
    );
  }

  function noteSaved(draft) {
    if (draft.customer_id && draft.customer_id === record.id && !find("#record").matches(":focus-within")) record.refresh();
  }

  function idle() {
    const nothing = Object.keys(stream.state.rings).length === 0 && Object.keys(stream.state.calls).length === 0 && recent.count === 0 && work.count === 0;
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
    const [, noun, id] = /^\/(customers|tickets)\/([0-9a-f-]{36})$/.exec(event.detail.href) ?? [];
    if (!id) return;
    event.preventDefault();
    if (noun === "tickets") openTicket(id, event.detail.label);
    else openCustomer(id);
  });
  root.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-customer-link], a[data-ticket-link]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    const { ticketLink, customerLink, label } = link.dataset;
    if (ticketLink) openTicket(ticketLink, label, customerLink || null);
    else openCustomer(customerLink);
  });

  /** A ticket of the work column: its form on the right, its customer in the middle. */
  function openTicket(id, label = "", customerId = null) {
    const call = callsOf(stream.state).map(withPick).find((one) => one.ticket_id === id && one.state !== "ended");
    if (call) {
      openCall(call);
      return;
    }
    openSubject({ key: `ticket:${id}`, kind: "ticket", call_id: null, ticket_id: id, customer_id: customerId, label });
    if (!customerId) record.clear();
    const tab = find("#tab-ticket");
    if (tab) tab.checked = true;
  }

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

  // A wrap-up that this tab met after its call: who it was about is read.
  const reading = new Set();
  async function readCall(callId) {
    if (reading.has(callId)) return;
    reading.add(callId);
    try {
      stream.tell("call.read", await api("GET", `/calls/${encodeURIComponent(callId)}`));
    } catch {
      reading.delete(callId); // the next event tries again
    }
  }

  stream.listen("wrap_up.ended", (data) => {
    // The time was up, or another tab finished it: what is written here is saved, and nothing closes under the hands.
    if (note.subject?.key === `call:${data.call_id}` && note.unsaved) void note.save();
  });
  stream.onChange((state, event) => {
    show(state);
    if (["call.ended", "call.abandoned", "call.retracted", "call.answered"].includes(event.type)) recent.changed();
    if (event.type.startsWith("ticket.") && work.concerns(event.data, state.user)) work.changed();
    for (const call of Object.values(state.calls)) if (call.unread) void readCall(call.call_id);
  });
  for (const type of ["conversation.created", "conversation.updated", "message.received"]) stream.listen(type, () => work.changed());
  stream.listen("customer.updated", (data) => {
    const id = data.customer_id ?? data.id;
    if (id && id === record.id) say(find("#record"), "changed", t("Changed by somebody else. Show the change"));
  });
  root.addEventListener("click", (event) => event.target.closest?.("#record [data-part=changed]") && record.refresh());

  // What was open before a reload.
  const asked = new URL(location.href).searchParams;
  const openId = asked.get("customer");
  const openCallId = asked.get("call");
  const openTicketId = asked.get("ticket");
  const key = openCallId ? `call:${openCallId}` : openTicketId ? `ticket:${openTicketId}` : `customer:${openId}`;
  const draft = drafts.get(key) ?? ticketDrafts.all().find((one) => one.subject === key) ?? null;
  record.clear();
  if (draft) openSubject(subjectOfDraft(draft));
  else if (openTicketId) openTicket(openTicketId, "", openId);
  else if (openId) openCustomer(openId);
  kept();
  void recent.load();
  work.load();
}

const subjectOfDraft = ({ subject, kind, call_id, ticket_id, customer_id, label }) => ({
  key: subject,
  kind: kind ?? "customer",
  call_id,
  ticket_id: ticket_id ?? null,
  customer_id,
  label,
});

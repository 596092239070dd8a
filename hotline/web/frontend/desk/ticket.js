// The ticket in the right column: kind, subject, category, priority, status. Each touched field is a draft until it is
// saved; a field that somebody else changed meanwhile asks, the others are saved.
import { all, attribute, clone, find, part, say } from "../lib/dom.js";
import { ApiError, api } from "../lib/api.js";
import { refreshClocks } from "../lib/clock.js";
import { locale, t } from "../lib/i18n.js";
import { playerOf } from "../lib/player.js";
import { plain } from "../lib/text.js";
import { ago, categories, categoryName, fieldName, kindName, merge, priorityName, stateName } from "../lib/tickets.js";
import { clockTime } from "../shell/line.js";
import { toast } from "../shell/toast.js";

const FIELDS = ["kind", "subject", "category", "priority", "state"];
const TRIES = 3;

const STATE_LOOKS = { new: "badge-accent", open: "badge-accent", waiting: "", resolved: "badge-active", closed: "" };

/**
 * `root` is the right column. `onChange` runs when the set of drafts may have changed, `onSaved(ticket)` when the server
 * has one, `onMoved(callId, ticket, version)` when a call, now of this version, was joined to another ticket,
 * `onKnown(ticket)` when a ticket that was opened by its number alone has been read.
 */
export function createTicket(root, drafts, stream, { onChange, onSaved, onMoved, onKnown = () => {} }) {
  const form = find("form", root);
  const known = new Map(); // ticket id → its body as last read
  const mayWrite = root.dataset.mayWrite === "yes";
  const mayRead = root.dataset.mayRead === "yes";
  let wanted = null; // the ticket that is, or shall be, shown
  let subject = null; // what the column is about

  const field = (name) => (name === "kind" ? find("[name=kind]:checked", form) : form.elements[name]);
  const valueOf = (ticket, name) => ticket[name] ?? "";
  const about = () => ({ subject: subject?.key, label: subject?.label, kind: subject?.kind, call_id: subject?.call_id ?? null, customer_id: subject?.customer_id ?? null });

  async function open(ticketId, of) {
    subject = of;
    wanted = mayRead ? ticketId : null;
    if (!wanted) {
      hide();
      return;
    }
    if (known.has(ticketId)) show();
    else hide();
    await read(ticketId);
  }

  function hide() {
    delete part(root, "voicemails").dataset.stamp;
    part(root, "label").hidden = false;
    for (const name of ["ticket", "number", "state-badge", "priority-badge", "escalated", "joined", "clocks", "voicemails", "resolve"]) part(root, name).hidden = true;
  }

  async function read(id) {
    try {
      learn(await api("GET", `/tickets/${encodeURIComponent(id)}`));
    } catch (error) {
      if (wanted !== id) return;
      // Not this person's to see, or gone: the note stays, the form goes. Without a line, what is known stays.
      if (error instanceof ApiError && (error.status === 404 || error.status === 403)) {
        known.delete(id);
        hide();
      } else if (!known.has(id)) {
        say(root, "problem", t("The ticket could not be read. It is read again when the line is back."));
      }
    }
  }

  function learn(body) {
    const before = known.get(body.id);
    if (before && before.version > body.version) return;
    known.set(body.id, body);
    // Under the hands nothing moves: a conflict is told when they save, or come back.
    if (wanted === body.id) show({ calm: form.contains(document.activeElement) });
  }

  function show({ calm = false } = {}) {
    const ticket = known.get(wanted);
    if (!ticket) return;
    const draft = drafts.get(ticket.id);
    const over = ticket.state === "discarded";
    part(root, "ticket").hidden = false;
    part(root, "label").hidden = true;
    const number = part(root, "number");
    number.hidden = false;
    number.textContent = ticket.reference;
    number.href = `/tickets/${encodeURIComponent(ticket.id)}`;
    const badge = part(root, "state-badge");
    badge.className = `badge ${STATE_LOOKS[ticket.state] ?? ""}`;
    say(root, "state-badge", ticket.provisional ? t("Not answered yet") : stateName(ticket.state));
    const urgent = ticket.priority === "high" || ticket.priority === "urgent";
    part(root, "priority-badge").className = `badge ${ticket.priority === "urgent" ? "badge-breach" : "badge-warn"}`;
    say(root, "priority-badge", urgent ? t("Priority: {name}", { name: priorityName(ticket.priority) }) : "");
    part(root, "escalated").hidden = !ticket.escalated;
    joined(ticket);
    clocks(ticket);
    void voicemails(ticket);
    void fillCategories(ticket, draft);
    fillStates(ticket);
    if (subject.kind === "ticket" && !subject.label) {
      subject.label = plain(ticket.customer?.name || ticket.caller?.display, 80) || ticket.reference;
      say(root, "about", subject.label);
      onKnown(ticket);
    }
    const { conflicts } = draft ? merge(draft, ticket) : { conflicts: [] };
    for (const name of FIELDS) {
      const value = draft && name in draft.fields ? draft.fields[name] : valueOf(ticket, name);
      put(name, value);
      if (!calm || !conflicts.includes(name)) conflict(name, conflicts.includes(name) ? ticket : null);
      for (const input of all(`[name="${name}"]`, form)) input.disabled = over || !mayWrite;
    }
    part(root, "resolve").hidden = over || !mayWrite || ticket.provisional || ["resolved", "closed"].includes(ticket.state);
  }

  function put(name, value) {
    if (name === "kind") {
      for (const input of all("[name=kind]", form)) if (input.checked !== (input.value === value)) input.checked = input.value === value;
    } else if (form.elements[name].value !== (value ?? "")) {
      form.elements[name].value = value ?? "";
    }
  }

  function fillStates(ticket) {
    const select = form.elements.state;
    const states = [ticket.state, ...(ticket.next_states ?? []).filter((state) => state !== "discarded")];
    const stamp = states.join(" ");
    if (select.dataset.stamp === stamp) return;
    select.dataset.stamp = stamp;
    select.replaceChildren(...states.map((state) => new Option(stateName(state), state)));
  }

  /** The category tree of the kind: groups are the branches, options their leaves and the branch itself. */
  async function fillCategories(ticket, draft) {
    const kind = draft?.fields.kind ?? ticket.kind;
    let found;
    try {
      found = await categories();
    } catch {
      found = [];
    }
    if (wanted !== ticket.id) return;
    const select = form.elements.category;
    const value = draft && "category" in draft.fields ? draft.fields.category : valueOf(ticket, "category");
    const fitting = found.filter((one) => !one.kind || one.kind === kind || one.slug === value);
    const stamp = JSON.stringify([fitting.map((one) => one.slug), value]);
    if (select.dataset.stamp !== stamp) {
      select.dataset.stamp = stamp;
      select.replaceChildren(select.options[0].cloneNode(true), ...tree(fitting));
      if (value && !fitting.some((one) => one.slug === value)) select.append(new Option(plain(value, 60), value));
    }
    put("category", value);
  }

  function joined(ticket) {
    const link = subject?.call_id && (ticket.calls ?? []).some((call) => call.id === subject.call_id && call.attached?.by === "rule");
    part(root, "joined").hidden = !link;
    if (!link) return;
    say(root, "joined-text", t("Joined to {number} ({kind}, {day}).", { number: ticket.reference, kind: kindName(ticket.kind).toLocaleLowerCase(), day: ago(ticket.created_at) }));
  }

  /** What the caller said to the machine can be heard where the call back is made. */
  async function voicemails(ticket) {
    const place = part(root, "voicemails");
    const calls = (ticket.calls ?? []).filter((call) => call.disposition === "voicemail").slice(0, 3);
    const stamp = `${ticket.id} ${calls.map((call) => call.id).join(" ")}`;
    if (!document.getElementById("player-template") || place.dataset.stamp === stamp) return;
    place.dataset.stamp = stamp;
    place.replaceChildren();
    place.hidden = true;
    for (const call of calls) {
      try {
        const { items } = await api("GET", `/recordings?call_id=${encodeURIComponent(call.id)}`);
        if (place.dataset.stamp !== stamp) return;
        place.append(...items.filter((recording) => recording.kind === "voicemail" && recording.state === "stored").map(playerOf));
        place.hidden = place.childElementCount === 0;
      } catch {
        delete place.dataset.stamp; // read again with the next change
      }
    }
  }

  function clocks(ticket) {
    const place = part(root, "clocks");
    const shown = (ticket.clocks ?? []).filter((clock) => clock.due_at || clock.state === "paused" || clock.state === "met");
    place.hidden = shown.length === 0;
    place.replaceChildren(...shown.map((clock) => clockOf(clock)));
    refreshClocks();
  }

  // -- changes ----------------------------------------------------------------------------------------------------

  function touched(event) {
    const { name } = event.target;
    const ticket = known.get(wanted);
    if (!ticket || !FIELDS.includes(name)) return;
    drafts.keep(ticket.id, name, field(name).value, valueOf(ticket, name), about());
    conflict(name, null);
    if (name === "kind") void fillCategories(ticket, drafts.get(ticket.id));
    onChange();
  }
  form.addEventListener("input", touched);
  form.addEventListener("change", touched);

  function conflict(name, ticket) {
    const box = find(`[data-field="${name}"]`, form);
    find(".field-conflict", box)?.remove();
    if (!ticket) return;
    const theirs = valueOf(ticket, name);
    const card = clone("field-conflict");
    const words = { kind: kindName, priority: priorityName, state: stateName }[name] ?? ((value) => plain(value, 60));
    say(card, "text", t("Meanwhile somebody else wrote: {value}", { value: theirs ? words(theirs) : t("nothing") }));
    part(card, "keep").addEventListener("click", () => {
      drafts.rebase(ticket.id, name, theirs);
      show();
      onChange();
    });
    part(card, "take").addEventListener("click", () => {
      drafts.forget(ticket.id, name);
      show();
      onChange();
    });
    box.append(card);
  }

  /** Writes the drafts of a ticket and `extra` fields. Answers "" or why something is still not saved. */
  async function save(id = wanted, extra = {}) {
    if (!id) return "";
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const draft = drafts.get(id);
      try {
        const ticket = known.get(id) ?? (await api("GET", `/tickets/${encodeURIComponent(id)}`));
        known.set(id, ticket);
        const { send, conflicts } = draft ? merge(draft, ticket) : { send: {}, conflicts: [] };
        const body = Object.fromEntries(Object.entries({ ...send, ...extra }).map(([name, value]) => [name, name === "category" && value === "" ? null : value]));
        if (Object.keys(body).length) {
          const now = await api("PATCH", `/tickets/${encodeURIComponent(id)}`, body, { headers: { "If-Match": `"v${ticket.version}"` } });
          known.set(id, now);
          drafts.saved(id, { ...send, ...extra });
          onSaved(now);
        } else if (draft && conflicts.length === 0) {
          drafts.drop(id); // the ticket says so already
        }
        if (wanted === id) show();
        onChange();
        return conflicts.length ? t("Somebody else changed {fields} meanwhile. Choose below.", { fields: conflicts.map(fieldName).join(", ") }) : "";
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 412 || error.status === 409) {
          // Somebody was faster: look again, and merge by field. A refusal of the change itself stays one.
          const before = known.get(id)?.version;
          await read(id);
          if (known.get(id)?.version !== before) continue;
        }
        if (error.code === "offline") {
          drafts.queue(id);
          onChange();
          return "";
        }
        if (wanted === id) show();
        return t("Not saved: {reason}", { reason: error.message });
      }
    }
    return t("Not saved: the ticket changes too often at the moment. Try again.");
  }

  part(root, "split").addEventListener("click", async () => {
    const callId = subject?.call_id;
    const old = known.get(wanted);
    if (!callId || !old) return;
    const button = part(root, "split");
    attribute(button, "aria-busy", "true");
    try {
      const made = await move(callId, { new: true });
      toast.undo(t("The call has a ticket of its own now: {number}.", { number: made.reference }), () => void rejoin(callId, old.id));
    } catch (error) {
      say(root, "problem", error instanceof ApiError ? error.message : t("This did not work."));
    } finally {
      attribute(button, "aria-busy", null);
    }
  });

  async function rejoin(callId, ticketId) {
    try {
      await move(callId, { ticket_id: ticketId });
    } catch (error) {
      say(root, "problem", error instanceof ApiError ? error.message : t("This did not work."));
    }
  }

  /** Gives the call another ticket; answers that. */
  async function move(callId, body) {
    const call = await api("POST", `/calls/${encodeURIComponent(callId)}/ticket`, body);
    const ticket = await api("GET", `/tickets/${encodeURIComponent(call.ticket_id)}`);
    known.set(ticket.id, ticket);
    if (subject?.call_id === callId) {
      wanted = ticket.id;
      show();
    }
    onMoved(callId, ticket, call.version);
    return ticket;
  }

  const heard = (data) => {
    const id = data.ticket_id ?? data.ticket?.id;
    if (!id || (id !== wanted && !known.has(id))) return;
    if (data.ticket?.version) learn(data.ticket);
    else if (id === wanted) void read(id);
    else known.delete(id);
  };
  for (const type of ["ticket.created", "ticket.updated", "ticket.discarded", "ticket.warned", "ticket.breached", "ticket.escalated"]) stream.listen(type, heard);

  stream.listen("recording.stored", (data) => {
    const ticket = known.get(wanted);
    if (!ticket || !(ticket.calls ?? []).some((call) => call.id === data.call_id)) return;
    delete part(root, "voicemails").dataset.stamp;
    void voicemails(ticket);
  });

  stream.onLine(({ state }) => {
    if (state !== "up") return;
    for (const draft of drafts.queued()) void save(draft.ticket_id);
    if (wanted && !known.has(wanted)) void read(wanted);
  });
  addEventListener("storage", (event) => {
    // The same ticket in another tab of this person.
    if (wanted && event.key?.endsWith(`.${wanted}`)) show();
  });

  return {
    open,
    save,
    /** Takes the status back to `before`, for an undo. */
    setState: (id, state) => save(id, { state }),
    get id() {
      return wanted;
    },
    get body() {
      return known.get(wanted) ?? null;
    },
    get draft() {
      return wanted ? drafts.get(wanted) : null;
    },
    discard() {
      const dropped = wanted ? drafts.drop(wanted) : null;
      show();
      return dropped;
    },
    restore(draft) {
      drafts.put(draft);
      show();
    },
  };
}

/** "14:00" today, "25 Nov, 14:00" on another day. */
function momentOf(instant) {
  const date = new Date(instant);
  if (date.toDateString() === new Date().toDateString()) return clockTime(instant);
  return new Intl.DateTimeFormat(locale(), { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(date);
}

/** One clock with its bar, as the server told it. */
export function clockOf(clock) {
  const row = clone("ticket-clock");
  const named = clock.what === "first_response" ? t("First response") : t("Resolve");
  const by = clock.due_at && clock.state !== "met" ? t("{what} by {time}", { what: named, time: momentOf(clock.due_at) }) : named;
  say(row, "what", by);
  const left = find("[data-clock]", row);
  const bar = find("[data-bar]", row);
  for (const [element, key] of [[left, "clock"], [bar, "bar"]]) {
    element.dataset[key] = clock.state;
    if (clock.due_at) element.dataset.due = clock.due_at;
    if (clock.warn_at) element.dataset.warn = clock.warn_at;
  }
  bar.dataset.used = String(clock.target_seconds ? Math.round((100 * (clock.spent_seconds ?? 0)) / clock.target_seconds) : 0);
  return row;
}

/** Options of the category tree: a branch is a group, with itself as "in general". */
function tree(found) {
  const children = (parent) => found.filter((one) => (one.parent ?? null) === parent);
  const roots = found.filter((one) => !one.parent || !found.some((other) => other.slug === one.parent));
  return roots.map((root) => {
    const below = descend(root, children, []);
    if (below.length === 0) return new Option(categoryName(root), root.slug);
    const group = document.createElement("optgroup");
    group.label = categoryName(root);
    group.append(new Option(t("{name}, in general", { name: categoryName(root) }), root.slug), ...below);
    return group;
  });
}

function descend(node, children, path) {
  return children(node.slug).flatMap((child) => {
    const names = [...path, categoryName(child)];
    return [new Option(names.join(" › "), child.slug), ...descend(child, children, names)];
  });
}

// Calls in progress, in the same place as the ring: who, how long, pass on, hang up. An ended call stays until it is
// put away, so that its note can be written.
import { all, attribute, clone, find, part, say } from "../lib/dom.js";
import { ApiError } from "../lib/api.js";
import { countFrom } from "../lib/clock.js";
import { command } from "../lib/commands.js";
import { t } from "../lib/i18n.js";
import { duration, plain } from "../lib/text.js";
import { pathOf } from "../lib/tickets.js";
import { namesOf, numberOf } from "../ring/words.js";
import { lockButton } from "../shell/line.js";
import { showMatches, showTier } from "./matches.js";
import { createTransfer } from "./transfer.js";

/** `actions`: user (one's own id), wraps (wrapUp.js), open(call), pick(call, customerId, card), create(call, card), putAway(call). */
export function createCalls(place, stream, actions) {
  const cards = new Map();

  return function show(calls, wraps = {}) {
    const ids = new Set(calls.map((call) => call.call_id));
    for (const [id, card] of cards) {
      if (!ids.has(id)) {
        card.remove();
        cards.delete(id);
      }
    }
    for (const [index, call] of calls.entries()) {
      let card = cards.get(call.call_id);
      if (!card) {
        card = build(call, stream, actions, place);
        cards.set(call.call_id, card);
        place.append(card);
      }
      fill(card, call, actions, wraps[call.call_id] ?? null);
      actions.wraps.keys(card, index === 0);
      // The keys belong to the call that is longest here.
      for (const button of all("[data-call-key]", card)) {
        if (index === 0 && call.state !== "ended") button.dataset.key = button.dataset.callKey;
        else delete button.dataset.key;
        find(".kbd", button).hidden = index !== 0;
      }
    }
  };
}

function build(call, stream, actions, place) {
  const card = clone("call-card");
  card.dataset.call = call.call_id;
  const transfer = createTransfer(part(card, "pane"), stream, call.call_id, actions.user);
  const toggle = part(card, "transfer");
  const pane = part(card, "pane");
  pane.id = `transfer-${call.call_id}`;
  toggle.setAttribute("aria-controls", pane.id);
  toggle.addEventListener("click", () => {
    const open = toggle.getAttribute("aria-expanded") !== "true";
    toggle.setAttribute("aria-expanded", String(open));
    pane.hidden = !open;
    if (open) transfer.open();
  });
  part(card, "end").addEventListener("click", () => void hangUp(card, stream, call.call_id));
  part(card, "record").addEventListener("click", () => void record(card, stream));
  part(card, "open").addEventListener("click", () => actions.open(card.call));
  part(card, "create").addEventListener("click", () => actions.create(card.call, card));
  card.dataset.wraps = place.dataset.wraps;
  actions.wraps.build(card);
  part(card, "away").addEventListener("click", () => actions.putAway(card.call));
  for (const button of all("[data-needs-line]", card)) lockButton(button);
  return card;
}

function titleOf(call, wrap) {
  if (wrap) return t("Wrap-up");
  if (call.state === "ended") return call.passed_on ? t("Passed on") : t("Call ended");
  if (call.held) return t("On hold");
  if (call.consulting) return t("A colleague asks");
  return call.direction === "out" ? t("Calling out") : t("In call");
}

function fill(card, call, actions, wrap) {
  card.call = call;
  const ended = call.state === "ended";
  const known = call.customers ?? [];
  const one = known.find((customer) => customer.id === call.customer_id) ?? (known.length === 1 ? known[0] : null);
  attribute(card, "aria-label", `${titleOf(call, wrap)}: ${one ? plain(one.name, 80) : numberOf(call)}`);
  attribute(card, "data-state", wrap ? "wrap" : ended ? "ended" : call.held ? "held" : "active");
  say(card, "title", titleOf(call, wrap));
  const timer = part(card, "timer");
  if (wrap) {
    actions.wraps.clock(timer, wrap);
  } else if (ended) {
    delete timer.dataset.since;
    delete timer.dataset.until;
    const seconds = (Date.parse(call.ended_at) - Date.parse(call.answered_at)) / 1000;
    timer.textContent = Number.isFinite(seconds) ? duration(seconds) : "";
  } else {
    countFrom(timer, (call.held && call.held_since) || call.answered_at || null);
  }
  say(card, "name", one ? plain(one.name, 80) : namesOf(call) || t("Not known yet"));
  showTier(card, one?.tier ?? null);
  say(card, "number", numberOf(call));
  say(card, "country-code", plain(call.caller?.country, 2));
  say(card, "way", [pathOf(call.ivr), plain(call.queue, 40), waitOf(call)].filter(Boolean).join(" · "));
  part(card, "unknown").hidden = known.length > 0;
  part(card, "open").hidden = !one && !call.ticket_id;
  part(card, "live").hidden = ended;
  part(card, "over").hidden = !ended || wrap !== null;
  part(card, "recording").hidden = !call.recording;
  if (call.recording) {
    const paused = call.recording === "paused";
    say(card, "recording-text", paused ? t("Recording is paused") : t("Recording"));
    say(card, "record-text", paused ? t("Go on recording") : t("Pause for card data"));
    part(card, "rec-dot").classList.toggle("is-paused", paused);
  }
  actions.wraps.show(card, call, wrap);
  showMatches(card, call, (customerId) => actions.pick(call, customerId, card));
}

/** "waited 0:48" for a call that came in. */
function waitOf(call) {
  const seconds = (Date.parse(call.answered_at) - Date.parse(call.waiting_since ?? call.queued_at ?? call.offered_at)) / 1000;
  return call.direction !== "out" && seconds >= 1 ? t("waited {time}", { time: duration(seconds) }) : "";
}

/** Card data is told: nothing of it shall be kept. */
async function record(card, stream) {
  const button = part(card, "record");
  if (button.getAttribute("aria-busy") === "true") return;
  const action = card.call.recording === "paused" ? "resume_recording" : "pause_recording";
  say(card, "trouble", "");
  attribute(button, "aria-busy", "true");
  try {
    await command(stream, { action, call_id: card.call.call_id });
    stream.tell("call.updated", { call_id: card.call.call_id, recording: action === "pause_recording" ? "paused" : "on" });
  } catch (error) {
    say(card, "trouble", error instanceof ApiError ? error.message : t("This did not work."));
  } finally {
    attribute(button, "aria-busy", null);
  }
}

async function hangUp(card, stream, callId) {
  const button = part(card, "end");
  if (button.getAttribute("aria-busy") === "true") return;
  say(card, "trouble", "");
  attribute(button, "aria-busy", "true");
  try {
    await command(stream, { action: "hangup", call_id: callId });
  } catch (error) {
    say(card, "trouble", error instanceof ApiError ? error.message : t("The call was not ended."));
  } finally {
    attribute(button, "aria-busy", null);
  }
}

// Calls in progress, in the same place as the ring: who, how long, pass on, hang up. An ended call stays until it is
// put away, so that its note can be written.
import { all, attribute, clone, find, part, say } from "../lib/dom.js";
import { ApiError } from "../lib/api.js";
import { countFrom } from "../lib/clock.js";
import { command } from "../lib/commands.js";
import { t } from "../lib/i18n.js";
import { duration, plain } from "../lib/text.js";
import { namesOf, numberOf } from "../ring/words.js";
import { lockButton } from "../shell/line.js";
import { showMatches, showTier } from "./matches.js";
import { createTransfer } from "./transfer.js";

/** `actions`: user (one's own id), open(call), pick(call, customerId, card), create(call, card), putAway(call). */
export function createCalls(place, stream, actions) {
  const cards = new Map();

  return function show(calls) {
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
        card = build(call, stream, actions);
        cards.set(call.call_id, card);
        place.append(card);
      }
      fill(card, call, actions);
      const end = part(card, "end");
      if (index === 0 && call.state !== "ended") end.dataset.key = "Alt E";
      else delete end.dataset.key;
      find(".kbd", end).hidden = index !== 0;
    }
  };
}

function build(call, stream, actions) {
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
  part(card, "open").addEventListener("click", () => actions.open(card.call));
  part(card, "create").addEventListener("click", () => actions.create(card.call, card));
  part(card, "away").addEventListener("click", () => actions.putAway(card.call));
  for (const button of all("[data-needs-line]", card)) lockButton(button);
  return card;
}

function fill(card, call, actions) {
  card.call = call;
  const ended = call.state === "ended";
  const known = call.customers ?? [];
  const one = known.find((customer) => customer.id === call.customer_id) ?? (known.length === 1 ? known[0] : null);
  attribute(card, "data-state", ended ? "ended" : call.held ? "held" : "active");
  say(card, "title", ended ? (call.passed_on ? t("Passed on") : t("Call ended")) : call.held ? t("On hold") : call.consulting ? t("A colleague asks") : call.direction === "out" ? t("Calling out") : t("In call"));
  const timer = part(card, "timer");
  if (ended) {
    delete timer.dataset.since;
    const seconds = (Date.parse(call.ended_at) - Date.parse(call.answered_at)) / 1000;
    timer.textContent = Number.isFinite(seconds) ? duration(seconds) : "";
  } else {
    countFrom(timer, call.answered_at ?? null);
  }
  say(card, "name", one ? plain(one.name, 80) : namesOf(call) || t("Not known yet"));
  showTier(card, one?.tier ?? null);
  say(card, "number", numberOf(call));
  say(card, "country-code", plain(call.caller?.country, 2));
  say(card, "queue", plain(call.queue, 40));
  part(card, "unknown").hidden = known.length > 0;
  part(card, "open").hidden = !one;
  part(card, "live").hidden = ended;
  part(card, "over").hidden = !ended;
  showMatches(card, call, (customerId) => actions.pick(call, customerId, card));
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

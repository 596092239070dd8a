// After the call: the outcome, the note, and a time that runs; the agent is paused meanwhile. The outcome can be chosen
// while the call still goes on.
import { all, attribute, part, say } from "../lib/dom.js";
import { ApiError, api } from "../lib/api.js";
import { countTo, now } from "../lib/clock.js";
import { t } from "../lib/i18n.js";
import { outcomeName } from "../lib/tickets.js";

const EARLY = 1500; // milliseconds before the time is up

/**
 * `save(call)` keeps what is written, `done(call, {byHand})` runs when the wrap-up is over by this
 * person's word: at once, or at the end of its time.
 */
export function createWrapUps(stream, { save, done }) {
  const chosen = new Map(); // call_id → outcome, until the server has it

  const outcomeOf = (call, wrap) => chosen.get(call.call_id) ?? wrap?.disposition ?? call.outcome ?? null;

  async function choose(card, outcome) {
    const { call, wrap } = card;
    chosen.set(call.call_id, outcome);
    show(card, call, wrap);
    say(card, "wrap-trouble", "");
    if (wrap) {
      close(card, wrap);
      return;
    }
    try {
      // The call goes on: kept until it is over. It may end while this is on its way; its wrap-up goes on then.
      await send(call, outcome, { finish: false });
      if (card.wrap && outcomeOf(call, card.wrap) === outcome) close(card, card.wrap);
    } catch (error) {
      if (error instanceof ApiError && error.retry) return; // it is sent again with the end
      chosen.delete(call.call_id);
      show(card, call, card.wrap);
      say(card, "wrap-trouble", error instanceof ApiError ? error.message : t("This did not work."));
    }
  }

  /** With an outcome the wrap-up closes by itself just before its time is up, with what is written until then. */
  function close(card, wrap) {
    clearTimeout(card.closing);
    const left = Date.parse(wrap.until) - now() - EARLY;
    if (Number.isFinite(left)) card.closing = setTimeout(() => card.isConnected && card.wrap && void finish(card, false), Math.max(0, left));
  }

  // A call that is over: saying what became of it ends its wrap-up.
  const send = (call, disposition, more = {}) => api("POST", `/calls/${encodeURIComponent(call.call_id)}/wrap-up`, { disposition, ...more });

  async function finish(card, byHand = true) {
    const { call } = card;
    const outcome = outcomeOf(call, card.wrap);
    const button = part(card, "finish");
    if (button.getAttribute("aria-busy") === "true") return;
    if (!outcome) {
      say(card, "wrap-trouble", t("Choose the outcome first: Alt 1 to 6."));
      return;
    }
    attribute(button, "aria-busy", "true");
    say(card, "wrap-trouble", "");
    try {
      if (!(await save(call))) {
        say(card, "wrap-trouble", t("Something is not saved yet: see the ticket on the right."));
        return;
      }
      await send(call, outcome);
      clearTimeout(card.closing);
      chosen.delete(call.call_id);
      done(call, { byHand });
    } catch (error) {
      say(card, "wrap-trouble", error instanceof ApiError ? error.message : t("The wrap-up was not finished."));
    } finally {
      attribute(button, "aria-busy", null);
    }
  }

  function show(card, call, wrap) {
    card.wrap = wrap ?? null;
    const box = part(card, "wrap");
    const running = Boolean(wrap);
    const ended = call.state === "ended";
    box.hidden = card.dataset.wraps !== "yes" || !(running || (call.ticket_id && !ended && !call.consulting));
    part(card, "finish").hidden = !running;
    if (box.hidden) return;
    const outcome = outcomeOf(call, wrap);
    say(card, "wrap-title", running ? t("Wrap-up") : t("Wrap-up follows the call."));
    say(
      card,
      "wrap-text",
      running
        ? outcome
          ? t("No new call until you are done or the time is up.")
          : t("How did it end? No new call until you are done or the time is up.")
        : outcome
          ? t("Outcome: {outcome}. You can still change it.", { outcome: outcomeName(outcome) })
          : t("Choose the outcome now and it closes by itself."),
    );
    for (const chip of all("[data-outcome]", box)) attribute(chip, "aria-pressed", String(chip.dataset.outcome === outcome));
  }

  return {
    build(card) {
      for (const chip of all("[data-outcome]", card)) chip.addEventListener("click", () => void choose(card, chip.dataset.outcome));
      part(card, "finish").addEventListener("click", () => void finish(card));
    },
    show,
    /** Keys belong to the first card only. */
    keys(card, first) {
      for (const chip of all("[data-outcome]", card)) {
        if (first) chip.dataset.key = chip.dataset.outcomeKey;
        else delete chip.dataset.key;
      }
      const button = part(card, "finish");
      if (first) button.dataset.key = "Alt W";
      else delete button.dataset.key;
    },
    /** The head of the card while the wrap-up runs: what is left of its time. */
    clock: (element, wrap) => countTo(element, wrap.until ?? null),
  };
}

// The middle column: one customer's facts and timeline, written by the server. Old data stays, dimmed, while new is read.
import { attribute, clone, find, part, say } from "../lib/dom.js";
import { refreshClocks } from "../lib/clock.js";
import { t } from "../lib/i18n.js";
import { startPlayers } from "../lib/player.js";

const PATIENCE = 200; // milliseconds before anything says "loading"

/** `onLoaded(customerId)` runs after a record is shown. */
export function createRecord(place, { onLoaded }) {
  let shownId = null;
  let wantedId = null; // what is shown, or on its way
  let asking = null;

  async function open(customerId, { again = false, edit = false } = {}) {
    if (customerId === wantedId && !again) return;
    wantedId = customerId;
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    const waiting = setTimeout(() => {
      attribute(place, "aria-busy", "true");
      if (!shownId) place.replaceChildren(clone("record-skeleton"));
    }, PATIENCE);
    try {
      const response = await fetch(`/desk/customers/${encodeURIComponent(customerId)}${edit ? "?edit=name" : ""}`, {
        headers: { Accept: "text/html", "HX-Request": "true" },
        credentials: "same-origin",
        signal,
      });
      if (response.redirected || response.status === 401) throw new Refused(t("You are signed out. Sign in again in another tab, then go on here."));
      if (response.status === 404 || response.status === 403) throw new Refused(t("This record is gone, or you may not see it."));
      if (!response.ok) throw new Refused(t("The record could not be read (error {status}).", { status: response.status }));
      const html = await response.text();
      if (signal.aborted) return;
      const scroll = customerId === shownId ? place.scrollTop : 0;
      shownId = customerId;
      place.innerHTML = html; // our own template, escaped by the server
      globalThis.htmx?.process(place);
      startPlayers(place);
      refreshClocks();
      place.scrollTop = scroll;
      onLoaded(customerId);
      if (edit) {
        const field = find("[data-edit-name]", place);
        field?.focus({ preventScroll: true });
        field?.select();
      }
    } catch (error) {
      if (signal.aborted) return;
      failed(customerId, error instanceof Refused ? error.message : t("No connection to hotline. The record is read when the line is back."));
    } finally {
      clearTimeout(waiting);
      if (!signal.aborted) attribute(place, "aria-busy", null);
    }
  }

  function failed(customerId, reason) {
    wantedId = null;
    const card = clone("record-error");
    say(card, "reason", reason);
    part(card, "again").addEventListener("click", () => void open(customerId, { again: true }));
    if (shownId && shownId !== customerId) {
      shownId = null;
      place.replaceChildren(card);
    } else if (shownId) {
      find("[data-part=record-error]", place)?.remove();
      place.prepend(card);
    } else {
      place.replaceChildren(card);
    }
  }

  return {
    open,
    get id() {
      return shownId;
    },
    get wanted() {
      return wantedId;
    },
    /** Reads the shown record again, where it is. */
    refresh() {
      if (shownId) void open(shownId, { again: true });
    },
    clear() {
      asking?.abort();
      shownId = wantedId = null;
      attribute(place, "aria-busy", null);
      place.replaceChildren(clone("record-empty"));
    },
  };
}

class Refused extends Error {}

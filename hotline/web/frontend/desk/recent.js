// The agent's last calls, in the work column. New ones are announced and wait for a click while the pointer is here.
import { attribute, find, part, say } from "../lib/dom.js";
import { nt } from "../lib/i18n.js";

/** `place` holds the server's list (/desk/recent). */
export function createRecent(place, { onCount }) {
  let waiting = 0;
  let timer = 0;

  async function load() {
    attribute(place, "aria-busy", "true");
    try {
      const response = await fetch("/desk/recent", { headers: { Accept: "text/html", "HX-Request": "true" }, credentials: "same-origin" });
      if (!response.ok || response.redirected) return;
      part(place, "list").innerHTML = await response.text(); // our own template, escaped by the server
      waiting = 0;
      say(place, "changed", "");
      onCount();
    } catch {
      // Old rows stay; the line's own bar says that it is away.
    } finally {
      attribute(place, "aria-busy", null);
    }
  }

  part(place, "changed").addEventListener("click", () => void load());

  return {
    load,
    get count() {
      return place.querySelectorAll("li").length;
    },
    /** Something in the list changed. Rows do not jump under the pointer or the focus. */
    changed() {
      clearTimeout(timer);
      if (place.matches(":hover, :focus-within")) {
        waiting += 1;
        say(place, "changed", nt("{n} changed", "{n} changed", waiting));
      } else {
        timer = setTimeout(load, 400); // the row is written a moment after the event
      }
    },
  };
}

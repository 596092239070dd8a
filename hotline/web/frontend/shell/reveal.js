// A number that is shown in part, in full: one click, which hotline records.
// <span><bdi>…6620</bdi><button data-reveal="/customers/…/reveal"></button></span>
import { ApiError, api } from "../lib/api.js";
import { attribute, find } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";
import { toast } from "./toast.js";

export function startReveal() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-reveal]");
    if (button && button.getAttribute("aria-disabled") !== "true") void reveal(button);
  });
}

async function reveal(button) {
  if (button.getAttribute("aria-busy") === "true") return;
  attribute(button, "aria-busy", "true");
  try {
    const { display } = await api("POST", button.dataset.reveal);
    const shown = find("bdi", button.parentElement);
    shown.textContent = plain(display, 80);
    shown.tabIndex = -1;
    shown.focus({ preventScroll: true });
    button.remove();
    toast.say(t("Shown in full. That you looked is on the record."));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast.bad(error.message);
    attribute(button, "aria-busy", null);
  }
}

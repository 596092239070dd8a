// Click to dial: <button data-dial="+44…"> asks the PBX to ring the own phone first, then the number; with
// <button data-dial-ticket="id"> the customer of that ticket is called back, also by who sees only a part of the number.
import { ApiError } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";
import { command } from "../lib/commands.js";

let status = null;

/** `stream` tells how the command goes. */
export function startDial(stream) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-dial], [data-dial-ticket]");
    if (!button || button.getAttribute("aria-disabled") === "true") return;
    event.preventDefault();
    void dial(button, stream);
  });
}

async function dial(button, stream) {
  const to = button.dataset.dial;
  const ticket = button.dataset.dialTicket;
  const say = (text, bad = false) => tell(button, text, bad);
  button.setAttribute("aria-busy", "true");
  say(t("Your phone rings first. Lift it to call {number}.", { number: plain(button.dataset.dialShown || to || "", 40) }));
  try {
    await command(stream, ticket ? { action: "originate", ticket_id: ticket } : { action: "originate", to });
  } catch (error) {
    say(error instanceof ApiError ? error.message : t("The call was not placed."), true);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

function tell(button, text, bad) {
  status ??= document.querySelector("#dial-status");
  if (!status) return;
  const place = status.querySelector("[data-part=text]");
  place.textContent = text;
  status.classList.toggle("alert-breach", bad);
  status.hidden = false;
  clearTimeout(status.timer);
  if (!bad) status.timer = setTimeout(() => { status.hidden = true; }, 8000);
}

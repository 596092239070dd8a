// Passing a call on: ask the colleague first, or send the caller now. Targets are the colleagues who can take it.
import { all, clone, part, say } from "../lib/dom.js";
import { ApiError, api } from "../lib/api.js";
import { countFrom } from "../lib/clock.js";
import { command } from "../lib/commands.js";
import { t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";
import { lockButton } from "../shell/line.js";

const WORDS = {
  free: () => t("free"),
  ringing: () => t("ringing"),
  busy: () => t("in call"),
  paused: () => t("paused"),
  signed_out: () => t("signed out"),
};
const ORDER = ["free", "paused", "ringing", "busy", "signed_out"];

/** Fills the pane when it opens. */
export function createTransfer(pane, stream, callId, user) {
  const name = `transfer-${callId}`;
  for (const input of all("input[type=radio]", pane)) input.name = name;
  const how = () => (pane.querySelector("input[type=radio]:checked")?.value === "blind" ? "blind_transfer" : "attended_transfer");

  async function send(to, button, who) {
    say(pane, "problem", "");
    say(pane, "done", "");
    for (const one of all("button", pane)) one.disabled = true;
    const action = how();
    try {
      await command(stream, { action, call_id: callId, to });
      say(pane, "done", action === "blind_transfer"
        ? t("The caller is on the way to {who}.", { who })
        : t("{who} is being called. Hang up your phone to pass the caller on.", { who }));
    } catch (error) {
      say(pane, "problem", error instanceof ApiError ? error.message : t("The call was not passed on."));
    } finally {
      for (const one of all("button", pane)) one.disabled = one.dataset.busy === "yes";
    }
  }

  const form = part(pane, "number-form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const to = form.elements.to.value.trim();
    if (to) void send(to, form.querySelector("button"), plain(to, 30));
  });

  async function load() {
    const list = part(pane, "targets");
    try {
      const { items } = await api("GET", "/agents");
      say(pane, "problem", "");
      const rows = items
        .filter((agent) => agent.extension && agent.id !== user)
        .sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.name.localeCompare(b.name))
        .map((agent) => row(agent));
      list.replaceChildren(...rows);
      say(pane, "none", rows.length ? "" : t("No colleague has an extension yet. Type a number instead."));
    } catch (error) {
      say(pane, "problem", error instanceof ApiError ? error.message : t("The colleagues could not be read."));
    }
  }

  function row(agent) {
    const item = clone("transfer-target");
    const busy = agent.state === "busy" || agent.state === "ringing";
    const shown = plain(agent.name, 60);
    part(item, "dot").dataset.state = agent.state;
    part(item, "name").textContent = shown;
    say(item, "about", [plain(agent.extension, 12), ...(agent.queues ?? []).slice(0, 2).map((queue) => plain(queue, 20))].join(" · "));
    say(item, "state", WORDS[agent.state]?.() ?? "");
    countFrom(part(item, "since"), agent.state === "busy" ? agent.since : null);
    const button = part(item, "send");
    button.textContent = busy ? t("Busy") : t("Call");
    button.disabled = busy;
    button.dataset.busy = busy ? "yes" : "no";
    button.setAttribute("aria-label", `${button.textContent}: ${shown}`);
    button.addEventListener("click", () => void send(agent.extension, button, shown));
    lockButton(button);
    return item;
  }

  return { open: () => void load() };
}

// The prompts page: bring a recording of a prompt, or let callers hear the machine's voice again.
import { csrf, ApiError, api } from "../lib/api.js";
import { all, part } from "../lib/dom.js";
import { t } from "../lib/i18n.js";

const LARGEST = 50 * 1024 * 1024;

export function startPrompts(root) {
  for (const way of all("[data-prompt]", root)) {
    const file = part(way, "file");
    part(way, "choose")?.addEventListener("click", () => file.click());
    file?.addEventListener("change", () => file.files[0] && bring(way, file.files[0]));
    part(way, "voice")?.addEventListener("click", () => change(way, t("Changing…"), () => api("DELETE", address(way))));
  }
}

const address = (way) =>
  `/prompts/${encodeURIComponent(way.dataset.prompt)}/${encodeURIComponent(way.dataset.language)}/recording`;

function bring(way, file) {
  if (file.size > LARGEST) {
    problem(way, t("This file is larger than 50 MB."));
    return;
  }
  change(way, t("Sending {name}…", { name: file.name }), () => send(`/api/v1${address(way)}`, file));
}

/** A sound file is no JSON, so not through api(). */
async function send(path, file) {
  let response;
  try {
    response = await fetch(path, {
      method: "PUT",
      credentials: "same-origin",
      headers: { Accept: "application/json", "X-CSRF-Token": csrf(), "Content-Type": file.type || "application/octet-stream" },
      body: file,
    });
  } catch {
    throw new ApiError("offline", t("No connection to hotline. Nothing was changed."), 0);
  }
  if (response.ok) return;
  const answer = await response.json().catch(() => null);
  const detail = answer?.errors?.[0]?.detail ?? answer?.detail;
  throw new ApiError(answer?.code ?? "error", why(detail, response.status) || answer?.said || detail || t("This did not work (error {status}).", { status: response.status }), response.status);
}

/** What the converter says, in the page's language. */
function why(detail = "", status = 0) {
  const known = {
    "there is only silence in it": t("There is only silence in this file."),
    "there is no sound in it": t("There is no sound in this file."),
    "not a sound file that can be read": t("This is not a sound file that can be read. Send WAV, FLAC, OGG or MP3."),
    "it takes too long to read": t("This file takes too long to read."),
  };
  if (known[detail]) return known[detail];
  if (detail.startsWith("longer than")) return t("This recording is longer than 5 minutes.");
  if (status === 507) return t("There is no room for it on the server's disk.");
  return "";
}

async function change(way, words, work) {
  const buttons = all("button", way);
  const progress = part(way, "progress");
  part(way, "problem").hidden = true;
  progress.textContent = words;
  progress.hidden = false;
  for (const button of buttons) button.disabled = true;
  try {
    await work();
    // The server's words for the new state; the same place in the list.
    location.hash = way.closest(".prompt").id;
    location.reload();
  } catch (error) {
    progress.hidden = true;
    for (const button of buttons) button.disabled = false;
    const file = part(way, "file");
    if (file) file.value = "";
    problem(way, error.message);
  }
}

function problem(way, text) {
  const place = part(way, "problem");
  place.textContent = text;
  place.hidden = false;
}

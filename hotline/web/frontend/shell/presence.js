// The pill at the top right: what this person's phone is doing, and the menu to sign in to queues, pause and leave.
import { all, attribute, clone, find, part, say } from "../lib/dom.js";
import { ApiError, api } from "../lib/api.js";
import { countFrom, countTo } from "../lib/clock.js";
import { command } from "../lib/commands.js";
import { t } from "../lib/i18n.js";
import { entryName, listEntries } from "../lib/lists.js";
import { plain } from "../lib/text.js";
import { askPermission, permission } from "../ring/notify.js";
import { setSound, soundIs } from "../ring/sound.js";
import { callsOf, ringsOf } from "../stream/state.js";
import { lockButton } from "./line.js";

const WRAP_UP = "wrap-up"; // hotline's own pause after a call

let reasons = []; // the company's reasons of a pause

export function startPresence(stream) {
  const menu = find("#presence");
  if (!menu) return;
  stream.onChange((state) => show(menu, state, stream));
  stream.listen("presence.changed", (data) => {
    // The event holds ids; what is now comes with it where the server may say it, else it is read.
    if (!data.presence) void readPresence(menu, stream);
  });
  for (const name of ["join-all", "leave-all"]) {
    const button = part(menu, name);
    button.addEventListener("click", () => void act(menu, stream, button, { action: button.dataset.action }));
  }
  const resume = part(menu, "resume");
  resume.addEventListener("click", () => void act(menu, stream, resume, { action: "pause", paused: false, reason: "" }));
  void listEntries("pause_reason").then((found) => {
    reasons = found;
    offerReasons(menu, stream);
    if (stream.state.known) show(menu, stream.state, stream);
  });
  startSound(menu);
  startNotifications(menu);
}

function show(menu, state, stream) {
  pill(menu, state);
  queues(menu, state.presence ?? [], stream);
}

const signedInOf = (mine) => mine.filter((one) => one.signed_in !== false);
const allPaused = (signedIn) => signedIn.length > 0 && signedIn.every((one) => one.paused);

/** The reason as the company calls it today; a phone's own words as they are. */
function reasonName(reason) {
  if (!reason) return "";
  if (reason === WRAP_UP) return t("Wrap-up");
  const entry = reasons.find((one) => one.key === reason);
  return entry ? entryName(entry) : plain(reason, 40);
}

function offerReasons(menu, stream) {
  const place = part(menu, "reasons");
  place.replaceChildren(
    ...reasons
      .filter((entry) => !entry.archived)
      .map((entry) => {
        const chip = clone("pause-reason");
        const name = entryName(entry);
        chip.textContent = name;
        chip.dataset.reason = entry.key;
        chip.dataset.palette = t("Pause: {reason}", { reason: name });
        chip.addEventListener("click", () => void act(menu, stream, chip, { action: "pause", paused: true, reason: entry.key }));
        lockButton(chip);
        return chip;
      }),
  );
}

function pill(menu, state) {
  const button = find("summary", menu);
  const [ring] = ringsOf(state);
  const call = callsOf(state).find((one) => one.state !== "ended");
  const signedIn = signedInOf(state.presence ?? []);
  const paused = allPaused(signedIn);
  const wrap = Object.values(state.wraps ?? {})[0];
  const look = ring ? "ringing" : call ? "active" : wrap ? "wrap" : paused ? "paused" : signedIn.length ? "free" : "away";
  attribute(button, "data-state", look);
  const words = {
    ringing: t("Ringing"),
    active: t("In call"),
    wrap: t("Wrap-up"),
    paused: reasonName(signedIn[0]?.pause_reason) || t("Paused"),
    free: t("Available"),
    away: t("Signed out of queues"),
  };
  say(button, "text", words[look]);
  const clock = part(button, "clock");
  if (look === "wrap") countTo(clock, wrap.until ?? null);
  else countFrom(clock, ring?.at ?? call?.answered_at ?? (paused || look === "free" ? sinceOf(signedIn) : null));
}

/** Since when all of them are as they are: the latest change. */
const sinceOf = (members) => members.map((one) => one.since).filter(Boolean).sort().at(-1) ?? null;

function queues(menu, mine, stream) {
  const list = part(menu, "queues");
  say(menu, "none", mine.length ? "" : t("No queues are set for you. An administrator adds them on the users page."));
  const rows = new Map(all("[data-queue]", list).map((row) => [row.dataset.queue, row]));
  for (const one of mine) {
    const key = `${one.pbx}/${one.queue}`;
    let row = rows.get(key);
    rows.delete(key);
    if (!row) {
      row = clone("presence-queue");
      row.dataset.queue = key;
      part(row, "queue").textContent = plain(one.queue, 60);
      for (const button of all("button", row)) {
        button.addEventListener("click", () => void act(menu, stream, button, { ...row.membership, action: button.dataset.action }));
        lockButton(button);
      }
      list.append(row);
    }
    row.membership = { queue: one.queue, ...(one.pbx ? { pbx: one.pbx } : {}) };
    const signedIn = one.signed_in !== false;
    say(row, "state", !signedIn ? t("signed out") : one.paused ? reasonName(one.pause_reason) || t("paused") : t("taking calls"));
    countFrom(part(row, "since"), signedIn && one.paused ? one.since : null);
    attribute(part(row, "dot"), "data-state", !signedIn ? "away" : one.paused ? "paused" : "free");
    part(row, "sign_in").hidden = signedIn;
    part(row, "sign_out").hidden = !signedIn;
  }
  for (const row of rows.values()) row.remove();
  const signedIn = signedInOf(mine);
  const paused = allPaused(signedIn);
  part(menu, "all").hidden = mine.length < 2;
  part(menu, "join-all").hidden = signedIn.length === mine.length;
  part(menu, "leave-all").hidden = signedIn.length === 0;
  part(menu, "pausing").hidden = signedIn.length === 0;
  say(menu, "pausing-title", paused ? t("Another reason") : t("Pause all"));
  part(menu, "resume").hidden = !paused;
  for (const chip of all("[data-reason]", part(menu, "reasons"))) attribute(chip, "aria-pressed", String(paused && signedIn[0].pause_reason === chip.dataset.reason));
}

async function act(menu, stream, button, body) {
  say(menu, "problem", "");
  attribute(button, "aria-busy", "true");
  try {
    await command(stream, body);
    await readPresence(menu, stream);
  } catch (error) {
    say(menu, "problem", error instanceof ApiError ? error.message : t("This did not work."));
  } finally {
    attribute(button, "aria-busy", null);
  }
}

async function readPresence(menu, stream) {
  try {
    const { items } = await api("GET", "/users/me/presence");
    stream.tell("presence.changed", { presence: items });
  } catch {
    // The next snapshot brings it.
  }
}

function startSound(menu) {
  const box = part(menu, "sound");
  box.checked = soundIs() === "on";
  box.addEventListener("change", () => setSound(box.checked ? "on" : "off"));
  addEventListener("storage", (event) => {
    if (event.key === "hl.sound") box.checked = soundIs() === "on";
  });
}

function startNotifications(menu) {
  const button = part(menu, "notify");
  const look = () => {
    button.hidden = permission() === "granted" || permission() === "unavailable";
    say(menu, "notify-state", permission() === "granted" ? t("Desktop notifications are on.") : permission() === "denied" ? t("Desktop notifications are blocked in the browser's settings for this site.") : "");
    if (permission() === "denied") button.hidden = true;
  };
  look();
  button.addEventListener("click", async () => {
    await askPermission();
    look();
  });
}

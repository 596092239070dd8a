// The handset page of the demo: shows what the simulated PBX says, and presses its buttons.
import * as ear from "./demo/ear.js";
import { enableKeypad, startKeypad } from "./demo/keypad.js";
import * as microphone from "./demo/microphone.js";
import { all, clone, find, part, say } from "./lib/dom.js";
import { countFrom, setClock, startClocks } from "./lib/clock.js";
import { load, nt, t } from "./lib/i18n.js";
import { plain } from "./lib/text.js";
import { startTheme } from "./shell/theme.js";
import { showTwilio, startTwilio } from "./demo/twilio.js";

load(JSON.parse(find("#page-data").textContent).messages);
startTheme();
startClocks();

const handset = find(".handset");
const callers = find("#callers");
let state = { calls: [], phones: [], log: [] };
let mine = null; // the call on the handset
let others = "";
let shownHeard = "";
let listening = null; // the microphone that records

const callStates = () => ({
  calling: t("Calling"),
  script: t("In the menu"),
  waiting: t("In the queue"),
  ringing: t("In the queue, phones ring"),
  talking: t("Talking"),
  dialling: t("hotline is calling"),
  incoming: t("hotline is calling"),
});

const logWords = () => ({
  arrives: t("Call arrives"),
  asks: t("Menu asked"),
  ticket: t("Ticket"),
  voicemail: t("Voicemail stored"),
  dials: t("Calling out"),
  queued: t("Queued"),
  rings: t("Phone rings"),
  picks_up: t("Phone picked up"),
  blind_transfer: t("Blind transfer"),
  attended_transfer: t("Attended transfer"),
  abandons: t("Caller gave up"),
  signs_in: t("Signed in"),
  signs_out: t("Signed out"),
  pauses: t("Paused"),
  resumes: t("Back from pause"),
  over: t("Hung up"),
  pop: t("Screen pop"),
  pop_gone: t("Pop taken back"),
  answered: t("Desk: answered"),
  moved: t("Desk: transferred"),
  ended: t("Desk: call over"),
  missed: t("Desk: missed call"),
});

const kindWords = () => ({
  consultation: t("Consultation"),
  complaint: t("Complaint"),
  service_request: t("Service request"),
});

async function press(path, body = undefined, place = handset) {
  say(place, "problem", "");
  const sound = body instanceof Blob;
  try {
    const response = await fetch(`/demo/${path}`, {
      method: "POST",
      headers: { "Content-Type": sound ? body.type : "application/json", Accept: "application/json" },
      body: sound ? body : JSON.stringify(body ?? {}),
    });
    const answer = response.status === 204 ? null : await response.json();
    if (response.ok) return answer;
    say(place, "problem", plain(answer?.detail, 200) || t("This did not work (error {status}).", { status: response.status }));
  } catch {
    say(place, "problem", t("No connection to hotline. Nothing was changed."));
  }
  return null;
}

function chosen() {
  const form = new FormData(callers);
  const scenario = form.get("scenario");
  const line = form.get("line");
  return scenario ? { scenario, line } : { number: form.get("number"), name: form.get("name"), line };
}

function showHandset() {
  const call = state.calls.find(({ id }) => id === mine) ?? null;
  say(handset, "state", call ? (callStates()[call.state] ?? call.state) : t("Ready"));
  part(handset, "dot").className = `status-dot${call ? " dot-active" : ""}`;
  countFrom(part(handset, "clock"), call ? new Date(call.since * 1000).toISOString() : null);
  say(handset, "number", call ? (call.direction === "in" ? call.dialled : call.number) : find("#f-line").value);
  const shown = call && (call.withheld ? t("number withheld") : call.name ? `${plain(call.name, 60)}, ${call.number}` : call.number);
  say(handset, "caller", call ? t("as {caller}", { caller: shown }) : "");
  part(handset, "hint").hidden = call !== null;
  part(handset, "call").hidden = call !== null;
  part(handset, "answer").hidden = call?.state !== "incoming";
  part(handset, "hang-up").hidden = call === null;
  showLine(call?.line ?? null, call?.state ?? "");
  showOthers();
}

/** What the caller hears, and what the PBX waits for. */
function showLine(line, now) {
  ear.follow(mine, line);
  enableKeypad(takesKeys());
  const words = {
    playing: t("Press a key at any time."),
    listening: t("Listening for a key …"),
    recording: listening ? t("Recording. Press # when you are done.") : t("Speak after the tone, press # when you are done."),
  };
  const text = now === "script" ? (words[line?.phase] ?? "") : "";
  const place = part(handset, "listening");
  if (place.textContent !== text) place.textContent = text;
  const message = part(handset, "message");
  const records = line?.phase === "recording";
  if (message.hidden === records) {
    message.hidden = !records;
    part(message, "speak").hidden = !microphone.isThere();
    if (!records) stopListening(false);
  }
  showHeard(line);
}

function showHeard(line) {
  const list = part(handset, "heard");
  const heard = line?.heard ?? [];
  const key = JSON.stringify([mine, heard, line?.phase]);
  if (key === shownHeard) return;
  shownHeard = key;
  list.hidden = heard.length === 0;
  // Keys in a row are one bubble; the older ones stay in place, so that only what is new is announced.
  const rows = [];
  for (const { kind, what, language } of heard) {
    const last = rows.at(-1);
    if (kind === "key" && last?.kind === "key") last.text += ` ${what}`;
    else rows.push({ kind, text: bubbleText(kind, what), language });
  }
  rows.forEach((row, at) => {
    const item = list.children[at] ?? list.appendChild(document.createElement("p"));
    item.className = row.kind === "prompt" ? "bubble" : "bubble bubble-me";
    item.classList.toggle("is-playing", row.kind === "prompt" && at === rows.length - 1 && line.phase === "playing");
    if (row.language) item.lang = row.language === "zh" ? "zh-CN" : row.language;
    else item.removeAttribute("lang");
    if (item.textContent !== row.text) item.textContent = row.text;
  });
  while (list.children.length > rows.length) list.lastElementChild.remove();
  list.scrollTop = list.scrollHeight;
}

function bubbleText(kind, what) {
  if (kind === "said") return t("said something, {seconds} s", { seconds: what });
  return kind === "prompt" ? what || t("a prompt without words") : what;
}

/** Whether the call on the handset is in a menu, or about to be. */
function takesKeys() {
  const call = state.calls.find(({ id }) => id === mine);
  return Boolean(call?.line) && (call.state === "script" || call.state === "calling");
}

const speak = (body) => press(`calls/${encodeURIComponent(mine)}/voice`, body);

async function stopListening(send) {
  const recorder = listening;
  if (!recorder) return;
  listening = null;
  showMicrophone();
  const sound = await recorder.stop();
  if (send) await speak(sound);
}

function showMicrophone() {
  const button = part(handset, "speak");
  button.setAttribute("aria-pressed", String(listening !== null));
  part(button, "speak-word").textContent = listening ? t("Stop") : t("Speak");
}

function showOthers() {
  const rest = state.calls.filter(({ id }) => id !== mine);
  const key = JSON.stringify(rest.map(({ id, state: now }) => [id, now])) + mine;
  if (key === others) return;
  others = key;
  const place = part(handset, "others");
  place.replaceChildren(
    ...rest.map((call) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn btn-sm w-100";
      const who = call.withheld ? t("number withheld") : plain(call.name, 40) || call.number;
      button.textContent = t("Switch to {caller}: {state}", { caller: who, state: callStates()[call.state] ?? call.state });
      button.addEventListener("click", () => {
        mine = call.id;
        showHandset();
      });
      return button;
    }),
  );
  if (mine !== null) {
    const another = document.createElement("button");
    another.type = "button";
    another.className = "btn btn-ghost btn-sm w-100";
    another.textContent = t("Take another handset");
    another.addEventListener("click", () => {
      mine = null;
      showHandset();
    });
    place.append(another);
  }
}

let shownPhones = "";

function showPhones() {
  const key = JSON.stringify(state.phones);
  if (key === shownPhones) return;
  shownPhones = key;
  const list = find("#phones");
  const focused = document.activeElement?.dataset?.press;
  list.replaceChildren(...state.phones.map(phoneRow));
  if (focused) find(`[data-press="${CSS.escape(focused)}"]`, list)?.focus();
}

function phoneRow(phone) {
  const row = clone("phone");
  say(row, "name", phone.name);
  say(row, "extension", phone.extension);
  const idle = phone.signed_in ? (phone.paused ? t("paused") : t("free")) : t("not signed in to the queue");
  const words = phone.calls.map(({ state: now, number, name }) => {
    const who = number === null ? t("number withheld") : plain(name, 40) || number;
    return now === "ringing" ? t("rings: {caller}", { caller: who }) : t("talks with {caller}", { caller: who });
  });
  say(row, "state", words.join(" · ") || idle);
  row.classList.toggle("is-ringing", phone.calls.some((call) => call.state === "ringing"));
  for (const call of phone.calls) {
    for (const verb of call.state === "ringing" ? ["answer", "decline"] : ["hang-up"]) {
      const button = clone(verb);
      button.dataset.press = `phones/${encodeURIComponent(phone.extension)}/${encodeURIComponent(call.call)}/${verb}`;
      button.setAttribute("aria-label", `${button.textContent.trim()}: ${phone.name}`);
      button.addEventListener("click", () => press(button.dataset.press));
      part(row, "buttons").append(button);
    }
  }
  return row;
}

let shownLog = "";

function showLog() {
  const key = JSON.stringify(state.log);
  if (key === shownLog) return;
  shownLog = key;
  const words = logWords();
  const list = find("#log");
  list.replaceChildren(
    ...state.log.map((line) => {
      const row = document.createElement("li");
      row.dataset.by = line.by;
      const at = document.createElement("time");
      const instant = new Date(line.at * 1000);
      at.dateTime = instant.toISOString();
      at.textContent = instant.toLocaleTimeString(document.documentElement.lang, { hour12: false });
      const what = document.createElement("span");
      what.className = "strong";
      what.textContent = words[line.what] ?? line.what;
      const detail = document.createElement("span");
      detail.className = "text-2";
      const told = line.kind ? `${plain(line.detail, 40)} · ${kindWords()[line.kind] ?? line.kind}` : plain(line.detail, 80);
      detail.textContent = line.ms === undefined ? told : t("{agent}, {ms} ms after the ring", { agent: plain(line.detail, 60), ms: line.ms });
      row.append(at, what, detail);
      return row;
    }),
  );
  list.scrollTop = list.scrollHeight;
}

function show(next) {
  state = next;
  setClock(new Date(next.now * 1000).toISOString());
  if (mine !== null && !state.calls.some(({ id }) => id === mine)) mine = null;
  if (mine === null) mine = state.calls.find((call) => call.state === "incoming")?.id ?? null;
  showHandset();
  showPhones();
  showLog();
  showTwilio(state.twilio);
  for (const button of all("[data-recording]")) {
    const recording = state.recordings[button.dataset.recording];
    button.title = nt("{n} free phone needed", "{n} free phones needed", recording.phones);
  }
}

part(handset, "call").addEventListener("click", async ({ currentTarget: button }) => {
  button.disabled = true; // a second click would be a second call
  const answer = await press("calls", chosen());
  button.disabled = false;
  if (answer) {
    mine = answer.call;
    showHandset();
    part(handset, "keypad").focus({ preventScroll: true });
  }
});
startKeypad(async (key) => {
  if (mine === null) return;
  await stopListening(true); // what was said so far belongs to the message that the key ends
  await press(`calls/${encodeURIComponent(mine)}/keys`, { keys: key });
}, takesKeys);
part(handset, "message").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = find("#f-say");
  await speak({ text: text.value });
  if (part(handset, "problem").hidden) text.value = "";
});
part(handset, "speak").addEventListener("click", async () => {
  if (listening) {
    await stopListening(true);
    return;
  }
  try {
    listening = await microphone.listen();
  } catch {
    say(handset, "problem", t("The browser gives no microphone. Write what the caller says instead."));
  }
  showMicrophone();
});
const sound = find("#f-sound");
sound.checked = ear.isOn();
sound.addEventListener("change", () => ear.turn(sound.checked));
for (const verb of ["answer", "hang-up"]) {
  part(handset, verb).addEventListener("click", async () => {
    if (mine === null) return;
    await stopListening(true);
    await press(`calls/${encodeURIComponent(mine)}/${verb}`);
  });
}
callers.addEventListener("change", () => {
  part(callers, "own").hidden = new FormData(callers).get("scenario") !== "";
  if (mine === null) say(handset, "number", find("#f-line").value);
});
callers.addEventListener("submit", (event) => event.preventDefault());
for (const button of all("[data-recording]")) {
  button.addEventListener("click", async () => {
    const answer = await press(`recordings/${button.dataset.recording}`, chosen());
    if (answer) mine = answer.call;
  });
}

startTwilio(press);

const live = find("#live");
const stream = new EventSource("/demo/stream");
stream.addEventListener("open", () => {
  live.textContent = t("live");
  live.classList.add("badge-active");
});
stream.addEventListener("error", () => {
  live.textContent = t("connecting");
  live.classList.remove("badge-active");
});
stream.addEventListener("message", (event) => show(JSON.parse(event.data)));
document.documentElement.dataset.ready = "yes";

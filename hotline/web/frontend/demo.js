// The handset page of the demo: shows what the simulated PBX says, and presses its buttons.
import { all, clone, find, part, say } from "./lib/dom.js";
import { countFrom, setClock, startClocks } from "./lib/clock.js";
import { load, nt, t } from "./lib/i18n.js";
import { plain } from "./lib/text.js";
import { startTheme } from "./shell/theme.js";

load(JSON.parse(find("#page-data").textContent).messages);
startTheme();
startClocks();

const handset = find(".handset");
const callers = find("#callers");
let state = { calls: [], phones: [], log: [] };
let mine = null; // the call on the handset
let others = "";

const callStates = () => ({
  calling: t("Calling"),
  waiting: t("In the queue"),
  ringing: t("In the queue, phones ring"),
  talking: t("Talking"),
  dialling: t("hotline is calling"),
  incoming: t("hotline is calling"),
});

const logWords = () => ({
  arrives: t("Call arrives"),
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

async function press(path, body = undefined) {
  say(handset, "problem", "");
  try {
    const response = await fetch(`/demo/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(body ?? {}),
    });
    const answer = response.status === 204 ? null : await response.json();
    if (response.ok) return answer;
    say(handset, "problem", plain(answer?.detail, 200) || t("This did not work (error {status}).", { status: response.status }));
  } catch {
    say(handset, "problem", t("No connection to hotline. Nothing was changed."));
  }
  return null;
}

function chosen() {
  const form = new FormData(callers);
  const scenario = form.get("scenario");
  return scenario ? { scenario } : { number: form.get("number"), name: form.get("name") };
}

function showHandset() {
  const call = state.calls.find(({ id }) => id === mine) ?? null;
  say(handset, "state", call ? (callStates()[call.state] ?? call.state) : t("Ready"));
  part(handset, "dot").className = `status-dot${call ? " dot-active" : ""}`;
  countFrom(part(handset, "clock"), call ? new Date(call.since * 1000).toISOString() : null);
  say(handset, "number", call ? (call.direction === "in" ? call.dialled : call.number) : Object.keys(state.lines ?? {})[0] ?? "");
  const shown = call && (call.withheld ? t("number withheld") : call.name ? `${plain(call.name, 60)}, ${call.number}` : call.number);
  say(handset, "caller", call ? t("as {caller}", { caller: shown }) : "");
  part(handset, "hint").hidden = call !== null;
  part(handset, "call").hidden = call !== null;
  part(handset, "answer").hidden = call?.state !== "incoming";
  part(handset, "hang-up").hidden = call === null;
  showOthers();
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
      detail.textContent = line.ms === undefined ? plain(line.detail, 80) : t("{agent}, {ms} ms after the ring", { agent: plain(line.detail, 60), ms: line.ms });
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
  for (const button of all("[data-recording]")) {
    const recording = state.recordings[button.dataset.recording];
    button.title = nt("{n} free phone needed", "{n} free phones needed", recording.phones);
  }
}

part(handset, "call").addEventListener("click", async () => {
  const answer = await press("calls", chosen());
  if (answer) {
    mine = answer.call;
    showHandset();
  }
});
for (const verb of ["answer", "hang-up"]) {
  part(handset, verb).addEventListener("click", () => mine !== null && press(`calls/${encodeURIComponent(mine)}/${verb}`));
}
callers.addEventListener("change", () => {
  part(callers, "own").hidden = new FormData(callers).get("scenario") !== "";
});
callers.addEventListener("submit", (event) => event.preventDefault());
for (const button of all("[data-recording]")) {
  button.addEventListener("click", async () => {
    const answer = await press(`recordings/${button.dataset.recording}`, chosen());
    if (answer) mine = answer.call;
  });
}

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

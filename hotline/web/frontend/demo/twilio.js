// The part of the demo that plays with the simulated Twilio: a mobile phone that writes and calls, and the telephones
// that Twilio rings.
import { clone, find, part, say } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";

let press = async () => null;
let shown = {};
let latest = null;

const doing = () => ({
  gather: t("Listening for a key …"),
  record: t("Speak after the tone, press # when you are done."),
  dial: t("In the queue, phones ring"),
  queue: t("In the queue"),
  bridged: t("Talking"),
});

const place = () => find("#twilio");
const number = () => find("#tw-number").value;
const channel = () => find('[name="tw-channel"]:checked').value;

/** Changes a part of the page only when what it shows has changed. */
function changed(name, value) {
  const key = JSON.stringify(value);
  if (shown[name] === key) return false;
  shown[name] = key;
  return true;
}

function bubble(text, mine, language = "") {
  const line = document.createElement("p");
  line.className = mine ? "bubble bubble-me" : "bubble";
  line.textContent = text;
  if (language) line.lang = language;
  return line;
}

async function ask(path, body) {
  say(place(), "problem", "");
  return press(`twilio/${path}`, body, place());
}

function showThread() {
  const mine = latest.messages.filter((each) => each.number === number() && each.channel === channel());
  if (!changed("thread", [mine, channel()])) return;
  const list = find("#tw-thread");
  list.replaceChildren(...mine.map((each) => bubble(plain(each.text, 1600), each.mine)));
  list.scrollTop = list.scrollHeight;
}

function showCalls() {
  find("#tw-quiet").hidden = latest.calls.length > 0;
  const list = find("#tw-calls");
  for (const row of [...list.children]) {
    if (!latest.calls.some(({ id }) => id === row.dataset.call)) row.remove();
  }
  for (const call of latest.calls) {
    const row = [...list.children].find(({ dataset }) => dataset.call === call.id) ?? list.appendChild(callRow(call));
    const now = doing()[call.doing] ?? t("In the menu");
    if (part(row, "doing").textContent !== now) part(row, "doing").textContent = now;
    if (!changed(`heard ${call.id}`, call.heard)) continue;
    const heard = part(row, "heard");
    const words = call.heard.filter(({ kind, what }) => kind === "say" && what);
    heard.replaceChildren(...words.map(({ what, language }) => bubble(plain(what, 500), false, language)));
    heard.scrollTop = heard.scrollHeight;
  }
}

function callRow(call) {
  const row = clone("tw-call-row");
  row.dataset.call = call.id;
  say(row, "name", call.name && call.name !== call.number ? `${plain(call.name, 60)}, ${call.shown}` : call.shown);
  for (const [name, field] of [["keys", "keys"], ["say", "text"]]) {
    const form = part(row, name);
    const input = form.querySelector("input");
    input.setAttribute("aria-label", form.querySelector("label").textContent);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const value = name === "keys" ? input.value.replaceAll(" ", "") : input.value;
      input.value = "";
      if (value) await ask(`calls/${call.id}/${name}`, { [field]: value });
    });
  }
  part(row, "end").addEventListener("click", () => ask(`calls/${call.id}/hang-up`));
  return row;
}

function showPhones() {
  find("#tw-idle").hidden = latest.phones.length > 0;
  if (!changed("phones", latest.phones)) return;
  find("#tw-phones").replaceChildren(
    ...latest.phones.map((phone) => {
      const row = clone("phone");
      const ringing = phone.state === "ringing";
      say(row, "name", plain(phone.name, 60) || phone.address);
      say(row, "extension", phone.name ? phone.address : "");
      say(row, "state", ringing ? t("rings") : t("Talking"));
      row.classList.toggle("is-ringing", ringing);
      for (const verb of ringing ? ["answer", "decline"] : ["hang-up"]) {
        const button = clone(verb);
        button.setAttribute("aria-label", `${button.textContent.trim()}: ${phone.name || phone.address}`);
        button.addEventListener("click", () => ask(`calls/${phone.id}/${verb}`));
        part(row, "buttons").append(button);
      }
      return row;
    }),
  );
}

/** What the simulated Twilio says now; nothing where there is none. */
export function showTwilio(state) {
  if (!state || !place()) return;
  latest = state;
  showThread();
  showCalls();
  showPhones();
}

/** Wires the buttons; `send` posts to the demo and shows what goes wrong. */
export function startTwilio(send) {
  if (!place()) return;
  press = send;
  find("#tw-write").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = find("#tw-text");
    if (!text.value.trim()) return;
    const answer = await ask("messages", { number: number(), channel: channel(), text: text.value });
    if (part(place(), "problem").hidden) text.value = "";
    return answer;
  });
  find("#tw-call").addEventListener("click", () => ask("calls", { number: number() }));
  place().addEventListener("change", () => latest && showThread());
}

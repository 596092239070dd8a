// What was done at once can be undone for 30 seconds; the bar says so. What must be read never stands here.
import { ApiError, api } from "../lib/api.js";
import { all, clone, find, part } from "../lib/dom.js";
import { t } from "../lib/i18n.js";

const SECONDS = 30;
const SAID_SECONDS = 6;
const MOST = 3; // bars at a time
const UNDO = "hl.undo"; // an undo that is a request outlives a change of the page: {user, text, way, then, until}
const SAID = "hl.said"; // what the page says after it was read again
let user = "";

const place = () => find("#undo-place") ?? document.body;

/**
 * Shows "done · Undo". `way` is {method, url, body} as lib/api.js takes it, or a function. After a request
 * `then` happens: "reload" (the default), "none", an address to go to, or a function.
 */
function undo(text, way, { then = "reload" } = {}) {
  const until = Date.now() + SECONDS * 1000;
  if (typeof way !== "function" && typeof then !== "function") keep({ user, text, way, then, until });
  offer(text, way, then, until);
}

/** Says that something is done; goes by itself. */
function say(text) {
  bar(text, Date.now() + SAID_SECONDS * 1000);
}

/** Says what did not work and what to do; stays until it is closed. */
function bad(text) {
  const made = bar(text, null, find("#toast-alert") ?? place());
  made.classList.add("alert-breach");
}

export const toast = { undo, say, bad };

/** Shows what an earlier page of this tab left, and what the server's page offers. */
export function startToasts(who) {
  user = who;
  const said = take(SAID);
  if (said?.user === user && said.until > Date.now()) say(said.text);
  const left = read(UNDO);
  if (left?.user === user && left.until > Date.now()) offer(left.text, left.way, left.then, left.until);
  else take(UNDO);
  readOffers(document);
}

/** `<span data-undo-offer="{text, method, url, body, then}">`, written by the server after a change: shown once. */
export function readOffers(root) {
  for (const element of all("[data-undo-offer]", root)) {
    const { text, method, url, body, then } = JSON.parse(element.dataset.undoOffer);
    element.remove();
    undo(text, { method, url, body }, { then: then ?? "reload" });
    const address = new URL(location.href);
    for (const name of ["done", "undone"]) address.searchParams.delete(name);
    history.replaceState(history.state, "", address);
  }
}

/** Leads on after something was done: reads the page again, goes elsewhere, or calls the function. */
export function goOn(then, text = "") {
  if (typeof then === "function") then();
  else if (then !== "none" && then) {
    if (text) write(SAID, { user, text, until: Date.now() + SAID_SECONDS * 1000 });
    if (then === "reload") location.reload();
    else location.assign(then);
    return;
  }
  if (text) say(text);
}

function offer(text, way, then, until) {
  const made = bar(text, until);
  const button = part(made, "undo");
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-busy") === "true") return;
    if (typeof way === "function") {
      made.close();
      way();
      return;
    }
    button.setAttribute("aria-busy", "true");
    try {
      await api(way.method, way.url, way.body);
      made.close();
      goOn(then, t("Undone."));
    } catch (error) {
      button.removeAttribute("aria-busy");
      if (!(error instanceof ApiError)) throw error;
      if (!error.retry) made.close();
      bad(t("Not undone: {reason}", { reason: error.message }));
    }
  });
  newest();
}

/** One bar; it goes at `until`, but never under the pointer or the focus, and by its own button. */
function bar(text, until, where = place()) {
  const made = clone("undo-bar");
  part(made, "text").textContent = text;
  let timer = 0;
  made.close = () => {
    clearTimeout(timer);
    made.remove();
    const left = read(UNDO);
    if (left?.text === text) take(UNDO);
    newest();
  };
  const look = () => {
    if (made.matches(":hover, :focus-within")) timer = setTimeout(look, 1000);
    else made.close();
  };
  if (until) timer = setTimeout(look, Math.max(0, until - Date.now()));
  part(made, "close").addEventListener("click", made.close);
  where.append(made);
  for (const old of all(".undo", where).slice(0, -MOST)) old.close?.();
  return made;
}

/** The key belongs to what was done last. */
function newest() {
  const buttons = all("[data-part=undo]:not([hidden])", place());
  for (const [at, button] of buttons.entries()) {
    const last = at === buttons.length - 1;
    if (last) button.dataset.key = "Alt Z";
    else delete button.dataset.key;
    find(".kbd", button).hidden = !last;
  }
}

const keep = (what) => write(UNDO, what);

function write(key, what) {
  try {
    sessionStorage.setItem(key, JSON.stringify(what));
  } catch {
    // No storage, or it is full: the bar of this page still stands.
  }
}

function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

function take(key) {
  const found = read(key);
  sessionStorage.removeItem(key);
  return found;
}

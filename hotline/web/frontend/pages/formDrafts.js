// Drafts of half-filled forms, and sending them: <form method="post" data-draft="name">. What was typed is kept for
// this tab until the server has it, so that following a ringing call, a reload or a lost line loses nothing; every
// try of one draft goes under one id (the field "once"), so that a form that arrived twice has one effect.
import { all, attribute, clone, find, part } from "../lib/dom.js";
import { newId } from "../lib/ids.js";
import { t } from "../lib/i18n.js";
import { readOffers, toast } from "../shell/toast.js";

const GATEWAY = 502; // this and above: not hotline's own answer, or it is not there yet

let user = "";
let waiting = new Set(); // forms that are sent when the line is back
let began = () => {};

/** `onSwap(main)` runs after a refused form came back into the page. */
export function startDrafts(who, { onSwap = () => {} } = {}) {
  user = who;
  began = onSwap;
  document.addEventListener("input", (event) => {
    const { form } = event.target;
    if (form?.dataset.draft) keep(form);
  });
  for (const form of all("form[data-draft]")) restore(form);
}

/** What waits for the line is sent. */
export function sendWaiting() {
  for (const form of [...waiting]) if (form.isConnected) void send(form, null);
  waiting = new Set([...waiting].filter((form) => form.isConnected));
}

/** Whether this form is sent by script: only those that keep a draft are. */
export const sends = (form) =>
  Boolean(form.dataset?.draft) &&
  form.getAttribute("method")?.toLowerCase() === "post" &&
  !form.matches("[enctype], [data-hx-post], [hx-post], [hx-patch], [hx-put]");

/** Sends the form and follows where it leads; `submitter` is the button that was pressed. */
export async function send(form, submitter) {
  if (form.dataset.sending) return;
  form.dataset.sending = "yes";
  const button = submitter ?? find("button:not([type=button])", form);
  attribute(button, "aria-busy", "true");
  const draft = keep(form);
  const body = new URLSearchParams([...new FormData(form, submitter ?? undefined)].filter(([, value]) => typeof value === "string"));
  body.set("once", draft.once);
  try {
    const response = await fetch(submitter?.getAttribute("formaction") || form.getAttribute("action") || location.href, {
      method: "POST",
      body,
      headers: { Accept: "text/html" },
      credentials: "same-origin",
    });
    if (response.status >= GATEWAY) throw new TypeError("away");
    waiting.delete(form);
    part(form, "waiting")?.remove();
    if (response.redirected) {
      // Signed out meanwhile: what was typed stays kept.
      if (!new URL(response.url).pathname.startsWith("/sign-in")) forget(form);
      if (new URL(response.url).href === location.href) location.reload();
      else location.assign(response.url);
      return;
    }
    show(form, await response.text(), response.ok);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    waiting.add(form);
    if (!part(form, "waiting")) form.prepend(clone("form-waiting"));
  } finally {
    delete form.dataset.sending;
    attribute(button, "aria-busy", null);
  }
}

/** The page that came back takes the place of what is shown, with what was typed and what is wrong with it. */
function show(form, html, well) {
  const main = find("#main");
  const next = find("#main", new DOMParser().parseFromString(html, "text/html"));
  if (!main || !next) {
    toast.bad(t("This did not work. What you typed is kept here: try again, or reload the page."));
    return;
  }
  if (well) forget(form);
  main.replaceChildren(...next.childNodes);
  history.replaceState(history.state, "", location.href);
  readOffers(main);
  began(main);
  const wrong = find("[aria-invalid=true]", main) ?? find("[role=alert]", main) ?? find("h1", main);
  if (wrong && !wrong.matches("input, select, textarea")) wrong.tabIndex = -1;
  wrong?.focus();
}

const keyOf = (form) => `hl.form.${user}.${form.dataset.draft}`;
const kept = (form) =>
  [...form.elements].filter((field) => field.name && field.name !== "csrf" && !["password", "hidden", "submit", "button", "file"].includes(field.type));

function values(form) {
  return kept(form).map((field) => [field.name, field.type === "checkbox" || field.type === "radio" ? field.checked : field.value]);
}

function read(form) {
  try {
    const draft = JSON.parse(sessionStorage.getItem(keyOf(form)));
    return Array.isArray(draft?.values) && draft.once ? draft : null;
  } catch {
    return null;
  }
}

function keep(form) {
  const draft = { once: read(form)?.once ?? newId(), values: values(form) };
  try {
    sessionStorage.setItem(keyOf(form), JSON.stringify(draft));
  } catch {
    // No storage, or it is full: what is typed still stands in the form.
  }
  return draft;
}

function forget(form) {
  sessionStorage.removeItem(keyOf(form));
}

function restore(form) {
  // A form that comes back with an error already holds what was typed.
  if (form.dataset.returned === "yes") return;
  const draft = read(form);
  if (!draft || JSON.stringify(draft.values) === JSON.stringify(values(form))) return;
  const names = new Map();
  for (const [name] of draft.values) names.set(name, (names.get(name) ?? 0) + 1);
  for (const list of all("[data-rows]", form)) {
    const name = list.dataset.rows;
    for (let have = all(`[name="${name}"]`, list).length; have < (names.get(name) ?? 0); have += 1) {
      list.append(find("template", list).content.firstElementChild.cloneNode(true));
    }
  }
  const before = values(form);
  fillIn(form, draft.values);
  const bar = part(form, "restored");
  if (!bar) return;
  bar.hidden = false;
  part(bar, "drop").addEventListener("click", () => {
    fillIn(form, before);
    forget(form);
    bar.hidden = true;
  });
}

function fillIn(form, draft) {
  const left = [...draft];
  for (const field of kept(form)) {
    const at = left.findIndex(([name]) => name === field.name);
    if (at < 0) continue;
    const [[, value]] = left.splice(at, 1);
    if (typeof value === "boolean") field.checked = value;
    else field.value = value;
  }
}

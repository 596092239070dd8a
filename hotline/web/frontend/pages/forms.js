// What forms share: passwords shown on demand, caps lock, rows that can be added, drafts, one submit, copying.
import { all, attribute, find, part, say } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { toast } from "../shell/toast.js";

export function startForms(user = "") {
  document.addEventListener("click", (event) => {
    const target = event.target.closest?.("[data-show-password], [data-add-row], [data-remove-row], [data-copy], [data-print]");
    if (!target) return;
    if (target.hasAttribute("data-show-password")) showPassword(target);
    else if (target.hasAttribute("data-add-row")) addRow(target);
    else if (target.hasAttribute("data-remove-row")) removeRow(target);
    else if (target.hasAttribute("data-print")) print();
    else void copy(target);
  });
  for (const type of ["keydown", "keyup"]) document.addEventListener(type, capsLock);
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method === "dialog") return;
    // A second click while the first is on its way changes nothing.
    if (form.dataset.sending) event.preventDefault();
    else if (!form.matches("[data-hx-post], [data-hx-get], [hx-post], [hx-get]")) {
      form.dataset.sending = "yes";
      addEventListener("pageshow", () => delete form.dataset.sending, { once: true });
    }
    forget(form, user);
  });
  keepDrafts(user);
}

function showPassword(button) {
  const field = document.getElementById(button.getAttribute("aria-controls"));
  const shown = field.type === "password";
  field.type = shown ? "text" : "password";
  attribute(button, "aria-pressed", String(shown));
}

function capsLock(event) {
  const field = event.target;
  if (!(field instanceof HTMLInputElement) || !field.dataset.capsHint || !event.getModifierState) return;
  const hint = document.getElementById(field.dataset.capsHint);
  const text = event.getModifierState("CapsLock") ? t("Caps Lock is on.") : "";
  if (hint && hint.textContent !== text) hint.textContent = text;
}

function addRow(button) {
  const list = document.getElementById(button.dataset.addRow);
  const row = find("template", list).content.firstElementChild.cloneNode(true);
  const number = Date.now().toString(36);
  for (const field of all("[id]", row)) field.id += `-${number}`;
  for (const label of all("label[for]", row)) label.htmlFor += `-${number}`;
  list.append(row);
  find("input, select", row)?.focus();
}

function removeRow(button) {
  const row = button.closest("[data-row]");
  const list = row.parentElement;
  const next = row.nextElementSibling;
  row.remove();
  find("input, select", next ?? list)?.focus();
  toast.undo(t("Row removed. It is gone once you save."), () => list.insertBefore(row, next?.isConnected ? next : null));
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const text = source.value ?? source.textContent;
  try {
    await navigator.clipboard.writeText(text.trim());
    say(button, "copied", t("Copied"));
  } catch {
    // No clipboard outside a secure context: select it, so that Ctrl C does.
    getSelection().selectAllChildren(source);
    say(button, "copied", t("Selected: press Ctrl C"));
  }
}

// -- drafts of half-filled forms: <form data-draft="name"> --------------------------------------------------------
// What was typed is kept for this tab until the form is sent, so that following a ringing call loses nothing.

const keyOf = (form, user) => `hl.form.${user}.${form.dataset.draft}`;
const kept = (form) =>
  [...form.elements].filter((field) => field.name && field.name !== "csrf" && !["password", "hidden", "submit", "button"].includes(field.type));

function values(form) {
  return kept(form).map((field) => [field.name, field.type === "checkbox" || field.type === "radio" ? field.checked : field.value]);
}

function keepDrafts(user) {
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (form?.dataset.draft) sessionStorage.setItem(keyOf(form, user), JSON.stringify(values(form)));
  });
  for (const form of all("form[data-draft]")) restore(form, user);
}

function forget(form, user) {
  if (form.dataset?.draft) sessionStorage.removeItem(keyOf(form, user));
}

function restore(form, user) {
  // A form that comes back with an error already holds what was typed.
  if (form.dataset.returned === "yes") return;
  let draft;
  try {
    draft = JSON.parse(sessionStorage.getItem(keyOf(form, user)));
  } catch {
    draft = null;
  }
  if (!Array.isArray(draft) || JSON.stringify(draft) === JSON.stringify(values(form))) return;
  const names = new Map();
  for (const [name] of draft) names.set(name, (names.get(name) ?? 0) + 1);
  for (const list of all("[data-rows]", form)) {
    const name = list.dataset.rows;
    for (let have = all(`[name="${name}"]`, list).length; have < (names.get(name) ?? 0); have += 1) {
      list.append(find("template", list).content.firstElementChild.cloneNode(true));
    }
  }
  const before = values(form);
  fillIn(form, draft);
  const bar = part(form, "restored");
  if (!bar) return;
  bar.hidden = false;
  part(bar, "drop").addEventListener("click", () => {
    fillIn(form, before);
    forget(form, user);
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

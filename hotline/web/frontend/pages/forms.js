// What forms share: passwords shown on demand, caps lock, rows that can be added, one submit, copying.
import { all, attribute, find, part, say } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { toast } from "../shell/toast.js";
import { send, sends } from "./formDrafts.js";

export function startForms() {
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
    if (sends(form)) {
      event.preventDefault();
      void send(form, event.submitter);
    } else if (form.dataset.sending) {
      event.preventDefault(); // a second click while the first is on its way changes nothing
    } else if (!form.matches("[data-hx-post], [data-hx-get], [hx-post], [hx-get]")) {
      form.dataset.sending = "yes";
      addEventListener("pageshow", () => delete form.dataset.sending, { once: true });
    }
  });
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

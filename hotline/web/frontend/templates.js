// The editor of templates: the mail in its frame follows what is typed, and placeholders are put in by a click. It
// shares nothing with the desk's other scripts and is loaded here alone. Everything is looked up when it is needed: a
// refused form comes back in the place of the first one.
const PATIENCE = 500; // milliseconds without a key

let waiting = 0;
let last = null;

const part = (selector) => document.querySelector(selector);

/** The frame asks for the mail as it is typed; by a form of its own, so that nothing is taken for saved. */
function show() {
  const asks = part('[data-mail-look] [data-part="asks"]');
  if (!asks) return;
  const who = [...document.querySelectorAll("#look-for [name]")].map((field) => [field.name, field.value]);
  asks.replaceChildren(
    ...[...new FormData(part("#template-form")), ...who].map(([name, value]) =>
      Object.assign(document.createElement("input"), { type: "hidden", name, value }),
    ),
  );
  asks.submit();
}

document.addEventListener("input", ({ target }) => {
  if (!target.closest("#template-form, #look-for")) return;
  clearTimeout(waiting);
  waiting = setTimeout(show, PATIENCE);
});

document.addEventListener("focusin", ({ target }) => {
  if (target.matches("#template-form textarea, #template-form input:not([type])")) last = target;
});

document.addEventListener("click", ({ target }) => {
  const written = target.closest("[data-insert]");
  if (!written) return;
  const field = last?.isConnected ? last : part("#template-form textarea");
  if (!field || field.disabled) return;
  field.setRangeText(written.textContent, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});

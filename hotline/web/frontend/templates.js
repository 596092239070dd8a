// The editor of templates: the mail in its frame follows what is typed, and placeholders are put in by a click. It
// shares nothing with the desk's other scripts and is loaded here alone.
const form = document.getElementById("template-form");
const who = document.getElementById("look-for");
const asks = document.querySelector('[data-mail-look] [data-part="asks"]');
const PATIENCE = 500; // milliseconds without a key

let waiting = 0;
let last = form.querySelector("textarea");

/** The frame asks for the mail as it is typed; a form of its own, so that nothing is taken for saved. */
function show() {
  const typed = [...new FormData(form), ...[...who.querySelectorAll("[name]")].map((field) => [field.name, field.value])];
  asks.replaceChildren(
    ...typed.map(([name, value]) => Object.assign(document.createElement("input"), { type: "hidden", name, value })),
  );
  asks.submit();
}

if (asks) {
  const later = () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, PATIENCE);
  };
  form.addEventListener("input", later);
  who.addEventListener("input", later);
}

form.addEventListener("focusin", ({ target }) => {
  if (target.matches("textarea, input:not([type])")) last = target;
});

for (const written of document.querySelectorAll("[data-insert]")) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-sm mono" });
  button.textContent = written.textContent;
  button.addEventListener("click", () => {
    if (!last || last.disabled) return;
    last.setRangeText(button.textContent, last.selectionStart, last.selectionEnd, "end");
    last.dispatchEvent(new Event("input", { bubbles: true }));
    last.focus();
  });
  written.replaceWith(button);
}

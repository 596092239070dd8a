// Macros: a dialog with a combobox and its listbox (ARIA APG), filled by the server. Choosing one fills it in for this
// conversation.
import { all, attribute, find, part } from "../lib/dom.js";

/** `onChoose(macroId)` runs when one was chosen. Answers {open({templates})}. */
export function createMacroPicker(dialog, onChoose) {
  const input = find("input", dialog);
  const list = find("[role=listbox]", dialog);
  const note = part(dialog, "note");
  let chosen = 0;
  let templates = false;

  const options = () => all("[role=option]", list).filter((option) => !option.hidden);

  function choose(index) {
    const found = options();
    chosen = found.length ? (index + found.length) % found.length : 0;
    for (const option of all("[role=option]", list)) attribute(option, "aria-selected", option === found[chosen] ? "true" : "false");
    attribute(input, "aria-activedescendant", found[chosen]?.id ?? null);
    found[chosen]?.scrollIntoView({ block: "nearest" });
  }

  function search() {
    const wanted = input.value.trim().toLocaleLowerCase().split(/\s+/).filter(Boolean);
    for (const option of all("[role=option]", list)) {
      const said = option.textContent.toLocaleLowerCase();
      option.hidden = (templates && option.dataset.template !== "yes") || !wanted.every((word) => said.includes(word));
    }
    note.textContent = options().length ? "" : note.dataset.none;
    choose(0);
  }

  function take(option) {
    if (!option) return;
    dialog.close();
    onChoose(option.dataset.macro);
  }

  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter") take(options()[chosen]);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => take(event.target.closest("[role=option]")));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

  return {
    open({ templates: only = false } = {}) {
      templates = only;
      input.value = "";
      search();
      dialog.showModal();
    },
  };
}

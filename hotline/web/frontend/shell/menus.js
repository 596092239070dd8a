// Disclosure menus (<details data-menu>) that close on Escape and on a click elsewhere, and dialogs opened by buttons.
import { all, find } from "../lib/dom.js";

/** Opens a menu and goes into it; a second time closes it. */
export function openMenu(menu) {
  if (!menu) return;
  menu.open = !menu.open;
  find("summary", menu).focus();
}

export function startMenus() {
  document.addEventListener("click", (event) => {
    for (const menu of all("details[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
    const opener = event.target.closest?.("[data-dialog]");
    if (opener) find(`#${CSS.escape(opener.dataset.dialog)}`)?.showModal();
    if (event.target.closest?.("[data-open-presence]")) openMenu(find("#presence"));
    const closer = event.target.closest?.("[data-close-dialog]");
    if (closer) closer.closest("dialog")?.close();
    if (event.target instanceof HTMLDialogElement && event.target.hasAttribute("data-light-dismiss")) event.target.close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of all("details[data-menu][open]")) {
      const inside = menu.contains(document.activeElement);
      menu.open = false;
      if (inside) find("summary", menu)?.focus();
    }
  });
}

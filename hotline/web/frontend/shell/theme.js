// Light or dark: the system's choice until the person makes one, which a cookie remembers so that the server can
// send the next page in it and nothing flashes.
import { all } from "../lib/dom.js";
import { remember } from "../lib/cookies.js";

const system = matchMedia("(prefers-color-scheme: dark)");

/** "light" or "dark", as shown now. */
export const shown = () => document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");

export function startTheme() {
  const tell = () => {
    for (const button of all("[data-theme-toggle]")) button.setAttribute("aria-pressed", String(shown() === "dark"));
  };
  tell();
  system.addEventListener("change", tell);
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-theme-toggle]")) return;
    const next = shown() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    // Back at the system's own choice, follow the system again.
    remember("hl_theme", next === (system.matches ? "dark" : "light") ? "" : next);
    tell();
  });
}

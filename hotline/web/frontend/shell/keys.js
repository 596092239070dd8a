// The keyboard. Keys with Alt or Ctrl work everywhere, also while typing; single letters only outside fields.
// An element takes a key with data-key="Alt A"; pressing it clicks the first visible one.
import { all, isTyping } from "../lib/dom.js";

/** "Alt A", "Ctrl K", "Ctrl Enter", "?" … for a keydown event; "" for anything else. */
export function keyName(event) {
  // By the physical key where Alt turns letters into other signs (macOS), and by the letter elsewhere.
  const letter = /^Key[A-Z]$/.test(event.code) ? event.code.slice(3) : /^Digit\d$/.test(event.code) ? event.code.slice(5) : "";
  const name = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  if (event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey) return letter ? `Alt ${letter}` : "";
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) return `Ctrl ${name}`;
  if (!event.ctrlKey && !event.metaKey && !event.altKey) return name;
  return "";
}

const visible = (element) => !element.disabled && element.checkVisibility?.({ visibilityProperty: true }) !== false;

/** Listens. `actions` maps further key names to functions; returning false lets the key through. */
export function startKeys(actions = {}) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.repeat) return;
    const name = keyName(event);
    if (!name) return;
    const global = name.startsWith("Alt ") || name.startsWith("Ctrl ") || /^F\d+$/.test(name);
    if (!global && isTyping(event.target)) return;
    if (!global && document.querySelector("dialog[open]")) return;
    const element = all(`[data-key="${CSS.escape(name)}"]`).find(visible);
    if (element) {
      event.preventDefault();
      element.click();
      return;
    }
    const action = actions[name];
    if (action && action(event) !== false) event.preventDefault();
  });
}

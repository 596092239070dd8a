// The line to hotline: "Offline since 10:41 …" under the top bar, and buttons that need the line say so.
import { all, find } from "../lib/dom.js";
import { locale, t } from "../lib/i18n.js";

const PATIENCE = 1500; // a reconnect that takes less is nobody's business

/** Follows the stream's line. */
export function startLine(stream) {
  const bar = find("#line");
  let timer = 0;
  stream.onLine(({ state, since }) => {
    clearTimeout(timer);
    if (state === "up" || state === "connecting") {
      show(bar, "");
      lock(false);
      return;
    }
    timer = setTimeout(
      () => {
        lock(true);
        show(
          bar,
          state === "signed_out"
            ? t("You are signed out. Drafts are kept here. Sign in in another tab, then go on.")
            : t("Offline since {time}. Drafts are saved here and sent when the line is back.", { time: clockTime(since) }),
        );
      },
      state === "signed_out" ? 0 : PATIENCE,
    );
  });
  addEventListener("online", () => stream.nudge());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && stream.line.state === "down" && stream.nudge());
}

function show(bar, text) {
  if (!bar) return;
  bar.hidden = text === "";
  const place = find("[data-part=text]", bar);
  if (place.textContent !== text) place.textContent = text;
}

/** Buttons marked data-needs-line rest while there is none. */
function lock(off) {
  document.documentElement.toggleAttribute("data-offline", off);
  for (const button of all("[data-needs-line]")) lockButton(button, off);
}

/** Rests or wakes one button; a button that is made while offline asks for itself. */
export function lockButton(button, off = document.documentElement.hasAttribute("data-offline")) {
  if (off) {
    if (button.dataset.lineTitle === undefined) button.dataset.lineTitle = button.title;
    button.setAttribute("aria-disabled", "true");
    button.title = t("Needs the connection to hotline");
  } else if (button.dataset.lineTitle !== undefined) {
    button.removeAttribute("aria-disabled");
    button.title = button.dataset.lineTitle;
    delete button.dataset.lineTitle;
  }
}

let cycle = "h23";

/** "24" or "12", as the person writes times. */
export const setTimeFormat = (format) => {
  cycle = format === "12" ? "h12" : "h23";
};

export const clockTime = (instant) =>
  new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", hourCycle: cycle }).format(new Date(instant));

export const clockSeconds = (instant) =>
  new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: cycle }).format(new Date(instant));

// Clicks on resting buttons go nowhere.
document.addEventListener(
  "click",
  (event) => {
    if (event.target.closest?.('[aria-disabled="true"]')) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  },
  true,
);

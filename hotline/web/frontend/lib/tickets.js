// Words about tickets, and the categories, read once a page.
import { api } from "./api.js";
import { locale, t } from "./i18n.js";
import { plain } from "./text.js";

export const kindName = (kind) =>
  ({ consultation: t("Consultation"), complaint: t("Complaint"), service_request: t("Service request") })[kind] ?? plain(kind, 40);
export const priorityName = (priority) => ({ low: t("Low"), normal: t("Normal"), high: t("High"), urgent: t("Urgent") })[priority] ?? plain(priority, 20);
export const stateName = (state) =>
  ({ new: t("New"), open: t("Open"), waiting: t("Waiting for customer"), resolved: t("Resolved"), closed: t("Closed"), discarded: t("Discarded") })[state] ?? plain(state, 20);
export const outcomeName = (outcome) =>
  ({ solved: t("Solved"), follow_up: t("Follow-up"), waiting: t("Customer's turn"), callback: t("Call back"), passed_on: t("Passed on"), wrong_number: t("Wrong number"), other: t("Something else") })[outcome] ?? plain(outcome, 40);
export const fieldName = (field) =>
  ({ kind: t("Kind"), category: t("Category"), subject: t("Subject"), priority: t("Priority"), state: t("Status") })[field] ?? field;

/** The name of a category in the page's language. */
export const categoryName = (category) => {
  const language = document.documentElement.lang.slice(0, 2);
  const names = category.names ?? {};
  return plain(names[language] ?? names.en ?? Object.values(names)[0] ?? category.slug, 60);
};

let reading = null;

/** The categories that are in use. Read again after a failure. */
export function categories() {
  reading ??= api("GET", "/categories").then(
    ({ items }) => items.filter((one) => !one.archived),
    (error) => {
      reading = null;
      throw error;
    },
  );
  return reading;
}

/** "today", "yesterday", "2 days ago". */
export function ago(instant, now = Date.now()) {
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(instant).setHours(0, 0, 0, 0)) / 86_400_000);
  return new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(-days, "day");
}

/**
 * What becomes of a draft {fields, base} beside the ticket as it is now: `send` are the fields to write, `conflicts`
 * those that somebody else changed meanwhile to another value; what is as wanted already needs nothing.
 */
export function merge({ fields, base }, current) {
  const send = {};
  const conflicts = [];
  for (const [name, wanted] of Object.entries(fields)) {
    const is = current[name] ?? ""; // a field shows nothing as an empty text
    if (is === (wanted ?? "")) continue;
    if (is === (base[name] ?? "")) send[name] = wanted;
    else conflicts.push(name);
  }
  return { send, conflicts };
}

/** "中文 → Complaint": the way that a caller took through the IVR; "" where there was none. */
export function pathOf(ivr) {
  if (!ivr) return "";
  const language = String(ivr.language ?? "").slice(0, 2);
  const own = { zh: "中文", en: "English" }[language] ?? plain(ivr.language, 20);
  const what = ivr.kind ? kindName(ivr.kind) : ivr.outcome === "voicemail" ? t("Voicemail") : "";
  return [own, what].filter(Boolean).join(" → ");
}

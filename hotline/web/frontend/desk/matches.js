// Who is calling: one customer, several who share the number (a choice, never a guess), or nobody known.
import { all, clone, part, say } from "../lib/dom.js";
import { locale, nt, t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";

const HEADING = { 2: () => t("Two customers share this number. Who is it?") };

/**
 * Shows the customers of a call inside `card` (its part "matches"). `onPick(customerId | null)` runs on a choice;
 * the choice made stays when the card is shown again.
 */
export function showMatches(card, call, onPick) {
  const box = part(card, "matches");
  const known = call.customers ?? [];
  const decided = call.customer_id ?? null;
  const stamp = JSON.stringify([known.map((one) => one.id), decided]);
  box.hidden = known.length < 2 || decided !== null;
  if (box.dataset.stamp === stamp) return;
  box.dataset.stamp = stamp;
  for (const old of all("[data-match]", box)) old.remove();
  if (box.hidden) return;
  part(box, "heading").textContent =
    HEADING[known.length]?.() ?? nt("{n} customer shares this number. Who is it?", "{n} customers share this number. Who is it?", known.length);
  const name = `who-${call.ring_id ?? call.call_id}`;
  const last = part(box, "other");
  for (const customer of known) {
    const row = clone("match");
    row.dataset.match = customer.id;
    part(row, "name").textContent = plain(customer.name, 80);
    part(row, "name").title = plain(customer.name, 300);
    say(row, "detail", detailOf(customer));
    showTier(row, customer.tier);
    wire(row, name, () => onPick(customer.id));
    last.before(row);
  }
  wire(last, name, () => onPick(null));
}

function wire(row, name, pick) {
  const input = row.querySelector("input");
  input.name = name;
  input.checked = false;
  input.onchange = pick;
}

/** The tier's badge, hidden where the customer has none. */
export function showTier(root, tier) {
  const badge = part(root, "tier");
  if (!badge) return;
  badge.hidden = !tier;
  if (!tier) return;
  const key = plain(typeof tier === "string" ? tier : tier.key, 20);
  badge.dataset.tier = key;
  badge.hidden = key === "standard";
  say(badge, "tier-name", tierName(key, tier.names ?? tier.name));
}

function tierName(key, names) {
  const language = document.documentElement.lang.slice(0, 2);
  if (names && typeof names === "object") return plain(names[language] ?? names.en ?? key, 30);
  const shipped = { platinum: t("Platinum"), gold: t("Gold"), silver: t("Silver"), standard: t("Standard") };
  return (typeof names === "string" && names !== key && plain(names, 30)) || shipped[key] || key;
}

/** One line about a customer: number, tags, the last time. */
export function detailOf(customer) {
  const [last] = customer.interactions ?? [];
  const tags = (customer.tags ?? []).slice(0, 2).map((tag) => plain(tag, 24));
  return [plain(customer.reference ?? customer.number, 16), ...tags, last ? lastLine(last) : t("no contact yet")].filter(Boolean).join(" · ");
}

/** "last call 12 Mar". */
export function lastLine(interaction) {
  const at = interaction.at ? dayOf(interaction.at) : "";
  return interaction.kind === "note" ? t("last note {day}", { day: at }) : t("last call {day}", { day: at });
}

/** A line of the timeline in a few words. */
export function interactionLine(interaction) {
  const words = {
    answered: t("Call answered"),
    abandoned: t("Call abandoned"),
    no_answer: t("Call not answered"),
    busy: t("Call, busy"),
    failed: t("Call failed"),
    voicemail: t("Voicemail"),
  };
  const disposition = interaction.disposition ?? interaction.call?.disposition ?? interaction.data?.disposition;
  const what = interaction.kind === "note" ? t("Note") : (words[disposition] ?? t("Call"));
  const note = plain(interaction.note ?? interaction.text, 70);
  return { what, when: interaction.at ? dayOf(interaction.at) : "", note };
}

export function dayOf(instant) {
  const language = locale();
  const date = new Date(instant);
  const today = new Date();
  if (date.toDateString() === today.toDateString()) {
    return new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(date);
  }
  const far = date.getFullYear() === today.getFullYear() ? {} : { year: "numeric" };
  return new Intl.DateTimeFormat(language, { day: "numeric", month: "short", ...far }).format(date);
}

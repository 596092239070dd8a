// The ringing calls: the only filled surface on the desk. A card takes its own place at the top of the work column
// and never the focus.
import { all, attribute, clone, find, part, say } from "../lib/dom.js";
import { countFrom } from "../lib/clock.js";
import { locale, t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";
import { pathOf } from "../lib/tickets.js";
import { announcement, namesOf, numberOf, who } from "../ring/words.js";
import { lockButton } from "../shell/line.js";
import { interactionLine, showMatches, showTier } from "./matches.js";

/** `actions`: open(ring), decline(ring), pick(ring, customerId), create(ring). */
export function createRings(place, actions) {
  const cards = new Map();

  return function show(rings) {
    const ids = new Set(rings.map((ring) => ring.ring_id));
    for (const [id, card] of cards) {
      if (!ids.has(id)) {
        card.remove();
        cards.delete(id);
      }
    }
    for (const [index, ring] of rings.entries()) {
      let card = cards.get(ring.ring_id);
      const fresh = !card;
      if (fresh) {
        card = build(ring, actions);
        cards.set(ring.ring_id, card);
        place.append(card);
      }
      fill(card, ring, actions);
      // The keys belong to the call that has rung longest.
      for (const button of all("[data-ring-key]", card)) {
        if (index === 0) button.dataset.key = button.dataset.ringKey;
        else delete button.dataset.key;
        find(".kbd", button).hidden = index !== 0;
      }
      // One filled block: further calls are a line each until it is their turn.
      card.toggleAttribute("data-compact", index > 0);
      if (fresh) announce(ring);
    }
    bar(rings[0]);
  };
}

function build(ring, actions) {
  const card = clone("ring-card");
  card.dataset.ring = ring.ring_id;
  part(card, "open").addEventListener("click", () => actions.open(card.ring));
  part(card, "decline").addEventListener("click", () => actions.decline(card.ring, card));
  part(card, "create").addEventListener("click", () => actions.create(card.ring, card));
  for (const button of all("[data-needs-line]", card)) lockButton(button);
  return card;
}

function fill(card, ring, actions) {
  card.ring = ring;
  attribute(card, "aria-label", t("Ringing call: {who}", { who: who(ring) }));
  const caller = ring.caller ?? {};
  const known = ring.customers ?? [];
  const one = known.find((customer) => customer.id === ring.customer_id) ?? (known.length === 1 ? known[0] : null);
  say(card, "number", numberOf(ring));
  say(card, "country-code", plain(caller.country, 2));
  say(card, "country", countryName(caller.country));
  part(card, "withheld").hidden = !(caller.withheld && caller.number);
  say(card, "name", one ? plain(one.name, 80) : "");
  showTier(card, one?.tier ?? null);
  say(card, "tags", one ? [...(one.tags ?? []).slice(0, 4).map((tag) => plain(tag, 24)), ...facts(one)].join(" · ") : "");
  say(card, "path", pathOf(ring.ivr));
  say(card, "queue", plain(ring.queue, 40));
  say(card, "transferred", ring.kind === "transfer" || ring.transferred_by ? t("Passed on to you") : "");
  countFrom(part(card, "rings"), ring.at);
  countFrom(part(card, "waited"), ring.waiting_since ?? null);
  part(card, "waited").closest("[data-block]").hidden = !ring.waiting_since;
  part(card, "unknown").hidden = known.length > 0;
  part(card, "open-text").textContent = known.length ? t("Show record") : t("Open the ticket");
  showMatches(card, ring, (customerId) => actions.pick(ring, customerId, card));
  history(part(card, "history"), one);
}

/** What the company wants to see of a caller at once, in the page's language. */
function facts(customer) {
  const language = document.documentElement.lang.slice(0, 2);
  const said = (texts) => texts[language] || texts.en || "";
  return (customer.facts ?? []).map((fact) => `${plain(said(fact.names), 24)}: ${plain(said(fact.texts), 40)}`);
}

function history(list, customer) {
  const lines = (customer?.interactions ?? []).slice(0, 3);
  list.hidden = lines.length === 0;
  if (list.dataset.stamp === JSON.stringify(lines)) return;
  list.dataset.stamp = JSON.stringify(lines);
  list.replaceChildren(
    ...lines.map((interaction) => {
      const row = clone("ring-history");
      const { what, when, note } = interactionLine(interaction);
      part(row, "when").textContent = when;
      part(row, "what").textContent = note ? `${what}: ${note}` : what;
      return row;
    }),
  );
}

/** The same call in one line, for narrow screens while another column is open. */
function bar(ring) {
  const line = find("#ring-bar");
  if (!line) return;
  line.dataset.ringing = ring ? "yes" : "no";
  if (!ring) return;
  say(line, "number", who(ring));
  say(line, "names", (ring.caller ?? {}).number ? namesOf(ring) || t("Not known yet") : "");
  countFrom(part(line, "clock"), ring.at);
}

function announce(ring) {
  const place = find("#announce");
  if (place) place.textContent = announcement(ring);
}

const names = {};
export function countryName(code) {
  if (!/^[A-Z]{2}$/.test(code ?? "")) return "";
  const language = locale();
  names[language] ??= new Intl.DisplayNames([language], { type: "region", fallback: "none" });
  return names[language].of(code) ?? "";
}

// Words of the page's language. The server puts the translations of every t("…") and nt("…", "…", n) of these
// sources into the page; English is the source language and needs none.

const messages = new Map();

/** The language for dates and names of countries: British English writes them as the server does. */
export const locale = () => (document.documentElement.lang.startsWith("zh") ? "zh-CN" : "en-GB");

/** Reads the page's messages: {"msgid": "text" or ["one", "many"]}. */
export function load(source) {
  for (const [id, text] of Object.entries(source)) messages.set(id, text);
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));

/** The sentence in the page's language, its {placeholders} filled in. */
export function t(id, values = {}) {
  const found = messages.get(id);
  return fill((Array.isArray(found) ? found[0] : found) || id, values);
}

/** As t, for a counted thing. {n} is the count. */
export function nt(one, many, n, values = {}) {
  const found = messages.get(one);
  // Chinese has one form, English two.
  const forms = Array.isArray(found) ? found : found ? [found] : [one, many];
  return fill(forms[Math.min(n === 1 ? 0 : 1, forms.length - 1)] || (n === 1 ? one : many), { n, ...values });
}

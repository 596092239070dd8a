// The company's lists (reasons of a pause …), read once in a while.
import { api } from "./api.js";
import { plain } from "./text.js";

const KEPT = 5 * 60_000; // milliseconds

const language = () => document.documentElement.lang.slice(0, 2);

/** An entry's name in the page's language. */
export const entryName = (entry) => plain(entry.names?.[language()] ?? entry.names?.en ?? entry.key, 60);

/** The entries of a list, archived ones too; [] while they cannot be read. */
export async function listEntries(name) {
  const key = `hl.list.${name}`;
  try {
    const kept = JSON.parse(sessionStorage.getItem(key));
    if (kept && Date.now() - kept.at < KEPT) return kept.items;
  } catch {
    // Not ours: read it.
  }
  try {
    const { items } = await api("GET", `/lists/${encodeURIComponent(name)}`);
    sessionStorage.setItem(key, JSON.stringify({ at: Date.now(), items }));
    return items;
  } catch {
    return [];
  }
}

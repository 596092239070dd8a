// What single pages need: a selector that stands on the page, and what starts there with ({stream, page}). What is large
// is imported by its page alone.
import { find } from "../lib/dom.js";
import { startFiles } from "./files.js";
import { startBulk } from "./bulk.js";
import { startDuplicates } from "./duplicates.js";
import { startFlow } from "./flow.js";
import { startImports } from "./imports.js";
import { startPrompts } from "./prompts.js";
import { startRows } from "./rows.js";

const PAGES = [
  ["[data-files]", startFiles],
  [".flow-picture", startFlow],
  ["[data-bulk]", startBulk],
  ["[data-duplicates-of], form[data-duplicates]", startDuplicates],
  ["[data-imports]", startImports],
  ["[data-prompts]", startPrompts],
  ["#entries", startRows],
  ["[data-conversations]", async (root, context) => (await import("../conversations/page.js")).startConversations(root, context)],
];

/** Starts what this page needs. */
export function startPages(context) {
  for (const [selector, start] of PAGES) {
    const root = find(selector);
    if (root) start(root, context);
  }
}

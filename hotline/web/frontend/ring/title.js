// The page's title says that a phone rings, so that the tab can be found.
import { t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";
import { who } from "./words.js";

const own = document.title;

/** Shows the number of rings and the first caller; [] gives the page its own title back. */
export function titleFor(rings) {
  const title = rings.length
    ? [t("({n}) Ringing {who}", { n: rings.length, who: plain(who(rings[0]), 60) }), "hotline"].join(" · ")
    : own;
  if (document.title !== title) document.title = title;
}

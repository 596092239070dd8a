// How a caller is called.
import { nt, t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";

/** The number as people write it, or why there is none. */
export function numberOf(call) {
  const caller = call.caller ?? {};
  if (caller.withheld && !caller.number) return t("Number withheld");
  return plain(caller.display || caller.number, 40) || t("Unknown number");
}

/** "王秀英", "王秀英 or 李国强", "3 customers" or "". */
export function namesOf(call) {
  const known = call.customers ?? [];
  const picked = known.find((customer) => customer.id === call.customer_id);
  if (picked) return plain(picked.name, 60);
  if (known.length === 0) return "";
  if (known.length === 1) return plain(known[0].name, 60);
  if (known.length === 2) return t("{one} or {other}", { one: plain(known[0].name, 40), other: plain(known[1].name, 40) });
  return nt("{n} customer", "{n} customers", known.length);
}

/** The shortest that says who: the number, or the name where the number is withheld. */
export const who = (call) => ((call.caller ?? {}).number ? numberOf(call) : namesOf(call) || numberOf(call));

/** The one sentence that a screen reader hears when a phone rings. */
export function announcement(call) {
  const known = call.customers ?? [];
  const number = numberOf(call);
  const person =
    known.length > 1
      ? nt("{n} customer shares this number.", "{n} customers share this number.", known.length)
      : known.length === 1
        ? plain(known[0].name, 60)
        : t("Not known yet.");
  return [t("Ringing: {number}.", { number }), person].join(" ");
}

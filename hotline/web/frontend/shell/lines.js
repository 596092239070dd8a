// The pill beside the presence: whether the telephone systems can be seen. Hidden where there is none.
import { attribute, find, say } from "../lib/dom.js";
import { nt, t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";

export function startLines(stream) {
  const pill = find("#lines");
  if (!pill) return;
  stream.onChange((state) => {
    const all = Object.entries(state.pbx);
    const away = all.filter(([, one]) => !one.connected).map(([name]) => plain(name, 24));
    pill.hidden = all.length === 0;
    attribute(pill, "data-state", away.length ? "down" : "up");
    attribute(find(".status-dot", pill), "data-state", away.length ? "down" : "up");
    say(
      pill,
      "text",
      away.length === 0
        ? t("All lines up")
        : away.length === 1
          ? away[0] === "twilio"
            ? t("Twilio is away: calls still arrive")
            : t("{name} is away: its calls are not seen", { name: away[0] })
          : nt("{n} telephone system is away", "{n} telephone systems are away", away.length),
    );
  });
}

// Who is writing: told to colleagues every few seconds while somebody types, forgotten a moment after the last time.
import { api } from "../lib/api.js";
import { say } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";

const TELL = 4000; // milliseconds between two tellings
const FORGET = 9000;

/** What the line says for these names. */
export function sentence(names) {
  if (names.length === 0) return "";
  if (names.length === 1) return t("{name} is writing a reply …", { name: names[0] });
  return t("{name} and others are writing replies …", { name: names[0] });
}

/** `place` holds the line; `id` is the conversation that is open, `me` the person's own id. */
export function createTyping(stream, id, me, place) {
  const writing = new Map(); // user id → {name, until}
  let told = 0;
  let timer = 0;

  function show() {
    const now = Date.now();
    for (const [user, { until }] of writing) if (until < now) writing.delete(user);
    say(place, "typing", sentence([...writing.values()].map(({ name }) => name)));
    clearTimeout(timer);
    if (writing.size) timer = setTimeout(show, 1000);
  }

  const forget = stream.listen("conversation.typing", (data) => {
    if (data.conversation_id !== id || data.user_id === me) return;
    if (data.typing) writing.set(data.user_id, { name: plain(data.user_name, 40), until: Date.now() + FORGET });
    else writing.delete(data.user_id);
    show();
  });

  async function tell(typing) {
    try {
      await api("POST", `/conversations/${encodeURIComponent(id)}/typing`, { typing });
    } catch {
      // Nobody misses it.
    }
  }

  return {
    typed() {
      if (stream.line.state !== "up" || Date.now() - told < TELL) return;
      told = Date.now();
      void tell(true);
    },
    stopped() {
      if (!told) return;
      told = 0;
      if (stream.line.state === "up") void tell(false);
    },
    /** Somebody's reply has arrived: they write no more. */
    arrived(user) {
      if (writing.delete(user)) show();
    },
    end() {
      this.stopped();
      clearTimeout(timer);
      forget();
    },
  };
}

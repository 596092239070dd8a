// A command to the PBX is a row: 202 says it is kept, command.updated says what became of it.
import { ApiError, api } from "./api.js";
import { t } from "./i18n.js";
import { plain } from "./text.js";

const OVER = new Set(["done", "failed", "expired", "unknown"]);
const ASK_EVERY = 1500;
const LONGEST = 15_000;

/** Sends the command and waits until it is over. Raises ApiError with the reason when it did not work. */
export async function command(stream, body) {
  const { id } = await api("POST", "/commands", body);
  const last = await over(stream, id);
  if (last.state === "done") return last;
  throw new ApiError(last.state, why(last), 0);
}

/** The command once it is over: by the stream, and by asking, since its event may come before anybody listens. */
async function over(stream, id) {
  const { promise, resolve } = Promise.withResolvers();
  const forget = stream.listen("command.updated", (data) => {
    if (data.command_id === id && OVER.has(data.state)) void ask(); // the row says why
  });
  const ask = async () => {
    try {
      const now = await api("GET", `/commands/${encodeURIComponent(id)}`);
      if (OVER.has(now.state)) resolve(now);
    } catch {
      // The line is away: the next try, or the end of patience, says so.
    }
  };
  const asking = setInterval(ask, ASK_EVERY);
  const patience = setTimeout(() => resolve({ state: "silent" }), LONGEST);
  try {
    return await promise;
  } finally {
    forget();
    clearInterval(asking);
    clearTimeout(patience);
  }
}

function why({ state, message, error }) {
  if (state === "expired") return t("The telephone system did not take the order in time. Nothing was done.");
  if (state === "unknown" || state === "silent") {
    return t("The telephone system did not say what became of it. Look before you try again.");
  }
  const reason = plain(message || error, 160);
  return reason ? t("The telephone system refused: {reason}", { reason }) : t("The telephone system refused.");
}

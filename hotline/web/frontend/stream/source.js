// Reads /api/v1/events for as long as it may: reconnects with growing pauses, resumes with Last-Event-ID, and
// notices a line that is dead without saying so. fetch, not EventSource, because a tab that takes the stream over
// from another must send the id where that one stopped.
import { createParser } from "./parser.js";

const HEARTBEAT = 15_000; // the server sends something at least this often
const SILENCE = HEARTBEAT * 2.5;
const PAUSES = [250, 500, 1000, 2000, 4000, 8000];

/**
 * `onEvent({type, data, id})`, `onLine("up" | "down" | "signed_out")`. Answers {stop(), nudge()}; nudge tries at once.
 */
export function openSource({ url, lastId = "", onEvent, onLine, fetch = globalThis.fetch.bind(globalThis), random = Math.random }) {
  let stopped = false;
  let failures = 0;
  let wake = null;
  let controller = null;

  async function once() {
    controller = new AbortController();
    let watchdog = 0;
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => controller.abort(), SILENCE);
    };
    alive();
    try {
      const response = await fetch(url, {
        headers: { Accept: "text/event-stream", ...(lastId ? { "Last-Event-ID": lastId } : {}) },
        cache: "no-store",
        credentials: "same-origin",
        signal: controller.signal,
      });
      if (response.status === 401 || response.status === 403) return "signed_out";
      if (!response.ok || !response.body) return "down";
      const feed = createParser((event) => {
        if (event.id) lastId = event.id;
        let data;
        try {
          data = JSON.parse(event.data);
        } catch {
          return; // not one of ours
        }
        onEvent({ type: event.type, data, id: event.id });
      });
      failures = 0;
      onLine("up");
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done || stopped) return "down";
        alive();
        feed(value);
      }
    } catch {
      return "down"; // refused, cut or silent: the loop below tries again
    } finally {
      clearTimeout(watchdog);
      controller.abort();
    }
  }

  (async () => {
    while (!stopped) {
      const line = await once();
      if (stopped) return;
      onLine(line);
      const pause = PAUSES[Math.min(failures, PAUSES.length - 1)];
      failures += 1;
      await new Promise((resolve) => {
        wake = resolve;
        setTimeout(resolve, pause * (0.75 + random() / 2));
      });
    }
  })();

  return {
    stop() {
      stopped = true;
      controller?.abort();
      wake?.();
    },
    nudge() {
      failures = 0;
      wake?.();
    },
    get lastId() {
      return lastId;
    },
  };
}

// One stream for all tabs of a browser: HTTP/1.1 allows six connections to a host. The tab that holds the Web Lock
// reads the stream and passes each event on; when it goes, the next one takes over where it stopped. Every tab
// keeps the same state by the same reducer. Web Locks need a secure context (https, or localhost): elsewhere each
// tab reads a stream of its own.
import { initial, putAway, reduce } from "./state.js";
import { openSource } from "./source.js";

const LOCK = "hotline-stream";

/** Starts the stream for the user. Listeners: `onChange(state, event)`, `onLine(line, since)`. */
export function share({ user, login, url = "/api/v1/events", locks = navigator.locks, open = openSource, Channel = BroadcastChannel }) {
  const channel = new Channel(`hotline-${user}`);
  const listeners = { change: new Set(), line: new Set(), event: new Map() };
  let state = initial(user, login);
  let line = { state: "connecting", since: new Date().toISOString() };
  let lastId = "";
  let source = null;
  let release = null;

  const tell = (message) => channel.postMessage(message);

  function setState(next, event) {
    if (next === state) return;
    state = next;
    for (const listener of listeners.change) listener(state, event);
  }

  function setLine(next, since = new Date().toISOString()) {
    if (next === line.state) return;
    line = { state: next, since };
    for (const listener of listeners.line) listener(line);
  }

  function take(event) {
    if (event.id) lastId = event.id;
    const next = reduce(state, event);
    const double = next === state && state.seen.includes(event.data?.event_id);
    setState(next, event);
    if (!double) for (const listener of listeners.event.get(event.type) ?? []) listener(event.data);
  }

  function lead() {
    source = open({
      url,
      lastId,
      onEvent(event) {
        take(event);
        tell({ kind: "event", event });
      },
      onLine(next) {
        setLine(next);
        tell({ kind: "line", line });
      },
    });
  }

  channel.onmessage = ({ data: message }) => {
    switch (message.kind) {
      case "event":
        take(message.event);
        break;
      case "line":
        setLine(message.line.state, message.line.since);
        break;
      case "hello": // a new tab asks what is; only the tab that reads the stream answers
        if (source) tell({ kind: "state", state, line, lastId });
        break;
      case "state":
        if (!state.known && message.state.known) {
          lastId = message.lastId;
          setState(message.state, { type: "snapshot", data: { from_tab: true } });
        }
        setLine(message.line.state, message.line.since);
        break;
      case "put_away":
        setState(putAway(state, message.callId), { type: "put_away", data: {} });
        break;
      case "nudge":
        source?.nudge();
        break;
    }
  };

  if (locks) {
    locks
      .request(LOCK, () => {
        lead();
        return new Promise((resolve) => {
          release = resolve;
        });
      })
      .catch(() => {
        if (!source) lead(); // locks are refused here: read alone
      });
    tell({ kind: "hello" });
  } else {
    lead();
  }

  return {
    get state() {
      return state;
    },
    get line() {
      return line;
    },
    get leads() {
      return source !== null;
    },
    onChange(listener) {
      listeners.change.add(listener);
      if (state.known) listener(state, { type: "snapshot", data: {} });
    },
    onLine(listener) {
      listeners.line.add(listener);
      listener(line);
    },
    /** Calls `listener(data)` for each event of the type, once; answers the function that ends it. */
    listen(type, listener) {
      if (!listeners.event.has(type)) listeners.event.set(type, new Set());
      listeners.event.get(type).add(listener);
      return () => listeners.event.get(type).delete(listener);
    },
    /** Takes in what this tab has read by itself, as if the stream had told it, and tells the other tabs. */
    tell(type, data) {
      const event = { type, data, id: "" };
      take(event);
      tell({ kind: "event", event });
    },
    /** Takes the card of an ended call off every tab. */
    putAway(callId) {
      setState(putAway(state, callId), { type: "put_away", data: {} });
      tell({ kind: "put_away", callId });
    },
    /** Tries a lost line at once. */
    nudge() {
      source?.nudge();
      tell({ kind: "nudge" });
    },
    close() {
      source?.stop();
      source = null;
      release?.();
      channel.close();
    },
  };
}

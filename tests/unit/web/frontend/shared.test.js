import assert from "node:assert/strict";
import { test } from "node:test";
import { share } from "../../../../hotline/web/frontend/stream/shared.js";

/** Two tabs of one browser: a lock that one holds at a time, a channel between them, a source of events. */
function browser() {
  const queue = [];
  let held = false;
  const locks = {
    request(_name, work) {
      return new Promise((resolve) => {
        queue.push(() => Promise.resolve(work()).then(resolve));
        next();
      });
    },
  };
  function next() {
    if (held || queue.length === 0) return;
    held = true;
    void queue.shift()().then(() => {
      held = false;
      next();
    });
  }
  const channels = new Set();
  class Channel {
    constructor() {
      channels.add(this);
    }
    postMessage(data) {
      const copy = structuredClone(data);
      for (const other of channels) if (other !== this) other.onmessage?.({ data: copy });
    }
    close() {
      channels.delete(this);
    }
  }
  const sources = [];
  const open = (options) => {
    const source = { ...options, stopped: false, stop: () => (source.stopped = true), nudge: () => (source.nudged = true) };
    sources.push(source);
    return source;
  };
  const tab = () => share({ user: "u1", login: "anna", url: "/x", locks, open, Channel });
  return { tab, sources };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const snapshot = { type: "snapshot", data: { rings: [], calls: [], presence: [], pbx: [] }, id: "5" };
const ring = { type: "call.offered", data: { event_id: "e1", ring_id: "r1", call_id: "c1", agent: "anna", at: "1" }, id: "6" };

test("one tab reads, both know", async () => {
  const { tab, sources } = browser();
  const [one, two] = [tab(), tab()];
  await settled();
  assert.equal(sources.length, 1);
  sources[0].onLine("up");
  sources[0].onEvent(snapshot);
  sources[0].onEvent(ring);
  assert.deepEqual(Object.keys(one.state.rings), ["r1"]);
  assert.deepEqual(Object.keys(two.state.rings), ["r1"]);
  assert.equal(two.line.state, "up");
  assert.equal(one.leads, true);
  assert.equal(two.leads, false);
});

test("a tab that opens later asks what is", async () => {
  const { tab, sources } = browser();
  tab();
  await settled();
  sources[0].onLine("up");
  sources[0].onEvent(snapshot);
  sources[0].onEvent(ring);
  const late = tab();
  await settled();
  assert.deepEqual(Object.keys(late.state.rings), ["r1"]);
  assert.equal(late.line.state, "up");
});

test("when the reading tab closes, the next goes on where it stopped", async () => {
  const { tab, sources } = browser();
  const one = tab();
  const two = tab();
  await settled();
  sources[0].onEvent(snapshot);
  sources[0].onEvent(ring);
  one.close();
  await settled();
  assert.equal(sources.length, 2);
  assert.equal(sources[0].stopped, true);
  assert.equal(sources[1].lastId, "6");
  const seen = [];
  two.listen("call.offered", (data) => seen.push(data.ring_id));
  sources[1].onEvent(snapshot.data.rings ? { ...snapshot, data: { ...snapshot.data, rings: [ring.data] } } : snapshot);
  sources[1].onEvent(ring);
  assert.deepEqual(seen, [], "a replayed event is told to nobody twice");
  assert.deepEqual(Object.keys(two.state.rings), ["r1"]);
});

test("a card that is put away goes from every tab", async () => {
  const { tab, sources } = browser();
  const [one, two] = [tab(), tab()];
  await settled();
  sources[0].onEvent(snapshot);
  sources[0].onEvent({ type: "call.answered", data: { event_id: "a", call_id: "c1", ring_id: "r1", agent: "anna", at: "1" }, id: "7" });
  sources[0].onEvent({ type: "call.ended", data: { event_id: "b", call_id: "c1", at: "2" }, id: "8" });
  two.putAway("c1");
  assert.deepEqual(one.state.calls, {});
  assert.deepEqual(two.state.calls, {});
});

test("without Web Locks a tab reads for itself", () => {
  const { sources } = browser();
  const opened = [];
  share({ user: "u", login: "x", locks: null, open: (options) => (opened.push(options), { stop() {}, nudge() {} }), Channel: class { postMessage() {} close() {} } });
  assert.equal(opened.length, 1);
  assert.equal(sources.length, 0);
});

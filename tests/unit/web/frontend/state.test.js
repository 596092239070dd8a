import assert from "node:assert/strict";
import { test } from "node:test";
import { callsOf, initial, putAway, reduce, ringsOf } from "../../../../hotline/web/frontend/stream/state.js";

const ME = "user-1";
let serial = 0;
const event = (type, data) => ({ type, data: { event_id: `e${(serial += 1)}`, at: "2026-01-01T10:00:00Z", ...data } });
const offered = (ring, call, more = {}) => event("call.offered", { ring_id: ring, call_id: call, agent: "anna", customers: [], ...more });
const start = () => reduce(initial(ME, "anna"), { type: "snapshot", data: { rings: [], calls: [], presence: [], pbx: [] } });
const run = (state, ...events) => events.reduce(reduce, state);

test("a ring comes and is taken back", () => {
  const ring = offered("r1", "c1");
  let state = run(start(), ring);
  assert.deepEqual(ringsOf(state).map((one) => one.ring_id), ["r1"]);
  state = run(state, event("call.retracted", { ring_id: "r1", call_id: "c1", agent: "anna" }));
  assert.deepEqual(ringsOf(state), []);
});

test("the same event twice changes nothing", () => {
  const ring = offered("r1", "c1");
  const once = run(start(), ring);
  assert.equal(reduce(once, ring), once);
});

test("an offer that comes after its end opens nothing", () => {
  const state = run(start(), event("call.retracted", { ring_id: "r1", call_id: "c1" }), offered("r1", "c1"));
  assert.deepEqual(ringsOf(state), []);
  const ended = run(start(), event("call.ended", { call_id: "c2" }), offered("r2", "c2"));
  assert.deepEqual(ringsOf(ended), []);
});

test("somebody else's ring is none of mine", () => {
  assert.deepEqual(ringsOf(run(start(), offered("r1", "c1", { agent: "bert" }))), []);
  assert.equal(ringsOf(run(start(), offered("r1", "c1", { agent: { id: ME, login: "x" } }))).length, 1);
});

test("the answered ring becomes the call, with what the offer knew", () => {
  const state = run(
    start(),
    offered("r1", "c1", { caller: { number: "+8613800006620" }, queue: "support", customers: [{ id: "k1", name: "王秀英" }] }),
    event("call.answered", { ring_id: "r1", call_id: "c1", agent: "anna", answered_at: "2026-01-01T10:00:05Z" }),
  );
  assert.deepEqual(ringsOf(state), []);
  const [call] = callsOf(state);
  assert.equal(call.queue, "support");
  assert.equal(call.customers[0].name, "王秀英");
  assert.equal(call.answered_at, "2026-01-01T10:00:05Z");
});

test("answered by a colleague: my ring goes, no call comes", () => {
  const state = run(start(), offered("r1", "c1"), event("call.answered", { ring_id: "r9", call_id: "c1", agent: "bert" }));
  assert.deepEqual(ringsOf(state), []);
  assert.deepEqual(callsOf(state), []);
});

test("two calls at once on one desk", () => {
  let state = run(start(), offered("r1", "c1", { at: "2026-01-01T10:00:02Z" }), offered("r2", "c2", { at: "2026-01-01T10:00:01Z" }));
  assert.deepEqual(ringsOf(state).map((ring) => ring.call_id), ["c2", "c1"]);
  state = run(state, event("call.answered", { ring_id: "r1", call_id: "c1", agent: "anna" }));
  assert.deepEqual(ringsOf(state).map((ring) => ring.call_id), ["c2"]);
  assert.deepEqual(callsOf(state).map((call) => call.call_id), ["c1"]);
});

test("an ended call stays until it is put away", () => {
  let state = run(
    start(),
    offered("r1", "c1"),
    event("call.answered", { ring_id: "r1", call_id: "c1", agent: "anna" }),
    event("call.ended", { call_id: "c1", ended_at: "2026-01-01T10:05:00Z" }),
  );
  assert.equal(callsOf(state)[0].state, "ended");
  state = putAway(state, "c1");
  assert.deepEqual(callsOf(state), []);
});

test("who has left the call has no call, whoever goes on with it", () => {
  const mine = run(start(), event("call.answered", { ring_id: "r1", call_id: "c1", agent: "anna", consulting: true }));
  const gone = { call_id: "c1", ring_id: "r1", left: true, reason: "completed" };
  assert.equal(callsOf(run(mine, event("call.updated", { ...gone, agent: "bert" })))[0].state, "answered");
  assert.equal(callsOf(run(mine, event("call.updated", { ...gone, agent: "anna" })))[0].state, "ended");
});

test("a running call cannot be put away", () => {
  const state = run(start(), event("call.answered", { ring_id: "r1", call_id: "c1", agent: "anna" }));
  assert.equal(callsOf(putAway(state, "c1")).length, 1);
});

test("passed on: the call ends here and rings there", () => {
  let state = run(start(), event("call.answered", { ring_id: "r1", call_id: "c1", agent: "anna" }));
  state = run(state, event("call.transferred", { call_id: "c1", kind: "blind", from: "anna", to: "bert" }));
  const [call] = callsOf(state);
  assert.equal(call.state, "ended");
  assert.equal(call.passed_on, true);
});

test("asked first: the caller is the colleague's from the handing over on", () => {
  let state = run(start(), event("call.answered", { ring_id: "r2", call_id: "c1", agent: "anna", consulting: true, at: "2026-01-01T10:00:30Z" }));
  assert.equal(callsOf(state)[0].consulting, true);
  state = run(state, event("call.transferred", { call_id: "c1", kind: "attended", from: "bert", to: "anna" }));
  assert.equal(callsOf(state)[0].consulting, false);
  assert.equal(callsOf(state)[0].state, "answered");
  assert.equal(callsOf(state)[0].answered_at, "2026-01-01T10:00:30Z");
});

test("sent without asking: it rings here, and is a call when it is answered", () => {
  const moved = event("call.transferred", { call_id: "c1", kind: "blind", from: "bert", to: "anna", agent: "anna" });
  for (const events of [[moved, offered("r2", "c1", { kind: "transfer" })], [offered("r2", "c1", { kind: "transfer" }), moved]]) {
    const state = run(start(), ...events.map((one) => ({ ...one, data: { ...one.data, event_id: `${one.data.event_id}x${events.indexOf(one)}` } })));
    assert.equal(ringsOf(state).length, 1);
    assert.equal(callsOf(state).length, 0);
    assert.equal(callsOf(run(state, event("call.answered", { ring_id: "r2", call_id: "c1", agent: "anna" }))).length, 1);
  }
});

test("a snapshot is what is now: gone rings go, gone calls have ended", () => {
  let state = run(start(), offered("r1", "c1"), event("call.answered", { ring_id: "r2", call_id: "c2", agent: "anna" }));
  state = reduce(state, { type: "snapshot", data: { at: "2026-01-01T11:00:00Z", rings: [{ ring_id: "r3", call_id: "c3" }], calls: [], presence: [] } });
  assert.deepEqual(ringsOf(state).map((ring) => ring.ring_id), ["r3"]);
  assert.equal(callsOf(state)[0].state, "ended");
});

test("replayed events after a snapshot are dropped when they were seen", () => {
  const ring = offered("r1", "c1");
  const gone = event("call.retracted", { ring_id: "r1", call_id: "c1" });
  let state = run(start(), ring, gone);
  state = reduce(state, { type: "snapshot", data: { rings: [], calls: [] } });
  assert.deepEqual(ringsOf(run(state, ring, gone)), []);
});

test("what is remembered stays bounded", () => {
  let state = start();
  for (let at = 0; at < 5000; at += 1) state = run(state, offered(`r${at}`, `c${at}`), event("call.retracted", { ring_id: `r${at}`, call_id: `c${at}` }));
  assert.ok(state.seen.length <= 2000);
  assert.ok(state.over.length <= 2000);
  assert.deepEqual(state.rings, {});
});

test("an event about the whole call leaves the ring its name, a snapshot leaves customers their tier", () => {
  const gold = { id: "k1", name: "王秀英", tier: { key: "gold" } };
  let state = run(start(), offered("r1", "c1", { customers: [gold] }), event("call.updated", { call_id: "c1", ring_id: null, customers: [gold] }));
  assert.equal(ringsOf(state)[0].ring_id, "r1");
  state = run(state, event("call.answered", { ring_id: "r1", call_id: "c1", agent: "anna" }));
  state = reduce(state, { type: "snapshot", data: { rings: [], calls: [{ id: "c1", state: "answered", customers: [{ id: "k1", name: "王秀英" }] }] } });
  assert.deepEqual(callsOf(state)[0].customers, [gold]);
});

test("facts that change reach the ring and the call", () => {
  let state = run(start(), offered("r1", "c1"), event("call.updated", { call_id: "c1", customer_id: "k2", customers: [{ id: "k2", name: "李国强" }] }));
  assert.equal(ringsOf(state)[0].customer_id, "k2");
  state = run(state, event("call.answered", { ring_id: "r1", call_id: "c1", agent: "anna" }));
  assert.equal(callsOf(state)[0].customer_id, "k2");
});

test("a wrap-up follows the call and goes when it is done", () => {
  let state = run(
    start(),
    offered("r1", "c1"),
    event("call.answered", { ring_id: "r1", call_id: "c1", agent: "anna" }),
    event("wrap_up.started", { call_id: "c1", ticket_id: "t1", started_at: "2026-01-01T10:05:00Z", until: "2026-01-01T10:06:00Z", agent: "anna" }),
  );
  assert.equal(callsOf(state)[0].state, "ended");
  assert.equal(callsOf(state)[0].ticket_id, "t1");
  assert.equal(state.wraps.c1.until, "2026-01-01T10:06:00Z");
  state = run(state, event("wrap_up.ended", { call_id: "c1" }));
  assert.deepEqual(state.wraps, {});
  assert.equal(callsOf(state).length, 1);
});

test("a colleague's wrap-up is none of mine", () => {
  const state = run(start(), event("wrap_up.started", { call_id: "c1", agent: "bert" }));
  assert.deepEqual(callsOf(state), []);
});

test("after a reload a wrap-up that runs has its card, and its call is read", () => {
  let state = reduce(initial(ME, "anna"), {
    type: "snapshot",
    data: { rings: [], calls: [], presence: [], pbx: [], wrap_ups: [{ call_id: "c1", ticket_id: "t1", until: "2026-01-01T10:06:00Z" }] },
  });
  assert.equal(callsOf(state)[0].unread, true);
  state = reduce(state, { type: "call.read", data: { id: "c1", queue: "support", state: "answered", customers: [] } });
  const [call] = callsOf(state);
  assert.deepEqual([call.state, call.queue, call.unread], ["ended", "support", false]);
});

test("what is older than the answer to this desk's own request takes no call back to its former ticket", () => {
  const told = (type, data) => ({ type, data });
  const taken = run(start(), offered("r1", "c1", { ticket_id: "t1", version: 3 }), event("call.answered", { ring_id: "r1", call_id: "c1", agent: "anna", ticket_id: "t1", version: 4 }));
  const moved = run(taken, told("call.updated", { call_id: "c1", ticket_id: "t2", version: 6 }));
  assert.equal(moved.calls.c1.ticket_id, "t2");
  const late = run(
    moved,
    event("call.updated", { call_id: "c1", ticket_id: "t1", version: 5, held: true }),
    event("ticket.updated", { ticket_id: "t1", call_id: "c1", version: 2, ticket: { id: "t1", call_ids: ["c1"] } }),
    told("snapshot", { calls: [{ id: "c1", state: "answered", ticket_id: "t1", version: 5 }] }),
  );
  assert.equal(late.calls.c1.ticket_id, "t2");
  assert.equal(late.calls.c1.state, "answered");
  // The end of the call says what its ticket is by then.
  const ended = run(late, event("call.ended", { call_id: "c1", ticket_id: "t4", version: 7 }));
  assert.deepEqual([ended.calls.c1.state, ended.calls.c1.ticket_id], ["ended", "t4"]);
  // Somebody else's move comes after it.
  assert.equal(run(late, event("call.updated", { call_id: "c1", ticket_id: "t3", version: 7 })).calls.c1.ticket_id, "t3");
  assert.equal(run(late, told("snapshot", { calls: [{ id: "c1", state: "answered", ticket_id: "t3", version: 7 }] })).calls.c1.ticket_id, "t3");
});

test("a snapshot that was read before a wrap-up was finished brings no card back", () => {
  const wrap = { call_id: "c1", ticket_id: "t1", started_at: "2026-01-01T10:05:00Z", until: "2026-01-01T10:06:00Z" };
  const begun = run(start(), event("call.answered", { ring_id: "r1", call_id: "c1", agent: "anna" }), event("wrap_up.started", { ...wrap, agent: "anna" }));
  const away = putAway(begun, "c1");
  const byClock = putAway(run(begun, event("wrap_up.ended", { call_id: "c1", agent: "anna" })), "c1");
  for (const state of [away, byClock]) {
    // The same instant, written otherwise.
    const again = run(state, { type: "snapshot", data: { wrap_ups: [{ ...wrap, started_at: "2026-01-01T10:05:00+00:00" }] } }, event("wrap_up.started", { ...wrap, agent: "anna" }));
    assert.deepEqual(callsOf(again), []);
    assert.deepEqual(again.wraps, {});
    // The call came back, and has another.
    const back = run(again, { type: "snapshot", data: { wrap_ups: [{ ...wrap, started_at: "2026-01-01T10:20:00Z" }] } });
    assert.equal(callsOf(back).length, 1);
  }
});

test("a snapshot that was read before a call ended opens it no more", () => {
  const over = putAway(run(start(), event("call.answered", { ring_id: "r1", call_id: "c1", agent: "anna" }), event("call.ended", { call_id: "c1" })), "c1");
  const late = run(over, { type: "snapshot", data: { calls: [{ id: "c1", state: "answered" }], rings: [{ ring_id: "r1", call_id: "c1" }] } });
  assert.deepEqual([callsOf(late), ringsOf(late)], [[], []]);
});

test("what was said of a call that goes on is no wrap-up", () => {
  const said = { call_id: "c1", ticket_id: "t1", started_at: null, until: null, disposition: "solved" };
  const state = run(initial(ME, "anna"), { type: "snapshot", data: { calls: [{ id: "c1", state: "answered" }], wrap_ups: [said] } });
  assert.deepEqual(state.wraps, {});
  assert.equal(state.calls.c1.outcome, "solved");
});

test("calls and rings learn which ticket is theirs", () => {
  const state = run(start(), offered("r1", "c1"), event("ticket.created", { ticket_id: "t1", call_id: "c1" }));
  assert.equal(ringsOf(state)[0].ticket_id, "t1");
  const moved = run(state, event("ticket.updated", { ticket_id: "t2", ticket: { id: "t2", call_ids: ["c1"] } }));
  assert.equal(ringsOf(moved)[0].ticket_id, "t2");
  assert.equal(run(moved, event("ticket.updated", { ticket_id: "t3", ticket: { id: "t3", call_ids: ["c9"] } })).rings.r1.ticket_id, "t2");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { openReplyDrafts } from "../../../../hotline/web/frontend/conversations/replyDrafts.js";
import { bodyOf, moment } from "../../../../hotline/web/frontend/conversations/rules.js";

class Store {
  #items = new Map();
  get length() { return this.#items.size; }
  key(index) { return [...this.#items.keys()][index] ?? null; }
  getItem(key) { return this.#items.get(key) ?? null; }
  setItem(key, value) { this.#items.set(key, String(value)); }
  removeItem(key) { this.#items.delete(key); }
}

const ids = () => {
  let at = 0;
  return () => `id-${(at += 1)}`;
};

test("what is typed is there again, under the same id, with what its writer had seen", () => {
  const store = new Store();
  const first = openReplyDrafts("u1", store, ids()).keep("c1", { reply: "Hel" }, "m1");
  const again = openReplyDrafts("u1", store, ids());
  assert.equal(again.get("c1").reply, "Hel");
  const kept = again.keep("c1", { reply: "Hello" }, "m9");
  assert.deepEqual([kept.once, kept.seen], [first.once, "m1"]);
});

test("a reply and a note are kept beside each other; sending one leaves the other, under a new id", () => {
  const drafts = openReplyDrafts("u1", new Store(), ids());
  drafts.keep("c1", { reply: "Hello", close: true }, "m1");
  const both = drafts.keep("c1", { note: "VIP", mode: "note" }, "m1");
  drafts.sent("c1", "note");
  const left = drafts.get("c1");
  assert.deepEqual([left.reply, left.note], ["Hello", ""]);
  assert.notEqual(left.once, both.once);
  assert.equal(left.close, true);
  drafts.keep("c1", { note: "Called, too" }, "m1");
  drafts.sent("c1", "reply");
  assert.equal(drafts.get("c1").close, false);
  drafts.sent("c1", "note");
  assert.equal(drafts.get("c1"), null);
});

test("nothing is kept of nothing, and nothing of others", () => {
  const store = new Store();
  openReplyDrafts("u1", store, ids()).keep("c1", { reply: "   " }, null);
  assert.equal(store.length, 0);
  openReplyDrafts("u1", store, ids()).keep("c1", { reply: "secret" }, null);
  assert.deepEqual(openReplyDrafts("u2", store, ids()).all(), []);
});

test("what waits for a line is found; what nobody came back to for a month goes", () => {
  const drafts = openReplyDrafts("u1", new Store(), ids());
  drafts.keep("c1", { reply: "Hello" }, null);
  drafts.keep("c2", { reply: "There" }, null);
  drafts.queue("c2");
  assert.deepEqual(drafts.queued().map((draft) => draft.id), ["c2"]);
  assert.equal(drafts.keep("c2", { reply: "There!" }, null).queued, false);
  drafts.sweep(Date.now() + 31 * 86_400_000);
  assert.deepEqual(drafts.all(), []);
});

test("a reply carries what was seen, a note never does", () => {
  const draft = { mode: "reply", reply: " Hello ", note: " VIP ", files: [{ id: "f1" }], seen: "m1" };
  assert.deepEqual(bodyOf(draft), { body: "Hello", files: ["f1"], seen: "m1" });
  assert.deepEqual(bodyOf(draft, { force: true }).force, true);
  assert.deepEqual(bodyOf({ ...draft, mode: "note" }), { body: "VIP", note: true });
  assert.deepEqual(bodyOf({ mode: "reply", reply: "Bye", close: true }), { body: "Bye", state: "closed" });
  assert.deepEqual(bodyOf({ mode: "reply", reply: "Hi", template: "HX1", variables: { 1: "Wang" } }), { body: "Hi", template: "HX1", variables: { 1: "Wang" } });
});

test("putting aside goes by the calendar of who does it", () => {
  const friday = new Date(2026, 10, 20, 17, 30);
  assert.equal(moment("", friday), null);
  assert.deepEqual(moment("hour", friday), new Date(2026, 10, 20, 18, 30));
  assert.deepEqual(moment("tomorrow", friday), new Date(2026, 10, 21, 9));
  assert.deepEqual(moment("monday", friday), new Date(2026, 10, 23, 9));
  assert.deepEqual(moment("monday", new Date(2026, 10, 23, 8)), new Date(2026, 10, 30, 9));
});

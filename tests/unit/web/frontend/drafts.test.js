import assert from "node:assert/strict";
import { test } from "node:test";
import { openDrafts } from "../../../../hotline/web/frontend/desk/drafts.js";

class Store {
  #items = new Map();
  get length() { return this.#items.size; }
  key(index) { return [...this.#items.keys()][index] ?? null; }
  getItem(key) { return this.#items.get(key) ?? null; }
  setItem(key, value) { this.#items.set(key, String(value)); }
  removeItem(key) { this.#items.delete(key); }
}

const about = { call_id: "c1", customer_id: null, label: "王秀英", kind: "call" };

test("what is typed is there again, with the same note id", () => {
  const store = new Store();
  const first = openDrafts("u1", store).keep("call:c1", "Again at 20:40", about);
  const again = openDrafts("u1", store);
  assert.equal(again.get("call:c1").text, "Again at 20:40");
  assert.equal(again.keep("call:c1", "Again at 20:40, in a meeting", about).note_id, first.note_id);
});

test("another person at the same browser sees nothing of it", () => {
  const store = new Store();
  openDrafts("u1", store).keep("call:c1", "secret", about);
  assert.equal(openDrafts("u2", store).get("call:c1"), null);
  assert.deepEqual(openDrafts("u2", store).unsaved(), []);
});

test("a call's note stays open after it is saved, a customer's note is finished", () => {
  const drafts = openDrafts("u1", new Store());
  drafts.keep("call:c1", "text", about);
  drafts.saved("call:c1", "text", { finished: false });
  assert.equal(drafts.get("call:c1").saved_text, "text");
  assert.deepEqual(drafts.unsaved(), []);
  drafts.keep("customer:k1", "text", { ...about, kind: "customer" });
  drafts.saved("customer:k1", "text", { finished: true });
  assert.equal(drafts.get("customer:k1"), null);
});

test("what was typed while it was being sent is still unsaved", () => {
  const drafts = openDrafts("u1", new Store());
  drafts.keep("customer:k1", "one", about);
  drafts.keep("customer:k1", "one two", about);
  drafts.saved("customer:k1", "one", { finished: true });
  assert.equal(drafts.get("customer:k1").text, "one two");
  assert.equal(drafts.unsaved().length, 1);
});

test("queued until the line is back", () => {
  const drafts = openDrafts("u1", new Store());
  drafts.keep("call:c1", "text", about);
  drafts.queue("call:c1");
  assert.equal(drafts.queued().length, 1);
  drafts.saved("call:c1", "text", { finished: false });
  assert.deepEqual(drafts.queued(), []);
});

test("a dropped draft can be put back", () => {
  const drafts = openDrafts("u1", new Store());
  drafts.keep("call:c1", "text", about);
  const dropped = drafts.drop("call:c1");
  assert.equal(drafts.get("call:c1"), null);
  drafts.put(dropped);
  assert.equal(drafts.get("call:c1").text, "text");
});

test("an emptied field leaves nothing behind, half-written storage breaks nothing", () => {
  const store = new Store();
  const drafts = openDrafts("u1", store);
  drafts.keep("call:c1", "x", about);
  assert.equal(drafts.keep("call:c1", "  ", about), null);
  assert.equal(store.length, 0);
  store.setItem("hl.note.u1.call:c9", "{half");
  assert.equal(drafts.get("call:c9"), null);
  assert.deepEqual(drafts.all(), []);
});

test("old saved notes are forgotten, unsaved ones never", () => {
  const drafts = openDrafts("u1", new Store());
  drafts.keep("call:c1", "kept", about);
  drafts.keep("call:c2", "done", about);
  drafts.saved("call:c2", "done", { finished: false });
  drafts.sweep(Date.now() + 7 * 86_400_000);
  assert.deepEqual(drafts.all().map((draft) => draft.subject), ["call:c1"]);
});

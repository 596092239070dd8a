import assert from "node:assert/strict";
import { test } from "node:test";
import { openTicketDrafts } from "../../../../hotline/web/frontend/desk/ticketDrafts.js";
import { lookOf, span } from "../../../../hotline/web/frontend/lib/sla.js";
import { merge } from "../../../../hotline/web/frontend/lib/tickets.js";

class Store {
  #items = new Map();
  get length() { return this.#items.size; }
  key(index) { return [...this.#items.keys()][index] ?? null; }
  getItem(key) { return this.#items.get(key) ?? null; }
  setItem(key, value) { this.#items.set(key, String(value)); }
  removeItem(key) { this.#items.delete(key); }
}

const about = { subject: "call:c1", label: "王秀英", kind: "call" };

test("only what was touched is a draft, and putting it back forgets it", () => {
  const drafts = openTicketDrafts("u1", new Store());
  drafts.keep("t1", "kind", "complaint", "consultation", about);
  drafts.keep("t1", "priority", "high", "normal", about);
  assert.deepEqual(drafts.get("t1").fields, { kind: "complaint", priority: "high" });
  assert.deepEqual(drafts.get("t1").base, { kind: "consultation", priority: "normal" });
  drafts.keep("t1", "kind", "consultation", "consultation", about);
  assert.deepEqual(drafts.get("t1").fields, { priority: "high" });
  drafts.keep("t1", "priority", "normal", "normal", about);
  assert.equal(drafts.get("t1"), null);
});

test("a draft outlives the page, and another person at the same browser sees nothing of it", () => {
  const store = new Store();
  openTicketDrafts("u1", store).keep("t1", "subject", "Router restarts", "", about);
  assert.equal(openTicketDrafts("u1", store).get("t1").fields.subject, "Router restarts");
  assert.deepEqual(openTicketDrafts("u2", store).all(), []);
});

test("what was typed on while it was sent stays a draft", () => {
  const drafts = openTicketDrafts("u1", new Store());
  drafts.keep("t1", "subject", "Router", "", about);
  drafts.keep("t1", "subject", "Router restarts", "", about);
  drafts.saved("t1", { subject: "Router" });
  assert.deepEqual(drafts.get("t1").fields, { subject: "Router restarts" });
  assert.deepEqual(drafts.get("t1").base, { subject: "Router" });
  drafts.saved("t1", { subject: "Router restarts" });
  assert.equal(drafts.get("t1"), null);
});

test("conflicts are a matter of single fields", () => {
  const draft = { fields: { kind: "complaint", priority: "high", subject: "x" }, base: { kind: "consultation", priority: "normal", subject: "" } };
  assert.deepEqual(merge(draft, { kind: "consultation", priority: "normal", subject: null }), { send: draft.fields, conflicts: [] });
  assert.deepEqual(merge(draft, { kind: "service_request", priority: "urgent", subject: null }), { send: { subject: "x" }, conflicts: ["kind", "priority"] });
  // Somebody else wanted the same: nothing to send, nothing to ask.
  assert.deepEqual(merge(draft, { kind: "complaint", priority: "normal", subject: null }), { send: { priority: "high", subject: "x" }, conflicts: [] });
});

test("mine or theirs", () => {
  const drafts = openTicketDrafts("u1", new Store());
  drafts.keep("t1", "kind", "complaint", "consultation", about);
  drafts.rebase("t1", "kind", "service_request");
  assert.deepEqual(merge(drafts.get("t1"), { kind: "service_request" }), { send: { kind: "complaint" }, conflicts: [] });
  drafts.forget("t1", "kind");
  assert.equal(drafts.get("t1"), null);
});

test("a deadline is plain, then amber, then over; waiting for the customer stops it", () => {
  const due = "2026-03-02T12:00:00Z";
  const warn = "2026-03-02T11:00:00Z";
  const at = (time) => Date.parse(`2026-03-02T${time}Z`);
  assert.deepEqual(lookOf({ due, warn }, at("09:55:00")), { look: "plain", text: "2 h 05" });
  assert.deepEqual(lookOf({ due, warn }, at("11:00:00")), { look: "warn", text: "1 h 00" });
  assert.deepEqual(lookOf({ due, warn }, at("11:36:00")), { look: "warn", text: "24 min" });
  assert.deepEqual(lookOf({ due, warn }, at("11:59:59")), { look: "warn", text: "1 min" });
  assert.deepEqual(lookOf({ due, warn }, at("12:12:00")), { look: "breach", text: "12 min over" });
  assert.deepEqual(lookOf({ due, warn, state: "paused" }, at("12:12:00")), { look: "paused", text: "paused" });
  assert.deepEqual(lookOf({ due: null }, at("12:12:00")), { look: "plain", text: "" });
});

test("long times are told in days and hours", () => {
  assert.equal(span(26 * 3600), "1 d 2 h");
  assert.equal(span(3600), "1 h 00");
  assert.equal(span(0), "1 min");
});

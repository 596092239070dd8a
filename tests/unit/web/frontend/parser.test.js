import assert from "node:assert/strict";
import { test } from "node:test";
import { createParser } from "../../../../hotline/web/frontend/stream/parser.js";

const parse = (...pieces) => {
  const events = [];
  const feed = createParser((event) => events.push(event));
  for (const piece of pieces) feed(piece);
  return events;
};

test("an event ends at an empty line and keeps the last id", () => {
  assert.deepEqual(parse("id: 7\nevent: call.offered\ndata: {}\n\ndata: x\n\n"), [
    { type: "call.offered", data: "{}", id: "7" },
    { type: "message", data: "x", id: "7" },
  ]);
});

test("any cut gives the same events", () => {
  const text = "id: 1\r\nevent: a\r\ndata: one\r\ndata: two\r\n\r\n: heartbeat\r\n\r\nid:2\rdata:three\r\r";
  const whole = parse(text);
  assert.equal(whole.length, 2);
  assert.equal(whole[0].data, "one\ntwo");
  for (let at = 1; at < text.length; at += 1) assert.deepEqual(parse(text.slice(0, at), text.slice(at)), whole, `cut at ${at}`);
  assert.deepEqual(parse(...text), whole);
});

test("a comment is no event, an unfinished event waits", () => {
  assert.deepEqual(parse(": ping\n\n", "data: half"), []);
});

test("an id with a NUL is not taken", () => {
  assert.equal(parse("id: 3\n\nid: 4\0\ndata: x\n\n")[0].id, "3");
});

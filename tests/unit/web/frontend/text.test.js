import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, plain, safeName } from "../../../../hotline/web/frontend/lib/text.js";

test("what hides or reorders text goes, the text stays", () => {
  assert.equal(plain("a\0b\u202Egpj.exe\u2066\u200Bz"), "a b gpj.exe z");
  assert.equal(plain("<script>alert(1)</script>"), "<script>alert(1)</script>");
  assert.equal(plain("one\r\ntwo\tthree"), "one two three");
  assert.equal(plain("\ud800x"), "x");
  assert.equal(plain(null), "");
});

test("ten thousand letters become a line", () => {
  const line = plain("名".repeat(10_000), 40);
  assert.equal(Array.from(line).length, 40);
  assert.ok(line.endsWith("…"));
});

test("a name is offered only when it looks like one", () => {
  assert.equal(safeName("王秀英"), "王秀英");
  assert.equal(safeName("Anne-Marie O'Neill"), "Anne-Marie O'Neill");
  for (const hostile of ["<script>", "${IFS}", "x".repeat(500), "'; DROP TABLE", "+8613800006620", "https://evil.example", ""]) {
    assert.equal(safeName(hostile), "", hostile);
  }
});

test("durations", () => {
  assert.equal(duration(7.9), "0:07");
  assert.equal(duration(760), "12:40");
  assert.equal(duration(3729), "1:02:09");
  assert.equal(duration(-3), "0:00");
});

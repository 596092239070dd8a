import assert from "node:assert/strict";
import { test } from "node:test";
import { load, nt, t } from "../../../../hotline/web/frontend/lib/i18n.js";

test("English needs no catalogue", () => {
  assert.equal(t("Ringing: {number}.", { number: "<b>" }), "Ringing: <b>.");
  assert.equal(nt("{n} customer", "{n} customers", 1), "1 customer");
  assert.equal(nt("{n} customer", "{n} customers", 3), "3 customers");
});

test("a catalogue's words and its single plural form are used", () => {
  load({ Ringing: "来电响铃", "{n} customer": ["{n} 位客户"], empty: "" });
  assert.equal(t("Ringing"), "来电响铃");
  assert.equal(nt("{n} customer", "{n} customers", 3), "3 位客户");
  assert.equal(t("empty"), "empty");
});

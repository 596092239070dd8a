import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document = {};
globalThis.Element = class {};
const { keyName } = await import("../../../../hotline/web/frontend/shell/keys.js");

const press = (key, code, more = {}) => keyName({ key, code, altKey: false, ctrlKey: false, metaKey: false, shiftKey: false, ...more });

test("keys are known by their place where Alt makes other signs of letters", () => {
  assert.equal(press("a", "KeyA", { altKey: true }), "Alt A");
  assert.equal(press("å", "KeyA", { altKey: true }), "Alt A");
  assert.equal(press("k", "KeyK", { ctrlKey: true }), "Ctrl K");
  assert.equal(press("k", "KeyK", { metaKey: true }), "Ctrl K");
  assert.equal(press("Enter", "Enter", { ctrlKey: true }), "Ctrl Enter");
  assert.equal(press("?", "Slash", { shiftKey: true }), "?");
});

test("AltGr types letters and is no command", () => {
  assert.equal(press("ą", "KeyA", { altKey: true, ctrlKey: true }), "");
});

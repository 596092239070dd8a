import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { segments } from "../../../../hotline/web/frontend/conversations/segments.js";

// The server's own answers for the same texts (tests/unit/conversations/test_segment_twins.py writes and holds them).
const known = JSON.parse(readFileSync(new URL("./segments.json", import.meta.url), "utf8"));

for (const { text, ...expected } of known) {
  test(`as the server counts: ${JSON.stringify(text.slice(0, 24))} × ${[...text].length}`, () => {
    assert.deepEqual(segments(text), expected);
  });
}

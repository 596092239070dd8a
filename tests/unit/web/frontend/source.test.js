import assert from "node:assert/strict";
import { test } from "node:test";
import { openSource } from "../../../../hotline/web/frontend/stream/source.js";

const until = async (condition) => {
  for (let tries = 0; !condition(); tries += 1) {
    if (tries > 2000) throw new Error("it did not happen");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
};

/** Answers each connection with the next of the scripts: text to send, then the end; or a status. */
function server(...scripts) {
  const asked = [];
  const fetch = async (_url, { headers, signal }) => {
    asked.push(headers);
    const script = scripts.shift();
    if (script === undefined) return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    if (typeof script === "number") return new Response("", { status: script });
    return new Response(new Blob([script]).stream(), { status: 200 });
  };
  return { asked, fetch };
}

test("resumes with the last id after the line was cut, and tells the line", async () => {
  const events = [];
  const lines = [];
  const { asked, fetch } = server('id: 41\nevent: a\ndata: {"n":1}\n\nid: 42\nevent: b\ndata: {"n":2}\n\n', 'event: c\ndata: {"n":3}\n\n');
  const source = openSource({ url: "/x", onEvent: (event) => events.push(event.type), onLine: (line) => lines.push(line), fetch, random: () => 0 });
  await until(() => asked.length === 3);
  source.stop();
  assert.deepEqual(events, ["a", "b", "c"]);
  assert.equal(asked[0]["Last-Event-ID"], undefined);
  assert.equal(asked[1]["Last-Event-ID"], "42");
  assert.equal(asked[2]["Last-Event-ID"], "42");
  assert.deepEqual(lines.slice(0, 4), ["up", "down", "up", "down"]);
});

test("tells that nobody is signed in", async () => {
  const lines = [];
  const { fetch } = server(401);
  const source = openSource({ url: "/x", onEvent() {}, onLine: (line) => lines.push(line), fetch });
  await until(() => lines.length > 0);
  source.stop();
  assert.deepEqual(lines, ["signed_out"]);
});

test("goes on after what is not JSON", async () => {
  const events = [];
  const { fetch } = server('event: a\ndata: {{{\n\nevent: b\ndata: {"n":1}\n\n');
  const source = openSource({ url: "/x", onEvent: (event) => events.push(event.type), onLine() {}, fetch });
  await until(() => events.length > 0);
  source.stop();
  assert.deepEqual(events, ["b"]);
});

test("takes the stream over from the id that it is given", async () => {
  const { asked, fetch } = server();
  const source = openSource({ url: "/x", lastId: "99", onEvent() {}, onLine() {}, fetch });
  await until(() => asked.length === 1);
  source.stop();
  assert.equal(asked[0]["Last-Event-ID"], "99");
});

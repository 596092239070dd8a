// Server-sent events, parsed as the HTML standard says (§9.2.6): fed with text in any pieces.

/** `onEvent({type, data, id})` for each event; `id` is the last event id so far. Comments are heartbeats. */
export function createParser(onEvent) {
  let rest = "";
  let type = "";
  let data = [];
  let lastId = "";
  let skipLineFeed = false;

  function line(text) {
    if (text === "") {
      if (data.length) onEvent({ type: type || "message", data: data.join("\n"), id: lastId });
      type = "";
      data = [];
      return;
    }
    if (text.startsWith(":")) return;
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    let value = colon < 0 ? "" : text.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "event") type = value;
    else if (field === "data") data.push(value);
    else if (field === "id" && !value.includes("\0")) lastId = value;
  }

  return function feed(chunk) {
    rest += chunk;
    if (skipLineFeed && rest.startsWith("\n")) rest = rest.slice(1);
    skipLineFeed = false;
    for (;;) {
      const end = rest.search(/[\r\n]/);
      if (end < 0) return;
      const text = rest.slice(0, end);
      let next = end + 1;
      if (rest[end] === "\r") {
        if (next < rest.length) {
          if (rest[next] === "\n") next += 1;
        } else {
          skipLineFeed = true; // the \n of this \r\n may come with the next piece
        }
      }
      rest = rest.slice(next);
      line(text);
    }
  };
}

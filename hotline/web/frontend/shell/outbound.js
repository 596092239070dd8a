// The stop of everything outbound: its button and its line follow the event stream, without a reload.
import { find } from "../lib/dom.js";

export function startOutbound(stream) {
  let known = false;
  // Each part asks for itself (hx-trigger="outbound").
  const look = () => {
    for (const part of ["button", "line"]) find(`#outbound-${part}`)?.dispatchEvent(new Event("outbound"));
  };
  stream.listen("outbound.stopped", look);
  stream.listen("outbound.resumed", look);
  // A later snapshot stands for events that this page has missed.
  stream.listen("snapshot", () => {
    if (known) look();
    known = true;
  });
}

// The page of conversations: the list as it changes, and the one that is open. Loaded on its page alone.
import { all, attribute, find, part, say } from "../lib/dom.js";
import { api } from "../lib/api.js";
import { refreshClocks } from "../lib/clock.js";
import { nt } from "../lib/i18n.js";
import { toast } from "../shell/toast.js";
import { send } from "./composer.js";
import { openReplyDrafts } from "./replyDrafts.js";
import { openThread } from "./thread.js";

const EVENTS = ["conversation.created", "conversation.updated", "message.received", "message.sent", "message.updated"];

export function startConversations(root, { stream, page }) {
  const drafts = openReplyDrafts(page.user);
  drafts.sweep();
  const place = find("#conv-place", root);
  const rows = find("#conv-rows", root);
  const stale = part(root, "stale");
  let thread = null;
  let asking = null;
  let timer = 0;
  let read = Date.now();

  function start() {
    thread?.end();
    thread = find("#conv-thread[data-conversation-open]", place) ? openThread(place, drafts, stream, { user: page.user, login: page.login, onChanged: () => later(0) }) : null;
    mark();
  }

  function mark() {
    for (const row of all("[data-conversation]", rows)) {
      const current = row.dataset.conversation === thread?.id;
      row.classList.toggle("is-current", current);
      attribute(row, "aria-current", current ? "true" : null);
    }
    root.classList.toggle("conv-open", Boolean(thread));
  }

  // Opening one beside the list

  async function open(href, { push = true } = {}) {
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    attribute(place, "aria-busy", "true");
    try {
      const response = await fetch(href, { headers: { Accept: "text/html", "HX-Request": "true" }, credentials: "same-origin", signal });
      if (!response.ok || response.redirected) {
        location.assign(href);
        return;
      }
      const html = await response.text();
      if (signal.aborted) return;
      place.innerHTML = html; // our own template, escaped by the server
      globalThis.htmx?.process(place);
      if (push) history.pushState({ conversation: href }, "", href);
      document.title = document.title.replace(/^.*? · (?=[^·]+ · )|^/, `${find("#conv-thread", place)?.dataset.title ?? ""} · `);
      start();
      if (matchMedia("(max-width: 860px)").matches) find(".conv-name", place)?.scrollIntoView({ block: "nearest" });
    } catch (error) {
      if (!signal.aborted) location.assign(href);
    } finally {
      if (!signal.aborted) attribute(place, "aria-busy", null);
    }
  }

  root.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-conversation]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (link.dataset.conversation === thread?.id) thread.composer?.focus();
    else void open(link.getAttribute("href"));
  });
  addEventListener("popstate", () => {
    if (/^\/conversations\/[0-9a-f-]{36}$/.test(location.pathname)) void open(location.pathname + location.search, { push: false });
    else location.reload();
  });

  // The list

  const address = () => `/conversations?${root.dataset.query}`;

  /** Reads the list again, soon: several events of one change make one reading, a busy hour one every few seconds. */
  function later(wait = 400) {
    clearTimeout(timer);
    timer = setTimeout(() => void list(), Math.max(wait, read + (wait ? 2000 : 0) - Date.now()));
  }

  async function list({ show = false } = {}) {
    read = Date.now();
    void boxes();
    if (new URLSearchParams(location.search).get("after")) return; // an earlier page stays as it is
    try {
      const response = await fetch(address(), { headers: { Accept: "text/html", "HX-Request": "true" }, credentials: "same-origin" });
      if (!response.ok || response.redirected) return;
      put(new DOMParser().parseFromString(await response.text(), "text/html").body, show);
    } catch {
      // Old rows stay; the line's own bar says that it is away.
    }
  }

  /** Rows never jump under the pointer or the cursor: what is there is brought up to date, what is new waits. */
  function put(made, show) {
    const focused = document.activeElement?.closest?.("[data-conversation]")?.dataset.conversation;
    const before = new Map(all("[data-row]", rows).map((row) => [row.dataset.row, row]));
    if (!show && before.size && rows.matches(":hover, :focus-within")) {
      const order = all("[data-row]", made);
      for (const row of order) {
        const old = before.get(row.dataset.row);
        if (old && old.innerHTML !== row.innerHTML && !old.contains(document.activeElement)) old.replaceChildren(...row.childNodes);
      }
      const fresh = order.filter((row) => !before.has(row.dataset.row)).length;
      const moved = order.map((row) => row.dataset.row).join() !== [...before.keys()].join();
      if (fresh || moved) say(stale, "stale-text", fresh ? nt("{n} new", "{n} new", fresh) : nt("{n} changed", "{n} changed", 1));
      stale.hidden = !(fresh || moved);
    } else {
      rows.replaceChildren(...made.childNodes);
      if (before.size) for (const row of all("[data-row]", rows)) if (!before.has(row.dataset.row)) find("a", row).classList.add("is-new");
      stale.hidden = true;
      if (focused) find(`[data-conversation="${CSS.escape(focused)}"]`, rows)?.focus({ preventScroll: true });
    }
    mark();
    refreshClocks();
  }

  async function boxes() {
    try {
      const { items } = await api("GET", "/conversations/boxes");
      for (const { box, unanswered } of items) {
        const count = find(`[data-box="${box}"] .count`, root);
        if (!count) continue;
        count.textContent = unanswered || "";
        count.classList.toggle("count-accent", Boolean(unanswered) && (box === "mine" || box === "unassigned"));
      }
    } catch {
      // The next reading brings them.
    }
  }

  part(root, "show-new").addEventListener("click", () => void list({ show: true }));
  for (const select of all("form[data-auto] select", root)) select.addEventListener("change", () => select.form.requestSubmit());

  for (const type of EVENTS) {
    stream.listen(type, (data) => {
      if (data.conversation_id === thread?.id) thread.heard(type, data);
      later();
    });
  }
  stream.listen("snapshot", () => {
    later(0);
    void thread?.refresh();
  });

  // What was written without a line

  stream.onLine(({ state }) => state === "up" && void sendQueued());

  async function sendQueued() {
    for (const draft of drafts.queued()) {
      try {
        await send(draft.id, draft);
        drafts.sent(draft.id, draft.mode);
        if (draft.id === thread?.id) void open(location.pathname + location.search, { push: false });
        toast.say(nt("A reply that waited was sent.", "Replies that waited were sent.", 1));
      } catch {
        // It stays a draft, and says why when its conversation is opened and it is sent again.
        drafts.put(draft.id, { ...draft, queued: false });
      }
    }
    later(0);
  }

  start();
}

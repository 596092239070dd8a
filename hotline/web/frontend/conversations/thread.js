// The open conversation: its messages as they come, what can be done with it, whom it is with. The server writes every
// part; what did not change stays as it is, with the cursor, the scroll and what is unfolded.
import { all, attribute, find, part, say } from "../lib/dom.js";
import { ApiError, api } from "../lib/api.js";
import { now, refreshClocks } from "../lib/clock.js";
import { newId } from "../lib/ids.js";
import { t } from "../lib/i18n.js";
import { startPlayers } from "../lib/player.js";
import { span } from "../lib/sla.js";
import { lockButton } from "../shell/line.js";
import { toast } from "../shell/toast.js";
import { createComposer } from "./composer.js";
import { askFor } from "./finder.js";
import { moment } from "./rules.js";

const NEAR = 120; // pixels from the end that count as the end
const REGIONS = ["head", "notices", "side"];

/** `place` holds the parts of one conversation. `onChanged()` runs when the list should be read again. */
export function openThread(place, drafts, stream, { user, login, onChanged }) {
  const root = find("#conv-thread", place);
  const id = root.dataset.conversationOpen;
  const scroll = part(root, "scroll");
  const form = find("[data-composer]", root);
  const sources = new WeakMap(); // message → how the server wrote it
  let again = 0;
  let reading = false;
  let wanted = false;
  let ended = true; // the end is being read

  const url = `/conversations/${encodeURIComponent(id)}`;
  const pane = () => (getComputedStyle(scroll).overflowY === "visible" ? document.scrollingElement : scroll);
  const atEnd = () => pane().scrollHeight - pane().scrollTop - pane().clientHeight < NEAR;
  const toEnd = () => {
    ended = true;
    pane().scrollTop = pane().scrollHeight;
    part(root, "down").hidden = true;
  };

  const composer = form
    ? createComposer(form, root, drafts, stream, {
        user,
        onSent: ({ close }) => {
          if (close) toast.undo(t("Closed."), { method: "PATCH", url, body: wasState() }, { then: () => void changed() });
          void refresh({ end: true });
          onChanged();
        },
        onMeanwhile: () => refresh({ end: true }),
      })
    : null;

  function remember() {
    for (const message of all("[data-message]", root)) if (!sources.has(message)) sources.set(message, message.outerHTML);
  }

  /** Reads the conversation again and puts in what changed. */
  async function refresh({ end = false } = {}) {
    if (reading) {
      wanted = true;
      return;
    }
    reading = true;
    try {
      const response = await fetch(`${url}?messages=${Math.max(60, all("[data-message]", root).length + 1)}`, { headers: { Accept: "text/html", "HX-Request": "true" }, credentials: "same-origin" });
      if (response.status === 404 || response.status === 403) return gone();
      if (!response.ok || response.redirected) return;
      put(new DOMParser().parseFromString(await response.text(), "text/html"), end);
    } catch {
      // What is shown stays; the line's own bar says that it is away.
    } finally {
      reading = false;
      if (wanted) {
        wanted = false;
        void refresh();
      }
    }
  }

  function put(page, end) {
    const next = find("#conv-thread", page);
    if (!next) return;
    for (const [name, value] of Object.entries(next.dataset)) root.dataset[name] = value;
    for (const name of REGIONS) region(name, page);
    const stay = end || atEnd();
    const count = all(".is-in", root).length;
    messages(find("[data-fresh=messages]", next));
    if (stay) toEnd();
    else if (all(".is-in", root).length > count) part(root, "down").hidden = false;
    composer?.refresh();
    settle();
  }

  /** A region as the server writes it now, unless somebody is in it. */
  function region(name, page) {
    const old = find(`[data-fresh=${name}]`, place);
    const made = find(`[data-fresh=${name}]`, page);
    if (!old || !made || old.innerHTML === made.innerHTML) return;
    if (name === "side" && (old.dataset.key === made.dataset.key || old.contains(document.activeElement))) return;
    if (find("details[open]", old) || (name === "head" && find("select:focus", old))) return;
    const focused = document.activeElement;
    const key = old.contains(focused) ? (focused.dataset.key ?? focused.closest("[data-key]")?.dataset.key) : null;
    for (const [attr, value] of Object.entries(made.dataset)) old.dataset[attr] = value;
    old.replaceChildren(...made.childNodes);
    for (const button of all("[data-needs-line]", old)) lockButton(button);
    globalThis.htmx?.process(old);
    if (key) find(`[data-key="${CSS.escape(key)}"]`, old)?.focus({ preventScroll: true });
  }

  function messages(made) {
    const old = find("[data-fresh=messages]", root);
    const before = new Map(all("[data-message]", old).map((one) => [one.dataset.message, one]));
    for (const message of all("[data-message]", made)) {
      const is = before.get(message.dataset.message);
      // What was read before it, by "show earlier", is not read again.
      if (is && sources.get(is) === message.outerHTML) message.replaceWith(is);
      else sources.set(message, message.outerHTML);
    }
    old.replaceChildren(...made.childNodes);
  }

  function settle() {
    remember();
    startPlayers(place);
    refreshClocks();
    tick();
  }

  function gone() {
    say(form ?? root, "problem", t("This conversation is somebody else's now."));
    onChanged();
  }

  /** Running texts: how long WhatsApp still takes a free text. */
  function tick() {
    for (const element of all("[data-window-ends]", root)) {
      const left = (Date.parse(element.dataset.windowEnds) - now()) / 1000;
      element.textContent = left > 0 ? span(left) : t("no longer");
      if (left <= 0 && find("[data-fresh=notices]", root).dataset.window === "open") void refresh();
    }
  }

  async function change(body, said, undo) {
    const done = await act("PATCH", url, body);
    if (done && said) toast.undo(said, { method: "PATCH", url, body: undo }, { then: () => void changed() });
    return done;
  }

  async function changed() {
    onChanged();
    await refresh();
  }

  async function act(method, path, body, options) {
    try {
      await api(method, path, body, options);
      await changed();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast.bad(error.message);
      void refresh();
      return false;
    }
  }

  /** What undoes a change of the state: as the server told it last. */
  const wasState = () => ({ state: root.dataset.state, ...(root.dataset.waitingUntil ? { waiting_until: root.dataset.waitingUntil } : {}) });

  const setState = (state, until = null) => {
    const said = { closed: t("Closed."), open: t("Open again."), waiting: until ? t("Put aside until {time}.", { time: clock(until) }) : t("Put aside until they write.") };
    return change({ state, ...(until ? { waiting_until: until.toISOString() } : {}) }, said[state], wasState());
  };

  const clock = (at) => new Intl.DateTimeFormat(document.documentElement.lang, { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);

  const DO = {
    async claim() {
      if (await act("POST", `${url}/claim`)) toast.undo(t("It is yours."), { method: "POST", url: `${url}/release` }, { then: () => void changed() });
    },
    async release() {
      if (await act("POST", `${url}/release`)) toast.undo(t("Anybody may take it now."), { method: "POST", url: `${url}/claim` }, { then: () => void changed() });
    },
    "take-over": () => change({ assignee: login }, t("It is yours."), { assignee: root.dataset.assignee || null }),
    closed: () => setState("closed"),
    open: () => setState("open"),
    wait: (button) => setState("waiting", moment(button.dataset.when, new Date(now()))),
    detach: () => change({ ticket_id: null }, t("Taken off the ticket."), { ticket_id: root.dataset.ticket }),
    attach: () => askFor("ticket", (ticket) => void change({ ticket_id: ticket.id }, t("Attached to {number}.", { number: ticket.reference }), { ticket_id: root.dataset.ticket || null })),
    "choose-customer": () => askFor("customer", (customer) => void setCustomer(customer.id)),
    customer: (button) => setCustomer(button.dataset.customer),
    "make-customer": () => makeCustomer(""),
    "new-ticket": () => ticketDialog(),
    async stop() {
      if (await act("POST", `${url}/suppressions`)) toast.undo(t("They get no more messages here."), { method: "POST", url: `${url}/suppressions/lift`, body: { reason: "agent" } }, { then: () => void changed() });
    },
    lift: (button) => act("POST", `${url}/suppressions/lift`, { reason: button.dataset.reason }),
  };

  const setCustomer = (customer) => change({ customer_id: customer }, t("The customer is set."), { customer_id: root.dataset.customer || null });

  async function makeCustomer(name) {
    if (await act("POST", `${url}/customer`, { name }, { headers: { "Idempotency-Key": newId() } })) toast.say(t("The customer is made."));
  }

  function ticketDialog() {
    const dialog = find("#open-ticket");
    const ticket = part(dialog, "ticket-form");
    ticket.elements.subject.value = root.dataset.subject || root.dataset.first || "";
    say(ticket, "problem", "");
    const once = newId();
    ticket.onsubmit = async (event) => {
      event.preventDefault();
      const { kind, subject, mine } = ticket.elements;
      try {
        await api("POST", `${url}/ticket`, { kind: kind.value, subject: subject.value, ...(mine.checked ? { assignee: login } : {}) }, { headers: { "Idempotency-Key": once } });
        dialog.close();
        toast.say(t("The ticket is open."));
        await changed();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        say(ticket, "problem", error.message);
      }
    };
    dialog.showModal();
    ticket.elements.subject.select();
  }

  function clicked(event) {
    const doing = event.target.closest?.("[data-do]");
    if (doing && doing.getAttribute("aria-disabled") !== "true") {
      doing.closest("details[open]")?.removeAttribute("open");
      void DO[doing.dataset.do]?.(doing);
      return;
    }
    const button = event.target.closest?.("[data-part]");
    switch (button?.dataset.part) {
      case "down":
        toEnd();
        break;
      case "earlier":
        void earlier(button);
        break;
      case "macros":
        if (!form?.contains(button)) composer?.pickTemplate();
        break;
      case "side-toggle":
      case "side-close":
        side();
        break;
    }
  }

  function side() {
    const shown = find("#conv-side", place).classList.toggle("is-shown");
    const toggle = part(root, "side-toggle");
    if (toggle) attribute(toggle, "aria-expanded", String(shown));
    if (shown) part(place, "side-close").focus();
    else toggle?.focus();
  }

  async function earlier(button) {
    attribute(button, "aria-busy", "true");
    try {
      const response = await fetch(button.dataset.url, { headers: { Accept: "text/html", "HX-Request": "true" }, credentials: "same-origin" });
      if (!response.ok || response.redirected) return;
      const from = pane().scrollHeight - pane().scrollTop;
      const made = new DOMParser().parseFromString(await response.text(), "text/html");
      button.closest(".msg-more").replaceWith(...made.body.childNodes);
      pane().scrollTop = pane().scrollHeight - from; // what was read stays where it is
      settle();
    } catch {
      // The line's own bar says that it is away.
    } finally {
      attribute(button, "aria-busy", null);
    }
  }

  /** A mail as it was written, in a frame that runs nothing: read only when somebody asks for it. */
  function unfolded(event) {
    const mail = event.target.closest?.("[data-mail]");
    if (!mail?.open || find("iframe", mail)) return;
    const frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-popups");
    frame.referrerPolicy = "no-referrer";
    frame.title = t("The mail as it was written");
    frame.src = mail.dataset.mail;
    mail.append(frame);
  }

  function assigned(event) {
    const select = event.target.closest?.("[data-assign-to]");
    if (!select) return;
    const name = select.selectedOptions[0].textContent.trim();
    select.closest("details[open]")?.removeAttribute("open");
    void change({ assignee: select.value || null }, t("Given to {name}.", { name }), { assignee: root.dataset.assignee || null });
  }

  function submitted(event) {
    const { part: name } = event.target.dataset;
    if (name === "wait-form") {
      event.preventDefault();
      const at = new Date(event.target.elements.until.value);
      event.target.closest("details[open]")?.removeAttribute("open");
      if (Number.isFinite(at.getTime())) void setState("waiting", at);
    } else if (name === "make-form") {
      event.preventDefault();
      void makeCustomer(event.target.elements.name.value);
    }
  }

  const watched = { click: clicked, change: assigned, submit: submitted };
  for (const [type, listener] of Object.entries(watched)) place.addEventListener(type, listener);
  place.addEventListener("toggle", unfolded, true);
  function scrolled() {
    ended = atEnd();
    if (ended) part(root, "down").hidden = true;
  }
  // A picture has its height when it is there: who read the end reads it still.
  const grown = () => ended && toEnd();
  for (const each of [scroll, document]) each.addEventListener("scroll", scrolled, { passive: true });
  scroll.addEventListener("load", grown, true);
  const timer = setInterval(tick, 20_000);
  settle();
  toEnd();

  return {
    id,
    composer,
    refresh,
    /** An event about this conversation: several of one change make one reading. */
    heard(type, data) {
      if (type.startsWith("message.") && data.message && type !== "message.updated") composer?.arrived(data.message);
      clearTimeout(again);
      again = setTimeout(() => void refresh(), 120);
    },
    end() {
      clearTimeout(again);
      clearInterval(timer);
      for (const [type, listener] of Object.entries(watched)) place.removeEventListener(type, listener);
      place.removeEventListener("toggle", unfolded, true);
      document.removeEventListener("scroll", scrolled);
      composer?.end();
    },
  };
}

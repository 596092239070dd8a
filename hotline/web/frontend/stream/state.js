// What the desk knows, as a pure function of what the stream told: events in, the next state out.
// Events may come twice, late or in another order; a snapshot says what is now and wins, unless this desk knows better:
// what its own request was answered may be newer than what is on its way. A call is only as new as its version.

const REMEMBERED = 2000;

/** Nothing is known yet. `user` holds the names of the person at this desk: their id and their login. */
export const initial = (...user) => ({
  user,
  known: false, // whether a snapshot has come
  seen: [], // the ids of the last events, newest last
  over: [], // rings, calls and wrap-ups that ended, so that what is late opens nothing
  rings: {}, // ring_id → the offer
  calls: {}, // call_id → the call at this desk, in progress or just ended
  wraps: {}, // call_id → the wrap-up that runs: {started_at, until, ticket_id, disposition}
  presence: null,
  pbx: {},
});

const remember = (list, ...items) => [...list, ...items.filter(Boolean)].slice(-REMEMBERED);
const without = (record, drop) => Object.fromEntries(Object.entries(record).filter(([key, value]) => !drop(value, key)));
const agentOf = (data) => (data.agent && typeof data.agent === "object" ? data.agent.id : data.agent) ?? null;
const isMe = (state, agent) => agent !== null && agent !== undefined && state.user.includes(agent);
/** Whether this was read of a call before what is known of it. */
const older = (data, call) => data.version < call?.version;
const learnt = (call, data) => (older(data, call) ? call : { ...call, ...facts(data) });
/** A wrap-up's name among what is over: a call that comes back may have another. */
const wrapName = (wrap) => wrap && `${wrap.call_id} ${Date.parse(wrap.started_at)}`;
const defined = (record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));

/** The next state. `event` is {type, data}; the same object comes back when nothing changed. */
export function reduce(state, { type, data }) {
  const id = data?.event_id;
  if (type !== "snapshot" && id) {
    if (state.seen.includes(id)) return state;
    state = { ...state, seen: remember(state.seen, id) };
  }
  const step = STEPS[type];
  return step ? step(state, data) : state;
}

const STEPS = {
  snapshot(state, data) {
    const goesOn = (...names) => !names.some((name) => state.over.includes(name));
    const rings = Object.fromEntries((data.rings ?? []).filter((ring) => goesOn(ring.ring_id, ring.call_id)).map((ring) => [ring.ring_id, ring]));
    const current = (data.calls ?? []).map((call) => [call.id ?? call.call_id, call]).filter(([id]) => goesOn(id));
    const now = Object.fromEntries(current.map(([id, call]) => [id, fromBody(call, state.calls[id])]));
    // A call that the snapshot no longer names has ended unseen; its card stays until it is put away.
    for (const [callId, call] of Object.entries(state.calls)) {
      if (!(callId in now)) now[callId] = call.state === "ended" ? call : { ...call, state: "ended", ended_at: call.ended_at ?? data.at ?? null };
    }
    const wraps = {};
    for (const wrap of data.wrap_ups ?? []) {
      const callId = wrap.call_id;
      if (wrap.started_at === null) {
        // The call goes on, and what became of it is said already.
        if (now[callId]) now[callId] = { ...now[callId], outcome: wrap.disposition };
      } else if (goesOn(wrapName(wrap))) {
        wraps[callId] = wrap;
        // A wrap-up whose call this tab has not seen: after a reload, its card is still wanted.
        now[callId] ??= { call_id: callId, state: "ended", customers: [], ticket_id: wrap.ticket_id ?? null, unread: true };
      }
    }
    return {
      ...state,
      known: true,
      rings,
      calls: now,
      wraps,
      presence: data.presence ?? state.presence,
      pbx: Object.fromEntries((data.pbx ?? []).map((one) => [one.pbx ?? one.id, one])),
    };
  },

  "call.offered"(state, data) {
    if (state.over.includes(data.ring_id) || state.over.includes(data.call_id)) return state;
    if (agentOf(data) !== null && !isMe(state, agentOf(data))) return state;
    if (older(data, state.rings[data.ring_id])) return state;
    return { ...state, rings: { ...state.rings, [data.ring_id]: data } };
  },

  "call.retracted"(state, data) {
    if (!data.ring_id) return state;
    return { ...state, over: remember(state.over, data.ring_id), rings: without(state.rings, (_, key) => key === data.ring_id) };
  },

  "call.answered"(state, data) {
    const ring = state.rings[data.ring_id] ?? Object.values(state.rings).find((one) => one.call_id === data.call_id);
    const rings = without(state.rings, (one, key) => key === data.ring_id || one.call_id === data.call_id);
    const next = { ...state, rings, over: remember(state.over, data.ring_id) };
    if (!isMe(state, agentOf(data)) || state.over.includes(data.call_id)) return next;
    const before = state.calls[data.call_id] ?? fromOffer(ring);
    return put(next, data.call_id, { ...learnt(before, data), state: "answered", consulting: data.consulting === true, answered_at: data.consulting ? data.at : (data.answered_at ?? before.answered_at ?? data.at) });
  },

  "call.transferred"(state, data) {
    const call = state.calls[data.call_id];
    if (isMe(state, data.to) || isMe(state, agentOf(data))) {
      // Sent without asking, it rings here first: answering it makes the call.
      const rings = Object.values(state.rings).some((ring) => ring.call_id === data.call_id);
      if (!call && (rings || data.kind === "blind")) return state;
      return put(state, data.call_id, { ...facts(data), ...call, state: "answered", consulting: false, answered_at: call?.answered_at ?? data.at });
    }
    if (!call) return state;
    return put(state, data.call_id, { ...call, state: "ended", passed_on: true, ended_at: call.ended_at ?? data.at });
  },

  "call.updated"(state, data) {
    if (data.left) {
      // An agent's own part is over while the call goes on elsewhere: a consultation, a survey, another queue.
      const call = state.calls[data.call_id];
      if (!call || call.state === "ended" || !isMe(state, agentOf(data))) return state;
      return put(state, data.call_id, { ...call, state: "ended", ended_at: data.at });
    }
    const merge = (one) => (one.call_id === data.call_id ? learnt(one, data) : one);
    const rings = Object.fromEntries(Object.entries(state.rings).map(([key, ring]) => [key, merge(ring)]));
    const calls = Object.fromEntries(Object.entries(state.calls).map(([key, call]) => [key, merge(call)]));
    return { ...state, rings, calls };
  },

  "call.ended"(state, data) {
    const rings = without(state.rings, (ring) => ring.call_id === data.call_id);
    const next = { ...state, rings, over: remember(state.over, data.call_id) };
    const call = state.calls[data.call_id];
    if (!call) return next;
    const ended = call.state === "ended" ? {} : { state: "ended", ended_at: data.ended_at ?? data.at };
    return put(next, data.call_id, { ...learnt(call, data), ...ended });
  },

  "call.abandoned": (state, data) => STEPS["call.ended"](state, data),

  // What the API answered about a call that this tab only knows by its id.
  "call.read"(state, data) {
    const call = state.calls[data.id];
    if (!call) return state;
    return put(state, data.id, { ...fromBody(data, call), state: call.state, unread: false });
  },

  "wrap_up.started"(state, data) {
    if (agentOf(data) !== null && !isMe(state, agentOf(data))) return state;
    const { call_id, ticket_id = null, started_at = data.at, until = null, disposition = null } = data;
    if (state.over.includes(wrapName({ call_id, started_at }))) return state;
    const wraps = { ...state.wraps, [call_id]: { call_id, ticket_id, started_at, until, disposition } };
    const call = state.calls[call_id] ?? { call_id, customers: [], unread: true };
    // The wrap-up may be told before the end of the call that it follows.
    return put({ ...state, wraps }, call_id, { ...call, ticket_id: ticket_id ?? call.ticket_id ?? null, state: "ended", ended_at: call.ended_at ?? started_at });
  },

  "wrap_up.ended"(state, data) {
    const wrap = state.wraps[data.call_id];
    if (!wrap) return state;
    return { ...state, over: remember(state.over, wrapName(wrap)), wraps: without(state.wraps, (_, key) => key === data.call_id) };
  },

  // A ticket of a call at this desk came, or the call was joined to another one.
  "ticket.created": (state, data) => ticketOfCalls(state, data),
  "ticket.updated": (state, data) => ticketOfCalls(state, data),

  "presence.changed"(state, data) {
    return data.presence ? { ...state, presence: data.presence } : state;
  },

  "pbx.changed"(state, data) {
    return data.pbx ? { ...state, pbx: { ...state.pbx, [data.pbx]: { ...state.pbx[data.pbx], ...data } } } : state;
  },
};

const put = (state, callId, call) => ({ ...state, calls: { ...state.calls, [callId]: { ...call, call_id: callId } } });

/**
 * Calls and rings learn which ticket is theirs: from the event's call, or from the calls that the ticket names. One that
 * has a ticket gets another by an event of its own, which bears its version: the former ticket tells of it, too, and late.
 */
function ticketOfCalls(state, data) {
  const id = data.ticket_id ?? data.ticket?.id;
  if (!id) return state;
  const mine = new Set([data.call_id, ...(data.call_ids ?? data.ticket?.call_ids ?? [])].filter(Boolean));
  if (mine.size === 0) return state;
  let changed = false;
  const learn = (one) => {
    if (!mine.has(one.call_id) || one.ticket_id === id || (one.ticket_id && one.version)) return one;
    changed = true;
    return { ...one, ticket_id: id };
  };
  const rings = Object.fromEntries(Object.entries(state.rings).map(([key, ring]) => [key, learn(ring)]));
  const calls = Object.fromEntries(Object.entries(state.calls).map(([key, call]) => [key, learn(call)]));
  return changed ? { ...state, rings, calls } : state;
}

/** The facts about a call that any of its events may carry. */
function facts(data) {
  return defined({
    call_id: data.call_id,
    ring_id: data.ring_id ?? undefined, // an event about the whole call names no ring
    caller: data.caller,
    customers: data.customers,
    customer_id: data.customer_id,
    queue: data.queue,
    direction: data.direction,
    pbx: data.pbx,
    held: data.held,
    held_since: data.held_since,
    ivr: data.ivr ?? undefined,
    recording: data.recording,
    ticket_id: data.ticket_id ?? undefined, // a call that has a ticket has one from then on
    waiting_since: data.waiting_since,
    version: data.version,
  });
}

/** An answered offer becomes the call at this desk. */
function fromOffer(ring) {
  if (!ring) return { customers: [] };
  return { ...facts(ring), customers: ring.customers ?? [] };
}

/** A call body of the API (DESIGN §5) as the desk's call. */
function fromBody(body, before) {
  if (older(body, before)) return before;
  // A snapshot names the customers; what the offer told about them beside that stays.
  const known = new Map((before?.customers ?? []).map((customer) => [customer.id, customer]));
  const customers = (body.customers ?? []).map((customer) => ({ ...known.get(customer.id), ...customer }));
  return { ...before, ...defined(body), ...facts(body), customers, call_id: body.id ?? body.call_id };
}

/** The person closed the card of an ended call; its wrap-up, if it had one, is finished. */
export function putAway(state, callId) {
  return { ...state, over: remember(state.over, wrapName(state.wraps[callId])), calls: without(state.calls, (call, key) => key === callId && call.state === "ended") };
}

/** Rings, the longest first. */
export const ringsOf = (state) => Object.values(state.rings).sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));

/** Calls at this desk: in progress first, then just ended ones. */
export function callsOf(state) {
  const rank = (call) => (call.state === "ended" ? 1 : 0);
  return Object.values(state.calls).sort((a, b) => rank(a) - rank(b) || ((a.answered_at ?? "") < (b.answered_at ?? "") ? 1 : -1));
}

"""The simulated PBX as a whole: phones, lines, queues, channels and calls, and who listens to its events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from hotline.errors import Conflict, NotFound
from hotline.simulator.call import AGENTS, ASKING, Call, Exchange, Phone
from hotline.simulator.channels import Channel, Channels
from hotline.simulator.dialling import Dialling
from hotline.simulator.queues import IN_USE, NOT_IN_USE, Member, Queue, Waiting
from hotline.simulator.tape import Headers
from hotline.simulator.tree import Tree

#: After everybody declined, the queue rings again this much later (``retry`` in queues.conf).
RETRY_SECONDS = 5.0

Listener = Callable[[Headers], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the PBX is made of. ``lines`` are dialled numbers with the queue that they lead to."""

    phones: Sequence[Phone]
    queues: Sequence[str]
    lines: Mapping[str, str]


class World(Exchange):
    """All that happens on the PBX. ``clock`` gives seconds since 1970; a test may let it be off."""

    def __init__(self, plan: Plan, tree: Tree, clock: Callable[[], float] = time.time, pace: float = 1.0) -> None:
        self.clock, self.pace = clock, pace
        self.phones = {phone.interface: phone for phone in plan.phones}
        self.queues = {name: Queue(name) for name in plan.queues}
        self.lines = dict(plan.lines)
        self.channels = Channels()
        self.calls: list[Call] = []
        self.dialling = Dialling(self)
        self.started = clock()
        self.processed = 0
        self._tree = tree
        self._listeners: list[Listener] = []
        self._watchers: list[Callable[[], None]] = []
        self._serial, self._local_serial = count(), count()
        self._timers: set[asyncio.TimerHandle] = set()

    async def close(self) -> None:
        """Ends all calls without a word."""
        for timer in self._timers:
            timer.cancel()
        for call in self.calls:
            await call.close()
        await self.dialling.close()

    # ---- listeners ------------------------------------------------------------------------------------------

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Sends every event to ``listener`` until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Calls ``watcher`` after every change until the returned function is called."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def changed(self) -> None:
        for watcher in list(self._watchers):
            watcher()

    def tell(self, headers: Headers) -> None:
        """Sends one event, with this moment's time."""
        now = self.clock()
        stamped = [(key, value) for key, value in headers if key != "Timestamp"]
        stamped.insert(2, ("Timestamp", f"{now:.6f}"))
        self.channels.see(stamped, now)
        for listener in list(self._listeners):
            listener(stamped)
        self.changed()

    # ---- what a call needs ----------------------------------------------------------------------------------

    def new_channel(self, endpoint: str) -> tuple[str, str]:
        """A channel's name and uniqueid."""
        number = next(self._serial)
        return f"{endpoint}-{number:08x}", f"{int(self.clock())}.{number}"

    def new_local(self, extension: str) -> tuple[str, str, str, str]:
        """The names and uniqueids of a Local channel's two halves."""
        name = f"Local/{extension}@{AGENTS}-{next(self._local_serial):08x}"
        now = int(self.clock())
        return f"{name};1", f"{now}.{next(self._serial)}", f"{name};2", f"{now}.{next(self._serial)}"

    def is_alive(self, channel: str) -> bool:
        return self.channels.get(channel) is not None

    def emit(self, headers: Headers, call: Call) -> None:
        """Sends one event of a tape, with the queue's figures as they are here."""
        event = dict(headers)
        match event["Event"]:
            case "QueueMemberStatus":
                self._device(event["Interface"], event["Status"])
            case "QueueCallerJoin":
                self._join(event, call)
                self.tell(self._with_place(headers, event))
            case "QueueCallerLeave" | "QueueCallerAbandon":
                self._leave(headers, event)
            case "AgentConnect":
                self._connect(headers, event, call)
            case "AgentComplete":
                self._complete(headers, event, call)
            case "OriginateResponse":
                self.tell(_replaced(headers, {"ActionID": call.action_id}))
            case "Hangup":
                call.left(event["Channel"])
                self.tell(headers)
            case _:
                self.tell(headers)

    def joined(self, call: Call) -> None:
        call.joined_at = self.clock()
        if call.patience is not None:
            self.later(call.patience, lambda: self._give_up(call))
        self.distribute()

    def asks(self, call: Call) -> None:
        self.dialling.asks(call)

    def came_back(self, call: Call, status: str) -> None:
        self.dialling.came_back(call, status)

    def _give_up(self, call: Call) -> None:
        if call in self.calls and call.waiting:
            self.outside_act("hangs up", call)

    def over(self, call: Call) -> None:
        self.calls.remove(call)
        self.dialling.over(call)
        self.changed()
        self.distribute()

    def hang_up_rest(self, call: Call) -> None:
        for name in call.channels:
            channel = self.channels.get(name)
            if channel is not None:
                self._hang_up(channel)
        for phone in call.phones.values():
            if not self.channels.of(phone.interface):
                self._device(phone.interface, NOT_IN_USE)

    def _hang_up(self, channel: Channel) -> None:
        cause = [("Cause", "16"), ("Cause-txt", "Normal Clearing")]
        for queue in self.queues.values():
            queue.waiting = [waiting for waiting in queue.waiting if waiting.channel != channel.name]
        self.tell([("Event", "Hangup"), ("Privilege", "call,all"), *channel.headers.items(), *cause])

    # ---- queues ---------------------------------------------------------------------------------------------

    def members_of(self, interface: str) -> list[Member]:
        """The memberships of one interface."""
        return [queue.members[interface] for queue in self.queues.values() if interface in queue.members]

    def _device(self, interface: str, status: str) -> None:
        for member in self.members_of(interface):
            member.status, member.in_call = status, status == IN_USE
            self.tell_member("QueueMemberStatus", member)
        if status == NOT_IN_USE:
            self.distribute()

    def tell_member(self, event: str, member: Member) -> None:
        """Sends an event about one member."""
        facts = [*member.facts().items(), ("Ringinuse", "0"), ("Wrapuptime", "0")]
        self.tell([("Event", event), ("Privilege", "agent,all"), *facts])

    def _join(self, event: dict[str, str], call: Call) -> None:
        waiting = Waiting(
            event["Channel"], event["Uniqueid"], event["CallerIDNum"], event["CallerIDName"], self.clock(),
            call.priority,
        )  # fmt: skip
        self.queues[event["Queue"]].join(waiting)

    def _with_place(self, headers: Headers, event: dict[str, str]) -> Headers:
        queue = self.queues[event["Queue"]]
        place = str(queue.position(event["Channel"]))
        return _replaced(headers, {"Position": place, "OriginalPosition": place, "Count": str(len(queue.waiting))})

    def _leave(self, headers: Headers, event: dict[str, str]) -> None:
        queue = self.queues[event["Queue"]]
        placed = self._with_place(headers, event)
        if event["Event"] == "QueueCallerAbandon":
            queue.abandoned += 1
            since = next((w.since for w in queue.waiting if w.channel == event["Channel"]), self.clock())
            self.tell(_replaced(placed, {"HoldTime": str(int(self.clock() - since))}))
            return
        queue.waiting = [waiting for waiting in queue.waiting if waiting.channel != event["Channel"]]
        self.tell(_replaced(placed, {"Count": str(len(queue.waiting))}))

    def _connect(self, headers: Headers, event: dict[str, str], call: Call) -> None:
        call.connected_at = self.clock()
        call.held = call.connected_at - call.joined_at
        self.tell(_replaced(headers, {"HoldTime": str(int(call.held))}))

    def _complete(self, headers: Headers, event: dict[str, str], call: Call) -> None:
        queue, now = self.queues[event["Queue"]], self.clock()
        queue.completed += 1
        queue.hold_seconds += call.held
        queue.talk_seconds += now - call.connected_at
        for member in self.members_of(event["Interface"]):
            member.calls_taken += 1
            member.last_call = now
        times = {"HoldTime": str(int(call.held)), "TalkTime": str(int(now - call.connected_at))}
        self.tell(_replaced(headers, times))

    def busy(self, phone: Phone) -> bool:
        """Whether the phone rings or talks, or is about to."""
        return bool(self.channels.of(phone.interface)) or any(
            phone in call.ringing or phone in call.phones.values() for call in self.calls
        )

    def distribute(self) -> None:
        """Lets every free member ring for the caller who is first in the queue."""
        for call in sorted(self.calls, key=lambda call: (-call.priority, call.joined_at)):
            if not call.waiting:
                continue
            members = self.queues[call.queue].members.values()
            phones = [self.phones[m.interface] for m in members if m.interface in self.phones and not m.paused]
            free = [phone for phone in phones if phone not in call.declined and not self.busy(phone)]
            if free:
                call.ring(free)
            elif call.declined and not call.ringing:
                self.later(RETRY_SECONDS, lambda call=call: self._again(call))  # type: ignore[misc]

    def _again(self, call: Call) -> None:
        if call in self.calls and not call.ringing:
            call.declined.clear()
            self.distribute()

    # ---- acts -----------------------------------------------------------------------------------------------

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Does something later, unless the PBX is closed before."""

        def due() -> None:
            self._timers.discard(timer)
            act()

        timer = asyncio.get_running_loop().call_later(seconds, due)
        self._timers.add(timer)

    def call_in(self, number: str, name: str, dialled: str, *, withheld: bool = False) -> Call:
        """Somebody outside calls one of the lines."""
        if dialled not in self.lines:
            raise NotFound("nobody has this number on the demo PBX")
        scripted = self.dialling.plan is not None
        queue = "" if scripted else self.lines[dialled]
        call = self._new_call(number, caller_name(name), dialled, queue, withheld, incoming=True)
        if scripted:
            self.dialling.begin(call)
        first = ASKING if scripted else "caller calls"
        self._start(call, f"{first} withheld" if withheld else first)
        return call

    # ---- calls ------------------------------------------------------------------------------------------------

    def call_out(self, phone: Phone, number: str, uniqueid: str, timeout: float) -> Call:
        """The desk lets a phone ring and then calls ``number``; the phone gives up after ``timeout`` seconds."""
        call = self._new_call(number, number, number)
        self._start(call, "desk dials", phone, uniqueid)
        first = call.state
        self.later(timeout, lambda: self._unanswered(call, first is call.state))
        return call

    def call_for(self, delivery: str, number: str, uniqueid: str, timeout: float) -> Call:
        """A campaign calls ``number``, whoever picks up comes to the dialplan's script; it rings for ``timeout``
        seconds."""
        call = self._new_call(number, number, number)
        call.delivery = delivery
        self.dialling.begin(call)
        self._start(call, "desk dials alone", None, uniqueid)
        ringing = call.state
        self.later(timeout, lambda: self._not_taken(call, call.state is ringing))
        return call

    def _not_taken(self, call: Call, still: bool) -> None:
        if call in self.calls and still:
            call.act("callee is not there")

    def _new_call(
        self, number: str, name: str, dialled: str, queue: str = "", withheld: bool = False, *, incoming: bool = False
    ) -> Call:
        self.processed += 1
        key, root = str(self.processed), self._tree.root
        return Call(self, key, self.clock(), root, number, name, dialled, incoming, queue, withheld)

    def _unanswered(self, call: Call, still: bool) -> None:
        if call in self.calls and still:
            call.act("agent is not there")

    def _start(self, call: Call, act: str, phone: Phone | None = None, uniqueid: str = "") -> None:
        self.calls.append(call)
        call.start(act, phone, uniqueid)
        self.changed()

    def phone_act(self, phone: Phone, verb: str, call: Call) -> None:
        """A person at a phone answers, declines or hangs up."""
        part = call.part_of(phone)
        if part is None:
            raise Conflict("the phone is not in this call")
        self._act(call, part, verb, phone)
        self.distribute()
        self.changed()

    def outside_act(self, verb: str, call: Call) -> None:
        """The person outside answers, declines or hangs up."""
        if verb == "hangs up" and self.dialling.leave(call):
            return
        self._act(call, call.outside, verb, None)
        self.changed()

    @staticmethod
    def _act(call: Call, part: str, verb: str, phone: Phone | None) -> None:
        """Hanging up a phone that rings declines; where no tape tells what follows, everybody hangs up."""
        goes_on = call.stays or part == "target"
        if verb == "hangs up" and goes_on and call.act(f"{part} lets go", phone):
            return
        if call.act(f"{part} {verb}", phone) or (verb == "hangs up" and call.act(f"{part} declines", phone)):
            return
        if verb == "answers":
            raise Conflict("the call does not ring there")
        call.end()

    def call_with(self, channel: str) -> Call | None:
        """The call that a channel belongs to."""
        return next((call for call in self.calls if channel in call.channels), None)


def _replaced(headers: Headers, values: Mapping[str, str]) -> Headers:
    return [(key, values.get(key, value)) for key, value in headers]


def caller_name(text: str) -> str:
    """A caller's own text as Asterisk shows it: control characters C-escaped, 80 characters at most."""
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return escaped[:80]

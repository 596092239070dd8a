"""One call of the simulated PBX: walks the tree of tapes and plays what the real one said, act by act."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

from hotline.simulator.tape import Frame, Headers
from hotline.simulator.tree import State, find

log = logging.getLogger(__name__)

#: The endpoint of calls from and to outside, as on the tapes.
TRUNK = "PJSIP/trunk"
#: The context on the tapes in which colleagues' extensions are dialled.
AGENTS = "hotline-agents"

Values = dict[str, str]

#: The state of a caller whose dialplan asks a script, and how they came back to it: QUEUESTATUS and DIALSTATUS.
ASKING = "caller asks"
CAME_BACK = {
    "queue lets go": "TIMEOUT", "agent lets go": "CONTINUE",
    "target lets go": "ANSWER", "target declines": "BUSY", "target is not there": "NOANSWER",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Phone:
    """An agent's telephone."""

    extension: str
    name: str
    interface: str

    def values(self, part: str) -> Values:
        """What the tapes call this phone when it plays ``part``."""
        return {f"{part}.extension": self.extension, f"{part}.name": self.name, f"{part}.interface": self.interface}


class Exchange(Protocol):
    """What a call needs of the PBX around it. ``pace`` stretches the tapes' delays: 1 as recorded, 0 at once."""

    pace: float

    def emit(self, headers: Headers, call: Call) -> None: ...

    def new_channel(self, endpoint: str) -> tuple[str, str]: ...

    def new_local(self, extension: str) -> tuple[str, str, str, str]: ...

    def joined(self, call: Call) -> None: ...

    def over(self, call: Call) -> None: ...

    def is_alive(self, channel: str) -> bool: ...

    def hang_up_rest(self, call: Call) -> None: ...

    def asks(self, call: Call) -> None: ...

    def came_back(self, call: Call, status: str) -> None: ...


@dataclass(slots=True)
class _Scene:
    """Frames to play, with the values of each who plays the agent, and of each who plays the other."""

    frames: Iterable[Frame]
    agents: Sequence[Values] = ({},)
    others: list[Values] = field(default_factory=list)
    first: Callable[[], None] | None = None
    then: Callable[[], None] | None = None


@dataclass(slots=True, eq=False)
class Call:
    """A call, ``began`` at a time in seconds since 1970. ``number`` and ``name`` are the outside party's, ``queue`` is
    where an ``incoming`` one waits."""

    exchange: Exchange
    key: str
    began: float
    state: State
    number: str
    name: str
    dialled: str
    incoming: bool = False
    queue: str = ""
    withheld: bool = False
    #: Phones that ring for it from the queue, with the values of their channels.
    ringing: dict[Phone, Values] = field(default_factory=dict)
    phones: dict[str, Phone] = field(default_factory=dict)
    declined: set[Phone] = field(default_factory=set)
    values: Values = field(default_factory=dict)
    waiting: bool = False
    #: Callers with a higher one are answered earlier.
    priority: int = 0
    #: Whether the caller goes on with the dialplan when the agent hangs up.
    stays: bool = False
    #: How often a queue or an extension was entered.
    turns: int = 0
    #: Seconds since 1970, and how long the caller waited.
    joined_at: float = 0
    connected_at: float = 0
    held: float = 0
    #: What a campaign has to say in it.
    delivery: str = ""
    #: The ActionID of the Originate that made it.
    action_id: str = ""
    #: Seconds in the queue after which the caller hangs up by themselves.
    patience: float | None = None
    _scenes: asyncio.Queue[_Scene] = field(default_factory=asyncio.Queue)
    _task: asyncio.Task[None] | None = None
    _transfer_to: Phone | None = None
    _playing: bool = False

    @property
    def at_rest(self) -> bool:
        """Whether everything that was asked of it has been played."""
        return self._scenes.empty() and not self._playing

    def start(self, act: str, phone: Phone | None = None, uniqueid: str = "") -> None:
        """The first act: ``caller calls``, ``caller asks``, or ``desk dials`` from a phone whose channel gets
        ``uniqueid`` if given, or ``desk dials alone``, whose callee's channel gets it."""
        if phone is not None:
            self.phones["agent"] = phone
            self.values |= phone.values("agent")
            if uniqueid:
                self.values["agent.uniqueid"] = uniqueid
        elif uniqueid:
            self.values["callee.uniqueid"] = uniqueid
        self.values |= {f"{self.outside}.number": self.number, f"{self.outside}.name": self.name}
        self.values |= {"call.dialled": self.dialled, "call.queue": self.queue}
        self.state = self.state.acts[act]
        agents: Sequence[Values] = () if self.incoming else ({},)
        then = self._arrived if self.queue else self._asks if self.incoming else None
        self._scenes.put_nowait(_Scene(self.state.frames, agents, then=then))
        self._task = asyncio.create_task(self._play())

    async def close(self) -> None:
        """Stops without a word."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def outside(self) -> str:
        """The part that the person outside plays."""
        return "caller" if self.incoming else "callee"

    @property
    def channels(self) -> dict[str, str]:
        """The call's channels → the parts that have them; ``agent`` for a phone that rings from the queue."""
        found = {value: key.removesuffix(".channel") for key, value in self.values.items() if key.endswith(".channel")}
        return found | {
            values["agent.channel"]: "agent" for values in self.ringing.values() if "agent.channel" in values
        }

    def part_of(self, phone: Phone) -> str | None:
        """The part that a phone plays in this call."""
        return (
            "agent" if phone in self.ringing else next((p for p, other in self.phones.items() if other == phone), None)
        )

    def phone_with(self, channel: str) -> Phone | None:
        """The phone that has a channel of this call."""
        for phone, values in self.ringing.items():
            if values.get("agent.channel") == channel:
                return phone
        return self.phones.get(self.channels.get(channel, ""))

    def ring(self, phones: Sequence[Phone]) -> None:
        """Lets phones ring for the caller who waits in the queue."""
        rings = {phone: phone.values("agent") for phone in phones}
        self.ringing |= rings
        frames = [frame for frame in self._root_frames() if "agent" in frame.parts and "other" not in frame.parts]
        start = frames[0].delay
        self._scenes.put_nowait(_Scene([_earlier(frame, start) for frame in frames], list(rings.values())))

    def _root_frames(self) -> tuple[Frame, ...]:
        state = self.state
        while state.like is not None:
            state = state.like
        return state.frames

    def state_is(self, path: str) -> bool:
        """Whether the call stands at this state, or at one that is like it."""
        state: State | None = self.state
        while state is not None:
            if state.path == path:
                return True
            state = state.like
        return False

    def can(self, act: str) -> bool:
        """Whether a tape tells what follows."""
        return find(self.state, act) is not None

    def act(self, act: str, phone: Phone | None = None) -> bool:
        """Somebody did something; False when no tape tells what follows. ``phone``: theirs, or a transfer's target."""
        step = find(self.state, act)
        if step is None:
            return False
        for old, new in step.renamed.items():
            self._rename(old, new)
        scene = _Scene(step.state.frames)
        if act == "script queues":
            self._turn()
            scene = _Scene(step.state.frames, (), then=self._arrived)
        elif self.waiting:
            scene = self._leave_or_decline(act, step.state, phone)
        elif act.split(" ")[1] in ("transfers", "consults", "redirects", "dials") and phone is not None:
            scripted = act.startswith("script")
            if scripted:
                self._turn()
            part = "next" if step.state.path.endswith(" target") and not scripted else "target"
            for key in [key for key in self.values if key.startswith(f"{part}.")]:
                del self.values[key]
            self.phones[part] = self._transfer_to = phone
            self.values |= phone.values(part)
        self.state = step.state
        if act == "callee answers" and self.delivery:
            scene.then = self._asks
        if act in CAME_BACK and step.state.like is not None and step.state.like.path == ASKING:
            scene.then = lambda: self.exchange.came_back(self, CAME_BACK[act])
        self._scenes.put_nowait(scene)
        return True

    def _turn(self) -> None:
        """Forgets whom the caller met before: other channels and bridges are made for whom they meet now."""
        self.turns += 1
        self.declined.clear()
        self.values = {key: value for key, value in self.values.items() if key.startswith(("caller.", "call."))}

    def _leave_or_decline(self, act: str, state: State, phone: Phone | None) -> _Scene:
        """A scene of a caller in the queue: one phone answers or declines, or the caller goes."""
        if phone is None:
            self.waiting = False
            everyone = list(self.ringing.values())
            self.ringing = {}
            return _Scene(state.frames, everyone)
        mine = self.ringing.pop(phone)
        if act != "agent answers":
            self.declined.add(phone)
            return _Scene(state.frames, [mine])
        self.waiting = False
        self.phones["agent"] = phone
        losers, self.ringing = list(self.ringing.values()), {}
        scene = _Scene(state.frames, [mine])

        def first() -> None:  # channels are made when the ring is played, which may be yet to come
            self.values.update(mine)
            scene.others += [_renamed(values, "agent", "other") for values in losers]

        scene.first = first
        return scene

    def left(self, channel: str) -> None:
        """A channel was hung up: its phone is free."""
        self.phones.pop(self.channels.get(channel, ""), None)

    def end(self) -> None:
        """Everybody hangs up, also where no tape tells how."""
        self.waiting = False
        self.ringing = {}
        self._scenes.put_nowait(_Scene((), then=lambda: self.exchange.hang_up_rest(self)))

    def _rename(self, old: str, new: str) -> None:
        self.values |= _renamed({k: v for k, v in self.values.items() if k.startswith(f"{old}.")}, old, new)
        self.values = {key: value for key, value in self.values.items() if not key.startswith(f"{old}.")}
        if old in self.phones:
            self.phones[new] = self.phones.pop(old)

    def _asks(self) -> None:
        self.exchange.asks(self)

    def _arrived(self) -> None:
        self.waiting = True
        self.exchange.joined(self)

    async def _play(self) -> None:
        while True:
            self._playing = False
            scene = await self._scenes.get()
            self._playing = True
            if scene.first:
                scene.first()
            began = asyncio.get_running_loop().time()
            for frame, values in _expanded(scene):
                due = began + frame.delay * self.exchange.pace
                await asyncio.sleep(due - asyncio.get_running_loop().time())
                self.exchange.emit(frame.render(lambda token, own=values: self._value(token, own)), self)  # type: ignore[misc]
            if scene.then:
                scene.then()
            if not any(self.exchange.is_alive(channel) for channel in self.channels):
                self.exchange.over(self)
                return

    def _value(self, token: str, own: Values) -> str:
        known = own.get(token) or self.values.get(token)
        if known is not None:
            return known
        part, _, what = token.partition(".")
        if what in ("channel", "uniqueid"):
            self._make_channel(part, own)
        elif what == "id":
            self.values[token] = str(uuid4())
        return own.get(token) or self.values.get(token, "")

    def _make_channel(self, part: str, own: Values) -> None:
        if part.startswith("local"):
            first = int(part.removeprefix("local"))
            assert self._transfer_to is not None
            one, one_id, two, two_id = self.exchange.new_local(self._transfer_to.extension)
            self.values |= {f"local{first}.channel": one, f"local{first}.uniqueid": one_id}
            self.values |= {f"local{first + 1}.channel": two, f"local{first + 1}.uniqueid": two_id}
            return
        interface = own.get(f"{part}.interface") or self.values.get(f"{part}.interface")
        channel, uniqueid = self.exchange.new_channel(interface or TRUNK)
        target = own if own.get(f"{part}.interface") else self.values
        target.setdefault(f"{part}.channel", channel)
        target.setdefault(f"{part}.uniqueid", uniqueid)


def _renamed(values: Mapping[str, str], old: str, new: str) -> Values:
    return {f"{new}.{key.partition('.')[2]}" if key.startswith(f"{old}.") else key: v for key, v in values.items()}


def _earlier(frame: Frame, seconds: float) -> Frame:
    return Frame(frame.delay - seconds, frame.name, frame.headers, frame.parts)


def _expanded(scene: _Scene) -> Iterator[tuple[Frame, Values]]:
    """Each frame once for everyone whom it is about."""
    for frame in scene.frames:
        who: Sequence[Values] = ({},)
        if "other" in frame.parts:
            who = scene.others
        elif "agent" in frame.parts:
            who = scene.agents
        for values in who:
            yield frame, values

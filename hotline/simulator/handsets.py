"""The simulated PBX with its AMI server, as the persons around it use it: handsets outside, agents' phones inside."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

from hotline.errors import Conflict, Invalid, NotFound
from hotline.simulator.call import Call, Phone
from hotline.simulator.inbound import Dialplan
from hotline.simulator.line import KEYS, MOST_AHEAD, Line
from hotline.simulator.media import NotAWave, samples_of
from hotline.simulator.queues import Member
from hotline.simulator.recordings import RECORDINGS, answer, free_phones, play
from hotline.simulator.server import AmiServer
from hotline.simulator.tape import Headers
from hotline.simulator.tree import load_tree
from hotline.simulator.world import Plan, World

#: How many lines of what happened are kept.
LOG_LINES = 60
VERBS = ("answers", "declines", "hangs up")


class Simulator:
    """Everything that the demo needs of a PBX. ``state`` is JSON; the methods raise HotlineError with a sentence."""

    def __init__(self, plan: Plan, members: Sequence[tuple[str, Phone]] = (), pace: float = 1.0) -> None:
        self.world = World(plan, load_tree(), pace=pace)
        self.user, self.secret = "hotline", secrets.token_urlsafe(18)
        self.server = AmiServer(self.world, self.user, self.secret)
        self.port = 0
        for queue, phone in members:
            now = self.world.clock()
            member = Member(queue, phone.interface, phone.name, phone.interface, "dynamic", now)
            self.world.queues[queue].members[phone.interface] = member
        self._lines: deque[dict[str, Any]] = deque(maxlen=LOG_LINES)
        self._tasks: set[asyncio.Task[None]] = set()
        self.world.listen(self._note)

    def obey(self, dialplan: Dialplan) -> None:
        """From now on calls from outside go through this dialplan."""
        self.world.dialling.plan = dialplan

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Begins to listen for AMI clients."""
        self.port = await self.server.start(host, port)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.world.close()
        await self.server.close()

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Calls ``watcher`` after every change of ``state`` until the returned function is called."""
        return self.world.watch(watcher)

    # ---- what is -------------------------------------------------------------------------------------------

    def state(self) -> Mapping[str, Any]:
        """Phones, calls and the log, as JSON values; times are seconds since 1970."""
        return {
            "now": self.world.clock(),
            "lines": dict(self.world.lines),
            "phones": [self._phone(phone) for phone in self.world.phones.values()],
            "calls": [self._shown(call) for call in self.world.calls],
            "recordings": {key: {"phones": r.phones, "seconds": r.seconds} for key, r in RECORDINGS.items()},
            "log": list(self._lines),
        }

    def _phone(self, phone: Phone) -> dict[str, Any]:
        members = self.world.members_of(phone.interface)
        calls = []
        for call in self.world.calls:
            if call.part_of(phone) is None:
                continue
            mine = [name for name in call.channels if call.phone_with(name) == phone]
            channel = self.world.channels.get(mine[0]) if mine else None
            state = "talking" if channel and channel.up else "ringing"
            number = None if call.withheld else call.number
            calls.append({"call": call.key, "state": state, "number": number, "name": _own_name(call)})
        return {
            "extension": phone.extension,
            "name": phone.name,
            "interface": phone.interface,
            "signed_in": bool(members),
            "paused": bool(members) and all(member.paused for member in members),
            "calls": calls,
        }

    def _shown(self, call: Call) -> dict[str, Any]:
        mine = next((name for name, part in call.channels.items() if part == call.outside), None)
        channel = self.world.channels.get(mine) if mine else None
        if channel is None:
            state = "calling" if call.incoming else "dialling"
        elif not call.incoming:
            listens = "script" if call in self.world.dialling.callers else "talking"
            state = listens if channel.up else "incoming"
        elif channel.bridge:
            state = "talking"
        elif call.waiting:
            state = "ringing" if call.ringing else "waiting"
        else:
            state = "script" if call in self.world.dialling.callers else "calling"
        caller = self.world.dialling.callers.get(call)
        return {
            "id": call.key,
            "direction": "in" if call.incoming else "out",
            "number": call.number,
            "name": _own_name(call),
            "withheld": call.withheld,
            "dialled": call.dialled,
            "queue": call.queue,
            "state": state,
            "since": call.began,
            "line": caller.state() if caller is not None else None,
        }

    # ---- what persons do ------------------------------------------------------------------------------------

    def call(
        self,
        number: str,
        name: str,
        dialled: str,
        *,
        withheld: bool = False,
        patience: float | None = None,
        keys: Sequence[str] = (),
    ) -> str:
        """Somebody outside calls, answers a script's questions with ``keys``, one after the other, and hangs up after
        ``patience`` seconds in a queue. Returns the call's key."""
        call = self.world.call_in(number, name, dialled, withheld=withheld)
        call.patience = patience
        if keys and call in self.world.dialling.callers:
            self._spawn(answer(self.world, call, keys))
        return call.key

    def press(self, key: str, keys: str) -> None:
        """The person outside presses keys of their telephone."""
        line = self._line_of(key)
        if not keys or not set(keys) <= set(KEYS) or len(keys) > MOST_AHEAD:
            raise Invalid("keys: 0 to 9, * and # only.")
        for each in keys:
            line.press(each)

    def say(self, key: str, sound: bytes) -> None:
        """The person outside says something: a WAV file as telephones have it. Conflict when nobody records."""
        line = self._line_of(key)
        if line.state()["phase"] != "recording":
            raise Conflict("nobody records this call now")
        try:
            line.say(samples_of(sound))
        except NotAWave:
            raise Invalid("sound: a WAV with one channel, 16 bits and 8000 samples a second is wanted.") from None

    def _line_of(self, key: str) -> Line:
        caller = self.world.dialling.callers.get(self._call(key))
        if caller is None:
            raise Conflict("this call speaks with no script")
        return caller.line

    def _spawn(self, acting: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(acting)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def handset(self, key: str, verb: str) -> None:
        """The person outside answers, declines or hangs up."""
        self.world.outside_act(_known(verb), self._call(key))

    def phone(self, extension: str, key: str, verb: str) -> None:
        """The agent answers, declines or hangs up."""
        phone = next((phone for phone in self.world.phones.values() if phone.extension == extension), None)
        if phone is None:
            raise NotFound("there is no such phone")
        self.world.phone_act(phone, _known(verb), self._call(key))

    def play(self, key: str, number: str, name: str, dialled: str, keys: Sequence[str] | None = None) -> str:
        """Plays a recorded call from a number; ``keys`` are pressed instead of the recorded ones. Conflict when too
        few phones are free."""
        recording = RECORDINGS.get(key)
        if recording is None:
            raise NotFound("there is no such recorded call")
        phones = free_phones(self.world, self.world.lines[dialled])
        keys = recording.keys if keys is None else keys
        if len(phones) < recording.phones:
            raise Conflict(f"{recording.phones} free phones are needed; sign agents in or end their calls")
        call = self.world.call_in(number, name, dialled)
        if call in self.world.dialling.callers:
            self._spawn(answer(self.world, call, keys))
        self._spawn(play(self.world, recording, call, phones))
        return call.key

    def _call(self, key: str) -> Call:
        for call in self.world.calls:
            if call.key == key:
                return call
        raise NotFound("this call is over")

    # ---- what happened --------------------------------------------------------------------------------------

    def _note(self, headers: Headers) -> None:
        """Keeps the events that a person understands."""
        event = dict(headers)
        outside = event.get("Channel", "").startswith("PJSIP/trunk-")
        phone = self.world.phones.get(event.get("Channel", "").rpartition("-")[0])
        match event["Event"]:
            case "Newchannel" if outside:
                self._line("arrives" if event["ChannelState"] == "4" else "dials", event["Exten"])
            case "QueueCallerJoin":
                self._line("queued", event["Queue"])
            case "Newexten" if outside and event["Application"] == "AGI":
                self._line("asks", "FastAGI")
            case "Newstate" if phone and event["ChannelStateDesc"] == "Ringing":
                self._line("rings", phone.name)
            case "Newstate" if phone and event["ChannelStateDesc"] == "Up":
                self._line("picks_up", phone.name)
            case "BlindTransfer":
                self._line("blind_transfer", event["Extension"])
            case "AttendedTransfer":
                self._line("attended_transfer", event.get("SecondTransfererConnectedLineNum", ""))
            case "QueueCallerAbandon":
                self._line("abandons", event["Queue"])
            case "QueueMemberAdded" | "QueueMemberRemoved":
                self._line("signs_in" if event["Event"] == "QueueMemberAdded" else "signs_out", event["MemberName"])
            case "QueueMemberPause":
                self._line("pauses" if event["Paused"] == "1" else "resumes", event["MemberName"])
            case "Hangup" if outside:
                self._line("over", event["Cause-txt"] if event["Cause"] != "0" else "")

    def _line(self, what: str, detail: str) -> None:
        self._lines.append({"at": self.world.clock(), "what": what, "detail": detail})


def _own_name(call: Call) -> str:
    """The caller's name, empty when it only repeats the number."""
    return "" if call.name == call.number else call.name


def _known(verb: str) -> str:
    if verb not in VERBS:
        raise NotFound("nobody can do that with a telephone")
    return verb

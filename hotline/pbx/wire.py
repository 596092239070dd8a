"""The one adapter to panoramisk (untyped): its protocol, actions and messages, with the defects of its
transport mended.

What differs from the library, each seen in a probe (docs/adr): bytes are cut by our own splitter, so letters
split across packets survive; the greatest part of the events never becomes a Message (fast path from bytes to
AmiEvent); an exception in one message harms that message only; events wait in one bounded, ordered queue and
the socket is paused while it is full; an action is completed by its EventList, times out, and fails when the
connection is lost. Nothing is ever sent twice.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any, Final

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager
from panoramisk.message import Message

from hotline.calls.facts import AmiEvent
from hotline.pbx.codec import Splitter, decode, encode_action, event_from_headers, event_name, parse_event
from hotline.pbx.errors import ConnectionLost, NoAnswer

log = logging.getLogger(__name__)

#: The socket is paused at HIGH waiting events and read again at LOW.
HIGH: Final = 20_000
LOW: Final = 5_000

_serial = count(1)


@dataclass(frozen=True, slots=True)
class Accept:
    """Which live events are worth decoding. ``variables`` are the names whose VarSet is kept."""

    names: frozenset[bytes]
    variables: frozenset[bytes]

    @classmethod
    def of(cls, names: Iterable[str], variables: Iterable[str]) -> Accept:
        """The same from text."""
        return cls(frozenset(n.encode() for n in names), frozenset(v.encode() for v in variables))


@dataclass(frozen=True, slots=True)
class Reply:
    """What the PBX answered to one action. ``events`` are the items of a list, without the closing one."""

    success: bool
    message: str
    headers: Mapping[str, str]
    events: tuple[AmiEvent, ...] = ()
    output: str = ""


@dataclass(slots=True)
class Counters:
    """What passed over one connection."""

    received: int = 0
    skipped: int = 0
    kept: int = 0
    broken: int = 0
    pauses: int = 0


class _Pending(Action):  # type: ignore[misc]  # panoramisk has no types
    """An action under way: complete when its list is, and never by a guess from the message's words."""

    def __init__(self, headers: Mapping[str, Any], touched: float) -> None:
        super().__init__(headers)
        self.items_seen: list[AmiEvent] = []
        self.touched = touched
        self.future: asyncio.Future[Reply]

    def answer(self, message: Any) -> bool:
        """Take the response; True when nothing more follows."""
        self.responses.append(message)
        follows = str(message.eventlist).lower() == "start" or "will follow" in str(message.message).lower()
        if message.success and follows:
            return False
        self._finish()
        return True

    def item(self, event: AmiEvent) -> bool:
        """Take an event of the list; True when it closes the list."""
        ends = event.get("EventList").lower() in ("complete", "cancelled") or event.name.endswith("Complete")
        if not ends:
            self.items_seen.append(event)
            return False
        self._finish()
        return True

    def _finish(self) -> None:
        if self.future.done():
            return
        message = self.responses[0] if self.responses else Message({"Response": "Success"})
        flat = {k: v[-1] if isinstance(v, list) else v for k, v in message.items()}
        output = message.get("Output", message.content)
        self.future.set_result(
            Reply(
                success=bool(message.success),
                message=str(message.message),
                headers=flat,
                events=tuple(self.items_seen),
                output="\n".join(output) if isinstance(output, list) else str(output),
            )
        )


class _Protocol(AMIProtocol):  # type: ignore[misc]
    """Bytes in and out of one connection."""

    factory: _Manager
    transport: asyncio.Transport
    closed: bool

    def __init__(self, manager: _Manager, accept: Accept, limit: int) -> None:
        self._manager = manager
        self._splitter = Splitter(limit)
        self._names = accept.names
        self._variables = accept.variables
        self.counters = Counters()
        self.events: deque[AmiEvent] = deque()
        self.waiter: asyncio.Future[None] | None = None
        self.offset = 0.0
        self.last_byte = 0.0
        self.paused = False
        self.error: Exception | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.factory = self._manager
        self.encoding = "utf-8"
        self.last_byte = asyncio.get_running_loop().time()

    def data_received(self, data: bytes) -> None:
        self.last_byte = asyncio.get_running_loop().time()
        try:
            blocks = self._splitter.feed(data)
        except Exception as error:  # MessageTooLong: there is no way back into step
            self.error = error
            self.transport.abort()
            return
        self.version = self._splitter.greeting
        for block in blocks:
            try:
                self._block(block)
            except Exception as error:
                self.counters.broken += 1
                # The type only: the message's text is a stranger's.
                log.warning("ami.message_broken", extra={"error": type(error).__name__})
        if self.events:
            self._wake()
            if len(self.events) >= HIGH and not self.paused:
                self.paused = True
                self.counters.pauses += 1
                self.transport.pause_reading()

    def _block(self, block: bytes) -> None:
        counters = self.counters
        counters.received += 1
        name = event_name(block)
        if name is None:
            self._slow(block)
            return
        action = self._action_of(block) if self.responses else None
        if action is not None and name != b"OriginateResponse":
            event = parse_event(block, self.offset)
            action.touched = self.last_byte
            if action.item(event):
                self.responses.pop(action.id, None)
            return
        if name not in self._names or (name == b"VarSet" and _variable(block) not in self._variables):
            counters.skipped += 1
            return
        counters.kept += 1
        self.events.append(parse_event(block, self.offset))

    def _action_of(self, block: bytes) -> _Pending | None:
        start = block.find(b"\r\nActionID: ")
        if start < 0:
            return None
        end = block.find(b"\r\n", start + 12)
        key = block[start + 12 : end if end >= 0 else None].decode("utf-8", "replace")
        return self.responses.get(key)  # type: ignore[no-any-return]

    def _slow(self, block: bytes) -> None:
        """Responses, and whatever is not written as Asterisk writes events."""
        message = Message.from_line(decode(block.strip(b"\r\n")))
        if message is not None:
            self.handle_message(message)
        elif block.strip():
            self.counters.broken += 1

    def handle_message(self, message: Any) -> None:
        action = self.responses.get(message.action_id) if message.action_id else None
        if "response" in message:
            if action is not None:
                action.touched = self.last_byte
                if action.answer(message):
                    self.responses.pop(action.id, None)
            return
        self.factory.dispatch(message)

    def keep(self, event: AmiEvent) -> None:
        """Queue an event that came by the slow path."""
        if event.name.encode() in self._names:
            self.counters.kept += 1
            self.events.append(event)

    def _wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def take(self, most: int) -> list[AmiEvent]:
        """Up to ``most`` waiting events, oldest first; reads on when there is room again."""
        events = self.events
        if len(events) <= most:
            taken = list(events)
            events.clear()
        else:
            taken = [events.popleft() for _ in range(most)]
        if self.paused and len(events) <= LOW and not self.closed:
            self.paused = False
            self.transport.resume_reading()
        return taken

    def post(self, headers: Sequence[tuple[str, str]]) -> _Pending:
        """Write one action; raises UnsafeValue before anything is written, ConnectionLost when it is too
        late.
        """
        if self.closed or self.transport.is_closing():
            raise ConnectionLost
        data = encode_action(headers)
        grouped: dict[str, Any] = {}
        for key, value in headers:
            if key in grouped:
                several = grouped[key]
                grouped[key] = [*several, value] if isinstance(several, list) else [several, value]
            else:
                grouped[key] = value
        action = _Pending(grouped, asyncio.get_running_loop().time())
        self.responses[action.id] = action
        self.transport.write(data)
        return action

    def send(self, data: Any, as_list: bool = False) -> Any:
        """Closed: panoramisk's own way of sending validates nothing."""
        raise NotImplementedError("use post()")

    def connection_lost(self, exc: Exception | None) -> None:
        if self.error is None:
            self.error = exc
        self.close()
        self.factory.connection_lost(exc)
        self._wake()

    def close(self) -> None:
        """Every action under way fails; none is kept to be sent again."""
        for action in self.responses.values():
            if not action.future.done():
                action.future.set_exception(ConnectionLost())
                action.future.exception()  # whoever waits sees it; if nobody does, asyncio need not complain
        self.responses.clear()
        if not self.closed:
            self.closed = True
            self.transport.close()


class _Manager(Manager):  # type: ignore[misc]
    """panoramisk's pattern dispatch, without its reconnecting and its repeating."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        super().__init__(log=log)
        self._on_lost = on_lost

    async def send_awaiting_actions(self, *_: Any) -> None:
        """Nothing waits for a reconnection: a repeated Originate would call the customer twice."""

    def connect(self, *_: Any, **__: Any) -> Any:
        """Closed: connections are opened by ``Wire.open``."""
        raise NotImplementedError("use Wire.open")

    def dispatch(self, event: Any) -> Any:
        """As panoramisk does, but a repeated ``Event`` header, which would kill it, counts by its first value."""
        names = event["Event"]
        if isinstance(names, list):
            event["Event"] = names[0]
        return super().dispatch(event)

    def connection_lost(self, exc: Any) -> None:
        self._connected = False
        self._on_lost()


@dataclass(slots=True)
class Wire:
    """One open connection: typed, bounded, and over for good when it is lost."""

    _protocol: _Protocol
    _manager: _Manager
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def open(
        cls, host: str, port: int, *, tls: ssl.SSLContext | None, accept: Accept, patience: float, limit: int
    ) -> Wire:
        """Connect within ``patience`` seconds; raises OSError or TimeoutError."""
        lost = asyncio.Event()
        manager = _Manager(lost.set)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(patience):
            _, protocol = await loop.create_connection(lambda: _Protocol(manager, accept, limit), host, port, ssl=tls)
        manager.protocol = protocol
        manager.register_event("*", lambda _, message: protocol.keep(_from_message(message, protocol.offset)))
        return cls(protocol, manager, lost)

    @property
    def counters(self) -> Counters:
        """What has passed so far."""
        return self._protocol.counters

    @property
    def greeting(self) -> str | None:
        """The AMI version of the server's first line, such as ``11.0.0``; None when it sent none yet."""
        return self._protocol._splitter.greeting

    @property
    def waiting(self) -> int:
        """Events read but not taken."""
        return len(self._protocol.events)

    @property
    def last_byte(self) -> float:
        """When the last byte came, by the event loop's clock."""
        return self._protocol.last_byte

    @property
    def clock_offset(self) -> float:
        """Seconds by which the PBX's clock is ahead of ours; used for every event decoded from now on."""
        return self._protocol.offset

    @clock_offset.setter
    def clock_offset(self, seconds: float) -> None:
        self._protocol.offset = seconds

    def shift(self, seconds: float) -> None:
        """Correct the times of what waits, decoded before the offset was known at all."""
        events = self._protocol.events
        waiting = [earlier(event, seconds) for event in events]
        events.clear()
        events.extend(waiting)

    @property
    def error(self) -> Exception | None:
        """Why the connection was lost, where that is known."""
        return self._protocol.error

    async def request(
        self,
        action: str,
        *headers: tuple[str, str],
        silence: float,
        total: float = 30.0,
        action_id: str | None = None,
    ) -> Reply:
        """Send an action and wait for its answer, list included.

        Raises NoAnswer after ``silence`` seconds without a word about this action or ``total`` seconds in
        all, ConnectionLost when the connection breaks. In either case what the PBX did is not known.
        """
        loop = asyncio.get_running_loop()
        pending = self._protocol.post(
            [("Action", action), ("ActionID", action_id or f"hotline-{next(_serial)}"), *headers]
        )
        end = loop.time() + total
        try:
            while not pending.future.done():
                deadline = min(pending.touched + silence, end)
                await asyncio.wait([pending.future], timeout=max(deadline - loop.time(), 0))
                if not pending.future.done() and loop.time() >= min(pending.touched + silence, end):
                    raise NoAnswer(f"The PBX did not answer {action} in time.")
            return pending.future.result()
        finally:
            self._protocol.responses.pop(pending.id, None)

    async def events(self, most: int = 200) -> list[AmiEvent]:
        """The next events, at least one; raises ConnectionLost when none is left and none will come."""
        protocol = self._protocol
        while not protocol.events:
            if protocol.closed:
                raise ConnectionLost
            protocol.waiter = asyncio.get_running_loop().create_future()
            await protocol.waiter
        return protocol.take(most)

    def close(self) -> None:
        """Close at once; what is under way fails with ConnectionLost."""
        self._protocol.close()
        self._protocol._wake()

    def abort(self) -> None:
        """Drop the connection without the courtesies of TCP or TLS, for a peer that no longer answers."""
        self._protocol.transport.abort()


def earlier(event: AmiEvent, seconds: float) -> AmiEvent:
    """The event with its time moved back."""
    return event if event.at is None else replace(event, at=event.at - timedelta(seconds=seconds))


def _variable(block: bytes) -> bytes:
    start = block.find(b"\r\nVariable: ")
    if start < 0:
        return b""
    end = block.find(b"\r\n", start + 12)
    return block[start + 12 : end if end >= 0 else None]


def _from_message(message: Any, offset: float) -> AmiEvent:
    pairs: list[tuple[str, str]] = []
    for key, value in message.items():
        pairs.extend((key, str(item)) for item in (value if isinstance(value, list) else [value]))
    return event_from_headers(pairs, offset)

"""One client's event stream: what it is still to be told, and from where it goes on when it was cut or too slow."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import UUID

import pydantic_core
from aiohttp import web
from prometheus_client import Counter

from hotline.crm.viewer import Scoped, Viewer
from hotline.errors import Unavailable
from hotline.events import Event
from hotline.web.context import SignedIn

if TYPE_CHECKING:
    from hotline.web.stream import Hub

#: Most events written in one piece.
_TOGETHER: Final = 64

WRITTEN = Counter("hotline_stream_events", "Events written to streams.", ["type"])
CAUGHT_UP = Counter("hotline_stream_catch_ups", "Times that a stream was taken back to its last id, or started.")

HEARTBEAT_SECONDS: Final = 15.0
WATCH_CALLS: Final = "watch:calls"
#: What events of a kind tell of: they reach a colleague who sees these records of the team.
_OF_TEAMS: Final[Mapping[str, Scoped]] = {
    "call": "calls", "recording": "calls", "ticket": "tickets", "conversation": "conversations",
    "message": "conversations",
}  # fmt: skip

_UTC: Final = re.compile(rb'("\d{4}-\d\d-\d\dT[\d:.]+)\+00:00"')


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event with the number that the relay gave it."""

    seq: int
    event: Event


class Outbox(Protocol):
    """The numbered events, as a hub reads them."""

    async def head(self) -> int:
        """The greatest number given out."""
        ...

    async def after(
        self, seq: int, *, until: int | None, marks: frozenset[str] | None, limit: int
    ) -> Sequence[Numbered]:
        """Events numbered above ``seq`` up to ``until``, for any of ``marks`` (None: all), in order."""
        ...


class Scene(Protocol):
    """What viewers see of events, and who may still look."""

    async def render(self, viewer: Viewer, event: Event) -> Mapping[str, Any] | None:
        """The event's data for the viewer; None when there is nothing for them to see any more."""
        ...

    async def circle(self, viewer: Viewer) -> frozenset[str]:
        """The marks of the viewer's teams, where they see their teams' records."""
        ...

    async def snapshot(self, viewer: Viewer, *, watch: bool) -> Mapping[str, Any]:
        """What is now."""
        ...

    async def still(self, signed: Sequence[SignedIn]) -> Mapping[UUID, Viewer]:
        """The present viewers of those sessions and tokens that are still valid, by session or token id."""
        ...

    async def ends_in(self) -> float | None:
        """Seconds until the next right that was given for a time is over; None when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the hub. Seconds where a time."""

    queue: int = 256
    remembered: int = 4096
    replay: int = 50_000
    page: int = 500
    streams: int = 5_000
    streams_per_viewer: int = 100
    poll: float = 1.0
    recheck: float = 5.0
    sweep: float = 1.0
    write: float = 20.0
    heartbeat: float = HEARTBEAT_SECONDS
    rendered: int = 1_024


class Stream:
    """One client's stream: a bounded queue that the hub fills and :meth:`run` writes out."""

    def __init__(
        self,
        hub: Hub,
        signed: SignedIn,
        transport: asyncio.Transport | None,
        *,
        last_id: int | None,
        watch: bool,
        circle: frozenset[str] = frozenset(),
    ) -> None:
        self.signed = signed
        self.transport = transport
        self.watch = watch
        # What an event shows depends on the viewer's rights; its audience says who gets it. So those with the same
        # rights share one rendering, but for who does not see every customer.
        everyone = signed.viewer.scope_of("customers") == "all"
        self._look = replace(signed.viewer, user_id=None, teams=frozenset()) if everyone else signed.viewer
        watches_all = watch and signed.viewer.scope_of("calls") == "all"
        self.marks = frozenset(signed.viewer.marks) | ({WATCH_CALLS} if watches_all else frozenset())
        self.circle = circle
        self._of_teams = tuple(f"{kind}." for kind in _OF_TEAMS if signed.viewer.scope_of(_OF_TEAMS[kind]) == "team")
        self._hub = hub
        self._id = last_id
        self._told = last_id
        self._behind = True
        self._queue: deque[tuple[int, Event]] = deque()
        self._sent: OrderedDict[UUID, None] = OrderedDict()
        self._wake = asyncio.Event()
        self._closed = False

    def offer(self, seq: int, event: Event) -> None:
        """Takes an event; ``seq`` is the number below which this stream was offered everything. Never waits."""
        # Most events concern few: what tells that apart at once comes first.
        if self._behind or not self._concerns(event) or event.id in self._sent:
            return
        if len(self._queue) >= self._hub.limits.queue:
            self._behind = True
            self._queue.clear()
        else:
            self._queue.append((seq, event))
        self._wake.set()

    def _concerns(self, event: Event) -> bool:
        """Whether the event is the viewer's, or tells of a record that they see through a team: never what is a
        colleague's own, and a colleague's rings only for who watches calls."""
        if not self.marks.isdisjoint(event.audience):
            return True
        if self.circle.isdisjoint(event.audience) or not event.type.startswith(self._of_teams):
            return False
        return self.watch or WATCH_CALLS not in event.audience

    def close(self) -> None:
        """Ends the stream; the client may come back, with its rights checked again."""
        self._closed = True
        self._wake.set()

    async def run(self, response: web.StreamResponse) -> None:
        """Writes until the client leaves, is too slow, or the stream is closed."""
        while not self._closed:
            self._wake.clear()
            try:
                if self._behind:
                    await self._catch_up(response)
                await self._drain(response)
            except Unavailable:
                # The database is away: keep the client, start again from its id when the database is back.
                self._fall_behind()
                await self._write(response, b": waiting for the database\n\n")
                await self._pause(self._hub.limits.poll)
                continue
            if not await self._pause(self._hub.limits.heartbeat):
                await self._write(response, self._heartbeat())

    def _fall_behind(self) -> None:
        self._behind = True
        self._queue.clear()

    async def _pause(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    async def _catch_up(self, response: web.StreamResponse) -> None:
        # From here on offers are queued again, so everything above ``until`` comes through the queue.
        self._behind = False
        start, until = self._id, self._hub.cursor
        CAUGHT_UP.inc()
        replays = start is not None and 0 <= until - start <= self._hub.limits.replay
        shown = start if replays and start is not None else until
        data = await self._hub.scene.snapshot(self.signed.viewer, watch=self.watch)
        await self._write(response, b"retry: 1000\n" + _block("snapshot", shown, to_json(data)))
        self._id = self._told = shown
        while replays and shown < until and not self._closed:
            rows = await self._hub.outbox.after(
                shown, until=until, marks=self.marks | self.circle, limit=self._hub.limits.page
            )
            for row in rows:
                if not self._concerns(row.event):
                    continue
                shown_as = await self._hub.rendered(self._hub.rendering(self._look, row.event))
                await self._send(response, [(row.seq, row.event, shown_as)])
            if len(rows) < self._hub.limits.page:
                break
            shown = rows[-1].seq
        self._id = max(self._id, until)

    async def _drain(self, response: web.StreamResponse) -> None:
        """Writes what is queued, as much as is rendered already in one piece: a burst costs one packet, not many."""
        while self._queue and not self._closed:
            ready: list[tuple[int, Event, bytes | None]] = []
            doubles: set[UUID] = set()  # live and numbered, both waiting
            while self._queue and len(ready) < _TOGETHER:
                seq, event = self._queue.popleft()
                data = None
                if event.id not in self._sent and event.id not in doubles:
                    rendering = self._hub.rendering(self._look, event)
                    if ready and not rendering.done():
                        self._queue.appendleft((seq, event))  # nobody waits for a neighbour's record to be read
                        break
                    data = await self._hub.rendered(rendering)
                doubles.add(event.id)
                ready.append((seq, event, data))
            await self._send(response, ready)

    async def _send(self, response: web.StreamResponse, events: Sequence[tuple[int, Event, bytes | None]]) -> None:
        fresh = [(seq, event, data) for seq, event, data in events if event.id not in self._sent]
        told = [(seq, event, data) for seq, event, data in fresh if data is not None]
        if told:
            await self._write(response, b"".join(_block(event.type, seq, data) for seq, event, data in told))
            self._told = told[-1][0]
            for _, event, _ in told:
                WRITTEN.labels(event.type).inc()
        for _, event, _ in fresh:
            self._sent[event.id] = None
        while len(self._sent) > self._hub.limits.remembered:
            self._sent.popitem(last=False)
        for seq, _, _ in events:
            self._id = seq if self._id is None else max(self._id, seq)

    def _heartbeat(self) -> bytes:
        if not self._queue and not self._behind:
            self._id = max(self._id or 0, self._hub.cursor)
        if self._id == self._told:
            return b": heartbeat\n\n"
        self._told = self._id
        return f": heartbeat\nid: {self._id}\n\n".encode()

    async def _write(self, response: web.StreamResponse, chunk: bytes) -> None:
        async with asyncio.timeout(self._hub.limits.write):
            await response.write(chunk)


def to_json(data: Mapping[str, Any]) -> bytes:
    """JSON with every instant spelt as the rest of the API spells it: UTC as Z, also those that are text already."""
    return _UTC.sub(rb'\1Z"', pydantic_core.to_json(data))


def _block(kind: str, seq: int, data: bytes) -> bytes:
    return f"event: {kind}\nid: {seq}\ndata: ".encode() + data + b"\n\n"

"""The event streams of this process (server-sent events, WHATWG HTML §9.2).

Two ways lead an event to a browser. The bus brings it live, right after its commit, when it has no number yet; the
outbox brings it a moment later by its number, which the relay gives out after commits, so that whoever saw number N
missed nothing below N. Live is the fast way, numbered the sure one: without any bus message every event still arrives.
A stream's ``id`` is the number up to which everything was written to it, never more; a client that comes back with it
gets a snapshot of what is now, then what it missed, and drops doubles by ``event_id``.

A client too slow for its queue loses the queue, not events: it is taken back to its last ``id`` in the same way.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict, deque
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Final, Protocol
from uuid import UUID

import pydantic_core
import structlog
from aiohttp import web
from prometheus_client import Counter, Gauge

from hotline.crm.viewer import Viewer
from hotline.errors import Forbidden, HotlineError, NotFound, TooMany, Unavailable
from hotline.events import Event
from hotline.web.context import SignedIn

log = structlog.get_logger(__name__)

STREAMS = Gauge("hotline_streams", "Open event streams.")
WRITTEN = Counter("hotline_stream_events", "Events written to streams.", ["type"])
CAUGHT_UP = Counter("hotline_stream_catch_ups", "Times that a stream was taken back to its last id, or started.")

HEARTBEAT_SECONDS: Final = 15.0
WATCH_CALLS: Final = "watch:calls"

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

    async def snapshot(self, viewer: Viewer, *, watch: bool) -> Mapping[str, Any]:
        """What is now."""
        ...

    async def still(self, signed: Sequence[SignedIn]) -> Mapping[UUID, Viewer]:
        """The present viewers of those sessions and tokens that are still valid, by session or token id."""
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
    ) -> None:
        self.signed = signed
        self.transport = transport
        self.watch = watch
        self.marks = frozenset(signed.viewer.marks) | ({WATCH_CALLS} if watch else frozenset())
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
        if self._behind or event.id in self._sent or self.marks.isdisjoint(event.audience):
            return
        if len(self._queue) >= self._hub.limits.queue:
            self._behind = True
            self._queue.clear()
        else:
            self._queue.append((seq, event))
        self._wake.set()

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
        await self._write(response, b"retry: 1000\n" + _block("snapshot", shown, _json(data)))
        self._id = self._told = shown
        while replays and shown < until and not self._closed:
            rows = await self._hub.outbox.after(shown, until=until, marks=self.marks, limit=self._hub.limits.page)
            for row in rows:
                await self._send(response, row.seq, row.event)
            if len(rows) < self._hub.limits.page:
                break
            shown = rows[-1].seq
        self._id = max(self._id, until)

    async def _drain(self, response: web.StreamResponse) -> None:
        while self._queue and not self._closed:
            seq, event = self._queue.popleft()
            await self._send(response, seq, event)

    async def _send(self, response: web.StreamResponse, seq: int, event: Event) -> None:
        if event.id not in self._sent:
            data = await self._hub.rendered(self.signed.viewer, event)
            if data is not None:
                await self._write(response, _block(event.type, seq, data))
                self._told = seq
                WRITTEN.labels(event.type).inc()
            self._sent[event.id] = None
            if len(self._sent) > self._hub.limits.remembered:
                self._sent.popitem(last=False)
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


class Hub:
    """All streams of this process, and the one reader of outbox and bus that feeds them."""

    def __init__(
        self,
        outbox: Outbox,
        nudges: AsyncIterable[Sequence[Event]],
        scene: Scene,
        limits: Limits | None = None,
    ) -> None:
        """``nudges`` is the bus: batches of live events; an empty batch says "look into the outbox"."""
        self.outbox = outbox
        self.scene = scene
        self.limits = limits or Limits()
        #: The greatest number that every stream was offered.
        self.cursor = 0
        #: When the outbox was read last (monotonic seconds), and why it could not be; for /readyz.
        self.read_at = 0.0
        self.trouble = ""
        self._nudges = nudges
        self._streams: set[Stream] = set()
        self._renderings: OrderedDict[tuple[UUID, Viewer], asyncio.Task[bytes | None]] = OrderedDict()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._open = False

    async def start(self) -> None:
        """Starts from the newest number: streams learn what was before from their snapshot."""
        self.cursor = await self.outbox.head()
        self.read_at = monotonic()
        self._open = True
        self._tasks = [
            asyncio.create_task(self._listen(), name="stream-listen"),
            asyncio.create_task(self._read(), name="stream-read"),
            asyncio.create_task(self._recheck(), name="stream-recheck"),
            asyncio.create_task(self._sweep(), name="stream-sweep"),
        ]

    def close_streams(self) -> None:
        """Ends every stream and takes no new ones."""
        self._open = False
        for stream in self._streams:
            stream.close()

    async def close(self) -> None:
        """Ends the hub's own tasks."""
        self.close_streams()
        tasks = [*self._tasks, *self._renderings.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks = []

    def __len__(self) -> int:
        return len(self._streams)

    async def serve(
        self, request: web.Request, signed: SignedIn, *, last_id: int | None, watch: bool
    ) -> web.StreamResponse:
        """Answers the request with a stream, until it ends."""
        stream = self._admit(signed, request.transport, last_id=last_id, watch=watch)
        try:
            response = web.StreamResponse(
                headers={
                    "Content-Type": "text/event-stream; charset=utf-8",
                    "Cache-Control": "no-store, no-transform",
                    "X-Accel-Buffering": "no",
                }
            )
            await response.prepare(request)
            try:
                await stream.run(response)
            except (ConnectionError, TimeoutError) as gone:
                log.debug("stream.gone", why=type(gone).__name__)
                if stream.transport is not None:
                    stream.transport.abort()
            return response
        finally:
            self._streams.discard(stream)
            STREAMS.dec()

    def _admit(
        self, signed: SignedIn, transport: asyncio.Transport | None, *, last_id: int | None, watch: bool
    ) -> Stream:
        if not self._open:
            raise Unavailable("hotline is going down.")
        who = signed.viewer.user_id
        own = sum(1 for stream in self._streams if stream.signed.viewer.user_id == who)
        if len(self._streams) >= self.limits.streams or own >= self.limits.streams_per_viewer:
            raise TooMany("Too many event streams are open.")
        stream = Stream(self, signed, transport, last_id=last_id, watch=watch)
        self._streams.add(stream)
        STREAMS.inc()
        return stream

    async def rendered(self, viewer: Viewer, event: Event) -> bytes | None:
        """The event's data as JSON for this viewer; computed once for viewers who see the same."""
        # Who sees everything sees the same: user_id matters only to viewers of their own things.
        key = (event.id, replace(viewer, user_id=None) if viewer.scope == "all" else viewer)
        task = self._renderings.get(key)
        if task is None:
            task = asyncio.create_task(self._render(viewer, event), name="stream-render")
            self._renderings[key] = task
            if len(self._renderings) > self.limits.rendered:
                self._renderings.popitem(last=False)
        try:
            return await asyncio.shield(task)
        except BaseException:
            self._renderings.pop(key, None)
            raise

    async def _render(self, viewer: Viewer, event: Event) -> bytes | None:
        try:
            data = await self.scene.render(viewer, event)
        except Unavailable:
            raise
        except (Forbidden, NotFound):
            return None
        except Exception:
            # Raising would end the stream, and its replay would meet the same event again and again.
            log.exception("stream.event_unrenderable", type=event.type)
            return None
        return None if data is None else _json({"event_id": event.id, "at": event.at, **data})

    def _offer(self, seq: int, event: Event) -> None:
        for stream in self._streams:
            stream.offer(seq, event)

    async def _listen(self) -> None:
        async for events in self._nudges:
            for event in events:
                self._offer(self.cursor, event)
            if not events:
                self._wake.set()

    async def _read(self) -> None:
        while True:
            try:
                await self._read_once()
                self.read_at, self.trouble = monotonic(), ""
            except HotlineError as error:
                if not self.trouble:
                    log.warning("stream.outbox_unreadable", why=error.detail)
                self.trouble = error.detail
            except Exception:
                self.trouble = "The outbox cannot be read; the log says why."
                log.exception("stream.outbox_unreadable")
            try:
                async with asyncio.timeout(self.limits.poll):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _read_once(self) -> None:
        more = True
        while more:
            self._wake.clear()
            rows = await self.outbox.after(self.cursor, until=None, marks=None, limit=self.limits.page)
            for row in rows:
                self._offer(row.seq, row.event)
                self.cursor = row.seq
            more = len(rows) == self.limits.page

    async def _sweep(self) -> None:
        """Ends streams whose client left: aiohttp tells a handler only when it writes."""
        while True:
            await asyncio.sleep(self.limits.sweep)
            for stream in self._streams:
                if stream.transport is None or stream.transport.is_closing():
                    stream.close()

    async def _recheck(self) -> None:
        while True:
            await asyncio.sleep(self.limits.recheck)
            streams = list(self._streams)
            if not streams:
                continue
            try:
                valid = await self.scene.still([stream.signed for stream in streams])
            except HotlineError:
                continue  # the database is away: nobody's rights can have changed meanwhile
            except Exception:
                log.exception("stream.recheck_failed")
                continue
            for stream in streams:
                if valid.get(stream.signed.id) != stream.signed.viewer:
                    stream.close()


def _json(data: Mapping[str, Any]) -> bytes:
    """JSON with every instant spelt as the rest of the API spells it: UTC as Z, also those that are text already."""
    return _UTC.sub(rb'\1Z"', pydantic_core.to_json(data))


def _block(kind: str, seq: int, data: bytes) -> bytes:
    return f"event: {kind}\nid: {seq}\ndata: ".encode() + data + b"\n\n"

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
from collections import OrderedDict
from collections.abc import AsyncIterable, Sequence
from time import monotonic
from uuid import UUID

import structlog
from aiohttp import web
from prometheus_client import Gauge

from hotline.crm.viewer import Viewer
from hotline.errors import Forbidden, HotlineError, NotFound, TooMany, Unavailable
from hotline.events import Event
from hotline.web.context import SignedIn
from hotline.web.stream_client import WATCH_CALLS, Limits, Numbered, Outbox, Scene, Stream, to_json

__all__ = ["WATCH_CALLS", "Hub", "Limits", "Numbered"]

log = structlog.get_logger(__name__)

STREAMS = Gauge("hotline_streams", "Open event streams.")


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
        self._rights_changed = False
        self._look = asyncio.Event()
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
        circle = await self.scene.circle(signed.viewer)
        stream = self._admit(signed, request.transport, last_id=last_id, watch=watch, circle=circle)
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
        self,
        signed: SignedIn,
        transport: asyncio.Transport | None,
        *,
        last_id: int | None,
        watch: bool,
        circle: frozenset[str] = frozenset(),
    ) -> Stream:
        if not self._open:
            raise Unavailable("hotline is going down.")
        who = signed.viewer.user_id
        own = sum(1 for stream in self._streams if stream.signed.viewer.user_id == who)
        if len(self._streams) >= self.limits.streams or own >= self.limits.streams_per_viewer:
            raise TooMany("Too many event streams are open.")
        stream = Stream(self, signed, transport, last_id=last_id, watch=watch, circle=circle)
        if not self._streams:
            self._look.set()  # to know when the next grant ends; nobody looked while nobody listened
        self._streams.add(stream)
        STREAMS.inc()
        return stream

    def rendering(self, viewer: Viewer, event: Event) -> asyncio.Task[bytes | None]:
        """The event's data as JSON for viewers of these rights, computed once for all of them."""
        key = (event.id, viewer)
        task = self._renderings.get(key)
        if task is None:
            task = asyncio.create_task(self._render(viewer, event), name="stream-render")
            self._renderings[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
            if len(self._renderings) > self.limits.rendered:
                self._renderings.popitem(last=False)
        return task

    def _forget(self, key: tuple[UUID, Viewer], done: asyncio.Task[bytes | None]) -> None:
        """A rendering that failed is tried again by whoever needs the event next."""
        if (done.cancelled() or done.exception() is not None) and self._renderings.get(key) is done:
            del self._renderings[key]

    @staticmethod
    async def rendered(rendering: asyncio.Task[bytes | None]) -> bytes | None:
        """The outcome; the others go on waiting when one stream that waits is ended."""
        return rendering.result() if rendering.done() else await asyncio.shield(rendering)

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
        return None if data is None else to_json({"event_id": event.id, "at": event.at, **data})

    def _offer(self, seq: int, event: Event) -> None:
        if event.type == "rights.changed":
            self._rights_changed = True
            self._look.set()
        for stream in self._streams:
            stream.offer(seq, event)

    async def _listen(self) -> None:
        try:
            async for events in self._nudges:
                for event in events:
                    self._offer(self.cursor, event)
                if not events:
                    self._wake.set()
        except Exception:
            # Events still come by their numbers, each second.
            log.exception("stream.listen_failed")

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
        wait = self.limits.recheck
        while True:
            told = await self._time_to_look(wait)
            wait = self.limits.recheck
            streams = list(self._streams)
            if not streams:
                continue
            try:
                ends_in = await self.scene.ends_in()
                wait = wait if ends_in is None else min(wait, ends_in)
                valid = await self.scene.still([stream.signed for stream in streams])
            except HotlineError:
                continue  # the database is away: nobody's rights can have changed meanwhile
            except Exception:
                log.exception("stream.recheck_failed")
                continue
            for stream in streams:
                # Whom a team has now is asked when its leader comes back, a second later and at the same place.
                if valid.get(stream.signed.id) != stream.signed.viewer or (told and stream.circle):
                    stream.close()

    async def _time_to_look(self, seconds: float) -> bool:
        """Waits until somebody's rights changed, answering True, or until it is time to look: grants and sessions end
        by themselves."""
        try:
            async with asyncio.timeout(seconds):
                await self._look.wait()
        except TimeoutError:
            return False
        self._look.clear()
        told, self._rights_changed = self._rights_changed, False
        return told

"""Memory twins of what the web stands on: an outbox, a scene, credentials."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiohttp import ClientResponse

from hotline.crm.viewer import Viewer, viewer_of
from hotline.errors import Unavailable
from hotline.events import EVERYONE, Event
from hotline.ids import new_id
from hotline.web.context import SignedIn
from hotline.web.stream import Numbered


def event(kind: str = "call.updated", *audience: str, **data: Any) -> Event:
    return Event(new_id(), kind, datetime.now(UTC), audience or (EVERYONE,), data)


def signed(*permissions: str, user_id: UUID | None = None) -> SignedIn:
    viewer = viewer_of(user_id or new_id(), frozenset(permissions))
    return SignedIn(viewer=viewer, kind="session", id=new_id(), login="anna", csrf="csrf-of-anna")


@dataclass
class MemoryOutbox:
    """Numbers in the order of ``commit``. ``away`` makes every read fail as a lost database does."""

    rows: list[Numbered] = field(default_factory=list)
    away: bool = False

    def commit(self, *events: Event) -> None:
        for each in events:
            self.rows.append(Numbered(len(self.rows) + 1, each))

    async def head(self) -> int:
        self._check()
        return len(self.rows)

    async def after(
        self, seq: int, *, until: int | None, marks: frozenset[str] | None, limit: int
    ) -> Sequence[Numbered]:
        self._check()
        return [
            row for row in self.rows[max(seq, 0) : until] if marks is None or not marks.isdisjoint(row.event.audience)
        ][:limit]

    def _check(self) -> None:
        if self.away:
            raise Unavailable


@dataclass
class MemoryScene:
    """Renders an event as its data; counts how often it was asked."""

    rendered: int = 0
    snapshots: int = 0
    valid: dict[UUID, Viewer] = field(default_factory=dict)
    circles: dict[UUID | None, frozenset[str]] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    ends: Iterator[float] = field(default_factory=lambda: iter(()))

    async def render(self, viewer: Viewer, event: Event) -> Mapping[str, Any] | None:
        self.rendered += 1
        if self.gate is not None:
            await self.gate.wait()
        return dict(event.data)

    async def circle(self, viewer: Viewer) -> frozenset[str]:
        return self.circles.get(viewer.user_id, frozenset())

    async def snapshot(self, viewer: Viewer, *, watch: bool) -> Mapping[str, Any]:
        self.snapshots += 1
        return {"watch": watch, "rings": []}

    async def still(self, signed: Sequence[SignedIn]) -> Mapping[UUID, Viewer]:
        return self.valid

    async def ends_in(self) -> float | None:
        return next(self.ends, None)


class Wire:
    """A bus in memory: what is put is what the hub hears."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Sequence[Event]] = asyncio.Queue()

    def put(self, *events: Event) -> None:
        self._queue.put_nowait(events)

    def __aiter__(self) -> AsyncIterator[Sequence[Event]]:
        return self

    async def __anext__(self) -> Sequence[Event]:
        return await self._queue.get()


@dataclass(frozen=True)
class Block:
    """One block of an event stream, as a browser reads it."""

    kind: str
    id: str
    data: Any


async def read_blocks(response: ClientResponse) -> AsyncGenerator[Block, None]:
    """The blocks as they come; those without data (heartbeats) have kind ''."""
    kind = number = ""
    data: list[str] = []
    async for line in response.content:
        name, _, value = line.decode().rstrip("\n").partition(":")
        value = value.removeprefix(" ")
        if line == b"\n":
            yield Block(kind if data else "", number, json.loads("\n".join(data)) if data else None)
            kind, data = "", []
        elif name == "event":
            kind = value
        elif name == "id":
            number = value
        elif name == "data":
            data.append(value)

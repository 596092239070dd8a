"""What events show, read once for all viewers who may see the same of it: what nobody has is told to everybody."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar
from weakref import WeakKeyDictionary

from hotline.crm.database import Database
from hotline.crm.viewer import SYSTEM, Viewer

T = TypeVar("T")

#: How long what was read serves other viewers, in seconds; and how many are kept.
FRESH: Final = 1.0
KEPT: Final = 256


@dataclass(slots=True)
class _Entry(Generic[T]):
    task: asyncio.Task[T]
    since: float


class EventReads(Generic[T]):
    """The latest reads of one kind of record, for each database; ``version_of`` tells how new one is."""

    def __init__(self, name: str, version_of: Callable[[T], int]) -> None:
        self._name = name
        self._version_of = version_of
        self._kept: WeakKeyDictionary[Database, OrderedDict[tuple[Any, ...], _Entry[T]]] = WeakKeyDictionary()

    async def read(
        self, db: Database, viewer: Viewer, about: str, version: int, load: Callable[[Viewer], Coroutine[Any, Any, T]]
    ) -> T:
        """The record ``about``, at least as new as ``version``. ``load`` gets a viewer with the same rights."""
        kept = self._kept.setdefault(db, OrderedDict())
        own = viewer.may("customers.read") and viewer.scope_of("customers") != "all"
        key = (about, viewer.masks, viewer.may("customers.read"), viewer.user_id if own else None)
        entry = kept.get(key)
        if entry is not None and time.monotonic() - entry.since <= FRESH:
            read = await asyncio.shield(entry.task)
            if self._version_of(read) >= version:
                return read
        # Who does not see every customer is shown by their own scope which one it is.
        task = asyncio.create_task(load(viewer if own else _reader(viewer)), name=self._name)
        kept[key] = entry = _Entry(task, time.monotonic())
        kept.move_to_end(key)
        while len(kept) > KEPT:
            kept.popitem(last=False)
        try:
            return await asyncio.shield(task)
        except BaseException:
            if kept.get(key) is entry:
                del kept[key]
            raise


def _reader(viewer: Viewer) -> Viewer:
    """Sees all that is masked as for this viewer: the event's audience has decided who gets it."""
    permissions = SYSTEM.permissions if viewer.may("customers.read") else SYSTEM.permissions - {"customers.read"}
    return replace(SYSTEM, masks=viewer.masks, permissions=permissions)

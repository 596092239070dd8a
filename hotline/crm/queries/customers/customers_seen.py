"""Whom a viewer sees who does not see all, as ids: so that a search, which finds customers by their names and numbers,
need not ask of each of them everything by which they might be seen."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Final
from uuid import UUID
from weakref import WeakKeyDictionary

from hotline.crm.database import Database, Reader
from hotline.crm.scopes import Arguments, all_of, customers_of, customers_seen_each
from hotline.crm.viewer import Viewer

#: Up to so many are known by their ids: three megabytes.
MOST_SEEN: Final = 200_000
#: Up to so many are kept in a set: ten times the room of a sorted row of ids, and asked ten times quicker.
MOST_IN_SET: Final = 40_000
#: More than these are kept for some seconds, since whoever types searches after each letter.
FEW_SEEN: Final = 1_000
KEPT_SECONDS: Final = 20.0
#: Of more than MOST_IN_SET, which take longer to read; that they are too many is not soon otherwise.
KEPT_MANY_SECONDS: Final = 60.0
KEPT_TOO_MANY_SECONDS: Final = 600.0
MOST_KEPT: Final = 20

_ID: Final = 16
_HALF: Final = 64
_LOWER_HALF: Final = 2**_HALF - 1


@dataclass(frozen=True, slots=True)
class Seen:
    """The ids of all whom somebody sees, in their order, as two rows of halves: one is looked for without making an
    object of any other. ``kept``: they were read for an earlier search."""

    upper: array[int]
    lower: array[int]
    kept: bool = False
    _set: frozenset[bytes] | None = None

    @classmethod
    def of(cls, ids: bytes) -> Seen:
        """From sorted ids, one behind the other."""
        halves = array("Q", ids)
        if sys.byteorder == "little":
            halves.byteswap()
        upper = halves[::2]
        small = len(upper) <= MOST_IN_SET
        made = frozenset(ids[at : at + _ID] for at in range(0, len(ids), _ID)) if small else None
        return cls(upper, halves[1::2], _set=made)

    def __len__(self) -> int:
        return len(self.upper)

    @property
    def ids(self) -> list[UUID]:
        """All of them."""
        return [UUID(int=upper << _HALF | lower) for upper, lower in zip(self.upper, self.lower, strict=True)]

    def among(self, ids: Iterable[UUID]) -> list[UUID]:
        """Those of ``ids`` who are seen, in their order."""
        if (known := self._set) is not None:
            return [each for each in ids if each.bytes in known]
        return [each for each in ids if self._has(each.int)]

    def _has(self, wanted: int) -> bool:
        upper, lower = wanted >> _HALF, wanted & _LOWER_HALF
        first = bisect_left(self.upper, upper)
        if first == len(self) or self.upper[first] != upper:
            return False
        # Ids that were made in one moment have the same upper half.
        last = bisect_right(self.upper, upper, first)
        at = bisect_left(self.lower, lower, first, last)
        return at < last and self.lower[at] == lower


_Kept = dict[Viewer, tuple[float, Seen | None]]
_KEPT: Final[WeakKeyDictionary[Database, _Kept]] = WeakKeyDictionary()


async def seen_by(db: Database, viewer: Viewer) -> Seen | None:
    """All whom the viewer sees; None when they see all, or too many to know them.

    Where they are ``kept`` they are as they were some seconds ago: whoever is in them is to be asked again before they
    are told, and whoever is not may be theirs by now (``now_seen``).
    """
    bind = Arguments()
    selects = customers_of(viewer, bind)
    if selects is None:
        return None
    kept = _KEPT.setdefault(db, {})
    until, known = kept.get(viewer, (0.0, None))
    if monotonic() < until:
        return known
    distinct = f"SELECT DISTINCT id FROM ({selects}) AS seen (id) WHERE id IS NOT NULL LIMIT {MOST_SEEN + 1}"  # noqa: S608
    ids: bytes | None = await db.fetchval(
        f"SELECT string_agg(uuid_send(id), ''::bytea ORDER BY id) FROM ({distinct}) AS once",  # noqa: S608
        *bind.values,
    )
    count = len(ids or b"") // _ID
    seen = Seen.of(ids or b"") if count <= MOST_SEEN else None
    if count > FEW_SEEN:
        if len(kept) >= MOST_KEPT:
            kept.clear()
        many = KEPT_MANY_SECONDS if count > MOST_IN_SET else KEPT_SECONDS
        again = None if seen is None else replace(seen, kept=True)
        kept[viewer] = (monotonic() + (KEPT_TOO_MANY_SECONDS if seen is None else many), again)
    return seen


async def now_seen(db: Reader, viewer: Viewer, ids: Sequence[UUID]) -> list[UUID]:
    """Those of a few ids whom the viewer sees at this moment."""
    if not ids:
        return []
    bind = Arguments(list(ids))
    seen = all_of(customers_seen_each(viewer, bind, "c"))
    rows = await db.fetch(f"SELECT c.id FROM unnest($1::uuid[]) AS c (id) WHERE {seen}", *bind.values)  # noqa: S608
    return [row["id"] for row in rows]

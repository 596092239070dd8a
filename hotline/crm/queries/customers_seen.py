"""Whom a viewer sees who does not see all, as ids: so that a search, which finds customers by their names and numbers,
need not ask of each of them everything by which they might be seen."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from uuid import UUID
from weakref import WeakKeyDictionary

from hotline.crm.database import Database
from hotline.crm.scopes import Arguments, customers_of
from hotline.crm.viewer import Viewer

#: Up to so many are known by their ids: three megabytes.
MOST_SEEN: Final = 200_000
#: Up to so many are kept in a set: ten times the room of a sorted row of ids, and asked ten times quicker.
MOST_IN_SET: Final = 40_000
#: More than these are kept for some seconds, since whoever types searches after each letter. What is found is asked
#: again before it is told: who may not see somebody any more is not told of them.
FEW_SEEN: Final = 1_000
KEPT_SECONDS: Final = 20.0
#: Of more than MOST_IN_SET, which take longer to read; that they are too many is not soon otherwise.
KEPT_MANY_SECONDS: Final = 60.0
KEPT_TOO_MANY_SECONDS: Final = 600.0
MOST_KEPT: Final = 20

_ID: Final = 16


@dataclass(frozen=True, slots=True)
class Seen:
    """The ids of all whom somebody sees, sorted, one behind the other."""

    ids: bytes
    _set: frozenset[bytes] | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        small = len(self) <= MOST_IN_SET
        made = frozenset(self.ids[at : at + _ID] for at in range(0, len(self.ids), _ID)) if small else None
        object.__setattr__(self, "_set", made)

    def __len__(self) -> int:
        return len(self.ids) // _ID

    def among(self, ids: Iterable[UUID]) -> list[UUID]:
        """Those of ``ids`` who are seen, in their order."""
        if (known := self._set) is not None:
            return [each for each in ids if each.bytes in known]
        return [each for each in ids if self._has(each.bytes)]

    def _has(self, wanted: bytes) -> bool:
        at = bisect_left(range(len(self)), wanted, key=self._at)
        return self._at(at) == wanted

    def _at(self, place: int) -> bytes:
        return self.ids[place * _ID : (place + 1) * _ID]


_Kept = dict[Viewer, tuple[float, Seen | None]]
_KEPT: Final[WeakKeyDictionary[Database, _Kept]] = WeakKeyDictionary()


async def seen_by(db: Database, viewer: Viewer) -> Seen | None:
    """All whom the viewer sees, as they were some seconds ago; None when they see all, or too many to know them."""
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
    seen = Seen(ids or b"") if count <= MOST_SEEN else None
    if count > FEW_SEEN:
        if len(kept) >= MOST_KEPT:
            kept.clear()
        many = KEPT_MANY_SECONDS if count > MOST_IN_SET else KEPT_SECONDS
        kept[viewer] = (monotonic() + (KEPT_TOO_MANY_SECONDS if seen is None else many), seen)
    return seen

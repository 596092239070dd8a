"""Two people change one record: what each changed since the version that both began from is put together, field by
field, and within a list item by item. Only where both changed the same thing to something else is there a conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from hotline.errors import Conflict

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """A field that two people changed: what it was, what one wants, what the other wrote, who and when."""

    field: str
    base: Any
    yours: Any
    theirs: Any
    by: UUID | None = None
    by_name: str | None = None
    at: datetime | None = None


Side = Literal["yours", "theirs"]


@dataclass(frozen=True, slots=True)
class Decided:
    """What somebody chose where both changed the same field, having seen the record at ``version``."""

    version: int
    sides: Mapping[str, Side]


class EditConflict(Conflict):
    """Somebody else changed the same fields meanwhile; choose whose value stays."""

    def __init__(self, conflicts: Sequence[FieldConflict]) -> None:
        super().__init__()
        self.conflicts = tuple(conflicts)


def merge_value(base: Any, yours: Any, theirs: Any, side: Side = "theirs") -> tuple[Any, bool]:
    """One value, and whether both sides changed it to something else; then it is that of ``side``."""
    if yours in (base, theirs):
        return theirs, False
    if theirs == base:
        return yours, False
    return (yours if side == "yours" else theirs), True


def merge_set(base: Sequence[str], yours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """A set such as tags: what either added is there, what either removed is not."""
    gone = set(base) - set(yours)
    added = [value for value in yours if value not in base and value not in theirs]
    return [value for value in theirs if value not in gone] + added


def merge_items(
    base: Sequence[Item],
    yours: Sequence[Item],
    theirs: Sequence[Item],
    same: Callable[[Item], Hashable],
    side: Side = "theirs",
) -> tuple[list[dict[str, Any]], bool]:
    """A list of items, and whether both sides changed one of them, or one changed what the other removed; then that is
    as on ``side``.

    ``same`` tells which items are one and the same although their content differs: their id, or what they say where
    they have none yet.
    """
    known: list[dict[Hashable, Item]] = [{same(item): item for item in items} for items in (base, yours, theirs)]
    before, mine, other = known
    # Whose order: mine, unless the other one changed it.
    reordered = [same(item) for item in theirs] != [same(item) for item in base]
    order = [*other, *mine] if reordered else [*mine, *other]
    merged: list[dict[str, Any]] = []
    clash = False
    for identity in dict.fromkeys(order):
        was, my, its = before.get(identity), mine.get(identity), other.get(identity)
        if my is None or its is None:
            left = my if its is None else its
            if was is None and left is not None:
                merged.append(dict(left))
            elif left != was and left is not None:
                clash = True
                kept = my if side == "yours" else its
                merged += [dict(kept)] if kept is not None else []
            continue
        if was is None:
            merged.append(dict(its))
            continue
        item: dict[str, Any] = {}
        for name in dict.fromkeys((*its, *my)):
            item[name], both = merge_value(was.get(name), my.get(name), its.get(name), side)
            clash = clash or both
        merged.append(item)
    return merged, clash

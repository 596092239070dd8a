"""Tags by their names: found whatever the case, and made in this one place.

The database folds case, as it does when it searches and where it keeps names apart: its idea of a letter may not be
Python's.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from hotline.crm.unit_of_work import UnitOfWork


async def find_tags(uow: UnitOfWork, names: Iterable[str]) -> dict[str, UUID]:
    """The ids of tags by the names asked for; those that no tag has are left out."""
    rows = await uow.fetch(
        "SELECT w.name, t.id FROM unnest($1::text[]) AS w (name) JOIN tag t ON lower(t.name) = lower(w.name)",
        sorted(set(names)),
    )
    return {row["name"]: row["id"] for row in rows}


async def make_tags(uow: UnitOfWork, names: Iterable[str]) -> dict[str, UUID]:
    """The ids of all of these tags by the names asked for; those that are not there are made, in the first spelling."""
    wanted = list(dict.fromkeys(names))
    found = await find_tags(uow, wanted) if wanted else {}
    missing = [name for name in wanted if name not in found]
    if not missing:
        return found
    for name in missing:
        # Somebody else may make it in this moment: theirs is waited for, and taken. A name is unique as it is
        # written, too: two who write it the same way meet in that index first.
        await uow.execute("INSERT INTO tag (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING", uow.new_id(), name)
    return found | await find_tags(uow, missing)

"""Changing tiers (VIP levels) and tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypedDict
from uuid import UUID

from hotline.crm.commands.customers import tiers as commands
from hotline.crm.queries.customers.tiers import TierView, get_tier
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers.text import one_line
from hotline.errors import Invalid
from hotline.workflows.customers.customer_input import LONGEST_TAG
from hotline.workflows.house import House
from hotline.workflows.people.users import LOCALES

LONGEST_NAME: Final = 60
#: Asterisk's QUEUE_PRIO takes any integer; more than this says nothing more.
HIGHEST_PRIORITY: Final = 1_000
_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")


class TierChanges(TypedDict, total=False):
    """What may change about a tier. ``names`` by locale, merged into the present ones."""

    names: Mapping[str, str]
    rank: int
    queue_priority: int


async def create_tier(house: House, viewer: Viewer, key: str, changes: TierChanges) -> TierView:
    """Add a tier under a key that never changes; names in every language."""
    viewer.require("tiers.write")
    async with house.unit(viewer) as uow:
        return await get_tier(uow, SYSTEM, await create_in(uow, key, changes))


async def create_in(uow: UnitOfWork, key: str, changes: TierChanges) -> UUID:
    """As ``create_tier``, inside the caller's unit of work; its id."""
    if not _KEY.fullmatch(key):
        raise Invalid("key: small letters, digits and _ only, at most 32.")
    fields = _cleaned(changes)
    names = fields.get("names", {})
    if missing := [locale for locale in LOCALES if locale not in names]:
        raise Invalid(f"names.{missing[0]}: something must stand here.")
    return await commands.create_tier(uow, key, names, fields.get("rank", 100), fields.get("queue_priority", 0))


async def update_tier(house: House, viewer: Viewer, tier_id: UUID, changes: TierChanges) -> TierView:
    """Change a tier's names, rank or priority. Raises NotFound."""
    viewer.require("tiers.write")
    async with house.unit(viewer) as uow:
        await update_in(uow, await get_tier(uow, SYSTEM, tier_id), changes)
        return await get_tier(uow, SYSTEM, tier_id)


async def update_in(uow: UnitOfWork, tier: TierView, changes: TierChanges) -> None:
    """As ``update_tier``, inside the caller's unit of work."""
    fields = _cleaned(changes)
    if "names" in fields:
        fields["names"] = {**tier.names, **fields["names"]}
    await commands.update_tier(uow, tier.id, fields)


async def rename_tag(house: House, viewer: Viewer, tag_id: UUID, name: str) -> None:
    """Give a tag another name, on every customer who has it."""
    viewer.require("tags.write")
    cleaned = one_line(name, "name", LONGEST_TAG, needed=True)
    async with house.unit(viewer) as uow:
        await commands.rename_tag(uow, tag_id, cleaned)


async def delete_tag(house: House, viewer: Viewer, tag_id: UUID) -> None:
    """Take a tag off every customer and delete it."""
    viewer.require("tags.write")
    async with house.unit(viewer) as uow:
        await commands.delete_tag(uow, tag_id)


def _cleaned(changes: TierChanges) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if "names" in changes:
        unknown = [locale for locale in changes["names"] if locale not in LOCALES]
        if unknown:
            raise Invalid(f"names: expected the languages {', '.join(LOCALES)} only.")
        fields["names"] = {
            locale: one_line(name, f"names.{locale}", LONGEST_NAME, needed=True)
            for locale, name in changes["names"].items()
        }
    if "rank" in changes:
        if not 1 <= changes["rank"] <= 1_000:
            raise Invalid("rank: from 1, the highest, to 1000.")
        fields["rank"] = changes["rank"]
    if "queue_priority" in changes:
        if not 0 <= changes["queue_priority"] <= HIGHEST_PRIORITY:
            raise Invalid(f"queue_priority: from 0 to {HIGHEST_PRIORITY}.")
        fields["queue_priority"] = changes["queue_priority"]
    return fields

"""The company's own lists: read from memory by whoever offers or checks a choice, changed by whoever may."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, TypedDict

from hotline.crm.commands.company.lists import lock_lists, write_list
from hotline.crm.database import Reader
from hotline.crm.queries.company.lists import MOST_ENTRIES, Lists, ListView, get_list, read_lists
from hotline.crm.shipped_lists import FIXED
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers.text import one_line
from hotline.errors import Conflict, Invalid
from hotline.events import EVERYONE
from hotline.workflows.house import House

LONGEST_NAME: Final = 60
#: Seconds after which a node looks whether another one changed a list.
FRESH_SECONDS: Final = 5.0
_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LOCALES: Final = frozenset({"en", "zh"})


class NewEntry(TypedDict, total=False):
    """An entry as it is written down."""

    key: str
    names: Mapping[str, str]
    archived: bool


@dataclass(slots=True)
class _Kept:
    lists: Lists = field(default_factory=lambda: Lists({}))
    read_at: float = float("-inf")


async def load(house: House, db: Reader | None = None) -> Lists:
    """All lists, at most some seconds old. Give a unit of work as ``db`` inside one."""
    kept: _Kept = house.kept.setdefault(_Kept, _Kept())
    if monotonic() - kept.read_at > FRESH_SECONDS:
        kept.lists = await read_lists(db or house.db, SYSTEM)
        kept.read_at = monotonic()
    return kept.lists


async def put_list(
    house: House, viewer: Viewer, name: str, items: Sequence[NewEntry], expected_version: int | None = None
) -> ListView:
    """Make a list these entries, in this order. What is left out is archived, not deleted: records name it.

    Raises NotFound, Invalid, and Conflict when the list is not ``expected_version`` any more.
    """
    viewer.require("settings.write")
    rows = clean(name, items)
    async with house.unit(viewer) as uow:
        view = await write(uow, name, rows, expected_version)
    house.kept.pop(_Kept, None)
    return view


async def write(
    uow: UnitOfWork, name: str, rows: Sequence[Mapping[str, Any]], expected_version: int | None = None
) -> ListView:
    """Write cleaned rows in a unit of work of the caller's, who forgets what ``load`` keeps after it (``forget``)."""
    await lock_lists(uow)
    before = await get_list(uow, uow.viewer, name)
    if expected_version is not None and before.version != expected_version:
        raise Conflict("Somebody else changed this list meanwhile.")
    missing = {entry.key for entry in before.entries} - {row["key"] for row in rows}
    if len(rows) + len(missing) > MOST_ENTRIES:
        raise Invalid(f"items: at most {MOST_ENTRIES} entries, with those that were archived.")
    await write_list(uow, name, rows)
    after = await get_list(uow, uow.viewer, name)
    if after.version != before.version:
        uow.audit("list:changed", None, list=name, keys=_changed(before, after))
        uow.emit("settings.changed", (EVERYONE,), list=name)
    return after


def forget(house: House) -> None:
    """What ``load`` kept is read anew."""
    house.kept.pop(_Kept, None)


def clean(name: str, items: Sequence[NewEntry]) -> list[dict[str, Any]]:
    """The entries as they are stored. Raises Invalid, which names the entry and what is wrong with it."""
    if len(items) > MOST_ENTRIES:
        raise Invalid(f"items: at most {MOST_ENTRIES} entries.")
    keys = [item.get("key", "") for item in items]
    rows = []
    for at, item in enumerate(items):
        key, archived = keys[at], bool(item.get("archived"))
        if not _KEY.fullmatch(key):
            raise Invalid(f"items[{at}].key: small letters, digits and _ only, at most 40, a letter first.")
        if keys.count(key) > 1:
            raise Invalid(f"items[{at}].key: {key} stands here twice.")
        if archived and key in FIXED.get(name, ()):
            raise Invalid(f"items[{at}].archived: {key} is always offered; give it another name instead.")
        names = {
            language: line
            for language, text in item.get("names", {}).items()
            if (line := one_line(text, f"items[{at}].names", LONGEST_NAME))
        }
        if not names.get("en") or not set(names) <= _LOCALES:
            raise Invalid(f"items[{at}].names: a name in en, and if you like in zh.")
        rows.append({"key": key, "names": names, "position": at, "archived": archived})
    if missing := FIXED.get(name, frozenset()) - set(keys):
        raise Invalid(f"items: {min(missing)} is always offered; give it another name instead.")
    return rows


def _changed(before: ListView, after: ListView) -> list[str]:
    known = {entry.key: entry for entry in before.entries}
    return [entry.key for entry in after.entries if known.get(entry.key) != entry]

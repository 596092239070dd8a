"""The company's own lists: classifications, roles of contacts, reasons of pauses, skills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hotline.crm.database import Reader
from hotline.crm.shipped_lists import FIXED, SHIPPED_LISTS
from hotline.crm.viewer import Viewer
from hotline.errors import Invalid, NotFound

#: Most entries of one list, archived ones too.
MOST_ENTRIES: Final = 200


@dataclass(frozen=True, slots=True)
class ListEntryView:
    """An entry. ``names`` by language; ``fixed``: the program goes by it, so that it is never archived."""

    key: str
    names: Mapping[str, str]
    position: int
    archived: bool
    fixed: bool

    def name(self, language: str) -> str:
        """What it is called in a language, else in English."""
        return self.names.get(language) or self.names.get("en") or self.key


@dataclass(frozen=True, slots=True)
class ListView:
    """A list in its order, archived entries last. ``version`` grows with every change."""

    name: str
    version: int
    entries: tuple[ListEntryView, ...]

    @property
    def offered(self) -> tuple[ListEntryView, ...]:
        """What may be chosen."""
        return tuple(entry for entry in self.entries if not entry.archived)


@dataclass(frozen=True, slots=True)
class Lists:
    """All lists as they were read."""

    by_name: Mapping[str, ListView]

    def entries(self, name: str) -> tuple[ListEntryView, ...]:
        """What a list offers, in its order."""
        return self.by_name[name].offered

    def get(self, name: str, key: str) -> ListEntryView | None:
        """An entry, archived or not."""
        return next((entry for entry in self.by_name[name].entries if entry.key == key), None)

    def label(self, name: str, key: str, language: str) -> str:
        """What an entry is called; the key itself when the list has none such."""
        entry = self.get(name, key)
        return key if entry is None else entry.name(language)

    def check(self, name: str, key: str, field: str) -> None:
        """Raise Invalid for ``field`` unless the list offers ``key``."""
        if all(entry.key != key for entry in self.by_name[name].offered):
            raise Invalid(f"{field}: the list {name} does not offer this.")


async def read_lists(db: Reader, viewer: Viewer) -> Lists:
    """Every list. Whoever is signed in may: the lists hold nothing about anybody."""
    del viewer
    rows = await db.fetch(
        """SELECT list, key, names, position, archived_at IS NOT NULL AS archived, version FROM list_entry
           ORDER BY list, archived_at IS NOT NULL, position, key LIMIT $1""",
        MOST_ENTRIES * len(SHIPPED_LISTS),
    )
    found = {}
    for name in SHIPPED_LISTS:
        own = [row for row in rows if row["list"] == name]
        entries = tuple(
            ListEntryView(row["key"], row["names"], row["position"], row["archived"], row["key"] in FIXED.get(name, ()))
            for row in own
        )
        found[name] = ListView(name, sum(row["version"] for row in own), entries)
    return Lists(found)


async def get_list(db: Reader, viewer: Viewer, name: str) -> ListView:
    """One list. Raises NotFound."""
    if name not in SHIPPED_LISTS:
        raise NotFound("There is no such list.")
    return (await read_lists(db, viewer)).by_name[name]

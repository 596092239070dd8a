"""All that the company decides as one file: to keep, to compare, and to set up another installation by.

A dry run does everything that an import does, in a unit of work that is then undone; so what it tells is what happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hotline.calendars.spec import CalendarSpec
from hotline.crm import company as sections
from hotline.crm.commands.tickets import sla as commands
from hotline.crm.commands.tickets.categories import write_categories
from hotline.crm.database import Reader
from hotline.crm.queries.company.calendars import list_calendars, read_basis
from hotline.crm.queries.company.lists import read_lists
from hotline.crm.queries.customers.custom_fields import MOST as MOST_FIELDS
from hotline.crm.queries.people.roles import MOST as MOST_ROLES
from hotline.crm.queries.tickets.categories import list_categories
from hotline.crm.queries.tickets.sla import list_policies
from hotline.crm.shipped_lists import SHIPPED_LISTS
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, Invalid
from hotline.events import EVERYONE
from hotline.tickets.policies import PolicySpec
from hotline.workflows.company import calendars, company, fields, lists
from hotline.workflows.company.settings_file_records import (
    MOST_TIERS,
    FieldEntry,
    RoleEntry,
    TierEntry,
    flat_records,
    read_records,
    write_records,
)
from hotline.workflows.house import House
from hotline.workflows.tickets import categories, policies

FORMAT: Final = "hotline-settings"
#: 2: fields, tiers and roles are in it, too.
VERSION: Final = 2
#: Characters of a text that is told.
LONGEST_TOLD: Final = 120

T = TypeVar("T", bound=BaseModel)


class SettingsFile(BaseModel):
    """The file. What it leaves out stays as it is; of a list and of the categories that it names, entries that it
    leaves out are archived."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: str = Field(FORMAT, max_length=40)
    version: int = Field(VERSION, ge=1)
    sections: dict[str, dict[str, Any]] = Field(default_factory=dict, max_length=100)
    lists: dict[str, list[dict[str, Any]]] = Field(default_factory=dict, max_length=100)
    calendars: dict[str, dict[str, Any]] = Field(default_factory=dict, max_length=200)
    policies: list[dict[str, Any]] = Field(default_factory=list, max_length=200)
    categories: list[dict[str, Any]] | None = Field(None, max_length=categories.MOST_CATEGORIES)
    custom_fields: list[FieldEntry] = Field(default_factory=list, max_length=MOST_FIELDS)
    tiers: dict[str, TierEntry] = Field(default_factory=dict, max_length=MOST_TIERS)
    roles: dict[str, RoleEntry] = Field(default_factory=dict, max_length=MOST_ROLES)


@dataclass(frozen=True, slots=True)
class Change:
    """One value that is another one afterwards; ``place`` is where it stands in the file. None: it is not there."""

    place: str
    before: Any
    after: Any


class _Undone(Exception):
    """Ends the unit of work of a dry run."""

    def __init__(self, changes: list[Change]) -> None:
        self.changes = changes


async def export_settings(house: House, viewer: Viewer) -> SettingsFile:
    """Everything that the file holds, as it is now; noted in the audit trail."""
    viewer.require("settings.read")
    async with house.unit(viewer) as uow:
        uow.audit("settings:exported", None)
        return await _read(uow)


async def import_settings(house: House, viewer: Viewer, file: SettingsFile, *, dry_run: bool) -> list[Change]:
    """Make the settings what the file says, all of it or nothing; what changes by it. With ``dry_run`` nothing does.

    Raises Invalid, which names the place in the file, and Forbidden.
    """
    viewer.require("settings.write")
    if file.format != FORMAT:
        raise Invalid("format: this is no file of settings.")
    if file.version > VERSION:
        raise Invalid("version: a newer hotline wrote this file.")
    try:
        async with calendars.changing(house, viewer) as uow:
            before = await _read(uow)
            await _write(house, uow, file)
            changes = _changes(before, await _read(uow))
            if dry_run or not changes:
                raise _Undone(changes)
            uow.audit("settings:imported", None, count=len(changes), places=[each.place for each in changes[:100]])
            uow.emit("settings.changed", (EVERYONE,), file=True)
    except _Undone as undone:
        return undone.changes
    lists.forget(house)
    fields.forget(house)
    await company.refresh(house)
    return changes


async def _read(db: Reader) -> SettingsFile:
    found = await sections.read_sections(db)
    own_lists = await read_lists(db, SYSTEM)
    return SettingsFile(
        sections={name: view.value.model_dump(mode="json") for name, view in found.items()},
        lists={
            name: [{"key": each.key, "names": dict(each.names), "archived": each.archived} for each in view.entries]
            for name, view in own_lists.by_name.items()
        },
        calendars={view.key: view.spec.model_dump(mode="json") for view in await list_calendars(db, SYSTEM)},
        policies=[view.spec.model_dump(mode="json") for view in await list_policies(db, SYSTEM)],
        categories=[
            {"slug": each.slug, "names": dict(each.names), "kind": each.kind, "archived": each.archived}
            for each in await list_categories(db, SYSTEM)
        ],
        **await read_records(db),
    )


async def _write(house: House, uow: UnitOfWork, file: SettingsFile) -> None:
    known = await sections.read_sections(uow)
    for name, values in file.sections.items():
        if name not in known:
            raise Invalid(f"sections.{name}: there is no such section.")
        kept = known[name].value.model_dump()
        section = _valid(sections.SECTIONS[name], {**kept, **values}, f"sections.{name}")
        await sections.write_section(uow, section, None)
    for name, entries in file.lists.items():
        if name not in SHIPPED_LISTS:
            raise Invalid(f"lists.{name}: there is no such list.")
        with _At(f"lists.{name}"):
            items: Any = [_words(entry, "key", "names", "archived") for entry in entries]
            await lists.write(uow, name, lists.clean(name, items))
    if file.categories is not None:
        with _At("categories"):
            tree: Any = [_words(each, "slug", "names", "kind", "archived") for each in file.categories]
            await write_categories(uow, categories.rows_of(tree))
    await write_records(uow, file.custom_fields, file.tiers, file.roles, _At)
    present = {view.key for view in await list_calendars(uow, SYSTEM)}
    for key, values in file.calendars.items():
        with _At(f"calendars.{key}"):
            spec = _valid(CalendarSpec, values, f"calendars.{key}")
            calendars.check_key(key)
            await commands.write_calendar(uow, key, spec, new=key not in present)
    await _write_policies(house, uow, file)


async def _write_policies(house: House, uow: UnitOfWork, file: SettingsFile) -> None:
    rules = (await read_basis(uow, SYSTEM)).rules(house.settings.timezone)
    ids = {view.spec.name: view.id for view in await list_policies(uow, SYSTEM)}
    for at, values in enumerate(file.policies):
        spec = _valid(PolicySpec, values, f"policies[{at}]")
        with _At(f"policies[{at}]"):
            keyed = await policies.checked(uow, spec, rules.calendars)
            ids[spec.name] = await commands.write_policy(uow, ids.get(spec.name), keyed, None)
    for policy in (await read_basis(uow, SYSTEM)).rules(house.settings.timezone).policies:
        if policy.spec.enabled and (calendar := rules.calendars.get(policy.spec.calendar)) is not None:
            why = f"calendars.{policy.spec.calendar}: the policy {policy.spec.name} counts by it."
            calendars.check_reachable(policy.spec, calendar, uow, why)


class _At:
    """Says where in the file something was refused."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Invalid | Conflict) and not error.detail.startswith(self._place):
            field, colon, _ = error.detail.partition(": ")
            between = "." if colon and not any(letter.isspace() for letter in field) else ": "
            raise Invalid(f"{self._place}{between}{error.detail}") from error


def _words(entry: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The fields of an entry. Raises Invalid for what is none of them, or of another type."""
    if unknown := set(entry) - set(names):
        raise Invalid(f"{min(unknown)}: there is no such field.")
    each = entry.get("names", {})
    if not isinstance(each, dict) or not all(isinstance(text, str) for pair in each.items() for text in pair):
        raise Invalid("names: a name in en, and if you like in zh.")
    if not isinstance(entry.get(names[0], ""), str):
        raise Invalid(f"{names[0]}: write it as text.")
    return dict(entry)


def _valid(kind: type[T], values: Mapping[str, Any], place: str) -> T:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join((place, *map(str, first["loc"])))
        raise Invalid(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None


def _changes(before: SettingsFile, after: SettingsFile) -> list[Change]:
    old, new = _flat(before), _flat(after)
    places = [*old, *(place for place in new if place not in old)]
    return [
        Change(place, _told(old.get(place)), _told(new.get(place)))
        for place in places
        if old.get(place) != new.get(place)
    ]


def _flat(file: SettingsFile) -> dict[str, Any]:
    """Every value by its place. Entries go by their keys, so that one more does not move the others."""
    found: dict[str, Any] = {}
    for name, values in file.sections.items():
        found.update({f"sections.{name}.{key}": value for key, value in values.items()})
    for name, entries in file.lists.items():
        for at, entry in enumerate(entries):
            place = f"lists.{name}.{entry['key']}"
            found |= {
                f"{place}.names": entry["names"],
                f"{place}.archived": entry["archived"],
                f"{place}.place": at + 1,
            }
    for key, values in file.calendars.items():
        found.update({f"calendars.{key}.{name}": value for name, value in values.items()})
    for policy in file.policies:
        found.update({f"policies.{policy['name']}.{name}": value for name, value in policy.items()})
    for each in file.categories or ():
        found.update({f"categories.{each['slug']}.{name}": value for name, value in each.items() if name != "slug"})
    return found | flat_records(file.custom_fields, file.tiers, file.roles)


def _told(value: Any) -> Any:
    return f"{value[:LONGEST_TOLD]}…" if isinstance(value, str) and len(value) > LONGEST_TOLD else value

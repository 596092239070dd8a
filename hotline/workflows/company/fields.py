"""The company's own fields: read from memory by whoever shows or takes values, changed by whoever may."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, TypedDict
from uuid import UUID

from hotline.crm.commands.customers import custom_fields as commands
from hotline.crm.database import Reader
from hotline.crm.queries.customers.custom_fields import MOST, get_field, read_fields
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers import money
from hotline.customers.custom_fields import RECORDS, TYPES, CustomField, FieldSet
from hotline.customers.text import one_line
from hotline.errors import Invalid
from hotline.workflows.house import House

#: Seconds after which a node looks whether another one changed a field.
FRESH_SECONDS: Final = 5.0
LONGEST_NAME: Final = 60
LONGEST_HINT: Final = 200
#: Most choices of one field.
MOST_CHOICES: Final = 200
_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
_LOCALES: Final = frozenset({"en", "zh"})
_NUMBERS: Final = frozenset({"number", "decimal"})
_CHOICES: Final = frozenset({"choice", "multi_choice"})


class FieldInput(TypedDict, total=False):
    """A field as somebody describes it. ``record``, ``key`` and ``type`` stay as they were made."""

    record: str
    key: str
    type: str
    names: Mapping[str, str]
    hints: Mapping[str, str]
    choices: Sequence[Mapping[str, Any]]
    currency: str | None
    minimum: str | None
    maximum: str | None
    required: bool
    private: bool
    shown_in_pop: bool
    position: int
    archived: bool


@dataclass(slots=True)
class _Kept:
    fields: FieldSet = field(default_factory=FieldSet)
    read_at: float = float("-inf")


async def load(house: House, db: Reader | None = None) -> FieldSet:
    """All fields, at most some seconds old. Give a unit of work as ``db`` inside one."""
    kept: _Kept = house.kept.setdefault(_Kept, _Kept())
    if monotonic() - kept.read_at > FRESH_SECONDS:
        kept.fields = await read_fields(db or house.db, SYSTEM)
        kept.read_at = monotonic()
    return kept.fields


def known(house: House) -> FieldSet:
    """The fields as they were read last, without asking anybody."""
    kept: _Kept = house.kept.setdefault(_Kept, _Kept())
    return kept.fields


def forget(house: House) -> None:
    """What ``load`` kept is read anew."""
    house.kept.pop(_Kept, None)


async def create_field(house: House, viewer: Viewer, data: FieldInput) -> CustomField:
    """Add a field. Raises Invalid, and Conflict when there is one with its key, archived ones too."""
    viewer.require("settings.write")
    async with house.unit(viewer) as uow:
        made = await get_field(uow, viewer, await create_in(uow, data))
    forget(house)
    return made


async def create_in(uow: UnitOfWork, data: FieldInput) -> UUID:
    """As ``create_field``, inside the caller's unit of work; its id. ``forget`` afterwards."""
    record, key, kind = data.get("record", "customer"), data.get("key", ""), data.get("type", "")
    if record not in RECORDS:
        raise Invalid(f"record: expected one of {', '.join(RECORDS)}.")
    if not _KEY.fullmatch(key):
        raise Invalid("key: small letters, digits and _ only, at most 60, a letter first.")
    if kind not in TYPES:
        raise Invalid(f"type: expected one of {', '.join(TYPES)}.")
    columns = _cleaned(data, kind, new=True)
    return await commands.create_field(uow, record, key, kind, columns, most=MOST)


async def update_field(
    house: House, viewer: Viewer, field_id: UUID, data: FieldInput, expected_version: int | None = None
) -> CustomField:
    """Change a field. Raises NotFound, Invalid, and Conflict when it is not ``expected_version`` any more."""
    viewer.require("settings.write")
    async with house.unit(viewer) as uow:
        await update_in(uow, await get_field(uow, viewer, field_id), data, expected_version)
        after = await get_field(uow, viewer, field_id)
    forget(house)
    return after


async def update_in(
    uow: UnitOfWork, before: CustomField, data: FieldInput, expected_version: int | None = None
) -> None:
    """As ``update_field``, inside the caller's unit of work. ``forget`` afterwards."""
    for fixed, now in (("record", before.record), ("key", before.key), ("type", before.type)):
        if data.get(fixed, now) != now:
            raise Invalid(f"{fixed}: this stays as the field was made; archive it and make another one.")
    columns = _cleaned(data, before.type, new=False)
    if "choices" in columns:
        _check_choices_kept(before, columns["choices"])
    await commands.update_field(uow, before.id, columns, expected_version)


async def order_fields(house: House, viewer: Viewer, ids: Sequence[UUID]) -> FieldSet:
    """Put fields into this order; those that are not named follow."""
    viewer.require("settings.write")
    if len(ids) > MOST or len(set(ids)) != len(ids):
        raise Invalid(f"ids: a list of at most {MOST}.")
    async with house.unit(viewer) as uow:
        await commands.order_fields(uow, ids)
    forget(house)
    return await load(house)


def _cleaned(data: FieldInput, kind: str, *, new: bool) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if new or "names" in data:
        columns["names"] = _words(data.get("names", {}), "names", LONGEST_NAME, needed=True)
    if "hints" in data:
        columns["hints"] = _words(data["hints"], "hints", LONGEST_HINT)
    for name in ("required", "private", "shown_in_pop", "archived"):
        if name in data:
            columns[name] = bool(data[name])
    if "position" in data:
        columns["position"] = max(0, min(int(data["position"]), 1_000_000))
    if kind in _CHOICES and (new or "choices" in data):
        columns["choices"] = _choices(data.get("choices", ()))
    elif data.get("choices"):
        raise Invalid("choices: only fields of choices have them.")
    if data.get("currency"):
        if kind != "money":
            raise Invalid("currency: only fields of money have one.")
        columns["currency"] = money.currency_of(data["currency"] or "", "currency")
    elif "currency" in data:
        columns["currency"] = None
    for name in ("minimum", "maximum"):
        if name in data:
            columns[name] = _bound(data[name], name, kind)  # type: ignore[literal-required]
    low, high = columns.get("minimum"), columns.get("maximum")
    if low is not None and high is not None and money.number_of(low, "minimum") > money.number_of(high, "maximum"):
        raise Invalid("maximum: at least as much as the minimum.")
    return columns


def _bound(value: str | None, name: str, kind: str) -> str | None:
    if value is None or not str(value).strip():
        return None
    if kind not in _NUMBERS:
        raise Invalid(f"{name}: only numbers have one.")
    return f"{money.number_of(str(value), name):f}"


def _words(words: Mapping[str, str], name: str, longest: int, *, needed: bool = False) -> dict[str, str]:
    if not set(words) <= _LOCALES:
        raise Invalid(f"{name}: texts in en and zh.")
    kept = {language: line for language, text in words.items() if (line := one_line(text, name, longest))}
    if needed and not kept.get("en"):
        raise Invalid(f"{name}: a name in en, and if you like in zh.")
    return kept


def _choices(choices: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if not 1 <= len(choices) <= MOST_CHOICES:
        raise Invalid(f"choices: a list of 1 to {MOST_CHOICES}.")
    kept = []
    for at, choice in enumerate(choices):
        place = f"choices[{at}]"
        key = str(choice.get("key") or "")
        if not _KEY.fullmatch(key):
            raise Invalid(f"{place}.key: small letters, digits and _ only, at most 60, a letter first.")
        names = _words(choice.get("names") or {}, f"{place}.names", LONGEST_NAME, needed=True)
        kept.append({"key": key, "names": names, "archived": bool(choice.get("archived", False))})
    keys = [choice["key"] for choice in kept]
    if len(set(keys)) != len(keys):
        raise Invalid("choices: each key once.")
    if all(choice["archived"] for choice in kept):
        raise Invalid("choices: one at least that is offered.")
    return kept


def _check_choices_kept(before: CustomField, choices: Sequence[Mapping[str, Any]]) -> None:
    """Records name choices: one that goes is archived instead."""
    if gone := {choice.key for choice in before.choices} - {choice["key"] for choice in choices}:
        raise Invalid(f"choices: {min(gone)} may be in use; archive it instead.")

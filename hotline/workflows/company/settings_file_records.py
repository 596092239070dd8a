"""What the file of settings says about records and who may see them: the company's own fields, tiers, roles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field

from hotline.crm.database import Reader
from hotline.crm.queries.customers.custom_fields import get_field, read_fields
from hotline.crm.queries.customers.tiers import list_tiers
from hotline.crm.queries.people.roles import list_roles
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.customers.custom_fields import CustomField
from hotline.workflows.company import fields
from hotline.workflows.company.fields import FieldInput
from hotline.workflows.customers import tiers
from hotline.workflows.customers.tiers import TierChanges
from hotline.workflows.people import roles
from hotline.workflows.people.roles import RoleChanges

MOST_TIERS: Final = 200
_MODEL: Final = ConfigDict(extra="forbid", frozen=True)
#: Says where in the file something was refused.
Place = Callable[[str], AbstractContextManager[None]]


class ChoiceEntry(BaseModel):
    """A choice of a field."""

    model_config = _MODEL

    key: str = Field(max_length=60)
    names: dict[str, str]
    archived: bool = False


class FieldEntry(BaseModel):
    """A field of the company's own; ``record``, ``key`` and ``type`` stay as it was made. What is absent stays."""

    model_config = _MODEL

    record: str = Field(max_length=20)
    key: str = Field(max_length=60)
    type: str = Field(max_length=20)
    names: dict[str, str] = Field(default_factory=dict)
    hints: dict[str, str] = Field(default_factory=dict)
    choices: list[ChoiceEntry] = Field(default_factory=list, max_length=500)
    currency: str | None = Field(None, max_length=3)
    minimum: str | None = Field(None, max_length=40)
    maximum: str | None = Field(None, max_length=40)
    required: bool = False
    private: bool = False
    shown_in_pop: bool = False
    position: int = Field(0, ge=0)
    archived: bool = False


class TierEntry(BaseModel):
    """A tier by its key. What is absent stays."""

    model_config = _MODEL

    names: dict[str, str] = Field(default_factory=dict)
    rank: int = 100
    queue_priority: int = 0


class RoleEntry(BaseModel):
    """A role by its name. What is absent stays; of one that comes with hotline only ``require_totp`` may change."""

    model_config = _MODEL

    names: dict[str, str] = Field(default_factory=dict)
    permissions: list[str] = Field(default_factory=list, max_length=500)
    require_totp: bool = False


async def read_records(db: Reader) -> dict[str, Any]:
    """This part as it is now."""
    return {
        "custom_fields": [_entry(each) for each in (await read_fields(db, SYSTEM)).fields],
        "tiers": {
            each.key: TierEntry(names=dict(each.names), rank=each.rank, queue_priority=each.queue_priority)
            for each in await list_tiers(db, SYSTEM)
        },
        "roles": {
            each.name: RoleEntry(
                names=dict(each.names), permissions=list(each.permissions), require_totp=each.require_totp
            )
            for each in await list_roles(db, SYSTEM)
        },
    }


async def write_records(
    uow: UnitOfWork,
    field_entries: list[FieldEntry],
    tier_entries: dict[str, TierEntry],
    role_entries: dict[str, RoleEntry],
    at: Place,
) -> None:
    """Make them so. Raises Invalid, and Forbidden for roles and tiers of who may not change these."""
    await _write_fields(uow, field_entries, at)
    known_tiers = {each.key: each for each in await list_tiers(uow, SYSTEM)}
    for key, tier in tier_entries.items():
        with at(f"tiers.{key}"):
            changes = cast(TierChanges, tier.model_dump(exclude_unset=True))
            present = known_tiers.get(key)
            if present is None:
                uow.viewer.require("tiers.write")
                await tiers.create_in(uow, key, changes)
            elif any(getattr(present, name) != value for name, value in changes.items()):
                uow.viewer.require("tiers.write")
                await tiers.update_in(uow, present, changes)
    known_roles = {each.name: each for each in await list_roles(uow, SYSTEM)}
    for name, role in role_entries.items():
        with at(f"roles.{name}"):
            said = role.model_dump(exclude_unset=True)
            old = known_roles.get(name)
            if old is None:
                await roles.create_in(
                    uow, name, names=role.names, permissions=role.permissions, require_totp=role.require_totp
                )
                continue
            now = {"names": dict(old.names), "permissions": list(old.permissions), "require_totp": old.require_totp}
            if "permissions" in said:
                said["permissions"] = list(roles.check_permissions(said["permissions"]))
            if different := {key: value for key, value in said.items() if now[key] != value}:
                await roles.change_in(uow, name, cast(RoleChanges, different))


async def _write_fields(uow: UnitOfWork, entries: list[FieldEntry], at: Place) -> None:
    known = {(each.target, each.key): each for each in (await read_fields(uow, SYSTEM)).fields}
    for place, entry in enumerate(entries):
        with at(f"custom_fields[{place}]"):
            data = cast(FieldInput, entry.model_dump(exclude_unset=True))
            present = known.get(("ticket" if entry.record == "ticket" else "customer", entry.key))
            if present is None:
                present = await get_field(uow, SYSTEM, await fields.create_in(uow, data))
                if not entry.archived:
                    continue
            if any(getattr(_entry(present), name) != getattr(entry, name) for name in entry.model_fields_set):
                await fields.update_in(uow, present, data)


def flat_records(entries: list[FieldEntry], tiers: dict[str, TierEntry], roles: dict[str, RoleEntry]) -> dict[str, Any]:
    """Every value by its place."""
    found: dict[str, Any] = {}
    for place, entry in _named(entries, tiers, roles):
        values = entry.model_dump(exclude={"record", "key"})
        found |= {f"{place}.{name}": value for name, value in values.items()}
    return found


def _named(
    entries: list[FieldEntry], tiers: dict[str, TierEntry], roles: dict[str, RoleEntry]
) -> Iterator[tuple[str, BaseModel]]:
    for field in entries:
        yield f"custom_fields.{field.record}.{field.key}", field
    for key, tier in tiers.items():
        yield f"tiers.{key}", tier
    for name, role in roles.items():
        yield f"roles.{name}", role


def _entry(field: CustomField) -> FieldEntry:
    return FieldEntry(
        record=field.record,
        key=field.key,
        type=field.type,
        names=dict(field.names),
        hints=dict(field.hints),
        choices=[ChoiceEntry(key=each.key, names=dict(each.names), archived=each.archived) for each in field.choices],
        currency=field.currency,
        minimum=field.minimum,
        maximum=field.maximum,
        required=field.required,
        private=field.private,
        shown_in_pop=field.shown_in_pop,
        position=field.position,
        archived=field.archived,
    )

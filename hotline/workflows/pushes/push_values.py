"""What placeholders stand for, for those who send and those who review."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.fields import TRIGGER
from hotline.crm.company import Company
from hotline.crm.database import Reader
from hotline.crm.queries.campaigns.push_triggers import Trigger, trigger_values
from hotline.crm.queries.pushes import push_values as queries
from hotline.crm.queries.pushes.push_values import PushSchema
from hotline.crm.viewer import SYSTEM
from hotline.workflows.company.company import get as company_section
from hotline.workflows.house import House

#: Seconds after which a changed field or company is seen by who sends.
FRESH_SECONDS: Final = 5.0


@dataclass
class _Kept:
    schema: PushSchema | None = None
    read_at: float = float("-inf")


async def schema_of(house: House, db: Reader | None = None) -> PushSchema:
    """What is the same for every recipient, at most some seconds old. Give a unit of work as ``db`` inside one."""
    kept: _Kept = house.kept.setdefault(_Kept, _Kept())
    if kept.schema is None or monotonic() - kept.read_at > FRESH_SECONDS:
        company = await company_section(house, Company, db)
        kept.schema = await queries.read_schema(db or house.db, SYSTEM, company, house.settings.timezone)
        kept.read_at = monotonic()
    return kept.schema


async def values_for(
    house: House, wanted: Mapping[UUID, str], names: Collection[str], db: Reader | None = None
) -> dict[UUID, dict[str, str]]:
    """The values called ``names`` of the customers in ``wanted`` (customer → language), by one statement; who was
    erased is left out."""
    if not wanted:
        return {}
    schema = await schema_of(house, db)
    return await queries.values_of(db or house.db, house.keyring, SYSTEM, schema, wanted, names, house.clock())


async def trigger_values_for(
    house: House,
    facts: Mapping[UUID, Mapping[str, Any] | None],
    locales: Mapping[UUID, str],
    names: Collection[str],
    db: Reader | None = None,
) -> dict[UUID, dict[str, str]]:
    """What set each delivery off, for the names among ``names`` that are of it; ``facts`` and ``locales`` are
    the deliveries'. No statement where none is asked for."""
    asked = {
        delivery: Trigger(locales[delivery], _id(each.get("ticket_id")), _id(each.get("purchase_id")))
        for delivery, each in facts.items()
        if each
    }
    if not asked or not any(name in TRIGGER for name in names):
        return {}
    return await trigger_values(db or house.db, house.keyring, SYSTEM, asked, house.settings.timezone)


def _id(value: Any) -> UUID | None:
    return UUID(str(value)) if value else None

"""Who is greeted on which day by a private field: what it holds is sealed, so that each customer's is opened and looked
at once a day, some at a time, and what was found is kept in memory alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Final
from uuid import UUID

from hotline.campaigns.schedule import Birthday
from hotline.crm.queries.customers.sealed_days import sealed_days
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Forbidden, Invalid
from hotline.workflows.company import fields
from hotline.workflows.house import House

#: Customers who are looked at in one step, and seconds between two looks at who was changed since.
STEP: Final = 20_000
AGAIN_SECONDS: Final = 240.0
#: Fields of which days are remembered; more take turns.
_MOST: Final = 20
#: Changes are looked for a little further back than the last look: they carry the time at which they began.
_OVERLAP: Final = timedelta(minutes=10)
_FIRST: Final = UUID(int=0)


async def check_field(house: House, viewer: Viewer, trigger: Birthday, uow: UnitOfWork) -> None:
    """A field that holds no day greets nobody, ever. Raises Invalid, and Forbidden for who may not see what a private
    one holds: who is greeted tells the day."""
    described = (await fields.load(house, uow)).get(trigger.field)
    if described is None or described.target != "customer" or described.archived:
        raise Invalid("schedule.trigger.field: customers have no such field.")
    if described.type not in ("date", "datetime"):
        raise Invalid("schedule.trigger.field: this field is no date.")
    if described.private and "private" in viewer.masks:
        raise Forbidden("Your role does not see private fields.")


@dataclass
class _Found:
    days: frozenset[str]
    by_customer: dict[UUID, str] = field(default_factory=dict)
    #: How far the step has come; None: through.
    after: UUID | None = _FIRST
    #: Who was changed since is still to be looked at; None: everybody is.
    since: datetime | None = None
    began_at: datetime | None = None
    again_at: float = 0.0


async def greeted(house: House, key: str, days: frozenset[str]) -> dict[UUID, str] | None:
    """customer → the day of theirs that is among ``days``; None while not everybody was looked at. Ask again then."""
    kept: dict[tuple[str, frozenset[str]], _Found] = house.kept.setdefault("sealed days", {})
    found = kept.get((key, days))
    if found is None:
        if len(kept) >= _MOST:
            kept.clear()
        found = kept[key, days] = _Found(days)
    if found.after is None and monotonic() >= found.again_at:
        found.after, found.since = _FIRST, found.began_at
        found.began_at = None
    if found.after is not None:
        await _step(house, key, found)
    # Who was found before is greeted while changes are looked for.
    return found.by_customer if found.after is None or found.since is not None else None


async def _step(house: House, key: str, found: _Found) -> None:
    if found.began_at is None:
        found.began_at = house.clock() - _OVERLAP
    assert found.after is not None
    some, more = await sealed_days(
        house.db, house.keyring, SYSTEM, key, found.days, after=found.after, most=STEP, changed_since=found.since
    )
    for customer_id, day in some.items():
        if day is None:
            found.by_customer.pop(customer_id, None)
        else:
            found.by_customer[customer_id] = day
    found.after = max(some) if more and some else None
    if found.after is None:
        found.again_at = monotonic() + AGAIN_SECONDS

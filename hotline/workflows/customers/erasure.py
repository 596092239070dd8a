"""Erasing a person for good: looked at first, asked for with the customer's number, done at once, never undone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from hotline.crm.commands.customers import erasure as commands
from hotline.crm.commands.customers.erasure import Reach, Standing
from hotline.crm.commands.tickets.tickets import lock_ticket
from hotline.crm.database import Reader
from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, Invalid, NotFound
from hotline.workflows.customers import erased_ledger
from hotline.workflows.customers.erased_ledger import Erased
from hotline.workflows.house import House
from hotline.workflows.tickets.tickets_kept import keep_ticket
from hotline.workflows.upkeep.backup_parts import parts

log = structlog.get_logger(__name__)

#: Why somebody is erased: codes, since the proof holds no words about a person.
REASONS: Final = ("request", "consent_withdrawn", "no_purpose", "retention", "mistake", "other")
#: Reason of an erasure that is done again on an older backup, or for what came late.
AGAIN: Final = "again"
#: What a PBX sends late, a recording after a day without a line, comes within this.
LATE: Final = timedelta(days=35)


class NotNow(Conflict):
    """This person cannot be erased now."""

    code = "erasure_blocked"


@dataclass(frozen=True, slots=True)
class ErasurePreview:
    """What an erasure would do. ``customers`` are the ids that go, records merged into this one included; ``confirm``
    is what must be sent back; ``counts`` are rows by table."""

    customer_id: UUID
    confirm: str
    customers: tuple[UUID, ...]
    counts: dict[str, int]
    open_calls: tuple[UUID, ...]
    open_tickets: tuple[UUID, ...]
    erased: bool

    @property
    def possible(self) -> bool:
        """Whether it could be done now."""
        return not (self.open_calls or self.erased)


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure that was done."""

    customer_id: UUID
    customers: tuple[UUID, ...]
    counts: dict[str, int]
    files: int


async def preview(house: House, viewer: Viewer, customer_id: UUID) -> ErasurePreview:
    """What erasing this customer would do. Raises Forbidden and NotFound."""
    viewer.require("customers.erase")
    customer = await get_customer(house.db, house.keyring, viewer, customer_id)
    reach = await commands.reach_of(house.db, customer.id)
    found = await commands.standing(house.db, reach, house.clock())
    counts = {} if customer.erased else await commands.count_rows(house.db, reach)
    return ErasurePreview(
        customer_id=reach.asked,
        confirm=customer.reference,
        customers=reach.customers,
        counts=counts,
        open_calls=found.open_calls,
        open_tickets=found.open_tickets,
        erased=customer.erased,
    )


async def erase(house: House, viewer: Viewer, customer_id: UUID, *, reason: str, confirm: str) -> Erasure:
    """Erase a customer and every record that was merged into theirs. ``confirm`` is their number, C10001.

    Open tickets of theirs are closed: nobody is left to answer. Raises Forbidden, NotFound, Invalid for a wrong reason
    or number, and NotNow while they are on the telephone.
    """
    viewer.require("customers.erase")
    if reason not in REASONS:
        raise Invalid(f"reason: expected one of {', '.join(REASONS)}.")
    customer = await get_customer(house.db, house.keyring, viewer, customer_id)
    if customer.erased:
        raise NotNow("This customer was erased already.")
    if confirm.strip().upper() != customer.reference:
        raise Invalid(f"confirm: send the customer's number, {customer.reference}; an erasure cannot be undone.")
    async with house.unit(viewer) as uow:
        reach = await commands.lock_person(uow, customer.id)
        found = await commands.standing(uow, reach, uow.now)
        if found.open_calls:
            raise NotNow("This person is on the telephone; erase them when the call is over.")
        await _close_tickets(house, uow, found)
        done = await commands.erase_person(uow, reach, reason)
    await _outside(house, reach, done)
    return Erasure(reach.asked, reach.customers, done.counts, len(done.files))


async def _close_tickets(house: House, uow: UnitOfWork, found: Standing) -> None:
    """A line of each ticket's history says who closed it; nothing of the person is in it."""
    for ticket_id in found.open_tickets:
        ticket = await lock_ticket(uow, ticket_id)
        if ticket is not None:
            ticket.set(state="closed", provisional=False)
            if ticket.callback_due is not None and ticket.callback_done_at is None:
                ticket.set(callback_due=None)
            await keep_ticket(house, uow, ticket)


async def _outside(house: House, reach: Reach, done: commands.Erased) -> None:
    """What lies outside the database: files are removed, the ids are noted for who restores an older backup."""
    await asyncio.to_thread(remove_files, house, done.files)
    at = house.clock()
    known = dict(await commands.erased_people(house.db, among=reach.customers))
    lines = [
        erased_ledger.signed(house.keyring, Erased(customer_id, known.get(customer_id, at)))
        for customer_id in reach.customers
    ]
    await asyncio.to_thread(erased_ledger.note, house.settings.data_dir, lines)


def remove_files(house: House, files: Iterable[tuple[str, str]]) -> None:
    """Remove files by part and path, after their rows. Blocking."""
    folders = parts(house.settings)
    for part, path in files:
        try:
            (folders[part] / path).unlink(missing_ok=True)
        except OSError as error:
            # Its key is destroyed: nobody can open it.
            log.error("erasure.file_kept", part=part, error=error.strerror)


async def people_erased(db: Reader) -> Sequence[tuple[UUID, datetime]]:
    """Everybody who was ever erased, and when."""
    return await commands.erased_people(db)


async def erase_again(house: House, customers: Iterable[UUID]) -> int:
    """Erase again who was erased before: after a restore, and for what arrived late. How many had something left."""
    done = 0
    for customer_id in customers:
        try:
            async with house.unit(SYSTEM) as uow:
                reach = await commands.lock_person(uow, customer_id)
                if not await commands.has_left(uow, reach):
                    continue
                erased = await commands.erase_person(uow, reach, AGAIN)
        except NotFound:
            continue
        await _outside(house, reach, erased)
        done += 1
    return done


async def erase_idle(house: House, customer_id: UUID) -> bool:
    """Erase a customer whose time is over; False when they are on the telephone, or something is owed to them."""
    async with house.unit(SYSTEM) as uow:
        reach = await commands.lock_person(uow, customer_id)
        found = await commands.standing(uow, reach, uow.now)
        if found.open_calls or found.open_tickets:
            return False
        done = await commands.erase_person(uow, reach, "retention")
    await _outside(house, reach, done)
    return True


async def erase_late(house: House) -> int:
    """Erase what arrived for people who were erased lately; how many of them."""
    since = house.clock() - LATE
    return await erase_again(
        house, [customer_id for customer_id, _ in await commands.erased_people(house.db, since=since)]
    )

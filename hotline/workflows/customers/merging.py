"""Merging customers and undoing it, with what follows: calls that ring, their tickets, the streams that show them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

import structlog

from hotline.crm.commands.calls import calls
from hotline.crm.commands.customers import merge_rows, merges, unmerge
from hotline.crm.commands.customers.merges import Merged
from hotline.crm.commands.customers.unmerge import Unmerged
from hotline.crm.commands.tickets import tickets
from hotline.crm.commands.tickets.notes import move_notes
from hotline.crm.commands.upkeep.idempotency import Idempotency, claim
from hotline.crm.queries.customers.merges import get_merge
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Unavailable
from hotline.workflows.calls.calls import save_followed
from hotline.workflows.house import House
from hotline.workflows.tickets.automatic import Following

log = structlog.get_logger(__name__)

#: Tries of a merge that met another change half-way in the database.
TRIES: Final = 3
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of both records that the choices were made by; None: whichever is there."""

    kept: int | None = None
    other: int | None = None


async def merge_customers(
    house: House,
    viewer: Viewer,
    kept_id: UUID,
    other_id: UUID,
    choices: Mapping[str, str],
    versions: Versions | None = None,
    idempotency: Idempotency | None = None,
) -> UUID:
    """Make ``other_id`` a part of ``kept_id``; the merge's id. Raises Forbidden, NotFound, Invalid, Conflict.

    Calls that ring or are on follow at once: the pop shows the kept customer, and the ticket is theirs.
    """
    viewer.require("customers.merge")
    expected = (versions.kept, versions.other) if versions is not None else (None, None)

    async def once() -> tuple[UUID, Merged | None]:
        following: list[Following] = []
        async with house.unit(viewer) as uow:
            merge_id = uow.new_id()
            if (earlier := await claim(uow, idempotency, merge_id)) is not None:
                return earlier, None
            await merges.take_turn(uow)
            open_calls = await merge_rows.lock_open_calls(uow, [kept_id, other_id])
            merged = await merges.merge_customers(uow, kept_id, other_id, choices, expected, merge_id)
            for call_id in open_calls:
                following.append(await _call_follows(house, uow, merged, call_id))
            await _tell_tickets(uow, kept_id)
        for each in following:
            await each.after()
        return merge_id, merged

    merge_id, merged = await _several_tries(once)
    if merged is not None:
        async with house.unit(SYSTEM) as uow:
            if late := await merges.sweep(uow, merged.gone_id):
                log.info("merge.swept", merge_id=str(merge_id), rows=late)
    return merge_id


async def undo_merge(house: House, viewer: Viewer, merge_id: UUID) -> Unmerged:
    """Separate two customers again; what changed since stays with the one that was kept, and is told."""
    viewer.require("customers.merge")
    await get_merge(house.db, house.keyring, viewer, merge_id)

    async def once() -> Unmerged:
        following: list[Following] = []
        async with house.unit(viewer) as uow:
            await merges.take_turn(uow)
            kept_id = (await get_merge(uow, uow.keyring, viewer, merge_id)).kept_id
            open_calls = await merge_rows.lock_open_calls(uow, [kept_id])
            undone = await unmerge.undo_merge(uow, merge_id)
            for call_id in open_calls:
                following.append(await _call_returns(house, uow, undone, call_id))
            for customer_id in (undone.kept_id, undone.gone_id):
                await _tell_tickets(uow, customer_id)
        for each in following:
            await each.after()
        return undone

    return await _several_tries(once)


async def _call_follows(house: House, uow: UnitOfWork, merged: Merged, call_id: UUID) -> Following:
    """A call that is open: whoever may be the caller is the kept customer now, and is the caller if nobody else may."""
    call, _ = await calls.load_call(uow, call_id, ())
    assert call is not None
    following = Following(house, uow, call)
    if merged.gone_id in call.candidate_ids:
        others = [each for each in call.candidate_ids if each not in (merged.gone_id, merged.kept_id)]
        call.set(candidate_ids=[merged.kept_id, *others])
        await merge_rows.note_item(uow, merged.id, "candidate", call_id)
        if call.customer_id is None and not others:
            call.set(customer_id=merged.kept_id)
            await merge_rows.note_item(uow, merged.id, "picked", call_id)
            await calls.reseal_caller(uow, call, merged.key)
            await following.decide()
    await _save(uow, call, following)
    return following


async def _call_returns(house: House, uow: UnitOfWork, undone: Unmerged, call_id: UUID) -> Following:
    """An open call of two customers who are two again: either may be the caller, as it was before."""
    call, _ = await calls.load_call(uow, call_id, ())
    assert call is not None
    following = Following(house, uow, call)
    if (call_id, "candidate") in undone.calls and undone.gone_id not in call.candidate_ids:
        call.set(candidate_ids=[*call.candidate_ids, undone.gone_id])
    if (call_id, "picked") in undone.calls and call.customer_id == undone.kept_id:
        call.set(customer_id=None)
        await calls.reseal_caller(uow, call, None)
        await following.decide()
    await _save(uow, call, following)
    return following


async def _save(uow: UnitOfWork, call: calls.CallRecord, following: Following) -> None:
    call.changed = True  # its version tells the streams that what it shows is another one's
    await save_followed(uow, call, following)
    await calls.write_timeline(uow, call)
    if call.customer_id is not None:
        await move_notes(uow, call.id, call.customer_id)


async def _tell_tickets(uow: UnitOfWork, customer_id: UUID) -> None:
    """Open tickets show whose they are: their lists and pages follow."""
    for ticket_id in await merge_rows.open_tickets(uow, customer_id):
        ticket = await tickets.lock_ticket(uow, ticket_id)
        if ticket is not None:
            marks = tickets.ticket_marks(ticket)
            uow.emit("ticket.updated", marks, ticket_id=ticket.id, version=ticket.version)


async def _several_tries(once: Callable[[], Awaitable[T]]) -> T:
    for _ in range(TRIES - 1):
        try:
            return await once()
        except Unavailable as error:
            log.info("merge.again", reason=error.code)
    return await once()

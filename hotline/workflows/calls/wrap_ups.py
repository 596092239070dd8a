"""The wrap-up of a call: what the agent says of it closes the interaction, and they take calls again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hotline.crm.commands.calls import wrap_ups as commands
from hotline.crm.commands.calls.wrap_ups import WrapUpRecord
from hotline.crm.commands.tickets import notes
from hotline.crm.commands.tickets.tickets import lock_ticket, ticket_of_call
from hotline.crm.queries.calls.calls import require_call
from hotline.crm.queries.calls.wrap_ups import WrapUpView, get_wrap_up
from hotline.crm.queries.tickets.tickets import require_ticket
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers.text import many_lines
from hotline.errors import Invalid, NotFound, NotSignedIn
from hotline.tickets.dispositions import EFFECTS, effect
from hotline.workflows.calls.commands import wake
from hotline.workflows.calls.pauses import order_pause
from hotline.workflows.customers.customers import LONGEST_NOTE
from hotline.workflows.house import House
from hotline.workflows.tickets import tickets
from hotline.workflows.tickets.tickets import TicketChanges
from hotline.workflows.tickets.tickets_kept import keep_ticket

#: How long a pause of hotline's own may outlive its wrap-up before hotline asks the PBX again to end it.
FORGOTTEN: Final = timedelta(seconds=15)


async def wrap_up_call(
    house: House,
    viewer: Viewer,
    call_id: UUID,
    *,
    disposition: str | None = None,
    note: str | None = None,
    note_id: UUID | None = None,
    ticket: TicketChanges | None = None,
    callback_due: datetime | None = None,
    finish: bool = True,
) -> WrapUpView:
    """Say what became of a call. While it goes on the disposition is kept; once it is over the wrap-up is done, its
    ticket gets what follows from the disposition, and the agent takes calls again. Not to ``finish``: it is kept even
    if the call ended while this was on its way, and the wrap-up goes on.

    Raises Forbidden, NotFound, Invalid, or Conflict when the ticket cannot become what is asked for.
    """
    viewer.require("tickets.write")
    if viewer.user_id is None:
        raise NotSignedIn()
    if disposition is not None and disposition not in EFFECTS:
        raise Invalid(f"disposition: one of {', '.join(EFFECTS)}")
    woken: set[str] = set()
    async with house.unit(viewer) as uow:
        await require_call(uow, viewer, call_id)
        call = await commands.lock_call(uow, call_id)
        if call is None:
            raise NotFound()
        found = await commands.lock_wrap_up(uow, call.id, viewer.user_id)
        said = disposition or found.disposition
        # An agent who gave the call away, or whose part is over, wraps up while the call goes on with somebody else.
        over = finish and (call.ended_at is not None or found.started_at is not None)
        if note:
            text = many_lines(note, "note", LONGEST_NOTE, needed=True)
            await notes.write_note(uow, note_id or uow.new_id(), text, None, call.id)
        if call.ticket_id is not None:
            await _on_ticket(house, uow, viewer, call.ticket_id, call.id, said if over else None, ticket, callback_due)
        if await commands.save_wrap_up(uow, found, said, done=over):
            await commands.close_interaction(uow, call.id, said)
            woken = await _go_on(uow, found)
        uow.audit("call:wrapped_up", call.id, disposition=said, done=over)
        view = await get_wrap_up(uow, viewer, call.id)
    await wake(house, woken)
    return view


async def _on_ticket(
    house: House,
    uow: UnitOfWork,
    viewer: Viewer,
    ticket_id: UUID,
    call_id: UUID,
    disposition: str | None,
    changes: TicketChanges | None,
    callback_due: datetime | None,
) -> None:
    await require_ticket(uow, viewer, ticket_id)
    ticket = await lock_ticket(uow, ticket_id)
    if ticket is None:
        return
    if changes:
        await tickets.change(house, uow, viewer, ticket, changes)
    if disposition is None:
        return
    own = ticket.call_id == call_id
    does = effect(disposition, ticket.state, own=own)
    if does.state is not None and "state" not in (changes or {}):
        ticket.set(state=does.state, provisional=False)
        if does.state == "discarded":
            ticket.set(discarded_as="wrong_number")
    if does.callback or callback_due is not None:
        await tickets.order_callback(house, uow, ticket, callback_due)
    ticket.set(disposition=disposition, touched=True)
    await keep_ticket(house, uow, ticket, call_id=call_id)


async def end_wrap_ups(house: House) -> int:
    """End the wrap-ups whose time is up, and pauses that outlived theirs; answers how many ended."""
    woken: set[str] = set()
    async with house.unit(SYSTEM) as uow:
        ended = await commands.end_due(uow)
        for each in ended:
            if each.disposition is not None:
                await _kept_disposition(house, uow, each)
            woken |= await _go_on(uow, each)
    await wake(house, woken)
    return len(ended)


async def end_forgotten_pauses(house: House) -> None:
    """Let agents go on who are still paused for a wrap-up that is over: the PBX was away when it ended."""
    woken: set[str] = set()
    async with house.unit(SYSTEM) as uow:
        for user_id, places in (await commands.forgotten_pauses(uow, FORGOTTEN)).items():
            woken |= await order_pause(uow, user_id, places, paused=False)
    await wake(house, woken)


async def _kept_disposition(house: House, uow: UnitOfWork, wrap_up: WrapUpRecord) -> None:
    """What the agent said during the call, when they said nothing after it."""
    ticket_id, _ = await ticket_of_call(uow, wrap_up.call_id)
    if ticket_id is not None:
        await _on_ticket(house, uow, SYSTEM, ticket_id, wrap_up.call_id, wrap_up.disposition, None, None)


async def _go_on(uow: UnitOfWork, wrap_up: WrapUpRecord) -> set[str]:
    """Let the agent take calls again, unless another wrap-up of theirs runs."""
    if wrap_up.pbx is None:
        return set()
    places = await commands.places_to_unpause(uow, wrap_up.user_id)
    return await order_pause(uow, wrap_up.user_id, places, paused=False, call_id=wrap_up.call_id) if places else set()

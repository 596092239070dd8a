"""What happens when a telephone rings: a story's lines become rows, a timeline and events.

``apply`` is the way of the screen pop: one unit of work for all lines of a call that have piled up. Two readers of one
PBX, or one that reads its journal again, may tell the same lines: nothing happens twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import structlog

from hotline import phone
from hotline.calls.open_calls import OpenCall
from hotline.calls.story import (
    Alias,
    CallAliased,
    CallArrived,
    CallEnded,
    CallerChanged,
    CallJoined,
    CallsMerged,
    Disposition,
    Line,
    RingEnded,
    RingStarted,
)
from hotline.crm.commands.calls import calls as commands
from hotline.crm.commands.calls.calls import CallRecord, Dialled, Owner, Phone
from hotline.crm.commands.customers.customers import lock_customer
from hotline.crm.commands.customers.merges import root_of
from hotline.crm.commands.ivr.ivr import session_facts
from hotline.crm.commands.tickets.notes import move_notes
from hotline.crm.commands.twilio.twilio_waiting import note_pbx
from hotline.crm.queries.calls import calls as queries
from hotline.crm.queries.customers.customers import CustomerView
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import NotFound
from hotline.workflows.calls.commands import TWILIO as TWILIO
from hotline.workflows.calls.story import Scribe
from hotline.workflows.customers.customers import NewCustomer, create_customer
from hotline.workflows.house import House
from hotline.workflows.tickets.automatic import Following

log = structlog.get_logger(__name__)

_LONGEST_NUMBER = 64


class _StartAgain(Exception):
    """Another reader created the call between our look and our write."""


async def apply(house: House, pbx: str, lines: Sequence[Line]) -> None:
    """Write the lines of a story, in one unit of work per call."""
    for call_id, some in groupby(lines, key=lambda line: line.call_id):
        told = list(some)
        try:
            await _apply(house, pbx, call_id, told)
        except _StartAgain:
            await _apply(house, pbx, call_id, told)


async def _apply(house: House, pbx: str, call_id: UUID, lines: Sequence[Line]) -> None:
    async with house.unit(SYSTEM) as uow:
        call, phones = await commands.load_call(uow, call_id, _interfaces(lines))
        gone: UUID | None = None
        if (joined := next((line for line in lines if isinstance(line, CallJoined)), None)) is not None:
            call, gone = await _join(uow, pbx, call, joined)
        if call is None:
            call = await _arrive(house, uow, pbx, lines, phones)
        if call is None:
            log.warning("call.unknown", call_id=str(call_id), lines=[type(line).__name__ for line in lines])
            return
        scribe = Scribe(uow, call, phones, pbx)
        following = Following(house, uow, call)
        if gone is not None:
            following.merged(call, gone)
        aliases: list[Alias] = []
        for line in lines:
            match line:
                case CallArrived() | CallAliased():
                    if isinstance(line, CallArrived) and call.exists and call.id == line.call_id and not scribe.away:
                        call.set(dialled=_plain_dialled(line.dialled, call.direction) or call.dialled)
                    aliases += line.aliases
                case CallerChanged() if scribe.away:
                    pass  # who calls, Twilio said; a trunk knows no better
                case CallerChanged():
                    await _caller_changed(house, uow, scribe, line)
                case CallsMerged():
                    scribe = await _merge(uow, scribe, line)
                    if call is not scribe.call:
                        call = scribe.call
                        following.merged(call, line.gone)
                case _:
                    scribe.write(line)
        fresh = not call.exists
        # The ticket is decided before the pop is told, and written after: the pop's events go first.
        scribe.updated |= await following.decide() and not fresh
        scribe.finish()
        if not await commands.save_call(uow, call, dict.fromkeys(aliases), named_by=pbx):
            raise _StartAgain
        if joined is not None and isinstance(joined.other, str):
            # Twilio's call may not be in the records yet: whoever tells of it finds this one, and they are one.
            await commands.name_call(uow, call.id, TWILIO, (Alias("uniqueid", joined.other),))
        if scribe.away and pbx != TWILIO:
            await note_pbx(uow, call.id, lines)
        await following.write()
        if scribe.timeline or (fresh and call.customer_id is not None):
            await commands.write_timeline(uow, call)
    await following.after()


def _interfaces(lines: Iterable[Line]) -> list[str]:
    names: dict[str, None] = {}
    for line in lines:
        if isinstance(line, RingStarted):
            names |= dict.fromkeys(line.interfaces)
        elif isinstance(line, CallArrived):
            names[line.interface] = None
    return list(names)


async def _join(
    uow: UnitOfWork, pbx: str, call: CallRecord | None, line: CallJoined
) -> tuple[CallRecord | None, UUID | None]:
    """The call of Twilio that this one is the further way of, locked, and the call that became part of it if it was in
    the records already. What is no call of Twilio's that is under way joins nothing: the name came over the network."""
    if isinstance(line.other, str):
        other_id = await commands.find_aliased(uow, TWILIO, (Alias("uniqueid", line.other),))
        if other_id is None:
            return call, None  # nobody told of it yet; who does finds this one
    else:
        other_id = line.other
    other, _ = await commands.load_call(uow, other_id, ())
    if call is not None and other is not None and call.id == other.id:
        return other, None
    if other is None or other.pbx != TWILIO or other.ended_at is not None:
        log.warning("call.not_joined", call_id=str(line.call_id), pbx=pbx)
        return call, None
    gone = call.id if call is not None else line.call_id
    if not await commands.merge_calls(uow, other, gone, line.at, pbx=pbx):
        return other, None
    uow.audit("call:merged", other.id, gone=gone)
    joined, _ = await commands.load_call(uow, other.id, ())
    return joined, gone if call is not None else None


async def _arrive(
    house: House, uow: UnitOfWork, pbx: str, lines: Sequence[Line], phones: Sequence[Phone]
) -> CallRecord | None:
    """A new call, its caller looked up; or the call that these names are already known for."""
    line = next((line for line in lines if isinstance(line, CallArrived)), None)
    if line is None:
        return None
    known = await commands.find_aliased(uow, pbx, line.aliases)
    if known is not None:
        call, _ = await commands.load_call(uow, known, ())
        if call is not None:
            await commands.merge_calls(uow, call, line.call_id, line.at)
            return call
    dialler = next((p.user_id for p in phones if line.interface in p.interfaces), None)
    command = next((a.value for a in line.aliases if a.kind == "command"), None)
    number, withheld = line.number, line.withheld or phone.is_withheld(line.number, line.name)
    name = line.name
    asked = Dialled()
    if command is not None:
        asked = await commands.find_dialled(uow, UUID(command))
        dialler, number, withheld, name = dialler or asked.user_id, asked.number, False, None
    elif dialler is not None and (line.dialled or "").strip("+").isdigit():
        withheld = False
        if len(line.dialled or "") > phone.LONGEST_SHORT_NUMBER:
            number, name = line.dialled, None
    direction = "out" if dialler is not None or command is not None else "in"
    call = CallRecord(
        id=line.call_id,
        pbx=pbx,
        direction=direction,
        offered_at=line.at,
        dialled=_plain_dialled(line.dialled, direction),
        user_id=dialler,
        dialler_id=dialler,
    )
    if asked.ticket_id is not None:
        call.set(ticket_id=asked.ticket_id, ticket_by="callback", ticket_at=uow.now)
    await _identify(house, uow, call, number, name, withheld)
    if direction == "in":
        await _take_session(uow, call, line)
    uow.audit("call:arrived", call.id, pbx=pbx, direction=call.direction)
    return call


async def _take_session(uow: UnitOfWork, call: CallRecord, line: CallArrived) -> None:
    """What the caller told the IVR before the records knew of the call: they were away, or the PBX's events late."""
    names = [alias.value for alias in line.aliases if alias.kind in ("uniqueid", "linkedid")]
    told = await session_facts(uow, call.pbx, names)
    if told is None:
        return
    ivr, customer_id = told
    call.set(ivr=ivr)
    if customer_id is not None and call.customer_id is None:
        await commands.reseal_caller(uow, call, (await lock_customer(uow, customer_id)).key)
        call.set(customer_id=customer_id)


def _plain_dialled(dialled: str | None, direction: str) -> str | None:
    """What was dialled: the company's own number on the way in; on the way out a customer's, which is sealed."""
    if dialled is None or (direction == "out" and len(dialled) > phone.LONGEST_SHORT_NUMBER):
        return None
    return dialled[:100]


async def _identify(
    house: House, uow: UnitOfWork, call: CallRecord, number: str | None, name: str | None, withheld: bool
) -> None:
    """Keep the caller's number and find who has it."""
    country: str | None = None
    owners: list[Owner] = []
    if withheld or not number:
        number, name = None, None
    else:
        try:
            parsed = phone.parse(number, house.settings.region)
            number, country = parsed.value, parsed.country
        except phone.NotANumber:
            number = number[:_LONGEST_NUMBER]
        owners = await commands.find_owners(uow, uow.keyring.blind_index("phone", number))
    call.set(caller_withheld=withheld)
    await commands.seal_caller(uow, call, number, name, country, owners)
    if call.direction == "out" and call.user_id is not None and not owners and call.dialled is not None:
        # An agent who asks a colleague on a second line, with a customer on the first: whom the colleague's pop shows.
        call.set(candidate_ids=await commands.find_consulted_about(uow, call.user_id, call.id))


async def _caller_changed(house: House, uow: UnitOfWork, scribe: Scribe, line: CallerChanged) -> None:
    call = scribe.call
    if call.answered_at is not None or (call.direction == "out" and call.dialled is None):
        return  # whom an agent dialled is known by the number dialled; a short one leaves the agent's own
    if call.customer_id is not None and call.customer_id not in call.candidate_ids:
        return  # an agent has said who it is
    withheld = line.withheld or phone.is_withheld(line.number, line.name)
    before = (call.caller_index, call.customer_id)
    await _identify(house, uow, call, line.number, line.name, withheld)
    scribe.updated |= before != (call.caller_index, call.customer_id) and call.exists
    scribe.timeline |= before[1] != call.customer_id


async def _merge(uow: UnitOfWork, scribe: Scribe, line: CallsMerged) -> Scribe:
    call = scribe.call
    if line.gone == call.id:
        return scribe
    before = set(call.legs)
    if not await commands.save_call(uow, call):
        raise _StartAgain
    if not await commands.merge_calls(uow, call, line.gone, line.at):
        return scribe
    merged, _ = await commands.load_call(uow, call.id, ())
    if merged is None:
        raise NotFound()
    uow.audit("call:merged", call.id, gone=line.gone)
    after = Scribe(uow, merged, scribe.phones, scribe.pbx)
    after.offers = {ring_id: merged.legs[ring_id] for ring_id in scribe.offers if ring_id in merged.legs}
    after.timeline, after.told = scribe.timeline, scribe.told
    after.moved_here(set(merged.legs) - before)
    return after


async def set_customer(house: House, viewer: Viewer, call_id: UUID, customer_id: UUID | None) -> None:
    """Say whose call it is, or nobody's. The caller's number and the notes go under the customer's key.

    Raises Forbidden, NotFound for a call or customer that is not there or not the viewer's, Conflict for one erased.
    """
    viewer.require("calls.write")
    async with house.unit(viewer) as uow:
        await queries.require_call(uow, viewer, call_id)
        call, _ = await commands.load_call(uow, call_id, ())
        if call is None:
            raise NotFound()
        customer_id = await root_of(uow, customer_id) if customer_id is not None else None
        if call.customer_id == customer_id:
            return
        following = Following(house, uow, call)
        key = (await lock_customer(uow, customer_id)).key if customer_id is not None else None
        await commands.reseal_caller(uow, call, key)
        call.set(customer_id=customer_id)
        await following.decide()
        await save_followed(uow, call, following)
        await commands.write_timeline(uow, call)
        if customer_id is not None:
            await move_notes(uow, call.id, customer_id)
        uow.audit("call:customer_set", call.id, customer_id=customer_id)


async def save_followed(uow: UnitOfWork, call: CallRecord, following: Following) -> None:
    """Tell that a call changed, save it, then what its ticket became with it."""
    scribe = Scribe(uow, call, (), call.pbx)
    scribe.updated = True
    scribe.finish()
    await commands.save_call(uow, call)
    await following.write()


async def follow_ivr(
    house: House, uow: UnitOfWork, call_id: UUID, ivr: Mapping[str, Any], customer_id: UUID | None = None
) -> bool:
    """Write what a caller told the IVR, and whom a customer number belongs to that was keyed in; the call's ticket
    follows. False when there is no such call. What is known already changes nothing."""
    call, _ = await commands.load_call(uow, call_id, ())
    if call is None:
        return False
    following = Following(house, uow, call)
    call.set(ivr=dict(ivr))
    identified = False
    if customer_id is not None and call.customer_id is None:
        await commands.reseal_caller(uow, call, (await lock_customer(uow, customer_id)).key)
        identified = call.set(customer_id=customer_id)
    if call.changed:
        await following.decide()
        await save_followed(uow, call, following)
        if identified:
            await commands.write_timeline(uow, call)
    return True


async def create_customer_for_call(house: House, viewer: Viewer, call_id: UUID, name: str) -> CustomerView:
    """Make a customer of the caller, with the number that they call from, and say that the call is theirs."""
    viewer.require("calls.write")
    await queries.require_call(house.db, viewer, call_id)
    # The number as it is, although this viewer may see only its last digits.
    call = await queries.get_call(house.db, house.keyring, SYSTEM, call_id)
    fields: NewCustomer = {"name": name}
    if call.caller.number is not None:
        fields["contact_points"] = [{"kind": "phone", "value": call.caller.number}]
    made = await create_customer(house, viewer, fields)
    await set_customer(house, viewer, call.id, made.id)
    return made


async def open_calls(house: House, pbx: str) -> list[OpenCall]:
    """The calls of a PBX that the records believe to be alive, for a tracker that starts anew."""
    return await queries.open_calls(house.db, SYSTEM, pbx)


async def close_unseen(house: House, pbx: str, at: datetime) -> int:
    """End all open calls of a PBX that is no longer read; answers how many. Their end was not seen."""
    calls = await open_calls(house, pbx)
    for call in calls:
        lines: list[Line] = [RingEnded(call.call_id, at, ring.ring_id, "unseen") for ring in call.rings]
        end: Disposition = "answered" if call.answered_at is not None else "no_answer"
        await apply(house, pbx, [*lines, CallEnded(call.call_id, at, end, None, False)])
    return len(calls)

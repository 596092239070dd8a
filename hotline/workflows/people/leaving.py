"""Somebody leaves: their sessions and tokens end at once, what they had goes to a colleague in the background.

Everything they did stays theirs. It can be taken back for 30 days: they may sign in again, and what was handed over and
is still with the colleague comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import structlog

from hotline.crm.commands.conversations import conversations
from hotline.crm.commands.customers import customers
from hotline.crm.commands.customers.customer_state import differences, read_state
from hotline.crm.commands.people import handover, sessions
from hotline.crm.commands.people import users as commands
from hotline.crm.commands.people.handover import Kind as RecordKind
from hotline.crm.commands.tickets import tickets
from hotline.crm.queries.calls.pbx_commands import memberships
from hotline.crm.queries.people.users import UserView, get_user
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, Forbidden, HotlineError, Invalid, NotFound
from hotline.tickets.states import OPEN
from hotline.workflows import background
from hotline.workflows.background import Kind, Run
from hotline.workflows.calls.commands import send_command
from hotline.workflows.house import House
from hotline.workflows.tickets.tickets_kept import keep_ticket

log = structlog.get_logger(__name__)

HAND_OVER: Final = "hand_over"
#: Records of one step: small enough that nobody waits for a record that is being handed over.
STEP: Final = 50
_KINDS: Final[tuple[RecordKind, ...]] = ("customer", "ticket", "conversation")


@dataclass(frozen=True, slots=True)
class Left:
    """Who left, and the job that hands over what they had; None when there is nothing to hand over."""

    user: UserView
    job_id: UUID | None


async def leave(
    house: House,
    viewer: Viewer,
    user_id: UUID,
    hand_over_to: UUID | None = None,
    *,
    with_customers: bool = True,
    with_tickets: bool = True,
    expected_version: int | None = None,
) -> Left:
    """Let somebody go. Open conversations go with the tickets; without a successor anybody may take them.

    Raises Forbidden, NotFound, Invalid for nobody to hand over to, and Conflict for oneself, for the last administrator
    or a stale version."""
    viewer.require("users.write")
    if user_id == viewer.user_id:
        raise Conflict("You cannot let yourself go; a colleague does it for you.")
    if hand_over_to == user_id:
        raise Invalid("hand_over_to: choose somebody else.")
    login = (await get_user(house.db, viewer, user_id)).login
    async with house.unit(viewer) as uow:
        user = await commands.lock_user(uow, user_id, expected_version)
        await commands.require_another_keeper(uow, user)
        if hand_over_to is not None:
            await _require_colleague(uow, hand_over_to)
    # Before they leave: only an agent who may sign in is signed out of queues, too.
    await _sign_out_of_queues(house, user_id, login)
    async with house.unit(viewer) as uow:
        user = await commands.lock_user(uow, user_id, expected_version)
        if hand_over_to is not None:
            await _require_colleague(uow, hand_over_to)
        await commands.update_user(uow, user, {"disabled_at": uow.now, "left_at": uow.now})
        await commands.sign_out_everywhere(uow, user_id)
        await commands.revoke_tokens(uow, user_id)
        await sessions.drop_challenges(uow, user_id)
        if hand_over_to is None or not with_tickets:
            await conversations.release_of(uow, user_id)
        uow.audit("user:left", user_id, hand_over_to=hand_over_to)
        job_id = await _start(uow, user_id, hand_over_to, customers=with_customers, tickets=with_tickets)
        view = await get_user(uow, viewer, user_id, house.keyring)
    if job_id is not None:
        background.wake(house)
    return Left(view, job_id)


async def hand_over(
    house: House,
    viewer: Viewer,
    user_id: UUID,
    hand_over_to: UUID,
    *,
    with_customers: bool = True,
    with_tickets: bool = True,
) -> UUID | None:
    """Hand over what somebody has without letting them go, for example for a long absence; the job's id."""
    viewer.require("users.write")
    if hand_over_to == user_id:
        raise Invalid("hand_over_to: choose somebody else.")
    async with house.unit(viewer) as uow:
        await commands.lock_user(uow, user_id)
        await _require_colleague(uow, hand_over_to)
        job_id = await _start(uow, user_id, hand_over_to, customers=with_customers, tickets=with_tickets)
    if job_id is not None:
        background.wake(house)
    return job_id


async def come_back(house: House, viewer: Viewer, user_id: UUID, kinds: Mapping[str, Kind]) -> Left:
    """Take back that somebody left: they may sign in again, and what was handed over and is still with the colleague
    comes back. API tokens stay revoked. Raises NotFound, Forbidden, Conflict when they did not leave."""
    viewer.require("users.write")
    async with house.unit(viewer) as uow:
        user = await commands.lock_user(uow, user_id)
        if (await get_user(uow, viewer, user_id)).left_at is None:
            raise Conflict("This user has not left.")
        await commands.update_user(uow, user, {"disabled_at": None, "left_at": None})
        uow.audit("user:came_back", user_id)
        job_id = await handover.last_handover(uow, user_id)
        if job_id is not None:
            try:
                await background.undo_in(uow, job_id, kinds)
            except (Conflict, Forbidden, NotFound) as error:
                # It is too late, or somebody undid it already: they are back all the same.
                log.info("user.handover_stays", user_id=str(user_id), reason=error.code)
                job_id = None
        view = await get_user(uow, viewer, user_id, house.keyring)
    if job_id is not None:
        background.wake(house)
    return Left(view, job_id)


async def run_hand_over(house: House, run: Run) -> Mapping[str, Any]:
    """Give the records away, step by step; what somebody else took meanwhile is left alone."""
    params = run.job.params
    giver, taker = UUID(params["from_user_id"]), UUID(params["to_user_id"])
    given_of: dict[str, Any] = dict.fromkeys(_KINDS, 0)
    cursor = {"kind": _KINDS[0], "after": None} | given_of | dict(run.job.cursor or {})
    for kind in _KINDS[_KINDS.index(cursor["kind"]) :]:
        if cursor["kind"] != kind:
            cursor |= {"kind": kind, "after": None}
        while params.get(f"{kind}s"):
            async with house.unit(_actor(run.viewer)) as uow:
                after = UUID(cursor["after"]) if cursor["after"] else None
                ids = await handover.next_records(uow, kind, giver, after, STEP)
                given = [each for each in ids if await _give(house, uow, kind, each, giver, taker, run.job.id)]
                await handover.note_given(uow, run.job.id, kind, given)
                if ids:
                    cursor |= {"after": str(ids[-1]), kind: cursor[kind] + len(given)}
                await run.advance(uow, cursor=cursor, done=len(ids))
            if len(ids) < STEP:
                break
    return {f"{kind}s": cursor[kind] for kind in _KINDS}


async def undo_hand_over(house: House, run: Run) -> Mapping[str, Any]:
    """Give back what is still with whom it was given to."""
    giver, taker = UUID(run.job.params["from_user_id"]), UUID(run.job.params["to_user_id"])
    cursor = dict(run.job.cursor or {})
    last, returned = int(cursor.get("returned_to", 0)), int(cursor.get("returned", 0))
    while True:
        async with house.unit(_actor(run.viewer)) as uow:
            items = await handover.next_given(uow, run.job.id, last, STEP)
            back = [
                item.id
                for item in items
                if await _give(house, uow, item.kind, item.record_id, taker, giver, run.job.id, undo=True)
            ]
            await handover.note_returned(uow, run.job.id, back)
            last, returned = items[-1].id if items else last, returned + len(back)
            await run.advance(uow, cursor={"returned_to": last, "returned": returned}, done=len(items))
        if len(items) < STEP:
            return {"returned": returned}


async def _give(
    house: House,
    uow: UnitOfWork,
    kind: RecordKind,
    record_id: UUID,
    giver: UUID,
    taker: UUID,
    job_id: UUID,
    *,
    undo: bool = False,
) -> bool:
    """Give one record if it is still the giver's."""
    if kind == "ticket":
        ticket = await tickets.lock_ticket(uow, record_id)
        if ticket is None or ticket.assignee_id != giver or ticket.state not in OPEN:
            return False
        ticket.set(assignee_id=taker, assigned_by="hand", touched=True)
        await keep_ticket(house, uow, ticket)
        uow.audit("ticket:changed", ticket.id, fields=["assignee_id"], job_id=job_id)
        return True
    if kind == "conversation":
        conversation = await conversations.lock_conversation(uow, record_id)
        if conversation.assignee_id != giver or conversation.state == "closed":
            return False
        conversation.set(assignee_id=taker, claimed_at=uow.now)
        await conversations.save_conversation(uow, conversation)
        uow.audit("conversation:changed", conversation.id, fields=["assignee_id"], job_id=job_id)
        return True
    try:
        customer = await customers.lock_customer(uow, record_id)
    except (Conflict, NotFound):
        return False  # merged or erased meanwhile
    if await handover.responsible_of(uow, record_id) != giver:
        return False
    before = await read_state(uow, record_id)
    await customers.write_fields(uow, customer, before, {"responsible_id": taker})
    after = await read_state(uow, record_id)
    await customers.changed(uow, customer, differences(before, after), "undo" if undo else "batch", job_id)
    return True


async def _start(
    uow: UnitOfWork, user_id: UUID, hand_over_to: UUID | None, *, customers: bool, tickets: bool
) -> UUID | None:
    wanted: Mapping[RecordKind, bool] = {"customer": customers, "ticket": tickets, "conversation": tickets}
    total = sum([await handover.count_records(uow, kind, user_id) for kind, chosen in wanted.items() if chosen])
    if hand_over_to is None or not total:
        return None
    users = {"from_user_id": str(user_id), "to_user_id": str(hand_over_to)}
    params = users | {f"{kind}s": chosen for kind, chosen in wanted.items()}
    return await background.start_in(uow, HAND_OVER, params, total)


async def _require_colleague(uow: UnitOfWork, user_id: UUID) -> None:
    try:
        colleague = await get_user(uow, SYSTEM, user_id)
    except NotFound:
        raise Invalid("hand_over_to: there is no such user.") from None
    if colleague.disabled_at is not None:
        raise Invalid("hand_over_to: this user may not sign in.")


async def _sign_out_of_queues(house: House, user_id: UUID, login: str) -> None:
    """Their phone rings no more. A PBX that is away does not keep anybody from leaving."""
    for each in await memberships(house.db, SYSTEM, user_id):
        try:
            await send_command(
                house, SYSTEM, {"action": "sign_out", "agent": login, "queue": each.queue, "pbx": each.pbx}
            )
        except HotlineError as error:
            log.warning("user.still_in_queue", user_id=str(user_id), pbx=each.pbx, reason=error.code)


def _actor(viewer: Viewer) -> Viewer:
    """Who hands over needs ``users.write`` only, and does it with every record that the colleague has."""
    return replace(viewer, permissions=SYSTEM.permissions, masks=frozenset())


KIND: Final = Kind(run=run_hand_over, right="users.write", undo=undo_hand_over)

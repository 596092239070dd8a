"""Conversations in people's hands: taken, given, put aside, closed, said whose they are, joined to a ticket.

What is written in them is ``messages`` (in) and ``replies`` (out).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, TypedDict, get_args
from uuid import UUID

from hotline.conversations.states import State
from hotline.crm.commands.conversations.conversation_waits import conversations_to_return
from hotline.crm.commands.conversations.conversations import (
    ConversationRecord,
    conversation_marks,
    lock_conversation,
    save_conversation,
)
from hotline.crm.commands.customers.merges import root_of
from hotline.crm.commands.upkeep.idempotency import Idempotency
from hotline.crm.queries.calls.pbx_commands import find_agent
from hotline.crm.queries.conversations.conversations import (
    ConversationView,
    get_conversation,
    require_conversation,
    seen_by_whom,
)
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.queries.tickets.tickets import require_ticket
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers.contact_points import Kind, mask
from hotline.errors import Conflict, Forbidden, Invalid, NotFound
from hotline.events import Event
from hotline.workflows.customers.customers import NewCustomer, create_customer
from hotline.workflows.house import House
from hotline.workflows.people.user_fields import QUEUE
from hotline.workflows.tickets import tickets as ticket_workflow
from hotline.workflows.tickets.tickets import NewTicket

#: Longest that a conversation is put aside.
LONGEST_WAIT: Final = timedelta(days=365)
#: Conversations that come back in one look.
BATCH: Final = 100


class ConversationChanges(TypedDict, total=False):
    """What a person may change of a conversation; what is absent stays. ``assignee`` is a login."""

    state: str
    waiting_until: datetime | None
    assignee: str | None
    queue: str | None
    customer_id: UUID | None
    ticket_id: UUID | None


async def change_conversation(
    house: House,
    viewer: Viewer,
    conversation_id: UUID,
    changes: ConversationChanges,
    expected_version: int | None = None,
) -> ConversationView:
    """Change a conversation. Raises NotFound, Forbidden, Invalid, or Conflict when it is not ``expected_version`` any
    more."""
    viewer.require("conversations.write")
    async with house.unit(viewer) as uow:
        record = await _locked(uow, viewer, conversation_id, expected_version)
        await _apply(uow, viewer, record, changes)
        return await _saved(uow, viewer, record)


async def claim(house: House, viewer: Viewer, conversation_id: UUID) -> ConversationView:
    """Take a conversation that nobody has; one's own stays. Raises Conflict for somebody else's."""
    viewer.require("conversations.write")
    if viewer.user_id is None:
        raise Forbidden()
    async with house.unit(viewer) as uow:
        record = await _locked(uow, viewer, conversation_id)
        if record.assignee_id not in (None, viewer.user_id):
            raise Conflict("Somebody else has this conversation already.")
        _give(uow, record, viewer.user_id)
        return await _saved(uow, viewer, record)


async def release(house: House, viewer: Viewer, conversation_id: UUID) -> ConversationView:
    """Give up a conversation, so that anybody may take it. Raises Forbidden for somebody else's without
    ``conversations.assign``."""
    viewer.require("conversations.write")
    async with house.unit(viewer) as uow:
        record = await _locked(uow, viewer, conversation_id)
        _may_give(viewer, record, None)
        _give(uow, record, None)
        return await _saved(uow, viewer, record)


async def open_ticket(
    house: House, viewer: Viewer, conversation_id: UUID, data: NewTicket, idempotency: Idempotency | None = None
) -> UUID:
    """Open a ticket for a conversation, for its customer unless another is named; its id. Raises as the workflow of
    tickets does."""
    viewer.require("conversations.write")
    found = await get_conversation(house.db, house.keyring, viewer, conversation_id)
    fields: NewTicket = {**data}
    if "customer_id" not in fields and found.customer is not None:
        fields["customer_id"] = found.customer.id
    made = await ticket_workflow.create_ticket(house, viewer, fields, idempotency)
    async with house.unit(viewer) as uow:
        record = await _locked(uow, viewer, conversation_id)
        record.set(ticket_id=made.id)
        await _saved(uow, viewer, record)
    return made.id


async def make_customer(
    house: House, viewer: Viewer, conversation_id: UUID, name: str, idempotency: Idempotency | None = None
) -> UUID:
    """Make a customer of whom one writes with, with their address, and say that the conversation is theirs; the
    customer's id. Without a ``name`` it is what they call themselves, else their address."""
    viewer.require("conversations.write")
    await require_conversation(house.db, viewer, conversation_id)
    # The address as it is, although this viewer may see only a part of it.
    found = await get_conversation(house.db, house.keyring, SYSTEM, conversation_id)
    if found.customer_id is not None:
        raise Conflict("This conversation has a customer already.")
    fields: NewCustomer = {"name": name.strip() or found.name or ""}
    if found.address is not None:
        kind: Kind = "email" if found.channel == "email" else "whatsapp" if found.channel == "whatsapp" else "phone"
        # A name is read by everybody who sees the customer, the whole address is not.
        fields["name"] = fields["name"] or mask(kind, found.address)
        fields["contact_points"] = [{"kind": kind, "value": found.address}]
    made = await create_customer(house, viewer, fields, idempotency)
    await change_conversation(house, viewer, conversation_id, {"customer_id": made.id})
    return made.id


async def tell_typing(house: House, viewer: Viewer, conversation_id: UUID, *, typing: bool) -> None:
    """Tell who sees a conversation that the viewer writes a reply in it, or stopped. It is told live and kept
    nowhere. Raises NotFound."""
    viewer.require("conversations.write")
    if viewer.user_id is None:
        raise Forbidden()
    people = await seen_by_whom(house.db, viewer, conversation_id)
    record = ConversationRecord(
        conversation_id, "sms", conversation_id, house.clock(), assignee_id=people.assignee_id,
        created_by_id=people.created_by_id, queue=people.queue, also=people.also, ticket_queue=people.ticket_queue,
    )  # fmt: skip
    data = {"conversation_id": str(conversation_id), "user_id": str(viewer.user_id), "typing": typing}
    event = Event(house.new_id(), "conversation.typing", house.clock(), conversation_marks(record), data)
    await house.publish([event])


async def wake_waiting(house: House) -> int:
    """Bring back what was put aside until now; answers how many conversations."""
    async with house.unit(SYSTEM) as uow:
        returned = await conversations_to_return(uow, BATCH)
        for conversation_id in returned:
            record = await lock_conversation(uow, conversation_id)
            record.set(state="open", waiting_until=None)
            await save_conversation(uow, record)
            uow.audit("conversation:returned", record.id)
    return len(returned)


async def _locked(
    uow: UnitOfWork, viewer: Viewer, conversation_id: UUID, expected_version: int | None = None
) -> ConversationRecord:
    await require_conversation(uow, viewer, conversation_id)
    return await lock_conversation(uow, conversation_id, expected_version)


async def _saved(uow: UnitOfWork, viewer: Viewer, record: ConversationRecord) -> ConversationView:
    changed = sorted(record.differences())
    if await save_conversation(uow, record):
        uow.audit("conversation:changed", record.id, fields=changed)
    # Who gave a conversation away is shown what they did, though it is no longer theirs to see.
    still = replace(viewer, permissions=viewer.permissions | {"conversations.read_all"})
    return await get_conversation(uow, uow.keyring, still, record.id)


async def _apply(uow: UnitOfWork, viewer: Viewer, record: ConversationRecord, changes: ConversationChanges) -> None:
    if "assignee" in changes:
        await _assign(uow, viewer, record, changes["assignee"])
    if "queue" in changes:
        queue = (changes["queue"] or "").strip()
        if queue and not QUEUE.fullmatch(queue):
            raise Invalid("queue: the name of a queue, as the PBX has it, for example support.")
        record.set(queue=queue or None)
    if "customer_id" in changes:
        await _set_customer(uow, viewer, record, changes["customer_id"])
    if "ticket_id" in changes:
        if (ticket_id := changes["ticket_id"]) is not None:
            await require_ticket(uow, viewer, ticket_id)
        record.set(ticket_id=ticket_id)
    if "state" in changes:
        _move(uow, record, changes["state"], changes.get("waiting_until"))
    elif "waiting_until" in changes:
        _move(uow, record, "waiting" if changes["waiting_until"] else record.state, changes["waiting_until"])


def _move(uow: UnitOfWork, record: ConversationRecord, state: Any, until: datetime | None) -> None:
    if state not in get_args(State):
        raise Invalid(f"state: one of {', '.join(get_args(State))}")
    if state != "waiting" and until is not None:
        raise Invalid("waiting_until: only a conversation that waits comes back.")
    if until is not None and not uow.now < until <= uow.now + LONGEST_WAIT:
        raise Invalid("waiting_until: a moment to come, within a year.")
    record.set(state=state, waiting_until=until)


async def _assign(uow: UnitOfWork, viewer: Viewer, record: ConversationRecord, login: str | None) -> None:
    user_id = None
    if login is not None:
        agent = await find_agent(uow, SYSTEM, login=login)
        if agent is None:
            raise Invalid("assignee: there is no such user.")
        user_id = agent.id
    _may_give(viewer, record, user_id)
    _give(uow, record, user_id)


def _may_give(viewer: Viewer, record: ConversationRecord, user_id: UUID | None) -> None:
    """Taking one oneself, and giving up one's own, is everybody's right; all else needs ``conversations.assign``."""
    if user_id == record.assignee_id:
        return
    mine = {None, viewer.user_id}
    if not viewer.may("conversations.assign") and (user_id not in mine or record.assignee_id not in mine):
        raise Forbidden("Only supervisors give conversations to others.")


def _give(uow: UnitOfWork, record: ConversationRecord, user_id: UUID | None) -> None:
    if record.set(assignee_id=user_id):
        record.set(claimed_at=None if user_id is None else uow.now)


async def _set_customer(uow: UnitOfWork, viewer: Viewer, record: ConversationRecord, customer_id: UUID | None) -> None:
    if customer_id is not None:
        if not viewer.may("customers.read"):
            raise NotFound("There is no such customer.")
        if customer_id not in record.candidate_ids:
            await require_customer(uow, viewer, customer_id)
        customer_id = await root_of(uow, customer_id)
    record.set(customer_id=customer_id)

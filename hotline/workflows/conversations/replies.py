"""What the company writes to its customers: an agent's reply, a first message, and notes that never leave.

A reply is a row that waits to leave; ``workflows.conversations.outgoing`` takes it to its provider.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from hotline.conversations import segments, window
from hotline.conversations.macros import left_unfilled
from hotline.conversations.states import CHANNELS, Channel, State
from hotline.crm.commands.consent.suppressions import lift, reasons_of
from hotline.crm.commands.conversations import conversations as commands
from hotline.crm.commands.conversations.conversations import ConversationRecord
from hotline.crm.commands.conversations.deliveries import lock_deliveries, save_deliveries
from hotline.crm.commands.conversations.message_facts import somebody_answered
from hotline.crm.commands.conversations.message_files import take_files
from hotline.crm.commands.conversations.messages import NewMessage, write_message
from hotline.crm.commands.tickets.tickets import lock_ticket, new_entry
from hotline.crm.commands.upkeep.idempotency import Idempotency, claim
from hotline.crm.keys import PersonalKey
from hotline.crm.queries.conversations.conversations import require_conversation
from hotline.crm.queries.conversations.messages import MessageView, get_message
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.queries.tickets.tickets import require_ticket
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import Viewer
from hotline.customers.text import one_line
from hotline.errors import Conflict, Invalid, NotFound
from hotline.workflows.conversations.addressees import give_ticket, make_customer, sender_of, set_owner, whom
from hotline.workflows.conversations.outgoing import wake_sending
from hotline.workflows.house import House
from hotline.workflows.tickets.tickets_kept import keep_ticket

LONGEST_NOTE: Final = 20_000
LONGEST_EMAIL: Final = 100_000
LONGEST_SUBJECT: Final = 200
#: Files of one reply, and values of one template.
MOST_FILES: Final = 10
MOST_VARIABLES: Final = 50
LONGEST_VARIABLE: Final = 1_000
_CONTENT_SID: Final = re.compile(r"HX[0-9a-fA-F]{32}")
#: What may be sent again by a person: what failed, and what nobody knows of.
_AGAIN: Final = frozenset({"permanent_failure", "expired", "suppressed", "unknown"})


class AnsweredMeanwhile(Conflict):
    """Somebody else answered meanwhile: read it, then send again if yours is still needed."""

    code = "answered_meanwhile"


class WindowIsClosed(Conflict):
    """The customer has not written for 24 hours: only an approved template may be sent."""

    code = "window_closed"


class NotWanted(Conflict):
    """Nothing is sent to this address: its owner wants no messages, or none arrive there."""

    code = "suppressed"


@dataclass(frozen=True, slots=True)
class NewReply:
    """A reply, or with ``note`` a note among colleagues. ``template`` is the ContentSid of an approved template with
    its ``variables`` by their numbers; ``body`` is then how it reads. ``seen`` is the newest message that its writer
    saw; with ``force`` it is sent all the same. ``state`` is what the conversation becomes by it."""

    body: str = field(default="", repr=False)
    files: tuple[UUID, ...] = ()
    template: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    subject: str | None = field(default=None, repr=False)
    html: str | None = field(default=None, repr=False)
    note: bool = False
    seen: UUID | None = None
    force: bool = False
    state: State | None = None


@dataclass(frozen=True, slots=True)
class NewConversation:
    """A conversation that the company begins: with an ``address``, or with a customer's own."""

    channel: Channel
    address: str | None = field(default=None, repr=False)
    customer_id: UUID | None = None
    sender_id: UUID | None = None
    subject: str | None = field(default=None, repr=False)
    ticket_id: UUID | None = None


async def send(
    house: House, viewer: Viewer, conversation_id: UUID, reply: NewReply, idempotency: Idempotency | None = None
) -> MessageView:
    """Write in a conversation. The same ``idempotency`` key answers the same message again.

    Raises NotFound, Forbidden, Invalid, and Conflict: AnsweredMeanwhile, WindowIsClosed, NotWanted, NoSender.
    """
    viewer.require("conversations.write")
    async with house.unit(viewer) as uow:
        await _require(uow, conversation_id, reply.seen)
        message_id = uow.new_id()
        earlier = await claim(uow, idempotency, message_id)
        if earlier is None:
            record = await commands.lock_conversation(uow, conversation_id)
            key = await commands.key_of(uow, record)
            if reply.note:
                await _note(uow, record, key, message_id, reply)
            else:
                await _reply(house, uow, record, key, message_id, reply)
        view = await get_message(uow, uow.keyring, _still(viewer), earlier or message_id)
    if not reply.note and earlier is None:
        wake_sending(house)
    return view


async def begin(house: House, viewer: Viewer, new: NewConversation, idempotency: Idempotency | None = None) -> UUID:
    """Begin a conversation, or find the open one with the same address and sender; its id. Nothing is sent yet.

    Raises NotFound, Forbidden, Invalid, and NoSender.
    """
    viewer.require("conversations.write")
    if new.channel not in CHANNELS:
        raise Invalid(f"channel: one of {', '.join(CHANNELS)}")
    async with house.unit(viewer) as uow:
        conversation_id = uow.new_id()
        if (earlier := await claim(uow, idempotency, conversation_id)) is not None:
            return earlier
        customer_id = None
        if new.customer_id is not None:
            customer_id = await require_customer(uow, viewer, new.customer_id)
        value = await whom(house, uow, viewer, new.channel, new.address, customer_id)
        sender_id = await sender_of(uow, new.channel, new.sender_id, value.country)
        index = uow.keyring.contact_index("email" if new.channel == "email" else "phone", value.value)
        await commands.take_turn(uow, index, new.channel)
        if new.ticket_id is not None:
            await require_ticket(uow, viewer, new.ticket_id)
        found = None
        if new.channel != "email":
            found = await commands.find_open(uow, index, new.channel, sender_id)
        if found is not None:
            await require_conversation(uow, viewer, found.id)
            if new.ticket_id is not None:
                found.set(ticket_id=new.ticket_id)
                await commands.save_conversation(uow, found)
            return found.id
        record, key = await commands.new_conversation(
            uow, new.channel, value.value, address_index=index, sender_id=sender_id, country=value.country,
            conversation_id=conversation_id,
        )  # fmt: skip
        record.set(
            created_by_id=viewer.user_id, assignee_id=viewer.user_id, claimed_at=uow.now, ticket_id=new.ticket_id
        )
        await set_owner(uow, record, customer_id)
        if new.subject:
            subject = one_line(new.subject, "subject", LONGEST_SUBJECT)
            record.set(subject_cipher=commands.seal(uow, key, record, "subject_cipher", subject))
        await commands.save_conversation(uow, record)
        uow.audit("conversation:begun", record.id, channel=new.channel)
        return record.id


async def send_again(house: House, viewer: Viewer, message_id: UUID) -> MessageView:
    """Send a message once more that failed, or of which nobody knows whether it left: only a person decides that.

    Raises NotFound, and Conflict for one that is on its way or arrived.
    """
    viewer.require("conversations.write")
    view = await get_message(house.db, house.keyring, viewer, message_id)
    async with house.unit(viewer) as uow:
        conversation = await commands.lock_conversation(uow, view.conversation_id)
        record = next(iter(await lock_deliveries(uow, [message_id])), None)
        if record is None:
            raise NotFound("There is no such message.")
        if record.state not in _AGAIN:
            raise Conflict("This message is on its way, or has arrived.")
        await _may_be_sent(uow, conversation, force=True)
        if view.template is None and not window.is_open(conversation.channel, conversation.last_in_at, uow.now):
            raise WindowIsClosed
        record.set(
            state="queued", send_at=uow.now, leased_until=None, provider_id=None, provider_account=None, error_code=None
        )
        await save_deliveries(uow, [record])
        uow.audit("message:sent_again", message_id, conversation_id=conversation.id)
        result = await get_message(uow, uow.keyring, _still(viewer), message_id)
    wake_sending(house)
    return result


async def _require(uow: UnitOfWork, conversation_id: UUID, seen: UUID | None) -> None:
    """Raises NotFound; AnsweredMeanwhile for who had read what is somebody else's by now, since they answered it."""
    try:
        await require_conversation(uow, uow.viewer, conversation_id)
    except NotFound:
        if seen is not None and await somebody_answered(uow, conversation_id, seen):
            raise AnsweredMeanwhile from None
        raise


def _still(viewer: Viewer) -> Viewer:
    """Who wrote something is shown it, though the conversation may not be theirs to see any more."""
    return replace(viewer, permissions=viewer.permissions | {"conversations.read", "conversations.read_all"})


async def _note(
    uow: UnitOfWork, record: ConversationRecord, key: PersonalKey, message_id: UUID, reply: NewReply
) -> None:
    body = _text(reply.body, LONGEST_NOTE)
    if not body and not reply.files:
        raise Invalid("body: something must stand here.")
    await write_message(
        uow,
        record,
        key,
        NewMessage(message_id, "out", "note", uow.now, None, body=body, user_id=uow.viewer.user_id),
    )
    await _files(uow, record.id, message_id, reply.files)
    uow.audit("conversation:noted", record.id, message_id=message_id)


async def _reply(
    house: House, uow: UnitOfWork, record: ConversationRecord, key: PersonalKey, message_id: UUID, reply: NewReply
) -> None:
    body = _text(reply.body, LONGEST_EMAIL if record.channel == "email" else segments.LONGEST_SMS)
    _check(record.channel, reply, body)
    if not reply.force:
        await _nobody_else(uow, record, reply.seen)
    await _may_be_sent(uow, record, force=reply.force)
    if reply.template is None and not window.is_open(record.channel, record.last_in_at, uow.now):
        raise WindowIsClosed
    if record.sender_id is None:
        record.set(sender_id=await sender_of(uow, record.channel, None, record.country))
    if record.customer_id is None and not record.candidate_ids:
        await make_customer(uow, record, key)
    if reply.subject is not None:
        subject = one_line(reply.subject, "subject", LONGEST_SUBJECT)
        record.set(subject_cipher=commands.seal(uow, key, record, "subject_cipher", subject) if subject else None)
    if record.assignee_id is None and uow.viewer.user_id is not None:
        record.set(assignee_id=uow.viewer.user_id, claimed_at=uow.now)
    record.set(
        last_out_at=uow.now,
        last_at=max(record.last_at, uow.now),
        unanswered_since=None,
        state=reply.state or ("open" if record.state == "closed" else record.state),
    )
    await _answered(house, uow, record, message_id)
    await commands.save_conversation(uow, record)
    counted = segments.count(body) if record.channel == "sms" else None
    await write_message(
        uow,
        record,
        key,
        NewMessage(
            id=message_id, direction="out", kind="message", at=uow.now, state="queued", body=body, html=reply.html,
            user_id=uow.viewer.user_id, template=reply.template, encoding=counted.encoding if counted else None,
            segments=counted.count if counted else None, send_at=uow.now,
            details={"variables": dict(reply.variables)} if reply.variables else {},
        ),
    )  # fmt: skip
    await _files(uow, record.id, message_id, reply.files)
    uow.audit("message:queued", message_id, conversation_id=record.id, channel=record.channel)


def _text(text: str, longest: int) -> str:
    cleaned = text.replace("\0", "").replace("\r\n", "\n").strip()
    if len(cleaned) > longest:
        raise Invalid(f"body: at most {longest} characters.")
    return cleaned


def _check(channel: Channel, reply: NewReply, body: str) -> None:
    if not body and not reply.files and reply.template is None:
        raise Invalid("body: something must stand here.")
    if left_unfilled(body):
        raise Invalid("body: a placeholder stands in it for which there is nothing.")
    if len(reply.files) > MOST_FILES:
        raise Invalid(f"files: at most {MOST_FILES}.")
    if reply.template is None:
        if reply.variables:
            raise Invalid("variables: they belong to a template.")
        return
    if channel == "email":
        raise Invalid("template: emails have none.")
    if _CONTENT_SID.fullmatch(reply.template) is None:
        raise Invalid("template: a ContentSid, HX and 32 digits.")
    if len(reply.variables) > MOST_VARIABLES:
        raise Invalid(f"variables: at most {MOST_VARIABLES}.")
    for name, value in reply.variables.items():
        if not name.isascii() or not name.isalnum() or len(name) > 40:
            raise Invalid("variables: they are named by number, as in the template.")
        if not value.strip() or len(value) > LONGEST_VARIABLE or "\n" in value:
            raise Invalid(f"variables.{name}: one line of 1 to {LONGEST_VARIABLE} characters.")


async def _nobody_else(uow: UnitOfWork, record: ConversationRecord, seen: UUID | None) -> None:
    """Two agents do not answer the same thing: whoever had not seen the other's reply is told of it."""
    if seen is not None and await somebody_answered(uow, record.id, seen):
        raise AnsweredMeanwhile


async def _may_be_sent(uow: UnitOfWork, record: ConversationRecord, *, force: bool) -> None:
    """Raises NotWanted. An address that was invalid once is tried again when somebody insists; who wants nothing is
    never written to."""
    if record.address_index is None:
        raise Conflict("This customer was erased, and their address.")
    reasons = await reasons_of(uow, record.channel, record.address_index)
    if reasons & {"opt_out", "complaint", "agent"}:
        raise NotWanted("The customer wants no messages here: they stopped them.")
    if reasons and not force:
        raise NotWanted("Nothing arrives at this address: the last message was refused as undeliverable.")
    for reason in reasons:
        await lift(uow, record.channel, record.address_index, reason, "agent")


async def _answered(house: House, uow: UnitOfWork, record: ConversationRecord, message_id: UUID) -> None:
    """The ticket has its first response, and the reply in its history."""
    ticket = await lock_ticket(uow, record.ticket_id) if record.ticket_id is not None else None
    if ticket is None:
        return
    if ticket.first_response_at is None:
        ticket.set(first_response_at=uow.now)
    if ticket.state == "new":
        ticket.set(state="open")
    if ticket.assignee_id is None and ticket.assigned_by != "hand" and uow.viewer.user_id is not None:
        ticket.set(assignee_id=uow.viewer.user_id, assigned_by="message")
    if ticket.customer_id is None and record.customer_id is not None:
        await give_ticket(uow, ticket, record.customer_id)
    entry = new_entry(uow, "message", {"conversation_id": record.id, "message_id": message_id, "direction": "out"})
    await keep_ticket(house, uow, ticket, [entry])


async def _files(uow: UnitOfWork, conversation_id: UUID, message_id: UUID, files: Sequence[UUID]) -> None:
    if files:
        await take_files(uow, conversation_id, message_id, files)

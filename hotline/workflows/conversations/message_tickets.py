"""The ticket of what a customer writes: the open one that it belongs to, or a new one whose kind its words say."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hotline.crm import company
from hotline.crm.commands.conversations.conversations import ConversationRecord
from hotline.crm.commands.tickets.ticket_texts import set_texts
from hotline.crm.commands.tickets.tickets import TicketRecord, find_joinable, lock_ticket, new_entry
from hotline.crm.unit_of_work import UnitOfWork
from hotline.tickets.states import OPEN
from hotline.tickets.triage import Triage, triage
from hotline.workflows.company.company import get as company_section
from hotline.workflows.house import House
from hotline.workflows.tickets.tickets_kept import keep_ticket

#: Letters of a message that become the subject of its ticket.
SUBJECT: Final = 120
LONGEST_DESCRIPTION: Final = 20_000
#: Surer than this, the words of a message tell a ticket of another kind from the open one.
SURE: Final = 0.6


async def ticket_of(
    house: House,
    uow: UnitOfWork,
    conversation: ConversationRecord,
    previous: ConversationRecord | None,
    message_id: UUID,
    subject: str,
    text: str,
    at: datetime,
) -> tuple[TicketRecord, Triage | None]:
    """The ticket that a message from a customer belongs to, kept with the message in its history; and how its words
    were read, where it is new.

    That of the conversation, or of the one that this goes on from; an open one of the customer's; else a new one. What
    was closed is not opened again: the new ticket points back to it.
    """
    section = await company_section(house, company.Tickets, uow)
    entry = new_entry(
        uow, "message", {"conversation_id": conversation.id, "message_id": message_id, "direction": "in"}, at=at
    )
    before = await _before(uow, conversation, previous)
    if before is not None and _goes_on(before, uow.now, section):
        if before.state != "new":
            before.set(state="open")
        await keep_ticket(house, uow, before, [entry])
        return before, None
    read = triage(f"{subject}\n{text}" if subject else text)
    tier, joined = await _joinable(uow, conversation, read, section)
    if joined is not None and (before is None or joined.id != before.id):
        if joined.state == "waiting":
            joined.set(state="open")
        await keep_ticket(house, uow, joined, [entry])
        return joined, None
    new = TicketRecord(
        id=uow.new_id(), source=conversation.channel, opened_at=min(at, uow.now), kind=read.kind, kind_by="triage",
        priority=read.priority or "normal", customer_id=conversation.customer_id, queue=conversation.queue, tier=tier,
        follows_id=before.id if before is not None else None,
    )  # fmt: skip
    named = subject_of(subject, text)
    texts = {"subject": named, "description": "" if " ".join(text.split()) == named else text[:LONGEST_DESCRIPTION]}
    entries = await set_texts(uow, new, **{name: value for name, value in texts.items() if value})
    await keep_ticket(house, uow, new, [*entries, entry])
    uow.audit("ticket:created", new.id, source=conversation.channel, conversation_id=conversation.id)
    return new, read


async def _before(
    uow: UnitOfWork, conversation: ConversationRecord, previous: ConversationRecord | None
) -> TicketRecord | None:
    """The ticket of the conversation, or of the one before it."""
    ticket_id = conversation.ticket_id or (previous.ticket_id if previous is not None else None)
    ticket = await lock_ticket(uow, ticket_id) if ticket_id is not None else None
    return None if ticket is None or ticket.state == "discarded" else ticket


def _goes_on(ticket: TicketRecord, now: datetime, section: company.Tickets) -> bool:
    """Whether what is written belongs to it still: open ones, and resolved ones while they may be opened again."""
    if ticket.state in OPEN:
        return True
    if ticket.state != "resolved" or ticket.resolved_at is None:
        return False
    return ticket.resolved_at >= now - timedelta(days=section.reopen_days)


async def _joinable(
    uow: UnitOfWork, conversation: ConversationRecord, read: Triage, section: company.Tickets
) -> tuple[str | None, TicketRecord | None]:
    if conversation.customer_id is None:
        return None, None
    kind = read.kind if section.attach_same_kind and _is_sure(read) else None
    since = uow.now - timedelta(days=section.attach_days) if section.attach_days else uow.now
    return await find_joinable(uow, conversation.customer_id, kind, since)


def _is_sure(read: Triage) -> bool:
    """Whether the words of a text say its kind. How it is written alone does not: a picture without a text, a "thanks"
    belong to what is open."""
    return read.confidence >= SURE and any(each.kind == read.kind and not each.form for each in read.words)


def subject_of(subject: str, text: str) -> str:
    """What a ticket is called: the subject, else how the text begins."""
    line = " ".join((subject or next((each for each in text.splitlines() if each.strip()), "")).split())
    if len(line) <= SUBJECT:
        return line
    cut = line[:SUBJECT].rpartition(" ")[0]
    return f"{cut if len(cut) > SUBJECT // 2 else line[:SUBJECT]}…"


def decided(read: Triage) -> dict[str, Any]:
    """How the words of a message were read, to be kept sealed with it."""
    return {
        "kind": read.kind,
        "confidence": read.confidence,
        "words": [{"word": each.word, "kind": each.kind, "weight": each.weight} for each in read.words],
    }

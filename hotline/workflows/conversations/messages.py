"""What customers write: kept once, whoever tells of it and how often, in the conversation that it belongs to.

``receive`` is the one way in for SMS, WhatsApp and email, from webhooks and from the provider's own list. It looks for
the words that stop messages first, then for who writes, then for the ticket.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from prometheus_client import Counter

from hotline import phone
from hotline.conversations import opt_out
from hotline.conversations.auto_answer import Which, language_for
from hotline.conversations.opt_out import Word
from hotline.conversations.states import Channel
from hotline.crm import company
from hotline.crm.commands.calls.calls import find_owners
from hotline.crm.commands.consent.opt_outs import opt_in
from hotline.crm.commands.consent.opt_outs import opt_out as note_opt_out
from hotline.crm.commands.consent.suppressions import reasons_of
from hotline.crm.commands.conversations import conversations as commands
from hotline.crm.commands.conversations.conversations import ConversationRecord
from hotline.crm.commands.conversations.message_facts import locale_of
from hotline.crm.commands.conversations.message_files import IncomingFile, add_files
from hotline.crm.commands.conversations.messages import NewMessage, known_message, write_message
from hotline.crm.commands.conversations.sender_pace import spend_pace
from hotline.crm.commands.conversations.senders import create_sender
from hotline.crm.keys import PersonalKey
from hotline.crm.queries.conversations.senders import SenderView, find_sender, get_sender
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.tickets.states import reference
from hotline.workflows.company.company import get as company_section
from hotline.workflows.conversations.answer_bounds import may_answer_mail
from hotline.workflows.conversations.message_answers import answer_message, answer_text, last_answer, may_answer
from hotline.workflows.conversations.message_tickets import decided, ticket_of
from hotline.workflows.house import House

RECEIVED: Final = Counter("hotline_messages_received", "Messages from customers.", ["channel"])
STOPPED: Final = Counter(
    "hotline_messages_words", "Words by which messages stop, start, or help is asked for.", ["word"]
)

#: Longest name of a sender that is kept, and longest address that is no number and no email.
LONGEST_NAME: Final = 200
_LONGEST_ADDRESS: Final = 254
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message as it came in. ``address`` is the customer's, ``to`` the company's, both without a channel's prefix;
    ``at`` when it was sent. ``provider_id`` is unique in ``provider_account``: the same one is taken once.

    ``conversation_id`` names the conversation where the channel knows it (an email's thread). ``automatic``: a machine
    wrote it; it is kept, opens no ticket and gets no answer; ``quiet``: it only gets no answer of hotline's own.
    ``answered``: the provider has answered STOP, START or HELP itself. ``at_once``: what hotline answers goes back in
    the reply to the webhook, else it is queued.
    """

    channel: Channel
    address: str = field(repr=False)
    body: str = field(repr=False)
    at: datetime
    provider_id: str | None
    provider_account: str | None = None
    to: str = ""
    sender_id: UUID | None = None
    subject: str = field(default="", repr=False)
    html: str | None = field(default=None, repr=False)
    name: str = field(default="", repr=False)
    conversation_id: UUID | None = None
    in_reply_to: UUID | None = None
    automatic: bool = False
    quiet: bool = False
    answered: bool = False
    at_once: bool = False
    language: str | None = None
    files: tuple[IncomingFile, ...] = field(default=(), repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered at once: a message's id and its text."""

    message_id: UUID
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a message. ``again``: it was known already, and nothing was changed. ``fetch``: files wait to be
    fetched."""

    conversation_id: UUID
    message_id: UUID
    ticket_id: UUID | None = None
    new: bool = False
    again: bool = False
    word: Word | None = None
    answers: tuple[Answer, ...] = ()
    fetch: bool = False


async def receive(house: House, uow: UnitOfWork, inbound: Inbound) -> Received:
    """Keep a message with all that follows from it, in one unit of work with the claim of its event."""
    index, address, country = _address(house, uow, inbound)
    await commands.take_turn(uow, index, inbound.channel)
    if (known := await known_message(uow, inbound.provider_account, inbound.provider_id)) is not None:
        return Received(known[1], known[0], again=True)
    sender = await _sender(uow, inbound)
    section = await company_section(house, company.Messages, uow)
    word = None
    if inbound.channel != "email" and not inbound.files:
        word = opt_out.word_of(inbound.body, section.stop_words.split(","))
    if word is not None and word[0] == "start":
        if opt_out.may_be_said(inbound.body) and "opt_out" not in await reasons_of(uow, inbound.channel, index):
            word = None  # they had not stopped: "yes" is an answer to somebody, and agrees to no marketing
        else:
            await opt_in(
                uow, inbound.channel, index, source="message", wording=inbound.body, reasons=("opt_out",),
                restores=True,
            )  # fmt: skip
    record, previous, key = await _conversation(uow, inbound, index, address, country, sender)
    await _customer(house, uow, record, previous, key, inbound, index)
    before = record.ticket_id
    message = NewMessage(
        id=uow.new_id(), direction="in", kind="message", at=min(inbound.at, uow.now), state="received",
        body=cleaned(inbound.body), html=inbound.html, provider_account=inbound.provider_account,
        provider_id=inbound.provider_id, in_reply_to=inbound.in_reply_to, details=dict(inbound.extra),
    )  # fmt: skip
    ticket = None
    if word is None and not inbound.automatic:
        ticket, read = await ticket_of(
            house, uow, record, previous, message.id, inbound.subject, message.body, message.at
        )
        record.set(ticket_id=ticket.id, queue=record.queue or ticket.queue)
        if read is not None:
            message = replace(message, details={**message.details, "triage": decided(read)})
    _went_on(uow, record, message, counts=word is None and not inbound.automatic)
    answer = await _answer(house, uow, record, inbound, index, word, ticket.number if ticket else None, message)
    if word is not None and not record.exists:
        record.set(state="closed")
    fresh = not record.exists
    await commands.save_conversation(uow, record)
    await write_message(uow, record, key, message)
    waiting = await add_files(uow, record.id, message.id, inbound.files[: section.files_per_message])
    if answer is not None:
        await write_message(uow, record, key, answer)
    uow.audit("message:received", message.id, conversation_id=record.id, channel=inbound.channel)
    if record.ticket_id != before and before is not None:
        uow.audit("conversation:ticket_set", record.id, ticket_id=record.ticket_id)
    RECEIVED.labels(inbound.channel).inc()
    if word is not None:
        STOPPED.labels(word[0]).inc()
    answers: tuple[Answer, ...] = ()
    if answer is not None and inbound.at_once:
        answers = (Answer(answer.id, answer.body),)
        if record.sender_id is not None:
            # It leaves at once, and at its sender's expense. Last of all: the sender's row is one for many writers.
            await spend_pace(uow, {record.sender_id: [answer.segments or 1]}, anyway=True)
    return Received(
        record.id, message.id, record.ticket_id, fresh, word=word[0] if word else None, answers=answers, fetch=waiting
    )


def _address(house: House, uow: UnitOfWork, inbound: Inbound) -> tuple[bytes, str, str | None]:
    """(blind index, the address as it is kept, its country)."""
    text = "".join(letter for letter in inbound.address if letter.isprintable()).strip()[:_LONGEST_ADDRESS]
    if inbound.channel == "email":
        return uow.keyring.contact_index("email", text.lower()), text, None
    country: str | None = None
    try:
        number = phone.parse(text, house.settings.region)
        text, country = number.value, number.country
    except phone.NotANumber:
        pass  # a name in place of a number: read, not answered
    return uow.keyring.contact_index("phone", text), text, country


async def _sender(uow: UnitOfWork, inbound: Inbound) -> SenderView | None:
    """The company's own number or address that was written to. One that nobody noted yet is noted now: the provider
    has vouched that it is the company's."""
    if inbound.sender_id is not None:
        return await get_sender(uow, SYSTEM, inbound.sender_id)
    if not inbound.to:
        return None
    found = await find_sender(uow, SYSTEM, inbound.channel, inbound.to)
    if found is None and inbound.channel != "email":
        account = {"account_sid": inbound.provider_account} if inbound.provider_account else {}
        await create_sender(uow, inbound.channel, inbound.to, account)
        found = await find_sender(uow, SYSTEM, inbound.channel, inbound.to)
    return found


async def _conversation(
    uow: UnitOfWork,
    inbound: Inbound,
    index: bytes,
    address: str,
    country: str | None,
    sender: SenderView | None,
) -> tuple[ConversationRecord, ConversationRecord | None, PersonalKey]:
    """The conversation that the message belongs to, not saved yet where it is a new one; the closed one that a new one
    goes on from; and the key."""
    sender_id = sender.id if sender is not None else None
    found = previous = None
    if inbound.conversation_id is not None:
        found = await commands.lock_conversation(uow, inbound.conversation_id)
        if found.state == "closed":
            found, previous = None, found
    elif inbound.channel != "email":  # a thread of email is told by its headers, never by its address alone
        found = await commands.find_open(uow, index, inbound.channel, sender_id)
        if found is None:
            previous = await commands.find_last(uow, index, inbound.channel, sender_id)
    if found is not None:
        return found, None, await commands.key_of(uow, found)
    new, key = await commands.new_conversation(
        uow, inbound.channel, address, address_index=index, sender_id=sender_id, country=country
    )
    new.set(queue=sender.queue if sender is not None else None)
    if inbound.subject:
        new.set(subject_cipher=commands.seal(uow, key, new, "subject_cipher", inbound.subject[:500]))
    if previous is not None:
        new.set(follows_id=previous.id, language=previous.language)
    return new, previous, key


async def _customer(
    house: House,
    uow: UnitOfWork,
    record: ConversationRecord,
    previous: ConversationRecord | None,
    key: PersonalKey,
    inbound: Inbound,
    index: bytes,
) -> None:
    """Who writes: one customer has the address, and it is theirs; several, and an agent says which; nobody yet, and
    one is made when somebody answers."""
    if record.customer_id is None:
        owners = [owner.customer_id for owner in await find_owners(uow, index)]
        # A conversation without its address was erased: who writes anew is nobody whom we know.
        before = previous.customer_id if previous is not None and previous.address_index is not None else None
        if len(owners) == 1:
            record.set(customer_id=owners[0], candidate_ids=[])
        elif before is not None and (before in owners or not owners):
            record.set(customer_id=before, candidate_ids=[])
        else:
            record.set(candidate_ids=owners)
    name = cleaned(inbound.name).strip()[:LONGEST_NAME]
    # Programs that know no name give the address: a name is read by everybody, the whole address is not.
    if (
        name
        and not _is_address(name, inbound)
        and (record.name_cipher is None or commands.unseal(uow, key, record, "name_cipher") != name)
    ):
        record.set(name_cipher=commands.seal(uow, key, record, "name_cipher", name))
    if record.language is None:
        locale = None
        if record.customer_id is not None:
            locale = await locale_of(uow, record.customer_id)
        record.set(language=locale or inbound.language or _script(inbound.body) or house.settings.locale)


def _is_address(name: str, inbound: Inbound) -> bool:
    said, address = name.strip("'\"<>() ").casefold(), inbound.address.strip().casefold()
    if inbound.channel == "email":
        return said == address
    digits = "".join(each for each in said if each.isdecimal())
    return len(digits) > 6 and digits == address.lstrip("+") and not any(each.isalpha() for each in said)


def _script(text: str) -> str | None:
    """Chinese is told by its letters; every other language by nothing so short."""
    return "zh" if any("\u4e00" <= letter <= "\u9fff" for letter in text[:500]) else None


def _went_on(uow: UnitOfWork, record: ConversationRecord, message: NewMessage, *, counts: bool) -> None:
    """The conversation's times. A message that was told of late moves none of them back."""
    record.set(
        last_at=max(record.last_at, message.at) if record.exists else message.at,
        last_in_at=max(record.last_in_at or message.at, message.at),
    )
    if not counts:
        return
    record.set(state="open")
    if record.unanswered_since is None:
        record.set(unanswered_since=message.at)


async def _answer(
    house: House,
    uow: UnitOfWork,
    record: ConversationRecord,
    inbound: Inbound,
    index: bytes,
    word: tuple[Word, str] | None,
    ticket: int | None,
    message: NewMessage,
) -> NewMessage | None:
    """What hotline answers by itself, if anything; what a word brings about is done here, too."""
    which: Which = "received"
    language = language_for(record.language, house.settings.locale)
    if word is not None:
        which, said_in = word
        language = language_for(said_in if said_in != "en" else record.language, record.language)
        if which == "stop":
            await note_opt_out(
                uow, inbound.channel, index, source="message", customer_id=record.customer_id, source_id=message.id,
                wording=message.body, at=message.at,
            )  # fmt: skip
        before = await last_answer(uow, inbound.channel, index, which)
        if inbound.answered or inbound.automatic or not opt_out.may_confirm(inbound.at, uow.now, before):
            return None
    else:
        if ticket is None or not await may_answer(
            house, uow, record, message.at, automatic=inbound.automatic or inbound.quiet
        ):
            return None
        if inbound.channel == "email" and not may_answer_mail(house, inbound.address, uow.now):
            return None
        record.set(auto_answered_at=uow.now)
    text = await answer_text(house, uow, which, language, ticket=reference(ticket) if ticket is not None else "")
    return answer_message(uow, inbound.channel, which, text, message, at_once=inbound.at_once) if text else None


def cleaned(text: str) -> str:
    """Text without control characters but line breaks and tabs, without marks that turn the direction of what follows,
    and without halves of letters."""
    return _UNSEEN.sub("", text).encode("utf-8", "ignore").decode("utf-8")

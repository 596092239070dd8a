"""Mail that comes in: kept once, in the conversation that it belongs to, and accepted only when it is.

What a machine wrote is kept and answered by nobody: auto-replies, lists, what comes back, what one address writes too
often. Where a mail belongs says the tag in the address that it was sent to, then the ids of the mails that it answers.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import structlog
from prometheus_client import Counter

from hotline.channels.mail import parse as mail
from hotline.channels.mail.bounces import Report, read_report
from hotline.channels.mail.lmtp import TooLargeMail
from hotline.channels.mail.parse import ORIGINAL, Attachment, ParsedMail
from hotline.conversations import mail_automatic
from hotline.conversations.mail_tokens import own_message, read_tag, untagged
from hotline.crm import company
from hotline.crm.commands.consent.suppressions import lift
from hotline.crm.commands.conversations.message_files import IncomingFile
from hotline.crm.commands.conversations.messages import LONGEST
from hotline.crm.commands.mail.mail import forget_bounces
from hotline.crm.queries.conversations.messages import get_message
from hotline.crm.queries.mail.mail import (
    Place,
    messages_since,
    names_of,
    place_of_conversation,
    places_of_messages,
)
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.workflows.company.company import get as company_section
from hotline.workflows.conversations import message_files
from hotline.workflows.conversations.messages import Inbound, cleaned, receive
from hotline.workflows.conversations.outgoing import wake_sending
from hotline.workflows.house import House
from hotline.workflows.mail.mail_bounces import note_report
from hotline.workflows.mail.mail_words import ACCOUNT, address_index, id_of, own_addresses, sender_of, tag_secret
from hotline.workflows.pushes import push_receipts

log = structlog.get_logger(__name__)

TAKEN: Final = Counter("hotline_mail_taken", "Mail that came in, by what it was.", ["what"])

#: A mail that says that it is older, or of the future, is of now.
OLDEST: Final = timedelta(days=3)
#: So many times the company's limit of mails in an hour, and they open no more tickets either.
_TOO_OFTEN: Final = 3

Outcome = Literal["kept", "again", "report", "own"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a mail. ``own``: one of hotline's came back to it, and was left aside."""

    outcome: Outcome
    conversation_id: UUID | None = None
    message_id: UUID | None = None
    automatic: str | None = None


async def accepts(house: House, address: str) -> bool | None:
    """Whether an address is one of the company's; None: none is set up yet."""
    own = await own_addresses(house, house.db)
    return untagged(address)[0].lower() in own if own else None


async def take(house: House, raw: bytes, *, envelope_sender: str | None = None, recipient: str = "") -> Taken:
    """Take one mail in; when this returns, it is committed. The same one again changes nothing. Raises TooLargeMail,
    and Unavailable while the records are away: it must come again.

    ``envelope_sender`` is the return path, empty for none, None where it is not known; ``recipient`` whom the mail
    server was told to give it to.
    """
    section = await company_section(house, company.Mail)
    if len(raw) > section.largest_mb << 20:
        raise TooLargeMail
    parsed = await asyncio.to_thread(mail.parse, raw)
    if envelope_sender is None:
        envelope_sender = parsed.return_path
    secret = tag_secret(house.keyring)
    if parsed.message_id and own_message(secret, parsed.message_id) is not None:
        log.warning("mail.own_came_back", recipient_known=bool(recipient))
        return _counted(Taken("own"))
    recipients = tuple(dict.fromkeys(each for each in (recipient, *parsed.to) if each))
    tags = [untagged(each)[1] for each in recipients]
    bounced = next((found for tag in tags if (found := read_tag(secret, "bounce", tag)) is not None), None)
    reason: str | None = mail_automatic.automatic(parsed.headers, parsed.address, envelope_sender, parsed.subject)
    if bounced is not None or reason in ("null_sender", "report", "system"):
        report = await asyncio.to_thread(read_report, raw)
        if report is not None:
            return _counted(await _reported(house, parsed, report, bounced, raw))
    own = await own_addresses(house, house.db)
    address, name = _writer(parsed, own)
    if not address or untagged(address)[0].lower() in own:
        # Our own address as the writer: nobody could be answered.
        reason = reason or "own_address"
        address = address or "unknown@invalid"
    return _counted(await _kept(house, parsed, raw, address, name, recipients, reason))


def _writer(parsed: ParsedMail, own: frozenset[str]) -> tuple[str, str]:
    """(address, name) of who wrote: a form on the company's own website writes from its address and names the customer
    in Reply-To."""
    if parsed.reply_to and untagged(parsed.address)[0].lower() in own:
        return parsed.reply_to, parsed.name
    return parsed.address, parsed.name


async def _kept(
    house: House,
    parsed: ParsedMail,
    raw: bytes,
    address: str,
    name: str,
    recipients: Sequence[str],
    reason: str | None,
) -> Taken:
    section = await company_section(house, company.Mail)
    keyring = house.keyring
    index = address_index(keyring, address)
    now = house.clock()
    often = await messages_since(house.db, SYSTEM, index, now - timedelta(hours=1))
    if reason is None and often >= _TOO_OFTEN * section.messages_per_hour:
        reason = "often"
    quiet = mail_automatic.quiet(parsed.headers, parsed.address) or (
        "often" if often >= section.messages_per_hour else None
    )
    place = await _place(house, parsed, recipients, address, index)
    key = _key(house, parsed, raw, address)
    extra: dict[str, Any] = {"message_id": parsed.message_id, "references": list(parsed.references)}
    if parsed.reply != parsed.text:
        extra["full"] = parsed.text
    if reason or quiet:
        extra["automatic" if reason else "quiet"] = reason or quiet
    if place is not None and place.address_index not in (None, index):  # None: it was erased, and goes on as a new one
        # A colleague of theirs answers: the conversation stays with whom it is with.
        before, _ = await names_of(house.db, SYSTEM, keyring, place.conversation_id)
        extra["from"], extra["from_name"] = address, name
        address, name = before or address, ""
    files = await _files(house, parsed, raw)
    async with house.unit(SYSTEM) as uow:
        sender = await sender_of(house, uow, tuple(recipients))
        inbound = Inbound(
            channel="email", address=address, body=parsed.reply, at=_at(parsed.sent_at, now), provider_id=key,
            provider_account=ACCOUNT, to=sender.address if sender is not None else "",
            sender_id=sender.id if sender is not None else None, subject=parsed.subject, html=parsed.html, name=name,
            conversation_id=place.conversation_id if place is not None else None,
            in_reply_to=place.message_id if place is not None else None, automatic=reason is not None,
            quiet=quiet is not None, files=files, extra=extra,
        )  # fmt: skip
        received = await receive(house, uow, inbound)
        if received.again and await _says_else(uow, received.message_id, inbound):
            # A program that gives all its mails one Message-ID: this is another mail.
            received = await receive(
                house, uow, replace(inbound, provider_id=_key(house, parsed, raw, address, whole=True))
            )
        if reason is None and not received.again:
            # Who writes can be written to.
            await forget_bounces(uow, index)
            await lift(uow, "email", index, "bounce", "message")
    wake_sending(house)
    return Taken("again" if received.again else "kept", received.conversation_id, received.message_id, reason)


async def _place(
    house: House, parsed: ParsedMail, recipients: Sequence[str], writer: str, index: bytes
) -> Place | None:
    """The conversation that a mail goes on with. A tag and an own Message-ID cannot be made up; somebody else's
    Message-ID can, so that it counts between the same two only."""
    secret = tag_secret(house.keyring)
    own = [mine for each in parsed.references if (mine := own_message(secret, each)) is not None]
    others = [id_of(house.keyring, each, writer) for each in parsed.references]
    places = await places_of_messages(house.db, SYSTEM, own, others, ACCOUNT) if parsed.references else []
    for each in recipients:
        conversation_id = read_tag(secret, "reply", untagged(each)[1])
        if conversation_id is None:
            continue
        answered = next((place for place in places if place.conversation_id == conversation_id), None)
        place = answered or await place_of_conversation(house.db, SYSTEM, conversation_id)
        if place is not None:
            return place
    known = set(own)
    return next((place for place in places if place.message_id in known or place.address_index == index), None)


async def _reported(house: House, parsed: ParsedMail, report: Report, bounced: UUID | None, raw: bytes) -> Taken:
    """A delivery report: by its tag, or the own Message-ID that it quotes, its message is known. One without either
    proves nothing: it is kept, and marks nobody."""
    secret = tag_secret(house.keyring)
    quoted = (own_message(secret, each) for each in (*report.message_ids, *parsed.references))
    message_id = bounced or next((each for each in quoted if each is not None), None)
    noted = False
    if message_id is not None:
        key = _key(house, parsed, raw, parsed.address)
        noted = await note_report(house, message_id, report, key)
        # What campaigns send carries the same kinds of tags.
        noted = noted or await push_receipts.note_report(house, message_id, report, key)
    if not noted:
        return await _kept(house, parsed, raw, parsed.address or "mailer-daemon@invalid", parsed.name, (), "report")
    return Taken("report", message_id=message_id, automatic="report")


async def _files(house: House, parsed: ParsedMail, raw: bytes) -> tuple[IncomingFile, ...]:
    """Its files, sealed on the disk. When they are more than are taken in, the mail as it came is the first of them."""
    section = await company_section(house, company.Messages)
    wanted = list(parsed.files)
    if len(wanted) > section.files_per_message and section.files_per_message:
        original = Attachment(ORIGINAL, "message/rfc822", raw)
        wanted = [original, *(each for each in wanted if each.name != ORIGINAL)][: section.files_per_message]
    return tuple([await message_files.keep(house, each.name, each.data, each.content_id) for each in wanted])


async def _says_else(uow: UnitOfWork, message_id: UUID, inbound: Inbound) -> bool:
    """Whether a message that is known by the same id was another one."""
    before = await get_message(uow, uow.keyring, SYSTEM, message_id)
    return not before.erased and before.body != cleaned(inbound.body)[:LONGEST]


def _key(house: House, parsed: ParsedMail, raw: bytes, writer: str, *, whole: bool = False) -> str:
    """The Message-ID and its writer; without one, or when the ``whole`` counts, a digest of what was written."""
    name = parsed.message_id
    if whole or not name:
        told = f"{parsed.subject}\n{parsed.text}".encode() if name else raw
        name = f"sha256:{hashlib.sha256(told).hexdigest()}"
    return id_of(house.keyring, name, writer)


def _at(sent_at: datetime | None, now: datetime) -> datetime:
    return sent_at if sent_at is not None and now - OLDEST <= sent_at <= now else now


def _counted(taken: Taken) -> Taken:
    TAKEN.labels(taken.automatic or taken.outcome).inc()
    return taken

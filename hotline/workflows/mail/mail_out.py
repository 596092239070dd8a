"""Mail that leaves: an answer in its thread, by the company's relay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from hotline.channels.errors import AddressRefused, NotConfigured, PermanentlyRefused
from hotline.channels.mail.compose import Draft, OutgoingFile, compose, usable_address
from hotline.channels.mail.smtp import SmtpPool
from hotline.conversations.auto_answer import language_for
from hotline.conversations.mail_tokens import message_id, tag, tagged, takes_tag
from hotline.crm import company
from hotline.crm.queries.mail.mail import Earlier, names_of, thread_of
from hotline.crm.viewer import SYSTEM
from hotline.errors import NotFound
from hotline.media.errors import Damaged
from hotline.workflows.company.company import get as company_section
from hotline.workflows.conversations import message_files
from hotline.workflows.conversations.outgoing import Outgoing
from hotline.workflows.house import House
from hotline.workflows.mail.mail_words import ACCOUNT, tag_secret
from hotline.workflows.pushes.deliveries import Accepted

log = structlog.get_logger(__name__)

#: Letters of the message that an answer quotes.
MOST_QUOTED: Final = 10_000
_WROTE: Final = {"en": "On {at} {name} wrote:", "zh": "{name} 于 {at} 写道："}
_THEY: Final = {"en": "you", "zh": "您"}
_SUBJECT: Final = {"en": "Your message", "zh": "您的来信"}


@dataclass
class _Relay:
    """This process's connections."""

    pools: dict[str, SmtpPool] = field(default_factory=dict)


async def send(house: House, message: Outgoing) -> Accepted:
    """Hand a mail to the relay, once. Raises a ChannelError."""
    pool = relay(house)
    section = await company_section(house, company.Mail)
    who = await company_section(house, company.Company)
    sender = _own(message.sender or section.address)
    if pool is None or not sender:
        raise NotConfigured("HOTLINE_SMTP_URL or the address of the section mail is empty.")
    with_tags = section.tagged_addresses and takes_tag(sender)
    secret = tag_secret(house.keyring)
    thread = await thread_of(house.db, SYSTEM, house.keyring, message.conversation_id)
    answered = _answered(message, thread)
    language = language_for(message.language, house.settings.locale)
    domain = sender.rpartition("@")[2]
    _, to_name = await names_of(house.db, SYSTEM, house.keyring, message.conversation_id)
    automatic = message.kind == "auto"
    quoted = answered if section.quote and not automatic else None
    own_id = message_id(secret, message.id, domain)
    draft = Draft(
        sender=sender,
        sender_name=section.name or who.name,
        to=message.to,
        to_name=to_name,
        subject=_subject(message.subject, language, answers=bool(thread)),
        text=_text(message.body, section, language, quoted, house.settings.timezone),
        html=message.html,
        message_id=own_id,
        at=house.clock(),
        reply_to=tagged(sender, tag(secret, "reply", message.conversation_id)) if with_tags else "",
        in_reply_to=_header_id(secret, answered, domain) if answered is not None else "",
        references=_references(secret, thread, domain),
        automatic=automatic,
        language=language,
        files=await _files(house, message),
    )
    # What a machine answers has no return path: its failures would be answered, too (RFC 3834 3.3).
    verp = tagged(sender, tag(secret, "bounce", message.id)) if with_tags else sender
    await pool.send("" if automatic else verp, [usable_address(message.to)], compose(draft))
    return Accepted(own_id, ACCOUNT)


def _own(address: str) -> str:
    """The company's own address as it goes over the wire. Raises NotConfigured for one that is none: the customer's is
    not to blame."""
    try:
        return usable_address(address) if address else ""
    except AddressRefused:
        raise NotConfigured("The address that mail is sent from is no address.") from None


def relay(house: House) -> SmtpPool | None:
    """The connections to the relay of the settings; None without one."""
    server = house.settings.smtp
    if server is None:
        return None
    pools = house.kept.setdefault(_Relay, _Relay()).pools
    url = house.settings.smtp_url.get_secret_value()
    if url not in pools:
        pools[url] = SmtpPool(server)
    found: SmtpPool = pools[url]
    return found


async def close_idle(house: House) -> None:
    """Close connections that nobody used lately."""
    for pool in house.kept.setdefault(_Relay, _Relay()).pools.values():
        await pool.close_idle()


async def close(house: House) -> None:
    """Close all connections."""
    pools = house.kept.setdefault(_Relay, _Relay()).pools
    for pool in pools.values():
        await pool.close()
    pools.clear()


def _answered(message: Outgoing, thread: Sequence[Earlier]) -> Earlier | None:
    """What it answers: the message that it names, else the newest that came in."""
    named = next((each for each in thread if each.id == message.in_reply_to), None)
    return named or next((each for each in thread if each.direction == "in"), None)


def _header_id(secret: bytes, earlier: Earlier, domain: str) -> str:
    return earlier.header_id if earlier.direction == "in" else message_id(secret, earlier.id, domain)


def _references(secret: bytes, thread: Sequence[Earlier], domain: str) -> tuple[str, ...]:
    """The ids of the thread, the oldest first (RFC 5322 3.6.4)."""
    before = [*(thread[-1].references if thread else ())]
    ids = (*before, *(_header_id(secret, each, domain) for each in reversed(thread)))
    return tuple(dict.fromkeys(each for each in ids if each))


def _subject(subject: str, language: str, *, answers: bool) -> str:
    plain = subject.strip() or _SUBJECT[language]
    begins = plain[:4].lower()
    return f"Re: {plain}" if answers and not begins.startswith(("re:", "re：", "回复", "答复")) else plain


def _text(body: str, section: company.Mail, language: str, quoted: Earlier | None, zone: ZoneInfo) -> str:
    parts = [body.rstrip()]
    signature = section.signature.get("zh" if language == "zh" else "en", "")
    if signature:
        parts.append(f"-- \n{signature}")
    if quoted is not None and quoted.body:
        head = _WROTE[language].format(at=f"{quoted.at.astimezone(zone):%Y-%m-%d %H:%M}", name=_THEY[language])
        lines = quoted.body[:MOST_QUOTED].splitlines()
        parts.append("\n".join([head, *(f"> {line}".rstrip() for line in lines)]))
    return "\n\n".join(parts)


async def _files(house: House, message: Outgoing) -> list[OutgoingFile]:
    found = []
    for file_id in message.files:
        try:
            view, data = await message_files.whole_file(house, file_id)
        except (NotFound, Damaged) as error:
            log.warning("mail.file_missing", message=str(message.id), reason=error.code)
            raise PermanentlyRefused("A file that goes with it is gone.") from None
        found.append(OutgoingFile(view.name, view.media_type, data))
    return found

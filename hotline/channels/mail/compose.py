"""Mail that leaves, as bytes (RFC 5322). Nothing that somebody wrote can begin a header: what names people and subjects
hold is one line each, and ids and addresses are held against their grammar first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from typing import Final

from hotline.channels.errors import AddressRefused, PermanentlyRefused

MOST_SUBJECT: Final = 500
#: Most ids in References: the first and the last ones (RFC 5322 3.6.4 allows to leave out the middle).
MOST_REFERENCES: Final = 20
_ID: Final = re.compile(r"[!-;=?-~]{1,900}")
_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN: Final = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}")


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file that goes with a mail."""

    name: str = field(repr=False)
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail to be made. Ids are without brackets; ``automatic``: a machine wrote it (RFC 3834), and machines shall not
    answer it."""

    sender: str
    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    message_id: str
    at: datetime
    sender_name: str = ""
    to_name: str = field(default="", repr=False)
    html: str | None = field(default=None, repr=False)
    reply_to: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    automatic: bool = False
    language: str = ""
    files: Sequence[OutgoingFile] = field(default=(), repr=False)


def compose(draft: Draft) -> bytes:
    """The mail of a draft. Raises AddressRefused for an address that cannot be written to."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(one_line(draft.sender_name), addr_spec=usable_address(draft.sender))
    message["To"] = Address(one_line(draft.to_name), addr_spec=usable_address(draft.to))
    message["Subject"] = one_line(draft.subject)[:MOST_SUBJECT]
    if draft.automatic:
        message["Auto-Submitted"] = "auto-replied"
        # What Exchange heeds in its place.
        message["X-Auto-Response-Suppress"] = "All"
    if draft.language:
        message["Content-Language"] = one_line(draft.language)[:16]
    message.set_content(plain_text(draft.text), cte="quoted-printable" if not draft.text.isascii() else None)
    if draft.html:
        message.add_alternative(draft.html, subtype="html")
    for file in draft.files:
        kind = file.media_type.lower() if _MEDIA_TYPE.fullmatch(file.media_type.lower()) else ""
        if not kind or kind.startswith(("text/", "message/", "multipart/")):
            kind = "application/octet-stream"  # its bytes, as they are
        main, _, sub = kind.partition("/")
        message.add_attachment(file.data, maintype=main, subtype=sub, filename=one_line(file.name)[:200] or "file")
    return _head(draft) + message.as_bytes()


def _head(draft: Draft) -> bytes:
    """The headers of ids, one to a line. The library would fold long ids as encoded words, which no reader decodes."""
    lines = [f"Date: {format_datetime(draft.at)}", f"Message-ID: <{_checked(draft.message_id)}>"]
    if draft.reply_to:
        lines.append(f"Reply-To: <{usable_address(draft.reply_to)}>")
    if _ID.fullmatch(draft.in_reply_to):
        lines.append(f"In-Reply-To: <{draft.in_reply_to}>")
    ids = [each for each in dict.fromkeys(draft.references) if _ID.fullmatch(each)]
    if len(ids) > MOST_REFERENCES:
        ids = [ids[0], *ids[1 - MOST_REFERENCES :]]
    if ids:
        lines.append("References: " + "\r\n ".join(f"<{each}>" for each in ids))
    return ("\r\n".join(lines) + "\r\n").encode("ascii")


def usable_address(address: str) -> str:
    """The address as it goes over the wire, its domain in ASCII. Raises AddressRefused."""
    local, at, domain = address.strip().rpartition("@")
    domain = _wire_domain(domain)
    if not at or not domain or len(local) > 64 or not _LOCAL.fullmatch(local):
        raise AddressRefused("This is no address that mail can be sent to.")
    return f"{local}@{domain}"


@lru_cache(maxsize=1024)
def _wire_domain(domain: str) -> str:
    """A domain in ASCII, empty for what is none."""
    try:
        found = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return found if _DOMAIN.fullmatch(found) else ""


def one_line(text: str) -> str:
    """Text for a header: no line breaks, no control characters, no halves of letters."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())


def plain_text(text: str) -> str:
    """Text for a body: ends of lines alike, no other control characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(letter for letter in lines if letter in "\n\t" or letter.isprintable()) + "\n"


def _checked(message_id: str) -> str:
    if not _ID.fullmatch(message_id):
        raise PermanentlyRefused("The mail has no usable Message-ID.")
    return message_id

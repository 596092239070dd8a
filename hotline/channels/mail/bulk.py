"""One mail of very many, as bytes (RFC 5322, RFC 2045): what is the same in all of them is made once, and what is each
recipient's own is put between. Building a message object for each would take ten times as long.

Nothing that somebody wrote can begin a header: subjects are one line, ids, addresses and links are held against their
grammar. Parts are as they are where they may be, else quoted-printable, or base64 where most letters would be quoted;
no line can be the boundary.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from binascii import b2a_qp
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.header import Header
from email.headerregistry import Address
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from typing import Final

from hotline.channels.errors import PermanentlyRefused
from hotline.channels.mail.compose import MOST_SUBJECT, one_line, usable_address

#: Neither quoted-printable nor base64 has "=_" in it (RFC 2045 5.1.1).
_BOUNDARY: Final = b"=_hotline_part"
_URL: Final = re.compile(r"https?://[!-;=?-~]{1,500}")
_TAG: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
#: Above this share of letters that would be quoted, base64 is shorter (RFC 2045 6.7).
_MANY: Final = 6
_MULTIPART: Final = b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="' + _BOUNDARY + b'"\r\n\r\n'
#: Longest line that stands as it is (RFC 5322 2.1.1): of a text that somebody may read so, and of what programs show.
_LONGEST_LINE: Final = {b"plain": 78, b"html": 500}
_NEXT: Final = b"\r\n--" + _BOUNDARY + b"\r\n"
_END: Final = b"\r\n--" + _BOUNDARY + b"--\r\n"
_LONGEST_PLAIN: Final = 60


@dataclass(frozen=True, slots=True)
class BulkMail:
    """One mail. ``message_id`` is without brackets; ``unsubscribe_url`` is where a POST
    ends such mails (RFC 8058), empty for mail that is none of marketing."""

    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str | None = field(repr=False)
    message_id: str
    unsubscribe_url: str = field(default="", repr=False)
    language: str = ""


def letterhead(sender: str, name: str) -> bytes:
    """The header of whom it is from, the same in all mails. Raises AddressRefused for what is no address."""
    text = str(Address(one_line(name), addr_spec=usable_address(sender)))
    folded: str = SMTP.header_factory("From", text).fold(policy=SMTP)
    return folded.encode("ascii", "surrogateescape")


def compose_bulk(mail: BulkMail, head: bytes, at: datetime) -> bytes:
    """The mail under a ``letterhead``. Raises AddressRefused for an address that cannot be written to."""
    to = usable_address(mail.to)
    lines = [
        head,
        b"To: <%s>\r\n" % to.encode("ascii"),
        _subject(mail.subject),
        _date(at.replace(microsecond=0)),
        b"Message-ID: <%s>\r\n" % mail.message_id.encode("ascii"),
    ]
    if mail.unsubscribe_url:
        lines.append(_unsubscribe(mail.unsubscribe_url))
    if _TAG.fullmatch(mail.language):
        lines.append(b"Content-Language: %s\r\n" % mail.language.encode("ascii"))
    if mail.html is None:
        return b"".join((*lines, b"MIME-Version: 1.0\r\n", _part(b"plain", mail.text)))
    parts = (_MULTIPART, _NEXT[2:], _part(b"plain", mail.text), _NEXT, _part(b"html", mail.html), _END)
    return b"".join((*lines, *parts))


def _unsubscribe(url: str) -> bytes:
    """One click ends it (RFC 2369, RFC 8058); both are of every mail of marketing."""
    if not _URL.fullmatch(url):
        raise PermanentlyRefused("The address to unsubscribe at is none.")
    return f"List-Unsubscribe: <{url}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n".encode("ascii")


def _part(kind: bytes, text: str) -> bytes:
    """A part with its own headers."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.endswith("\n"):
        text += "\n"
    head = b"Content-Type: text/" + kind + b'; charset="utf-8"\r\nContent-Transfer-Encoding: '
    if text.isascii() and "--=_" not in text:
        lines = text.split("\n")
        if len(max(lines, key=len)) <= _LONGEST_LINE[kind] and "".join(lines).isprintable():
            return head + b"7bit\r\n\r\n" + "\r\n".join(lines).encode("ascii")
    data = text.encode("utf-8", "replace")
    if (len(data) - len(text)) * _MANY > len(data):
        encoded = encodebytes(data.replace(b"\n", b"\r\n")).replace(b"\n", b"\r\n")
        return head + b"base64\r\n\r\n" + encoded
    return head + b"quoted-printable\r\n\r\n" + b2a_qp(data, istext=True).replace(b"\n", b"\r\n")


@lru_cache(maxsize=1024)
def _subject(text: str) -> bytes:
    line = one_line(text)[:MOST_SUBJECT]
    if line.isascii() and len(line) <= _LONGEST_PLAIN and "=?" not in line:
        return b"Subject: %s\r\n" % line.encode("ascii")
    encoded = Header(line, "utf-8", header_name="Subject").encode(linesep="\r\n")
    return b"Subject: %s\r\n" % encoded.encode("ascii")


@lru_cache(maxsize=4)
def _date(at: datetime) -> bytes:
    return b"Date: %s\r\n" % format_datetime(at.astimezone(UTC)).encode("ascii")

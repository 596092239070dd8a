"""A mail as it came, read: who, about what, its text, its HTML made safe, its files (RFC 5322, RFC 2045, RFC 2047).

Whatever is wrong with it, there is a result: what cannot be read goes with it whole, as ``original.eml``. Sizes, parts
and depths have limits, since a small mail may ask for much work. Nothing is ever unpacked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.policy import compat32
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, Final

import structlog

from hotline.channels.mail.charsets import header_text, text_of
from hotline.channels.mail.html import as_text, cleaned
from hotline.channels.mail.quotes import reply_of

log = structlog.get_logger(__name__)

#: Most bytes of all headers, most of one, most of them; what is beyond is not read.
HEADER_BYTES: Final = 256_000
ONE_HEADER: Final = 16_000
MOST_HEADERS: Final = 500
#: Most parts of a mail that are read one by one, and how deep they may lie in each other.
MOST_PARTS: Final = 200
DEEPEST: Final = 20
#: Most letters of a text that are kept.
LONGEST_TEXT: Final = 200_000
MOST_ADDRESSES: Final = 100
MOST_REFERENCES: Final = 50
ORIGINAL: Final = "original.eml"

_MESSAGE_ID: Final = re.compile(r"<([^<>\s]{1,900})>")
_ADDRESS: Final = re.compile(r"[^@\s<>\"(),:;\x00-\x1f\x7f]{1,64}@[^@\s<>\"(),:;\x00-\x1f\x7f]{1,253}")
_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}")
_FLOWED: Final = re.compile(r"(?<=[^\n]) \n(?!\n|>|-- $)")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a mail. ``content_id`` is by what its HTML shows it, without brackets."""

    name: str = field(repr=False)
    media_type: str
    data: bytes = field(repr=False)
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """``text`` is all that was written, ``reply`` without what it quotes; ``html`` is safe to be shown. Ids are without
    brackets. ``to`` are the addresses of all who got it, as its headers say. ``headers`` have lower-case names.
    ``whole`` False: parts of it were not read, and the original is among the files."""

    message_id: str
    address: str = field(repr=False)
    name: str = field(repr=False)
    reply_to: str = field(repr=False)
    to: tuple[str, ...] = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    reply: str = field(repr=False)
    html: str | None = field(repr=False)
    references: tuple[str, ...]
    sent_at: datetime | None
    headers: Mapping[str, tuple[str, ...]] = field(repr=False)
    files: tuple[Attachment, ...] = field(default=(), repr=False)
    whole: bool = True
    return_path: str | None = None


def parse(raw: bytes) -> ParsedMail:
    """The mail of ``raw``. Never raises for what is in it; takes a while: call it in a thread."""
    raw, cut = _with_bounded_head(raw)
    try:
        message = BytesParser(policy=compat32).parsebytes(raw)
        found = _read(message)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        log.info("mail.unreadable", error=type(error).__name__, bytes=len(raw))
        found = replace(_head_of(BytesHeaderParser(policy=compat32).parsebytes(raw)), whole=False)
    if cut or not found.whole:
        original = Attachment(ORIGINAL, "message/rfc822", raw)
        found = replace(found, whole=False, files=(*found.files, original))
    return found


def _with_bounded_head(raw: bytes) -> tuple[bytes, bool]:
    """The mail with headers of a bounded size, and whether something was cut off."""
    end = re.search(rb"\r?\n\r?\n", raw)
    head = raw[: end.start()] if end else raw
    if len(head) <= HEADER_BYTES:
        return raw, False
    kept = head[:HEADER_BYTES].rpartition(b"\n")[0] or head[:ONE_HEADER]
    return kept + b"\r\n\r\n" + (raw[end.end() :] if end else b""), True


def _read(message: Message) -> ParsedMail:
    texts: list[str] = []
    pages: list[str] = []
    files: list[Attachment] = []
    whole = True
    for count, (part, depth) in enumerate(_parts(message)):
        if count >= MOST_PARTS or depth > DEEPEST:
            whole = False
            break
        kind = _type_of(part)
        file_name = _file_name(part)
        attached = _disposition(part) == "attachment" or (bool(file_name) and not kind.startswith("text/"))
        if kind == "text/plain" and not attached:
            texts.append(_text(part))
        elif kind == "text/html" and not attached:
            pages.append(_text(part))
        else:
            files.append(_attachment(part, kind, file_name, len(files) + 1))
    html = "\n".join(page for page in pages if page.strip())
    text = "\n\n".join(each.strip() for each in texts if each.strip()) or as_text(html)
    text = text[:LONGEST_TEXT]
    head = _head_of(message)
    return replace(
        head,
        text=text,
        reply=reply_of(text),
        html=cleaned(html) if html else None,
        files=tuple(files),
        whole=whole,
    )


def _parts(message: Message) -> Iterator[tuple[Message, int]]:
    """The leaves with their depths, in order; a mail inside the mail is a leaf."""
    waiting: list[tuple[Message, int]] = [(message, 0)]
    while waiting:
        part, depth = waiting.pop()
        payload: Any = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list) and depth <= DEEPEST:
            waiting.extend((each, depth + 1) for each in reversed(payload[: MOST_PARTS + 1]))
        else:
            yield part, depth


def _head_of(message: Message) -> ParsedMail:
    headers: dict[str, list[str]] = {}
    for name, value in message.items()[:MOST_HEADERS]:
        headers.setdefault(name.lower()[:100], []).append(str(value)[:ONE_HEADER])
    name, address = _first_address(headers.get("from", []) or headers.get("sender", []))
    _, reply_to = _first_address(headers.get("reply-to", []))
    to = [
        address
        for header in ("delivered-to", "x-original-to", "envelope-to", "to", "cc", "resent-to")
        for _, address in _addresses(headers.get(header, []))
    ]
    found_ids = [
        each for header in ("references", "in-reply-to") for value in headers.get(header, []) for each in _ids(value)
    ]
    return ParsedMail(
        message_id=next((each for value in headers.get("message-id", []) for each in _ids(value)), ""),
        address=address,
        name=name,
        reply_to=reply_to,
        to=tuple(dict.fromkeys(to))[:MOST_ADDRESSES],
        subject=header_text(next(iter(headers.get("subject", [])), ""), 500),
        text="",
        reply="",
        html=None,
        references=tuple(dict.fromkeys(found_ids))[-MOST_REFERENCES:],
        sent_at=_instant(next(iter(headers.get("date", [])), "")),
        headers={name: tuple(header_text(value, 2_000) for value in values) for name, values in headers.items()},
        return_path=_return_path(headers.get("return-path", [])),
    )


def _return_path(values: list[str]) -> str | None:
    return values[0].strip().strip("<>").strip() if values else None


def _ids(value: str) -> list[str]:
    """Message-IDs in a header. Some clients leave the brackets away."""
    found = _MESSAGE_ID.findall(value)
    if not found and "@" in value and " " not in value.strip():
        return [value.strip()[:900]]
    return found


def _addresses(values: list[str]) -> list[tuple[str, str]]:
    """(name, address) of each; what is no address is left out."""
    found = []
    for name, address in getaddresses([" ".join(value.split()) for value in values[:20]])[:MOST_ADDRESSES]:
        address = header_text(address)
        if _ADDRESS.fullmatch(address):
            found.append((header_text(name, 200), address))
    return found


def _first_address(values: list[str]) -> tuple[str, str]:
    found = _addresses(values)
    if found:
        return found[0]
    for value in values:  # broken beyond the rules, but an address may stand in it
        if (match := _ADDRESS.search(header_text(value))) is not None:
            return "", match[0]
    return "", ""


def _instant(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    try:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _type_of(part: Message) -> str:
    kind = part.get_content_type().lower()
    return kind if _TYPE.fullmatch(kind) else "application/octet-stream"


def _disposition(part: Message) -> str:
    return str(part.get("content-disposition", "")).partition(";")[0].strip().lower()


def _file_name(part: Message) -> str:
    """The name that its sender gave, in one line; RFC 2231 and RFC 2047 alike."""
    try:
        name = part.get_filename() or ""
    except (ValueError, LookupError, TypeError):
        name = ""
    return header_text(str(name), 200)


def _text(part: Message) -> str:
    data = _payload(part)
    charset = part.get_param("charset")
    if isinstance(charset, tuple):
        charset = charset[2]
    text = text_of(data[: 4 * LONGEST_TEXT], str(charset) if charset else None)
    if str(part.get_param("format", "")).lower() == "flowed":
        text = _FLOWED.sub(" ", text)
    return text


def _attachment(part: Message, kind: str, name: str, number: int) -> Attachment:
    payload: Any = part.get_payload()
    if isinstance(payload, list):
        # A mail inside the mail, or parts that lie too deep: kept as they came.
        inner = payload[0] if kind == "message/rfc822" and payload else part
        data = inner.as_bytes(policy=compat32)
        kind, name = "message/rfc822", name or f"mail-{number}.eml"
    else:
        data = _payload(part)
    content_id = header_text(str(part.get("content-id", "")), 255).strip("<> ") or None
    return Attachment(name or f"file-{number}", kind, data, content_id)


def _payload(part: Message) -> bytes:
    data: Any = part.get_payload(decode=True)
    if isinstance(data, bytes):
        return data
    text: Any = part.get_payload()
    return str(text or "").encode("utf-8", "surrogateescape")

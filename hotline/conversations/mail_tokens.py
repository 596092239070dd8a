"""Addresses and Message-IDs that say what they belong to: ``support+<tag>@example.com``.

A tag is an id and a keyed digest of it (HMAC-SHA256, cut to 10 bytes), so that nobody can make one; base32 in lower
case, for mail servers may change the case of an address. A tag in the Reply-To finds the conversation of a reply, one
in the envelope's sender the message that did not arrive (VERP), one in the Message-ID tells own mail that came back.
"""

from __future__ import annotations

import base64
import hmac
from binascii import Error
from hashlib import sha256
from typing import Final, Literal
from uuid import UUID

#: What a tag belongs to: a conversation that is replied to, a message that bounces, a message by its Message-ID.
Use = Literal["reply", "bounce", "message"]

_PREFIXES: Final[dict[Use, str]] = {"reply": "r", "bounce": "b", "message": "m"}
_MAC_BYTES: Final = 10
_ID_BYTES: Final = 16
#: Base32 of both, without its padding.
_LETTERS: Final = 42
_LONGEST_LOCAL: Final = 64


def tag(secret: bytes, use: Use, of: UUID) -> str:
    """The tag of an id, 43 letters and digits."""
    whole = of.bytes + _mac(secret, use, of.bytes)
    return _PREFIXES[use] + base64.b32encode(whole).decode("ascii").rstrip("=").lower()


def read_tag(secret: bytes, use: Use, text: str) -> UUID | None:
    """The id of a tag; None for anything that was not made with the secret for this use."""
    text = text.strip().lower()
    if len(text) != _LETTERS + 1 or text[0] != _PREFIXES[use] or not text.isascii():
        return None
    try:
        whole = base64.b32decode(text[1:].upper() + "=" * (-_LETTERS % 8))
    except Error:
        return None
    of, mac = whole[:_ID_BYTES], whole[_ID_BYTES:]
    # Compared again as text: base32's last letter has bits that mean nothing.
    if not hmac.compare_digest(mac, _mac(secret, use, of)) or tag(secret, use, UUID(bytes=of)) != text:
        return None
    return UUID(bytes=of)


def takes_tag(address: str) -> bool:
    """Whether an address has room for a tag: what stands before the @ is 64 letters at most (RFC 5321 4.5.3.1.1)."""
    return len(address.rpartition("@")[0]) + len("+") + 1 + _LETTERS <= _LONGEST_LOCAL


def tagged(address: str, tag: str) -> str:
    """``support+tag@example.com``."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{tag}@{domain}"


def untagged(address: str) -> tuple[str, str]:
    """(the address without its tag, the tag); the tag is empty where there is none."""
    local, _, domain = address.rpartition("@")
    plain, plus, found = local.partition("+")
    return (f"{plain}@{domain}", found) if plus and plain else (address, "")


def message_id(secret: bytes, message: UUID, domain: str) -> str:
    """The Message-ID of an own message, without its angle brackets; the same each time."""
    return f"{tag(secret, 'message', message)}@{domain}"


def own_message(secret: bytes, text: str) -> UUID | None:
    """The own message of a Message-ID; None for others'."""
    return read_tag(secret, "message", text.strip("<> \t").partition("@")[0])


def _mac(secret: bytes, use: Use, of: bytes) -> bytes:
    return hmac.digest(secret, use.encode() + b"\0" + of, sha256)[:_MAC_BYTES]

"""Tokens of links that customers get: what they stand for, and a digest that nobody else can make (HMAC-SHA256 of the
purpose and the value, cut to 12 bytes; RFC 2104). base64url, so that they stand in an address as they are.

Keys are separated by purpose: a token for one is none for another. Of several secrets the first signs and all read,
so that a secret can be replaced while the links in old messages go on working.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal
from uuid import UUID

#: ``unsubscribe``: of one delivery; ``preferences``: of one customer; ``click``: of one link of a delivery; ``inapp``:
#: of a customer's messages in the app, until an instant.
Use = Literal["unsubscribe", "preferences", "click", "inapp"]

_LETTERS: Final[dict[Use, str]] = {"unsubscribe": "u", "preferences": "p", "click": "c", "inapp": "i"}
_ID: Final = 16
_NUMBER: Final = 2
_INSTANT: Final = 5
_MAC: Final = 12
#: Longer texts are none of ours; they are not looked at.
LONGEST: Final = 64
#: Links of one message that are told apart.
MOST_LINKS: Final = 1 << (8 * _NUMBER)


def unsubscribe(secrets: Sequence[bytes], delivery_id: UUID) -> str:
    """The token of ``/u/<token>`` in a message: 39 letters and digits."""
    return _made(secrets, "unsubscribe", delivery_id.bytes)


def read_unsubscribe(secrets: Sequence[bytes], text: str) -> UUID | None:
    """The delivery of a token; None for anything that was not made with one of the secrets for this."""
    value = _read(secrets, "unsubscribe", text, _ID)
    return UUID(bytes=value) if value is not None else None


def preferences(secrets: Sequence[bytes], customer_id: UUID) -> str:
    """The token of a customer's own page, for whoever gives it to them."""
    return _made(secrets, "preferences", customer_id.bytes)


def read_preferences(secrets: Sequence[bytes], text: str) -> UUID | None:
    """The customer of such a token, None as above."""
    value = _read(secrets, "preferences", text, _ID)
    return UUID(bytes=value) if value is not None else None


def click(secrets: Sequence[bytes], delivery_id: UUID, n: int) -> str:
    """The token of the ``n``-th link of a message; where it leads stands with the campaign, never in the token."""
    return _made(secrets, "click", delivery_id.bytes + n.to_bytes(_NUMBER, "big"))


def read_click(secrets: Sequence[bytes], text: str) -> tuple[UUID, int] | None:
    """(the delivery, the link's number), None as above."""
    value = _read(secrets, "click", text, _ID + _NUMBER)
    return (UUID(bytes=value[:_ID]), int.from_bytes(value[_ID:], "big")) if value is not None else None


def inapp(secrets: Sequence[bytes], customer_id: UUID, expires: datetime) -> str:
    """The token by which an app reads a customer's messages, until ``expires``."""
    return _made(secrets, "inapp", customer_id.bytes + _seconds(expires).to_bytes(_INSTANT, "big"))


def read_inapp(secrets: Sequence[bytes], text: str, now: datetime) -> UUID | None:
    """The customer of such a token, None as above or once its time is over."""
    value = _read(secrets, "inapp", text, _ID + _INSTANT)
    if value is None or int.from_bytes(value[_ID:], "big") <= _seconds(now):
        return None
    return UUID(bytes=value[:_ID])


def _seconds(at: datetime) -> int:
    return int((at - datetime.fromtimestamp(0, tz=at.tzinfo)) / timedelta(seconds=1))


def _made(secrets: Sequence[bytes], use: Use, value: bytes) -> str:
    whole = value + _mac(secrets[0], use, value)
    return _LETTERS[use] + urlsafe_b64encode(whole).decode("ascii").rstrip("=")


def _read(secrets: Sequence[bytes], use: Use, text: str, length: int) -> bytes | None:
    if not text.isascii() or len(text) > LONGEST or text[:1] != _LETTERS[use]:
        return None
    body = text[1:]
    try:
        whole = urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except (Error, ValueError):
        return None
    # Written again as text: the last letter has bits that mean nothing, and other letters are skipped by the decoder.
    if len(whole) != length + _MAC or urlsafe_b64encode(whole).decode("ascii").rstrip("=") != body:
        return None
    value, mac = whole[:length], whole[length:]
    known = [hmac.compare_digest(mac, _mac(secret, use, value)) for secret in secrets]
    return value if any(known) else None


def _mac(secret: bytes, use: Use, value: bytes) -> bytes:
    return hmac.digest(_key(secret, use), value, sha256)[:_MAC]


@lru_cache(maxsize=64)
def _key(secret: bytes, use: Use) -> bytes:
    return hmac.digest(secret, b"hotline link " + use.encode(), sha256)

"""The right to send one recording: an address that hotline signs when a recording begins, and checks when it arrives.

It carries all that is to be known of the recording, so that making one needs no database: a caller may leave a message
while the records are away, and the PBX sends it when they are back.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, get_args
from uuid import UUID

from hotline.crm.commands.calls.recordings import Kind
from hotline.crm.keys import Keyring
from hotline.errors import Forbidden, HotlineError

#: How long a PBX may keep a recording before it sends it.
LIFETIME: Final = timedelta(days=30)

_PURPOSE: Final = b"hotline recording upload\0"
_VERSION: Final = 1
_KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_LONGEST: Final = 600
_FIXED: Final = 1 + 1 + 4 + 16 + 1


class Forged(Forbidden):
    """This address was not made by this hotline."""

    code = "forged"


class Expired(HotlineError):
    """This address was given out too long ago."""

    code = "expired"
    status = 410


@dataclass(frozen=True, slots=True)
class Grant:
    """What an upload's address says."""

    id: UUID
    pbx: str
    uniqueid: str
    kind: Kind
    expires_at: datetime


def sign(keyring: Keyring, grant: Grant) -> str:
    """The address's last part: letters, digits, dash, underscore and dot only."""
    pbx = grant.pbx.encode()
    head = bytes((_VERSION, _KINDS.index(grant.kind)))
    when = int(grant.expires_at.timestamp()).to_bytes(4, "big")
    payload = head + when + grant.id.bytes + bytes((len(pbx),)) + pbx + grant.uniqueid.encode()
    master, mac = keyring.sign(_PURPOSE + payload)
    return f"{_text(payload)}.{master}.{_text(mac)}"


def read(keyring: Keyring, token: str, now: datetime) -> Grant:
    """What the token says. Raises Forged and Expired."""
    parts = token.split(".")
    if len(token) > _LONGEST or len(parts) != 3:
        raise Forged()
    payload, mac = _bytes(parts[0]), _bytes(parts[2])
    if not keyring.verify(parts[1], _PURPOSE + payload, mac):
        raise Forged()
    # From here on it is what ``sign`` wrote.
    if len(payload) < _FIXED or payload[0] != _VERSION:
        raise Forged()
    length = payload[_FIXED - 1]
    grant = Grant(
        id=UUID(bytes=payload[6:22]),
        pbx=payload[_FIXED : _FIXED + length].decode(),
        uniqueid=payload[_FIXED + length :].decode(),
        kind=_KINDS[payload[1]],
        expires_at=datetime.fromtimestamp(int.from_bytes(payload[2:6], "big"), UTC),
    )
    if grant.expires_at < now:
        raise Expired()
    return grant


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Forged() from None

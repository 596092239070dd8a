"""Addresses at which a provider fetches files of a message that leaves: each holds for a while, and for one file."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from hotline.errors import NotFound
from hotline.workflows.house import House

#: A provider fetches a file when it sends the message; one that waits for its sender takes longer.
HOLDS: Final = timedelta(hours=12)
PATH: Final = "/media/messages"
_PURPOSE: Final = "message file link"


def file_url(house: House, file_id: UUID) -> str:
    """Where a file may be fetched until it expires."""
    until = int((house.clock() + HOLDS).timestamp())
    return f"{house.settings.base_url}{PATH}/{file_id}/{until}/{_signature(house, file_id, until)}"


def require_link(house: House, file_id: UUID, until: str, signature: str) -> None:
    """Raises NotFound for an address that we did not give out, or that holds no more."""
    if not (until.isascii() and until.isdecimal() and len(until) <= 12) or not signature.isascii():
        raise NotFound
    if not hmac.compare_digest(_signature(house, file_id, int(until)), signature):
        raise NotFound
    if datetime.fromtimestamp(int(until), UTC) < house.clock():
        raise NotFound


def _signature(house: House, file_id: UUID, until: int) -> str:
    return urlsafe_b64encode(house.keyring.blind_index(_PURPOSE, f"{file_id}/{until}")).rstrip(b"=").decode()

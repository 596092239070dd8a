"""Web Push: a note to a customer's browser or device, encrypted for it alone (RFC 8030, 8188, 8291; VAPID: RFC 8292).

The address of a device comes from outside: like every other, it is asked only where ``channels.outgoing_urls`` lets
it, and it gets no credentials but the signature that VAPID is.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from hotline.channels.errors import AddressRefused, MediaRefused, PermanentlyRefused, TemporarilyRefused
from hotline.channels.outgoing_urls import post, require_askable

#: Push services take so many bytes of an encrypted body (RFC 8030 7.2: at least 4096); the rest is for its frame.
LARGEST: Final = 3_800
#: Most seconds that a push service keeps a note for a device that is off.
LONGEST_KEPT: Final = 28 * 86_400
#: How long a signature is good for; RFC 8292 allows a day.
SIGNED_FOR: Final = timedelta(hours=12)
_SECONDS: Final = 10.0
# The order of P-256 (FIPS 186-5): a private key is below it.
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True)
class Target:
    """Where a note goes, as the browser told it."""

    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)


class WebPush:
    """The company as an application server. ``secret``: 32 bytes or more that stay the same, since browsers bind a
    subscription to the public key; ``subject``: whom a push service writes to, ``mailto:`` or ``https:``.

    ``own_service`` is an origin that stands for the push services, in tests and closed networks; empty: none.
    """

    def __init__(self, secret: bytes, subject: str, *, own_service: str = "") -> None:
        # Imported here: it brings a second HTTP library, and most processes tell no device anything.
        from py_vapid import Vapid02

        self._vapid = Vapid02.from_raw(urlsafe_b64encode(_scalar(secret)).rstrip(b"="))
        self._subject = subject
        self._own = own_service

    @property
    def public_key(self) -> str:
        """The application server key that a page subscribes with: base64url of the uncompressed point."""
        signed: str = self._vapid.sign({"aud": "https://example.com", "exp": 1, "sub": self._subject})["Authorization"]
        return signed.rpartition("k=")[2]

    async def check(self, endpoint: str) -> None:
        """Raises MediaRefused for a device's address at which no push service is asked: a private one, or none."""
        await require_askable(endpoint, own=self._own)

    async def send(self, target: Target, note: bytes, *, seconds: int, now: datetime) -> None:
        """Hand a note over, to be kept so many ``seconds`` at most. Raises AddressRefused when the device is gone,
        PermanentlyRefused or TemporarilyRefused when the push service does not take it."""
        from pywebpush import WebPusher, WebPushException

        if len(note) > LARGEST:
            raise PermanentlyRefused("The note is too long.")
        parts = urlsplit(target.endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int((now + SIGNED_FOR).timestamp()),
            "sub": self._subject,
        }
        try:
            body = WebPusher(
                {"endpoint": target.endpoint, "keys": {"p256dh": target.p256dh, "auth": target.auth}}
            ).encode(note, "aes128gcm")["body"]
            headers = dict(self._vapid.sign(claims))
        except (WebPushException, ValueError, TypeError, IndexError):
            raise AddressRefused("The device's keys are none.") from None
        headers |= {
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(max(0, min(seconds, LONGEST_KEPT))),
            "Urgency": "normal",
        }
        try:
            status, after = await post(target.endpoint, body, headers, seconds=_SECONDS, own=self._own)
        except MediaRefused:
            raise AddressRefused("The device's address is none that is asked.") from None
        if status in (404, 410):
            raise AddressRefused("The device is gone.", provider_code=status)
        if status == 429 or status >= 500:
            raise TemporarilyRefused("The push service does not take it now.", provider_code=status, retry_after=after)
        if status >= 300:
            raise PermanentlyRefused("The push service does not take it.", provider_code=status)


def _scalar(secret: bytes) -> bytes:
    """A private key from a secret, always the same one."""
    number = int.from_bytes(hashlib.sha512(b"hotline web push" + secret).digest(), "big") % (_ORDER - 1) + 1
    return number.to_bytes(32, "big")

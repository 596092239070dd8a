"""What the simulated Twilio remembers, in the shapes of Twilio's API (https://www.twilio.com/docs/usage/api)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

VERSION: Final = "2010-04-01"


def new_sid(prefix: str) -> str:
    """A fresh id: two letters and 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)


def now() -> datetime:
    """The present second; Twilio tells no parts of it."""
    return datetime.now(UTC).replace(microsecond=0)


def stamp(at: datetime | None) -> str | None:
    """A moment as the API writes it (RFC 2822)."""
    return None if at is None else format_datetime(at)


@dataclass
class Media:
    """A file of a message."""

    content_type: str
    data: bytes = field(repr=False)
    sid: str = field(default_factory=lambda: new_sid("ME"))


@dataclass
class Message:
    """A message of either direction."""

    account_sid: str
    from_: str
    to: str
    body: str
    direction: str
    status: str
    service_sid: str | None = None
    status_callback: str | None = None
    content_sid: str | None = None
    content_variables: str | None = None
    media: list[Media] = field(default_factory=list)
    media_urls: list[str] = field(default_factory=list)
    error_code: int | None = None
    #: What Twilio told of it, in order.
    history: list[str] = field(default_factory=list)
    at: datetime = field(default_factory=now)
    sid: str = ""

    def __post_init__(self) -> None:
        self.sid = self.sid or new_sid("MM" if self.media or self.media_urls else "SM")

    @property
    def path(self) -> str:
        """Its place in the API."""
        return f"/{VERSION}/Accounts/{self.account_sid}/Messages/{self.sid}"

    def json(self) -> dict[str, Any]:
        """Its resource."""
        return {
            "sid": self.sid, "account_sid": self.account_sid, "from": self.from_ or None, "to": self.to,
            "body": self.body, "status": self.status, "direction": self.direction, "num_segments": "1",
            "num_media": str(len(self.media) + len(self.media_urls)), "messaging_service_sid": self.service_sid,
            "error_code": self.error_code, "error_message": None, "price": None, "price_unit": "USD",
            "api_version": VERSION, "date_created": stamp(self.at), "date_updated": stamp(self.at),
            "date_sent": None if self.status in ("queued", "accepted") else stamp(self.at),
            "uri": f"{self.path}.json", "subresource_uris": {"media": f"{self.path}/Media.json"},
        }  # fmt: skip


@dataclass
class Call:
    """A call, or one leg of one."""

    account_sid: str
    from_: str
    to: str
    direction: str
    status: str = "queued"
    parent_sid: str | None = None
    answered_by: str | None = None
    created_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    ended_at: datetime | None = None
    sid: str = field(default_factory=lambda: new_sid("CA"))

    @property
    def seconds(self) -> int:
        """How long it lasted, or lasts by now."""
        return 0 if self.started_at is None else int(((self.ended_at or now()) - self.started_at).total_seconds())

    def json(self) -> dict[str, Any]:
        """Its resource."""
        path = f"/{VERSION}/Accounts/{self.account_sid}/Calls/{self.sid}"
        return {
            "sid": self.sid, "account_sid": self.account_sid, "from": self.from_, "to": self.to,
            "from_formatted": self.from_, "to_formatted": self.to, "parent_call_sid": self.parent_sid,
            "status": self.status, "direction": self.direction, "answered_by": self.answered_by,
            "phone_number_sid": None, "start_time": stamp(self.started_at), "end_time": stamp(self.ended_at),
            "duration": str(self.seconds) if self.ended_at else None, "price": None, "price_unit": "USD",
            "api_version": VERSION, "forwarded_from": None, "group_sid": None, "caller_name": None,
            "queue_time": "0", "trunk_sid": None, "annotation": None, "date_created": stamp(self.created_at),
            "date_updated": stamp(self.ended_at or self.created_at), "uri": f"{path}.json", "subresource_uris": {},
        }  # fmt: skip


@dataclass
class Recording:
    """A recorded piece of sound."""

    account_sid: str
    call_sid: str
    seconds: int
    source: str
    data: bytes = field(repr=False)
    text: str = ""
    at: datetime = field(default_factory=now)
    sid: str = field(default_factory=lambda: new_sid("RE"))

    def json(self) -> dict[str, Any]:
        """Its resource."""
        return {
            "sid": self.sid, "account_sid": self.account_sid, "call_sid": self.call_sid, "status": "completed",
            "duration": str(self.seconds), "channels": 1, "source": self.source, "api_version": VERSION,
            "price": None, "price_unit": "USD", "error_code": None, "conference_sid": None, "encryption_details": None,
            "date_created": stamp(self.at), "date_updated": stamp(self.at), "start_time": stamp(self.at),
            "uri": f"/{VERSION}/Accounts/{self.account_sid}/Recordings/{self.sid}.json", "subresource_uris": {},
        }  # fmt: skip

    def transcription(self) -> dict[str, Any]:
        """The resource of its text."""
        sid = f"TR{self.sid[2:]}"
        return {
            "sid": sid, "account_sid": self.account_sid, "recording_sid": self.sid, "status": "completed",
            "duration": str(self.seconds), "type": "fast", "transcription_text": self.text, "price": None,
            "price_unit": "USD", "api_version": VERSION, "date_created": stamp(self.at), "date_updated": stamp(self.at),
            "uri": f"/{VERSION}/Accounts/{self.account_sid}/Transcriptions/{sid}.json",
        }  # fmt: skip


@dataclass
class Number:
    """A telephone number of the account; ``webhooks`` by Twilio's names in small letters."""

    account_sid: str
    number: str
    name: str = ""
    webhooks: dict[str, str] = field(default_factory=dict)
    sid: str = field(default_factory=lambda: new_sid("PN"))

    def json(self) -> dict[str, Any]:
        """Its resource."""
        path = f"/{VERSION}/Accounts/{self.account_sid}/IncomingPhoneNumbers/{self.sid}"
        kinds = ("voice", "voice_fallback", "sms", "sms_fallback", "status_callback")
        methods = {f"{kind}_method": "POST" for kind in kinds}
        urls = dict.fromkeys(
            ("voice_url", "voice_fallback_url", "status_callback", "sms_url", "sms_fallback_url",
             "voice_application_sid", "sms_application_sid", "trunk_sid"), ""
        )  # fmt: skip
        return {
            "sid": self.sid, "account_sid": self.account_sid, "phone_number": self.number,
            "friendly_name": self.name or self.number, "api_version": VERSION, "origin": "twilio", "status": "in-use",
            "capabilities": {"voice": True, "sms": True, "mms": True, "fax": False}, "beta": False, "type": "local",
            "voice_caller_id_lookup": False, "date_created": stamp(now()), "date_updated": stamp(now()),
            "uri": f"{path}.json", "subresource_uris": {}, **methods, **urls, **self.webhooks,
        }  # fmt: skip


@dataclass
class Service:
    """A messaging service."""

    account_sid: str
    name: str
    numbers: list[str] = field(default_factory=list)
    webhooks: dict[str, Any] = field(default_factory=dict)
    sid: str = field(default_factory=lambda: new_sid("MG"))

    def json(self) -> dict[str, Any]:
        """Its resource (https://www.twilio.com/docs/messaging/api/service-resource)."""
        urls: dict[str, Any] = {
            "inbound_request_url": None, "inbound_method": "POST", "fallback_url": None, "fallback_method": "POST",
            "status_callback": None, "use_inbound_webhook_on_number": False,
        }  # fmt: skip
        return {
            "sid": self.sid, "account_sid": self.account_sid, "friendly_name": self.name,
            "date_created": now().isoformat().replace("+00:00", "Z"),
            "date_updated": now().isoformat().replace("+00:00", "Z"),
            "url": f"/v1/Services/{self.sid}", "links": {}, **urls, **self.webhooks,
        }  # fmt: skip


@dataclass
class ChannelSender:
    """A WhatsApp sender; ``address`` is ``whatsapp:+…``."""

    address: str
    name: str = ""
    webhooks: dict[str, str] = field(default_factory=dict)
    sid: str = field(default_factory=lambda: new_sid("XE"))

    def json(self) -> dict[str, Any]:
        """Its resource (https://www.twilio.com/docs/whatsapp/api/senders)."""
        return {
            "sid": self.sid, "sender_id": self.address, "status": "ONLINE", "configuration": {},
            "webhook": {"callback_url": "", "callback_method": "POST", "fallback_url": "", "fallback_method": "POST",
                        "status_callback_url": "", "status_callback_method": "POST", **self.webhooks},
            "profile": {"name": self.name}, "properties": {}, "offline_reasons": None,
            "url": f"/v2/Channels/Senders/{self.sid}",
        }  # fmt: skip

"""What Twilio's library answers as records of ours: small, and with types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

#: The settings of webhooks by Twilio's names.
NUMBER_WEBHOOKS: Final = (
    "voice_url", "voice_method", "voice_fallback_url", "voice_fallback_method", "status_callback",
    "status_callback_method", "sms_url", "sms_method", "sms_fallback_url", "sms_fallback_method",
    "voice_application_sid", "sms_application_sid", "trunk_sid",
)  # fmt: skip
SERVICE_WEBHOOKS: Final = (
    "inbound_request_url", "inbound_method", "fallback_url", "fallback_method", "status_callback"
)  # fmt: skip
SENDER_WEBHOOKS: Final = (
    "callback_url", "callback_method", "fallback_url", "fallback_method", "status_callback_url",
    "status_callback_method",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message as Twilio has it. ``status`` is Twilio's own word; addresses carry their channel's prefix."""

    sid: str
    account_sid: str
    status: str
    direction: str
    from_: str
    to: str
    body: str
    error_code: int | None
    segments: int | None
    media: int
    at: datetime | None
    service_sid: str | None


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """A call as Twilio has it. ``seconds`` is its length once it is over."""

    sid: str
    account_sid: str
    parent_sid: str | None
    status: str
    direction: str
    from_: str
    to: str
    started_at: datetime | None
    ended_at: datetime | None
    seconds: int | None


@dataclass(frozen=True, slots=True)
class Number:
    """A telephone number of the account, and where Twilio goes with what reaches it."""

    sid: str
    account_sid: str
    number: str
    name: str
    capabilities: tuple[str, ...]
    #: The settings of its webhooks by Twilio's own names: voice_url, sms_url …
    webhooks: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Service:
    """A messaging service, and where Twilio goes with what reaches it."""

    sid: str
    name: str
    numbers: tuple[str, ...]
    webhooks: Mapping[str, str]
    #: Whether the webhooks of its numbers are used instead of its own.
    numbers_decide: bool


@dataclass(frozen=True, slots=True)
class ChannelSender:
    """A WhatsApp sender: ``address`` is ``whatsapp:+…``."""

    sid: str
    address: str
    name: str
    status: str
    webhooks: Mapping[str, str]


def texts(record: Any, names: Sequence[str]) -> dict[str, str]:
    """Settings of a record by their names, empty where it has none."""
    return {name: str(getattr(record, name, None) or "") for name in names}


def plain(value: Any) -> Mapping[str, Any]:
    """An object of the library's as a mapping."""
    if value is None:
        return {}
    found = value.to_dict() if hasattr(value, "to_dict") else value
    return found if isinstance(found, Mapping) else {}


def message_of(record: Any) -> SentMessage:
    """A message."""
    return SentMessage(
        sid=str(record.sid),
        account_sid=str(record.account_sid),
        status=str(record.status or ""),
        direction=str(record.direction or ""),
        from_=str(record.from_ or ""),
        to=str(record.to or ""),
        body=str(record.body or ""),
        error_code=whole(record.error_code),
        segments=whole(record.num_segments),
        media=whole(record.num_media) or 0,
        at=record.date_sent or record.date_created,
        service_sid=record.messaging_service_sid or None,
    )


def call_of(record: Any) -> PlacedCall:
    """A call."""
    return PlacedCall(
        sid=str(record.sid),
        account_sid=str(record.account_sid),
        parent_sid=record.parent_call_sid or None,
        status=str(record.status or ""),
        direction=str(record.direction or ""),
        from_=str(record._from or ""),
        to=str(record.to or ""),
        started_at=record.start_time or record.date_created,
        ended_at=record.end_time,
        seconds=whole(record.duration),
    )


def number_of(record: Any) -> Number:
    """A telephone number."""
    able = plain(record.capabilities)
    return Number(
        sid=str(record.sid),
        account_sid=str(record.account_sid),
        number=str(record.phone_number),
        name=str(record.friendly_name or ""),
        capabilities=tuple(sorted(name for name, has in able.items() if has)),
        webhooks=texts(record, NUMBER_WEBHOOKS),
    )


def whole(value: Any) -> int | None:
    """A number that may come as text; None for what is none."""
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        return None

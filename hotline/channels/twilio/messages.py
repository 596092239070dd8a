"""SMS, MMS and WhatsApp as Twilio tells and takes them: webhooks read, replies written, messages sent.

https://www.twilio.com/docs/messaging/guides/webhook-request, https://www.twilio.com/docs/messaging/twiml
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from twilio.twiml.messaging_response import MessagingResponse

from hotline.channels.twilio.client import TwilioClient
from hotline.channels.twilio.resources import SentMessage
from hotline.conversations.states import Channel

WHATSAPP: Final = "whatsapp:"
#: Most files that Twilio sends with a message (10 for MMS); more are not looked at.
MOST_MEDIA: Final = 30
#: What else a webhook tells of a message that is worth keeping: our name → Twilio's.
_PLACE: Final = {"latitude": "Latitude", "longitude": "Longitude", "label": "Label", "address": "Address"}
_BUTTON: Final = {"text": "ButtonText", "payload": "ButtonPayload"}
#: WhatsApp's own kinds of messages that hold no text.
_PLAIN: Final = frozenset({"", "text", "image", "video", "audio", "document", "sticker", "location", "button"})


@dataclass(frozen=True, slots=True)
class MediaAt:
    """A file of a message: where it is, and what its sender says it is."""

    url: str = field(repr=False)
    media_type: str


@dataclass(frozen=True, slots=True)
class TwilioMessage:
    """A message to one of the company's numbers; addresses without the channel's prefix. ``answered``: Twilio has
    answered STOP, START or HELP itself (Advanced Opt-Out)."""

    sid: str
    account_sid: str
    channel: Channel
    from_: str = field(repr=False)
    to: str
    body: str = field(repr=False)
    name: str = field(repr=False)
    at: datetime
    media: tuple[MediaAt, ...]
    answered: bool
    extra: Mapping[str, Any] = field(repr=False)
    in_reply_to: str | None = None


def split(address: str) -> tuple[Channel, str]:
    """(channel, address without its prefix)."""
    if address.lower().startswith(WHATSAPP):
        return "whatsapp", address[len(WHATSAPP) :].strip()
    return "sms", address.strip()


def joined(channel: str, address: str) -> str:
    """An address as Twilio wants it."""
    return f"{WHATSAPP}{address}" if channel == "whatsapp" else address


def read(form: Mapping[str, str], account_sid: str, at: datetime) -> TwilioMessage | None:
    """What a webhook tells; None when it names no message or nobody who wrote it."""
    sid = form.get("MessageSid") or form.get("SmsMessageSid") or form.get("SmsSid") or ""
    if not sid or not form.get("From"):
        return None
    channel, from_ = split(form["From"])
    extra: dict[str, Any] = {}
    if form.get("Latitude") and form.get("Longitude"):
        extra["place"] = {name: form[theirs][:300] for name, theirs in _PLACE.items() if form.get(theirs)}
    if form.get("ButtonText") or form.get("ButtonPayload"):
        extra["button"] = {name: form[theirs][:300] for name, theirs in _BUTTON.items() if form.get(theirs)}
    kind = form.get("MessageType", "").lower()
    if kind not in _PLAIN:
        extra["type"] = kind[:40]
    if form.get("ReferralBody") or form.get("ReferralSourceUrl"):
        extra["referral"] = {
            "text": form.get("ReferralBody", "")[:1000],
            "url": form.get("ReferralSourceUrl", "")[:500],
        }
    return TwilioMessage(
        sid=sid[:64], account_sid=account_sid, channel=channel, from_=from_, to=split(form.get("To", ""))[1],
        body=form.get("Body", ""), name=form.get("ProfileName", ""), at=at, media=tuple(_media(form)),
        answered=bool(form.get("OptOutType")), extra=extra, in_reply_to=form.get("OriginalRepliedMessageSid") or None,
    )  # fmt: skip


def _media(form: Mapping[str, str]) -> Iterable[MediaAt]:
    told = form.get("NumMedia", "")
    count = int(told) if told.isascii() and told.isdecimal() and len(told) < 4 else 0
    for position in range(min(count, MOST_MEDIA)):
        if url := form.get(f"MediaUrl{position}", ""):
            yield MediaAt(url[:2_000], form.get(f"MediaContentType{position}", "")[:100])


def reply(answers: Iterable[tuple[str, str]]) -> str:
    """The TwiML that answers a message: (text, address of its status callback) each; none: no message."""
    response = MessagingResponse()
    for text, callback in answers:
        response.message(body=text, status_callback=callback or None)
    return str(response)


async def media_of(client: TwilioClient, account_sid: str, message_sid: str) -> list[MediaAt]:
    """The files of a message that was found in a list: it names none."""
    found = await client.ask(lambda api: api.messages(message_sid).media.list_async(limit=MOST_MEDIA), account_sid)
    base = (client.api_url or "https://api.twilio.com").rstrip("/")
    return [
        MediaAt(f"{base}{str(each.uri).removesuffix('.json')}", str(each.content_type or "")[:100]) for each in found
    ]


def listed(message: SentMessage) -> TwilioMessage | None:
    """A message out of Twilio's list as if its webhook had told it; None for what the company sent."""
    if message.direction != "inbound" or message.at is None:
        return None
    channel, from_ = split(message.from_)
    return TwilioMessage(
        sid=message.sid, account_sid=message.account_sid, channel=channel, from_=from_, to=split(message.to)[1],
        body=message.body, name="", at=message.at, media=(), answered=False, extra={},
    )  # fmt: skip

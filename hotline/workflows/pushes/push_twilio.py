"""Campaigns by SMS and WhatsApp, through Twilio."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Final
from uuid import UUID

from hotline.channels.errors import NotConfigured, PermanentlyRefused, TemplateNeeded, TemporarilyRefused
from hotline.channels.twilio.messages import joined
from hotline.conversations import window
from hotline.conversations.delivery import of_twilio
from hotline.crm.queries.pushes.push_window import last_written
from hotline.crm.viewer import SYSTEM
from hotline.errors import Unavailable
from hotline.workflows.house import House
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.pushes.push_channels import Push, PushChannel
from hotline.workflows.twilio.twilio_messages import STATUS_PATH

#: Requests to Twilio at once.
AT_ONCE: Final = 32
#: What Twilio gives up after at the latest, in seconds; and the least that it is given.
LONGEST_VALID: Final = 36_000
SHORTEST_VALID: Final = 60


async def send(house: House, push: Push) -> Accepted:
    """Hand a message to Twilio, once. Raises a ChannelError."""
    if house.twilio is None:
        raise NotConfigured("HOTLINE_TWILIO_ACCOUNT_SID is empty.")
    if not push.sender and push.service_sid is None:
        raise PermanentlyRefused("There is no number to send it from.")
    rendered = push.rendered
    if push.channel == "whatsapp" and rendered.content_sid is None:
        await _require_window(house, push)
    account = push.account_sid or house.twilio.account_sid
    made = await house.twilio.create_message(
        to=joined("whatsapp" if push.channel == "whatsapp" else "sms", push.to),
        from_=joined("whatsapp" if push.channel == "whatsapp" else "sms", push.sender) if push.sender else None,
        service_sid=None if push.sender else push.service_sid,
        body=rendered.body if rendered.content_sid is None else None,
        content_sid=rendered.content_sid,
        content_variables=json.dumps(dict(rendered.variables), ensure_ascii=False) if rendered.variables else None,
        status_callback=status_url(house, push.delivery_id, push.attempt) if house.settings.public_url else None,
        validity_seconds=_valid(push) if push.channel == "sms" else None,
        account_sid=account,
    )
    return Accepted(made.sid, made.account_sid or account, of_twilio(made.status) or "sending", made.segments)


async def _require_window(house: House, push: Push) -> None:
    """Free text reaches on WhatsApp only who wrote within a day (rule 12). Raises TemplateNeeded. A database that is
    away says nothing, and then nothing is sent."""
    index = house.keyring.contact_index("whatsapp", push.to)
    try:
        last = await last_written(house.db, SYSTEM, "whatsapp", index)
    except Unavailable:
        raise TemporarilyRefused("Nobody knows when they wrote last.") from None
    if not window.is_open("whatsapp", last, house.clock()):
        raise TemplateNeeded(provider_code=63016)


def status_url(house: House, delivery_id: UUID, attempt: int) -> str:
    """Where Twilio tells what becomes of a delivery; which one, and which try of it, stands in the address."""
    return f"{house.settings.base_url}{STATUS_PATH}?d={delivery_id}&n={attempt}"


def _valid(push: Push) -> int:
    """Seconds after which it is not to arrive any more: what is too late for us is so for Twilio's queue."""
    left = timedelta(seconds=LONGEST_VALID) if push.expires_at is None else push.expires_at - push.at
    return max(SHORTEST_VALID, min(LONGEST_VALID, int(left.total_seconds())))


#: Twilio keeps a queue for each number and sends at its pace; what it wants from us is not too many requests at once.
SMS: Final = PushChannel(send=send, at_once=lambda _house: AT_ONCE, seconds=90.0, per_second=100.0, burst=100)
WHATSAPP: Final = PushChannel(send=send, at_once=lambda _house: AT_ONCE, seconds=90.0, per_second=80.0, burst=80)

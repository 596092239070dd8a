"""A message to Twilio: SMS, MMS or WhatsApp."""

from __future__ import annotations

import json
from typing import Final

from hotline.channels.errors import NotConfigured, PermanentlyRefused
from hotline.channels.twilio.messages import joined
from hotline.conversations.delivery import of_twilio
from hotline.workflows.conversations.message_links import file_url
from hotline.workflows.conversations.outgoing import Outgoing
from hotline.workflows.house import House
from hotline.workflows.pushes.deliveries import EXPIRES, Accepted
from hotline.workflows.twilio.twilio_messages import status_url

#: What Twilio gives up after, in seconds (its own limit is 10 hours).
VALID_SECONDS: Final = min(int(EXPIRES.total_seconds()), 36_000)


async def send(house: House, message: Outgoing) -> Accepted:
    """Hand a message to Twilio, once. Raises a ChannelError."""
    if house.twilio is None:
        raise NotConfigured
    if not message.sender and message.service_sid is None:
        raise PermanentlyRefused("There is no number to send it from.")
    reachable = bool(house.settings.public_url)
    if message.files and not reachable:
        raise NotConfigured("Files are sent from HOTLINE_PUBLIC_URL, which is empty.")
    account = message.account_sid or house.twilio.account_sid
    variables = json.dumps(dict(message.variables), ensure_ascii=False) if message.variables else None
    made = await house.twilio.create_message(
        to=joined(message.channel, message.to),
        from_=joined(message.channel, message.sender) if message.sender else None,
        service_sid=None if message.sender else message.service_sid,
        body=message.body if message.template is None and message.body else None,
        media_urls=[file_url(house, each) for each in message.files],
        content_sid=message.template,
        content_variables=variables,
        status_callback=status_url(house, message.id, message.attempt) if reachable else None,
        validity_seconds=VALID_SECONDS if message.channel == "sms" else None,
        account_sid=account,
    )
    return Accepted(made.sid, made.account_sid or account, of_twilio(made.status) or "sending", made.segments)

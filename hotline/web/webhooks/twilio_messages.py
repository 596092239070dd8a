"""Messages to the company's Twilio numbers, and what becomes of those that it sends."""

from __future__ import annotations

from typing import Final

from hotline.web.webhooks.door import Door, Reply, twilio_webhook
from hotline.web.webhooks.hook import Webhook
from hotline.workflows.house import House
from hotline.workflows.twilio import twilio_messages


@twilio_webhook("/messages", kind="messaging")
async def messages(house: House, hook: Webhook) -> Reply:
    """A customer wrote."""
    return Reply.twiml(await twilio_messages.arrived(house, hook.form, hook.account_sid, hook.keys(), hook.at))


@twilio_webhook("/messages/fallback", kind="messaging")
async def fallback(house: House, hook: Webhook) -> Reply:
    """A customer wrote, and the first address did not answer in time. Whoever was late has kept its answer."""
    return Reply.twiml(await twilio_messages.arrived(house, hook.form, hook.account_sid, hook.keys(), hook.at))


@twilio_webhook("/messages/status", kind="callback")
async def status(house: House, hook: Webhook) -> Reply:
    """What became of a message."""
    await twilio_messages.status(house, hook.form, hook.query, hook.account_sid, hook.keys())
    return Reply.nothing()


routes: Final[tuple[Door, ...]] = (messages, fallback, status)

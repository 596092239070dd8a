"""Callers of a Twilio number: the first webhook of a call, and what came of each step of its flow."""

from __future__ import annotations

from typing import Final

from hotline.web.webhooks.door import Door, Reply, twilio_webhook
from hotline.web.webhooks.hook import Webhook
from hotline.workflows.house import House
from hotline.workflows.twilio import twilio_voice


async def _default_queue(house: House, hook: Webhook) -> str:
    return await twilio_voice.fallback(house, hook.form)


@twilio_webhook("/voice", kind="voice", fallback=_default_queue)
async def voice(house: House, hook: Webhook) -> Reply:
    """A call arrives."""
    return Reply.twiml(await twilio_voice.arrive(house, hook.form, hook.keys(), hook.at))


@twilio_webhook("/voice/resume", kind="voice", fallback=_default_queue)
async def resume(house: House, hook: Webhook) -> Reply:
    """What the caller pressed, said or left as a message."""
    return Reply.twiml(await twilio_voice.resume(house, hook.form, hook.query.get("n", ""), hook.keys()))


@twilio_webhook("/voice/fallback", kind="voice", fallback=_default_queue)
async def fallback(house: House, hook: Webhook) -> Reply:
    """Another address of ours failed (``ErrorUrl``): the call goes on where its session stands, or begins."""
    if await twilio_voice.has_begun(house, hook.form):
        return Reply.twiml(await twilio_voice.resume(house, hook.form, "", ()))
    return Reply.twiml(await twilio_voice.arrive(house, hook.form, hook.keys(), hook.at))


routes: Final[tuple[Door, ...]] = (voice, resume, fallback)

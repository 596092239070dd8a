"""Calls of campaigns: what Twilio asks when a key is pressed, and tells of who answered and how it ended."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from hotline.web.webhooks.door import Door, Reply, twilio_webhook
from hotline.web.webhooks.hook import Webhook
from hotline.workflows.house import House
from hotline.workflows.pushes import push_voice

_NOBODY: Final = UUID(int=0)


def _delivery(hook: Webhook) -> tuple[UUID, int]:
    """Which delivery, and which try of it, an address of ours names; the address is signed with everything else."""
    try:
        return UUID(hook.query.get("d", "")), int(hook.query.get("n", "")[:4])
    except ValueError:
        return _NOBODY, 0


@twilio_webhook("/push/key", kind="voice")
async def key(house: House, hook: Webhook) -> Reply:
    """Somebody pressed a key while they heard a message."""
    pressed, language = hook.query.get("k", ""), hook.query.get("l", "en")
    return Reply.twiml(await push_voice.key_pressed(house, _delivery(hook)[0], pressed, language, hook.form))


@twilio_webhook("/push/machine", kind="callback")
async def machine(house: House, hook: Webhook) -> Reply:
    """Who answered."""
    await push_voice.answered_by(house, *_delivery(hook), hook.form, hook.account_sid)
    return Reply.nothing()


@twilio_webhook("/push/status", kind="callback")
async def status(house: House, hook: Webhook) -> Reply:
    """How a call ended."""
    await push_voice.ended(house, *_delivery(hook), hook.form, hook.account_sid)
    return Reply.nothing()


routes: Final[tuple[Door, ...]] = (key, machine, status)

"""Callers of Twilio on their way to an agent, agents' phones, calls out: what Twilio asks and tells."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final
from uuid import UUID

from aiohttp import web

from hotline.calls.twilio_story import Form
from hotline.channels.twilio.agents import hang_up
from hotline.channels.twilio.fallback import no_message
from hotline.media.music import waiting_music
from hotline.web.rights import public
from hotline.web.webhooks.door import Door, Reply, twilio_webhook
from hotline.web.webhooks.hook import Webhook
from hotline.workflows.house import House
from hotline.workflows.twilio import (
    twilio_agents,
    twilio_calls,
    twilio_offers,
    twilio_out,
    twilio_transfers,
    twilio_voice,
)


def _id(hook: Webhook, name: str) -> UUID | None:
    """An id that an address of ours names."""
    try:
        return UUID(hook.query.get(name, ""))
    except ValueError:
        return None


def _step(hook: Webhook) -> int:
    text = hook.query.get("n", "")
    return int(text) if text.lstrip("-").isdecimal() and text.isascii() and len(text) < 9 else 0


async def _of_leg(house: House, hook: Webhook, answer: Callable[[House, UUID, Form], Awaitable[str]]) -> Reply:
    """What the leg that the address names is answered; where it names none, the phone is hung up."""
    leg = _id(hook, "leg")
    return Reply.twiml(await answer(house, leg, hook.form) if leg is not None else hang_up())


async def _to_flow(house: House, hook: Webhook) -> str:
    return await twilio_voice.fallback(house, hook.form)


# The caller


@twilio_webhook("/voice/status", kind="callback")
async def status(house: House, hook: Webhook) -> Reply:
    """How a caller's leg is; also by the number's own status callback."""
    sid = hook.form.get("CallSid", "")
    outcome = await twilio_voice.gone(house, sid) if twilio_calls.is_over(hook.form) else None
    await twilio_calls.caller_progress(house, hook.form, hook.at, outcome=outcome)
    return Reply.nothing()


@twilio_webhook("/voice/left", kind="voice", fallback=_to_flow)
async def left(house: House, hook: Webhook) -> Reply:
    """A caller comes back from a queue or an extension: their flow goes on."""
    how = await twilio_agents.came_back(house, hook.form, _step(hook))
    if how is None:
        return Reply.twiml(hang_up())
    return Reply.twiml(await twilio_voice.left(house, hook.form, how, _step(hook), hook.keys()))


@twilio_webhook("/voice/wait", kind="voice")
async def wait(house: House, hook: Webhook) -> Reply:
    """What a waiting caller hears."""
    waiting = _id(hook, "w")
    return Reply.twiml(await twilio_agents.hold(house, waiting) if waiting is not None else hang_up())


@twilio_webhook("/voice/wait-key", kind="voice")
async def wait_key(house: House, hook: Webhook) -> Reply:
    """A waiting caller pressed a key."""
    waiting, keys = _id(hook, "w"), hook.form.get("Digits", "")
    return Reply.twiml(await twilio_agents.key_pressed(house, waiting, keys) if waiting is not None else hang_up())


async def _connect(_: House, __: Webhook) -> str:
    return no_message()


@twilio_webhook("/voice/bridging", kind="voice", fallback=_connect, holds=0)
async def bridging(house: House, hook: Webhook) -> Reply:
    """A waiting caller is about to be connected: they are, whether or not it can be written down."""
    if (waiting := _id(hook, "w")) is not None:
        await twilio_offers.bridging(house, waiting)
    return Reply.nothing()


# Agents


@twilio_webhook("/voice/agent", kind="voice")
async def agent(house: House, hook: Webhook) -> Reply:
    """An agent's phone was picked up."""
    return await _of_leg(house, hook, twilio_offers.picked_up)


@twilio_webhook("/voice/agent-key", kind="voice")
async def agent_key(house: House, hook: Webhook) -> Reply:
    """An agent pressed a key."""
    keys = hook.form.get("Digits", "")
    return await _of_leg(house, hook, lambda house, leg, form: twilio_offers.key_pressed(house, leg, keys, form))


@twilio_webhook("/voice/agent-done", kind="voice")
async def agent_done(_: House, hook: Webhook) -> Reply:
    """An agent's talk is over."""
    return Reply.twiml(hang_up())


@twilio_webhook("/voice/agent-status", kind="callback")
async def agent_status(house: House, hook: Webhook) -> Reply:
    """How an agent's leg is."""
    if (leg := _id(hook, "leg")) is not None:
        await twilio_offers.agent_progress(house, leg, hook.form, hook.at)
    return Reply.nothing()


# Calls out, and calls that were sent on


@twilio_webhook("/voice/out", kind="voice")
async def out(house: House, hook: Webhook) -> Reply:
    """The phone of an agent who calls out was picked up."""
    return await _of_leg(house, hook, twilio_out.picked_up)


@twilio_webhook("/voice/out-key", kind="voice")
async def out_key(house: House, hook: Webhook) -> Reply:
    """An agent who calls out pressed a key."""
    if hook.form.get("Digits") != "1":
        return Reply.twiml(hang_up())
    return await _of_leg(house, hook, partial(twilio_out.picked_up, accepted=True))


@twilio_webhook("/voice/out-done", kind="voice")
async def out_done(house: House, hook: Webhook) -> Reply:
    """The customer's part of a call out is over."""
    return await _of_leg(house, hook, twilio_out.out_done)


@twilio_webhook("/voice/out-status", kind="callback")
async def out_status(house: House, hook: Webhook) -> Reply:
    """How the leg of an agent who calls out is."""
    if (leg := _id(hook, "leg")) is not None:
        await twilio_out.dialler_progress(house, leg, hook.form, hook.at)
    return Reply.nothing()


@twilio_webhook("/voice/customer-status", kind="callback")
async def customer_status(house: House, hook: Webhook) -> Reply:
    """How the leg of a customer who is called is."""
    if (leg := _id(hook, "leg")) is not None:
        await twilio_out.customer_progress(house, leg, hook.form, hook.at)
    return Reply.nothing()


@twilio_webhook("/voice/customer-amd", kind="callback")
async def customer_amd(house: House, hook: Webhook) -> Reply:
    """Whether a person or a machine answered."""
    if (leg := _id(hook, "leg")) is not None:
        await twilio_out.machine_told(house, leg, hook.form, hook.at)
    return Reply.nothing()


@twilio_webhook("/voice/transfer", kind="voice")
async def transfer(house: House, hook: Webhook) -> Reply:
    """An agent sent the other side on."""
    command = _id(hook, "command")
    return Reply.twiml(await twilio_transfers.sent_on(house, command, hook.form) if command is not None else hang_up())


@twilio_webhook("/voice/moved", kind="voice")
async def moved(house: House, hook: Webhook) -> Reply:
    """Who was sent on comes back."""
    how = await twilio_agents.came_back(house, hook.form, _step(hook))
    return Reply.twiml(await twilio_transfers.moved_back(house, hook.form, how))


@public
async def music(_: web.Request) -> web.StreamResponse:
    """What callers hear while they wait; Twilio fetches it once and keeps it."""
    sound = await asyncio.to_thread(waiting_music)
    return web.Response(
        body=sound, content_type="audio/wav", headers={"Cache-Control": "public, max-age=86400, immutable"}
    )


routes: Final[tuple[Door, ...]] = (
    status, left, wait, wait_key, bridging, agent, agent_key, agent_done, agent_status, out, out_key, out_done,
    out_status, customer_status, customer_amd, transfer, moved,
)  # fmt: skip

"""Campaigns by telephone: one call for each recipient, as many at once as there are lines for it. Through Twilio here;
through the company's own PBX (``push_pbx``) from numbers that are not Twilio's.

A try lasts as long as its call, so that the next one begins when a line is free. Twilio's callbacks tell what became of
it, also when the process that placed it is dead by then. No message is left on an answering machine.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import structlog

from hotline.calls import twilio_story as story
from hotline.channels.errors import ChannelError, MachineAnswered, NotConfigured, PermanentlyRefused
from hotline.channels.twilio import push_calls as twiml
from hotline.crm.commands.consent.opt_outs import opt_out
from hotline.crm.commands.pushes.push_results import lock
from hotline.crm.queries.pushes.push_campaigns import state_of
from hotline.crm.viewer import SYSTEM
from hotline.errors import Unavailable
from hotline.ivr.effects import Say
from hotline.workflows.house import House
from hotline.workflows.pushes import push_pbx, push_receipts
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.pushes.push_channels import Push, PushChannel
from hotline.workflows.pushes.push_pbx import LONGEST_CALL, RING_SECONDS, NotPickedUp
from hotline.workflows.twilio.twilio_speech import hearing

log = structlog.get_logger(__name__)

#: Where Twilio asks and tells.
KEY_PATH: Final = "/webhooks/twilio/push/key"
STATUS_PATH: Final = "/webhooks/twilio/push/status"
MACHINE_PATH: Final = "/webhooks/twilio/push/machine"
#: Seconds that one try may take in all.
SECONDS: Final = RING_SECONDS + LONGEST_CALL + 30.0
#: Seconds between two looks at what callbacks told.
LOOK_SECONDS: Final = 1.0


async def send(house: House, push: Push) -> Accepted:
    """Call somebody, and wait until the call is over. Raises a ChannelError."""
    twilio = house.twilio
    if (twilio is None or not push.account_sid) and (pbx := await push_pbx.serving(house)) is not None:
        return await push_pbx.send(house, push, pbx)
    if twilio is None:
        raise NotConfigured("HOTLINE_TWILIO_ACCOUNT_SID is empty.")
    if not house.settings.public_url:
        raise NotConfigured("HOTLINE_PUBLIC_URL is empty: Twilio cannot ask what a key means.")
    if not push.sender:
        raise PermanentlyRefused("There is no number to call from.")
    account = push.account_sid or twilio.account_sid
    placed = await twilio.create_call(
        to=push.to,
        from_=push.sender,
        twiml=await _document(house, push),
        status_callback=_url(house, STATUS_PATH, push),
        status_events=("completed",),
        ring_seconds=RING_SECONDS,
        account_sid=account,
        time_limit=LONGEST_CALL,
        machine_detection="Enable",
        async_amd="true",
        async_amd_status_callback=_url(house, MACHINE_PATH, push),
    )
    accepted = Accepted(placed.sid, placed.account_sid or account)
    await _over(house, push)
    return accepted


async def _document(house: House, push: Push) -> str:
    said = push.rendered
    prompts = push_pbx.prompts_of(said, push.locale)
    hear = await hearing(house, [Say(prompts)])
    heard = [each for each in map(hear, prompts) if each is not None]
    if not heard or (said.opt_out and len(heard) < 2):
        raise PermanentlyRefused("Nothing would be heard: the recording is gone, and there is no text.")
    return twiml.message(heard, _url(house, KEY_PATH, push, k=said.opt_out_key or "", l=push.locale))


def _url(house: House, path: str, push: Push, **more: str) -> str:
    query = {"d": str(push.delivery_id), "n": str(push.attempt), **more}
    return f"{house.settings.base_url}{path}?{urlencode(query)}"


async def _over(house: House, push: Push) -> None:
    """Wait until callbacks told how the call ended, or it must be over. Raises what they told."""
    until = monotonic() + RING_SECONDS + LONGEST_CALL + 15
    while monotonic() < until:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            state = await state_of(house.db, SYSTEM, push.delivery_id)
        except Unavailable:
            continue
        if state == "queued":
            raise NotPickedUp()
        if state in ("permanent_failure", "expired", "suppressed"):
            raise PermanentlyRefused()
        if state not in ("sending", "unknown"):
            return


async def ended(house: House, delivery_id: UUID, attempt: int, form: story.Form, account: str) -> None:
    """A call is over: it was heard, or nobody picked up."""
    status = form.get("CallStatus", "")
    error: ChannelError | None = None
    if status in ("busy", "no-answer"):
        error = NotPickedUp()
    elif status != "completed":
        error = PermanentlyRefused("The call could not be made.")
    elif story.is_machine(form.get("AnsweredBy", "")):
        error = MachineAnswered()
    async with house.unit(SYSTEM) as uow:
        await push_receipts.told(
            uow, delivery_id, "delivered" if error is None else "permanent_failure", account=account,
            provider_id=form.get("CallSid", ""), attempt=attempt, error=error,
        )  # fmt: skip


async def answered_by(house: House, delivery_id: UUID, attempt: int, form: story.Form, account: str) -> None:
    """Who answered: with a machine the call ends."""
    if not story.is_machine(form.get("AnsweredBy", "")):
        return
    async with house.unit(SYSTEM) as uow:
        await push_receipts.told(
            uow, delivery_id, "permanent_failure", account=account, provider_id=form.get("CallSid", ""),
            attempt=attempt, error=MachineAnswered(),
        )  # fmt: skip
    if house.twilio is not None:
        try:
            await house.twilio.update_call(form.get("CallSid", ""), status="completed", account_sid=account)
        except ChannelError as error:
            log.debug("push.not_hung_up", reason=error.code)  # it ends by itself, at the latest by its limit


async def key_pressed(house: House, delivery_id: UUID, key: str, language: str, form: story.Form) -> str:
    """A key was pressed: the one that ends such calls ends them, and this one."""
    if not key or form.get("Digits", "") != key:
        return twiml.last_words(twiml.GOODBYE, language)
    async with house.unit(SYSTEM) as uow:
        row = await lock(uow, delivery_id)
        if row is None:
            return twiml.last_words(twiml.GOODBYE, language)
        await opt_out(
            uow, "voice", row.address_index, source="call", customer_id=row.customer_id, delivery_id=delivery_id,
            proof=f"key {key} in call {form.get('CallSid', '')}",
        )  # fmt: skip
    return twiml.last_words(twiml.ENDED, language)


def _lines(house: House) -> int:
    return house.settings.push_lines


#: Twilio places one call a second for an account that has asked for no more.
VOICE: Final = PushChannel(send=send, at_once=_lines, seconds=SECONDS, per_second=1.0, burst=1)

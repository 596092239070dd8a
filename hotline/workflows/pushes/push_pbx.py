"""Campaigns by telephone, through the company's own PBX: each call is a command to it, carried out once by whoever
reads that PBX, and told by the dialplan's script.

What is said is filled in anew from the approved manifest when somebody has picked up: it stands in no command and in
no log. How a call ended is told where the PBX is read, so that it is known also when the process that asked for the
call is dead by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Final
from uuid import UUID

import structlog

from hotline.campaigns.render import Rendered
from hotline.channels.errors import (
    ChannelError,
    MachineAnswered,
    NotConfigured,
    PermanentlyRefused,
    TemporarilyRefused,
    Unknown,
)
from hotline.crm.commands.calls.pbx_commands import create_command
from hotline.crm.commands.consent.opt_outs import opt_out
from hotline.crm.commands.pushes.push_results import lock
from hotline.crm.queries.calls.presence import list_pbxs
from hotline.crm.queries.pushes.push_calls import ACTION, PushCall, find_begun, find_push_call
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, Unavailable
from hotline.ivr.effects import Prompt
from hotline.workflows.calls.commands import LIFETIME, refuse_emergency, wake
from hotline.workflows.calls.pbx_addresses import refresh
from hotline.workflows.house import House
from hotline.workflows.ivr.prompts import speak
from hotline.workflows.pushes import push_receipts
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.pushes.dispatch import Plans, filled
from hotline.workflows.pushes.push_channels import Push

log = structlog.get_logger(__name__)

#: Seconds that a phone rings, and that a call may last.
RING_SECONDS: Final = 30
LONGEST_CALL: Final = 180
#: Who does not pick up is called again so many times, so much later.
AGAIN: Final = 2
AGAIN_AFTER: Final = timedelta(minutes=15)
#: Seconds between two looks at what became of a call, and that it may take in all.
LOOK_SECONDS: Final = 1.0
_OVER_SECONDS: Final = LIFETIME.total_seconds() + RING_SECONDS + LONGEST_CALL + 10
#: Seconds that a message gets to be spoken before anybody is called.
_SPEAK_SECONDS: Final = 20.0
#: Seconds after a call's end in which its script may still tell what was heard.
_TOLD_SECONDS: Final = 5.0
#: Pauses between tries to note what must not be lost while the records are away.
_RETRY: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class NotPickedUp(TemporarilyRefused):
    """The phone was busy, or nobody picked it up."""

    code = "not_picked_up"

    def __init__(self) -> None:
        super().__init__(retry_after=AGAIN_AFTER.total_seconds(), tries=AGAIN)


@dataclass(frozen=True, slots=True)
class Message:
    """What is heard in a call, in this order, and the key that ends such calls."""

    prompts: tuple[Prompt, ...] = field(repr=False)
    key: str
    language: str


# Asking for a call


async def serving(house: House) -> str | None:
    """The PBX that calls, the first that is connected; None where there is none at all. Raises NotConfigured while
    none is connected."""
    try:
        names = [address.name for address in await refresh(house)]
        connected = {each.id for each in await list_pbxs(house.db, SYSTEM) if each.connected}
    except Unavailable as error:
        raise TemporarilyRefused("The records are away: nobody was called.") from error
    if not names:
        return None
    for name in names:
        if name in connected:
            return name
    raise NotConfigured("No PBX is connected.")


async def send(house: House, push: Push, pbx: str) -> Accepted:
    """Call somebody, and wait until the call is over. Raises a ChannelError."""
    if not push.sender:
        raise PermanentlyRefused("There is no number to call from.")
    try:
        refuse_emergency(house.settings, pbx, push.to)
    except HotlineError as error:
        raise PermanentlyRefused("This number is none that a program may dial.") from error
    command_id = house.new_id()
    try:
        async with house.unit(SYSTEM) as uow:
            await create_command(
                uow,
                command_id=command_id,
                pbx=pbx,
                action=ACTION,
                user_id=None,
                call_id=None,
                number=push.to,
                data={"delivery_id": str(push.delivery_id), "attempt": push.attempt, "caller": push.sender},
                lifetime=LIFETIME,
            )
    except Unavailable as error:
        raise Unknown("The records went away: perhaps somebody is called.") from error
    await wake(house, [pbx])
    until = monotonic() + _OVER_SECONDS
    while monotonic() < until:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            call = await find_push_call(house.db, SYSTEM, command_id)
        except Unavailable:
            continue
        if call is None:
            break
        if (accepted := _outcome(call)) is not None:
            return accepted
    raise Unknown("Nobody told how the call ended.")


def _outcome(call: PushCall) -> Accepted | None:
    """What is known of a call; None while it goes on. Raises what became of it."""
    if call.delivery_state == "queued":
        raise NotPickedUp()
    if call.delivery_state in ("permanent_failure", "expired", "suppressed"):
        raise PermanentlyRefused()
    if call.delivery_state not in ("sending", "unknown"):
        return Accepted(str(call.id), None)
    if call.state == "expired":
        raise TemporarilyRefused("The PBX was not asked in time: nobody was called.")
    if call.state == "unknown":
        raise Unknown("The connection to the PBX broke.")
    return None


# Where the PBX is read


async def prepare(house: House, command_id: UUID) -> PushCall:
    """Make ready what will be heard, before anybody is called. Raises a ChannelError when nobody may be called, or
    nothing would be heard."""
    call = await find_push_call(house.db, SYSTEM, command_id)
    if call is None or not call.newest:
        raise PermanentlyRefused("There is no such delivery.")
    message = await _message(house, call)
    spoken = await speak(house, message.prompts, patience=_SPEAK_SECONDS)
    if any(each.missing for each in spoken):
        raise PermanentlyRefused("Nothing would be heard: there is no recording, and no voice for the text.")
    if sum(each.seconds for each in spoken) > LONGEST_CALL:
        raise PermanentlyRefused("The message is too long to be heard in a call.")
    begun = await find_begun(house.db, SYSTEM, call.delivery_id, house.clock())
    if begun is None or not begun.allowed:  # the last look before the phone rings
        raise TemporarilyRefused("The campaign does not run now.")
    return call


async def not_answered(house: House, command_id: UUID, code: str) -> None:
    """A call was not answered, for the reason ``code`` of the executor."""
    if code in ("busy", "no_answer", "declined", "unreachable"):
        await refused(house, command_id, NotPickedUp())
    elif code == "refused":
        await refused(house, command_id, TemporarilyRefused("The PBX refused to call."))
    else:
        await refused(house, command_id, PermanentlyRefused("The call could not be made."))


async def refused(house: House, command_id: UUID, error: HotlineError) -> None:
    """A call did not reach its recipient."""
    reason = error if isinstance(error, ChannelError) else PermanentlyRefused(error.detail)
    if isinstance(error, Unavailable):
        reason = TemporarilyRefused(error.detail)

    async def note(uow: UnitOfWork) -> None:
        await _told(uow, command_id, reason)

    await _surely(house, note)


async def over(house: House, command_id: UUID) -> None:
    """A call that was answered is over. Its script tells what was heard; when it does not, nothing was."""
    until = monotonic() + _TOLD_SECONDS
    while monotonic() < until:
        call = await find_push_call(house.db, SYSTEM, command_id)
        if call is None or call.delivery_state not in ("sending", "unknown"):
            return
        await asyncio.sleep(min(LOOK_SECONDS, _TOLD_SECONDS / 10))
    log.warning("push.nothing_heard", command=str(command_id))
    await refused(house, command_id, PermanentlyRefused("The call ended before anything was heard."))


# The dialplan's script


async def answered(house: House, pbx: str, command_id: UUID, delivery_id: UUID) -> Message | None:
    """What somebody who picked up shall hear; None for a call that is none of ours, or not under way. Raises a
    ChannelError when it cannot be said."""
    call = await find_push_call(house.db, SYSTEM, command_id)
    if call is None or (call.pbx, call.delivery_id, call.newest) != (pbx, delivery_id, True):
        return None
    if call.state not in ("sent", "done") or call.delivery_state not in ("sending", "unknown"):
        return None
    return await _message(house, call)


async def machine(house: House, command_id: UUID) -> None:
    """A machine answered; it was told nothing."""
    await refused(house, command_id, MachineAnswered())


async def heard(house: House, command_id: UUID, key: str, *, opts_out: bool) -> None:
    """A person heard it; with ``opts_out`` they pressed the ``key`` that ends such calls."""

    async def note(uow: UnitOfWork) -> None:
        call = await find_push_call(uow, SYSTEM, command_id)
        row = await lock(uow, call.delivery_id) if call is not None and opts_out else None
        if row is not None:
            await opt_out(
                uow, "voice", row.address_index, source="call", customer_id=row.customer_id, delivery_id=row.id,
                proof=f"key {key} in call {command_id}",
            )  # fmt: skip
        await _told(uow, command_id, None)

    await _surely(house, note)


# Inside


async def _message(house: House, call: PushCall) -> Message:
    """The approved message of a delivery, filled in anew."""
    begun = await find_begun(house.db, SYSTEM, call.delivery_id, house.clock())
    if begun is None:
        raise PermanentlyRefused("The delivery is not being sent.")
    plans: Plans = house.kept.setdefault(Plans, Plans())
    plan = await plans.of(house, begun.approved)
    if plan is None:
        raise PermanentlyRefused("What was approved is not what stands in the records.")
    ((_, _, said, locale, _),) = await filled(house, plan, [(begun.delivery, "")])
    if not isinstance(said, Rendered):
        raise PermanentlyRefused(f"The message cannot be filled in: {said}.")
    return Message(prompts_of(said, locale), said.opt_out_key or "", locale)


def prompts_of(said: Rendered, locale: str) -> tuple[Prompt, ...]:
    """What is heard of a message: first how to get no more calls."""
    prompts = []
    if said.opt_out:
        prompts.append(Prompt("push.opt_out", {locale: said.opt_out}, locale, fixed=False))
    name = said.recording or "push.message"
    prompts.append(Prompt(name, {locale: said.body}, locale, fixed=bool(said.recording)))
    return tuple(prompts)


async def _told(uow: UnitOfWork, command_id: UUID, error: ChannelError | None) -> None:
    call = await find_push_call(uow, SYSTEM, command_id)
    if call is not None:
        await push_receipts.told(
            uow, call.delivery_id, "delivered" if error is None else "permanent_failure", account=None,
            provider_id=str(command_id), attempt=call.attempt, error=error,
        )  # fmt: skip


async def _surely(house: House, note: Callable[[UnitOfWork], Awaitable[None]]) -> None:
    """Note something, waiting for the records when they are away for a moment."""
    for pause in (*_RETRY, None):
        try:
            async with house.unit(SYSTEM) as uow:
                await note(uow)
            return
        except Unavailable:
            if pause is None:
                raise
            await asyncio.sleep(pause)

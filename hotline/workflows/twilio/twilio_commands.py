"""Carries out the commands of the PBX "twilio": calls out, hang-ups, transfers, and agents' places in hotline's own
queues. Each is ``sent`` and committed before anything is done, and nothing is done twice."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import structlog

from hotline.calls.story import CallTransferred
from hotline.channels.errors import ChannelError, Unknown
from hotline.crm.commands.calls.pbx_commands import CommandOrder
from hotline.crm.commands.calls.presence import Member
from hotline.crm.commands.twilio import twilio_legs as legs
from hotline.crm.commands.twilio.twilio_legs import TwilioLegRecord
from hotline.crm.leases import Lease
from hotline.crm.queries.twilio import twilio_calls as queries
from hotline.crm.queries.twilio.twilio_members import members_of
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError
from hotline.workflows.calls.calls import apply
from hotline.workflows.calls.commands import TWILIO, claim_commands, expire_commands, finish_command, unsettled_commands
from hotline.workflows.calls.presence import mirror_members
from hotline.workflows.house import House
from hotline.workflows.twilio.twilio_agents import url, wake
from hotline.workflows.twilio.twilio_out import originate
from hotline.workflows.twilio.twilio_router import end

log = structlog.get_logger(__name__)

#: Asterisk's device state of a phone that is not in use: what is known of a phone at Twilio.
_NOT_IN_USE: Final = 1


async def work_commands(house: House, lease: Lease) -> None:
    """Take what was asked for. Raises LeaseLost, Unavailable."""
    await expire_commands(house, TWILIO)
    for order in await claim_commands(house, TWILIO, lease):
        house.spawn(_carry_out(house, order), f"command {order.id}")


async def settle(house: House) -> None:
    """After another process's end: what is in hotline's own hands is done now, the rest is told by Twilio's callbacks
    or unknown (``expire_commands``)."""
    for order in await unsettled_commands(house, TWILIO):
        if order.action in ("sign_in", "sign_out", "pause", "unpause"):
            await _carry_out(house, order)


async def _carry_out(house: House, order: CommandOrder) -> None:
    try:
        match order.action:
            case "originate":
                await originate(house, order)
                return
            case "hangup":
                await _hang_up(house, order)
            case "blind_transfer":
                await _transfer(house, order)
            case "sign_in" | "sign_out" | "pause" | "unpause":
                await _presence(house, order)
            case other:
                await finish_command(house, order.id, "failed", error="unsupported", message=f"{other}: not by Twilio.")
                return
        await finish_command(house, order.id, "done")
    except Unknown as error:
        await finish_command(house, order.id, "unknown", error=error.code, message=error.detail)
    except HotlineError as error:
        await finish_command(house, order.id, "failed", error=error.code, message=error.detail)
    except Exception:
        await finish_command(
            house, order.id, "unknown", error="internal", message="hotline failed while carrying it out."
        )
        raise


class _Gone(ChannelError):
    """The phone is no longer in this call."""

    code = "gone"
    status = 409


async def _legs(house: House, call_id: UUID | None) -> list[TwilioLegRecord]:
    async with house.unit(SYSTEM) as uow:
        return [leg for leg in await legs.legs_of_call(uow, call_id) if leg.ended_at is None] if call_id else []


async def _hang_up(house: House, order: CommandOrder) -> None:
    """One phone, or the whole call: then the leg on which it hangs."""
    there = await _legs(house, order.call_id)
    named = order.data.get("uniqueid")
    found = next((leg for leg in there if str(leg.id) == named), None) if named else _anchor(there)
    if found is None or found.call_sid is None:
        raise _Gone("The phone is no longer in this call.")
    await end(house, found)


def _anchor(there: list[TwilioLegRecord]) -> TwilioLegRecord | None:
    """The leg with which a call ends: the caller's, or of a call out the agent's."""
    return next((leg for leg in there if leg.role in ("caller", "dialler")), None)


async def _transfer(house: House, order: CommandOrder) -> None:
    """Send the other side on: Twilio is told to ask where, and the agent is free."""
    there = await _legs(house, order.call_id)
    moved = next((leg for leg in there if leg.role in ("caller", "customer") and leg.call_sid), None)
    if moved is None or moved.call_sid is None or house.twilio is None:
        raise _Gone("The other side is no longer in this call.")
    giver = order.data.get("uniqueid")
    await house.twilio.update_call(
        moved.call_sid, url=url(house, "/voice/transfer", command=order.id), account_sid=moved.account_sid or None
    )
    call_id = await queries.root_of(house.db, SYSTEM, moved.call_id)
    from_ring = UUID(giver) if giver else None
    told = CallTransferred(call_id, house.clock(), "blind", from_ring, None, order.data.get("to"))
    await apply(house, TWILIO, [told])


async def _presence(house: House, order: CommandOrder) -> None:
    """Agents' places in hotline's own queues."""
    data = order.data
    match order.action:
        case "sign_in":
            members = [
                Member(queue, data["phone"], data.get("member_name", ""), status=_NOT_IN_USE)
                for queue in data["queues"]
            ]
            await mirror_members(house, TWILIO, members)
        case "sign_out":
            await mirror_members(house, TWILIO, (), [(queue, phone) for queue, phone in data["members"]])
        case _:
            paused = order.action == "pause"
            places = {(queue, phone) for queue, phone in data["members"]}
            changed = [
                Member(each.queue, each.interface, each.member_name, each.state_interface, paused,
                       data.get("reason", "") if paused else "", each.status, each.in_call, each.calls_taken)
                for each in await members_of(house.db, SYSTEM, None, places)
            ]  # fmt: skip
            await mirror_members(house, TWILIO, changed)
    await wake(house)

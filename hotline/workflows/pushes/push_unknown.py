"""Deliveries of which nobody knows whether they left: looked for at the provider, where it keeps a list, and decided by
a person where it does not. None is ever sent again by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from hotline.channels.twilio.messages import joined
from hotline.channels.twilio.resources import SentMessage
from hotline.conversations.delivery import Delivery, forward, of_twilio
from hotline.crm.commands.campaigns.campaign_runs import reopen
from hotline.crm.commands.campaigns.campaigns import lock_campaign
from hotline.crm.commands.pushes.push_results import change, lock
from hotline.crm.queries.pushes.push_unknown import (
    UnknownPush,
    campaign_of,
    known_to_us,
    may_go_on,
    unknown_pushes,
)
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, NotFound
from hotline.workflows.house import House
from hotline.workflows.pushes.dispatch import wake_dispatch
from hotline.workflows.pushes.push_receipts import told

#: How long one is looked for, and for how long often; it is looked for from so long before its try to so long after.
DOUBT: Final = timedelta(days=2)
FRESH: Final = timedelta(minutes=15)
BEFORE: Final = timedelta(seconds=30)
AFTER: Final = timedelta(minutes=15)
#: What a person lets go again may still leave for so long.
AGAIN_FOR: Final = timedelta(hours=24)
#: Messages to one address that are looked at.
_MOST_LISTED: Final = 50


async def resolve(house: House, within: timedelta = DOUBT) -> int:
    """Look for some of the deliveries that became unknown ``within`` that time in Twilio's list; how many were found
    there. What is not there stays unknown: it may come late. Raises a ChannelError when a list could not be read."""
    client = house.twilio
    if client is None:
        return 0
    resolved = 0
    for each in await unknown_pushes(house.db, SYSTEM, house.keyring, house.clock() - within):
        account = each.account_sid or client.account_sid
        to = joined("whatsapp" if each.channel == "whatsapp" else "sms", each.to)
        listed = await client.list_messages(each.started_at - BEFORE, to=to, account_sid=account, limit=_MOST_LISTED)
        known = await known_to_us(house.db, SYSTEM, [message.sid for message in listed])
        fitting = [message for message in listed if message.sid not in known and _fits(each, message)]
        state = of_twilio(fitting[0].status) if len(fitting) == 1 else None
        if state is None:
            continue  # none, or several: that proves nothing
        async with house.unit(SYSTEM) as uow:
            resolved += await told(
                uow, each.id, state, account=account, provider_id=fitting[0].sid, attempt=each.attempt,
                code=fitting[0].error_code,
            )  # fmt: skip
    return resolved


async def overtake(house: House, account: str, listed: SentMessage, known: tuple[UUID, Delivery]) -> bool:
    """What Twilio's list of an account says of a campaign's message, whose callback may never have come; ``known`` is
    the delivery with its state. Says whether anything changed."""
    delivery_id, now = known
    state = of_twilio(listed.status)
    if state is None or forward(now, state) is None:
        return False
    async with house.unit(SYSTEM) as uow:
        return await told(uow, delivery_id, state, account=account, provider_id=listed.sid, code=listed.error_code)


def _fits(push: UnknownPush, listed: SentMessage) -> bool:
    if listed.at is None or not push.started_at - BEFORE <= listed.at <= push.started_at + AFTER:
        return False
    own = joined("whatsapp" if push.channel == "whatsapp" else "sms", push.sender) if push.sender else ""
    return listed.direction != "inbound" and (not own or not listed.from_ or listed.from_ == own)


async def resend(house: House, viewer: Viewer, delivery_id: UUID) -> None:
    """A person says that an unknown delivery did not arrive: it waits to leave again; a campaign that was over runs
    until it has. Raises Forbidden, NotFound, Conflict for one that is not unknown, or whose approval is over."""
    viewer.require("campaigns.run")
    async with house.unit(viewer) as uow:
        campaign_id = await campaign_of(uow, SYSTEM, delivery_id)
        if campaign_id is None:
            raise NotFound("There is no such delivery.")
        await lock_campaign(uow, campaign_id)
        row = await lock(uow, delivery_id)
        if row is None:
            raise NotFound("There is no such delivery.")
        if row.state != "unknown":
            raise Conflict("Only a delivery that is unknown can be sent again.")
        if not await may_go_on(uow, SYSTEM, delivery_id, uow.now):
            raise Conflict("What was approved for this delivery is not approved any more: it cannot be sent again.")
        await change(
            uow, row.id, state="queued", due_at=uow.now, expires_at=uow.now + AGAIN_FOR, lease=None, leased_by=None,
            leased_until=None, provider_id=None, account_sid=None, error_code=None, reason=None,
        )  # fmt: skip
        await reopen(uow, [delivery_id])
        uow.audit("delivery:resent", row.id, campaign_id=row.campaign_id, attempts=row.attempts)
    await wake_dispatch(house)


async def settle_unknown(house: House, viewer: Viewer, delivery_id: UUID, *, arrived: bool) -> None:
    """A person knows whether an unknown delivery arrived; it is not sent again. Raises as ``resend``."""
    viewer.require("campaigns.run")
    async with house.unit(viewer) as uow:
        row = await lock(uow, delivery_id)
        if row is None:
            raise NotFound("There is no such delivery.")
        if row.state != "unknown":
            raise Conflict("Only a delivery that is unknown can be settled.")
        if arrived:
            await change(uow, row.id, state="sent", sent_at=row.sent_at or uow.now, lease=None)
        else:
            await change(uow, row.id, state="permanent_failure", reason="given_up", lease=None)
        uow.audit("delivery:settled", row.id, campaign_id=row.campaign_id, arrived=arrived)

"""The company's own numbers and addresses: added, named, put in order, given a flow and a queue."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, TypedDict, get_args
from uuid import UUID

from hotline.crm.commands.conversations import deliveries
from hotline.crm.commands.conversations import senders as commands
from hotline.crm.queries.conversations.senders import Channel, SenderView, get_sender, list_senders
from hotline.crm.viewer import Viewer
from hotline.customers.contact_points import Kind, normalise
from hotline.customers.text import one_line
from hotline.errors import Conflict, Invalid
from hotline.workflows.conversations.outgoing import wake_sending
from hotline.workflows.house import House
from hotline.workflows.people.user_fields import QUEUE
from hotline.workflows.pushes.dispatch_gate import settle_stopped

LONGEST_NAME: Final = 100


class SenderChanges(TypedDict, total=False):
    """What a person may change of a sender; what is absent stays."""

    name: str
    country: str | None
    flow: str | None
    queue: str | None
    enabled: bool


class NewSender(SenderChanges, total=False):
    """A sender that no provider lists."""

    channel: Channel
    address: str
    account_sid: str | None


async def create_sender(house: House, viewer: Viewer, data: NewSender) -> SenderView:
    """Add a sender. Raises Forbidden, Invalid, or Conflict for an address that the channel has."""
    viewer.require("settings.write")
    channel = data.get("channel", "sms")
    if channel not in get_args(Channel):
        raise Invalid(f"channel: one of {', '.join(get_args(Channel))}")
    kind: Kind = "email" if channel == "email" else "phone"
    point = normalise(kind, data.get("address", ""), house.settings.region, "address")
    values = _cleaned(house, data) | {"account_sid": data.get("account_sid")}
    values.pop("enabled", None)
    values["country"] = values.get("country") or point.country
    async with house.unit(viewer) as uow:
        made = await commands.create_sender(uow, channel, point.value, values)
        return await get_sender(uow, viewer, made)


async def change_sender(
    house: House, viewer: Viewer, sender_id: UUID, changes: SenderChanges, expected_version: int | None = None
) -> SenderView:
    """Change a sender. Raises Forbidden, NotFound, Invalid, Conflict."""
    viewer.require("settings.write")
    cleaned = _cleaned(house, changes)
    async with house.unit(viewer) as uow:
        await commands.update_sender(uow, sender_id, cleaned, expected_version=expected_version)
        view = await get_sender(uow, viewer, sender_id)
    await settle_stopped(house, uow)
    return view


async def resume_sender(house: House, viewer: Viewer, sender_id: UUID) -> SenderView:
    """Let a sender that the provider had refused send again, now. Raises Forbidden, NotFound."""
    viewer.require("settings.write")
    async with house.unit(viewer) as uow:
        await get_sender(uow, viewer, sender_id)
        await deliveries.resume_sender(uow, sender_id)
        view = await get_sender(uow, viewer, sender_id)
    wake_sending(house)
    return view


async def order_senders(house: House, viewer: Viewer, ids: Sequence[UUID]) -> None:
    """Put the senders in this order. Raises Forbidden, and Conflict where somebody added or removed one meanwhile."""
    viewer.require("settings.write")
    async with house.unit(viewer) as uow:
        if {sender.id for sender in await list_senders(uow, viewer)} != set(ids) or len(set(ids)) != len(ids):
            raise Conflict()
        await commands.order_senders(uow, ids)


def _cleaned(house: House, data: SenderChanges) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    if "name" in data:
        cleaned["name"] = one_line(data["name"], "name", LONGEST_NAME)
    if "country" in data:
        country = (data["country"] or "").strip().upper()
        if country and not re.fullmatch("[A-Z]{2}", country):
            raise Invalid("country: expected a country as two letters, for example CN.")
        cleaned["country"] = country or None
    if "flow" in data:
        flow = (data["flow"] or "").strip()
        if flow and flow not in house.flows.names:
            raise Invalid("flow: there is no such flow.")
        cleaned["flow"] = flow or None
    if "queue" in data:
        queue = (data["queue"] or "").strip()
        if queue and not QUEUE.fullmatch(queue):
            raise Invalid("queue: the name of a queue, as the PBX has it, for example support.")
        cleaned["queue"] = queue or None
    if "enabled" in data:
        cleaned["enabled"] = bool(data["enabled"])
    return cleaned

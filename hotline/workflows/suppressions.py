"""Who gets nothing over a channel: said by people, taken back by people. What customers say themselves by STOP and
START is ``hotline.workflows.messages``, what providers say ``hotline.workflows.deliveries``."""

from __future__ import annotations

from typing import Final, cast, get_args
from uuid import UUID

from hotline.conversations.states import Channel
from hotline.crm.commands import suppressions as commands
from hotline.crm.commands.conversations import lock_conversation, save_conversation
from hotline.crm.commands.suppressions import Reason, Source
from hotline.crm.queries.conversations import ConversationView, get_conversation, require_conversation
from hotline.crm.queries.suppressions import SuppressionView, get_suppression, list_suppressions
from hotline.crm.viewer import Viewer
from hotline.customers import contact_points
from hotline.errors import Conflict, Invalid, NotFound
from hotline.workflows.house import House

#: What only the address's owner takes back: by START, or by writing to the company that they want messages again.
THEIRS: Final[frozenset[str]] = frozenset({"opt_out", "complaint"})


def index_of(house: House, channel: str, address: str) -> bytes:
    """The index of an address that somebody typed. Raises Invalid."""
    if channel not in get_args(Channel):
        raise Invalid(f"channel: one of {', '.join(get_args(Channel))}")
    kind: contact_points.Kind = "email" if channel == "email" else "phone"
    value = contact_points.normalise(kind, address, house.settings.region, "address").value
    return house.keyring.contact_index(kind, value)


async def add(house: House, viewer: Viewer, channel: str, address: str, reason: str = "agent") -> SuppressionView:
    """Let nothing more go to an address. Raises Forbidden, Invalid."""
    viewer.require("conversations.write")
    if reason not in get_args(Reason):
        raise Invalid(f"reason: one of {', '.join(get_args(Reason))}")
    index = index_of(house, channel, address)
    source: Source = "api" if viewer.kind == "token" else "agent"
    async with house.unit(viewer) as uow:
        await commands.suppress(uow, cast(Channel, channel), index, cast(Reason, reason), source)
        found = await list_suppressions(uow, viewer, limit=10, channel=channel, address_index=index)
        return next(each for each in found if each.reason == reason)


async def lift(house: House, viewer: Viewer, suppression_id: UUID) -> SuppressionView:
    """Let messages go again. Raises NotFound, Forbidden, and Conflict for what is its owner's to take back."""
    viewer.require("conversations.write")
    async with house.unit(viewer) as uow:
        found = await get_suppression(uow, viewer, suppression_id)
        _refuse_theirs(found.reason)
        await commands.lift_one(uow, suppression_id, "agent")
        return await get_suppression(uow, viewer, suppression_id)


async def stop_conversation(house: House, viewer: Viewer, conversation_id: UUID) -> ConversationView:
    """Let nothing more go to whom one writes with: they asked a colleague. Raises NotFound, Forbidden."""
    return await _of_conversation(house, viewer, conversation_id, "agent", stop=True)


async def lift_conversation(house: House, viewer: Viewer, conversation_id: UUID, reason: str) -> ConversationView:
    """Let messages go again to whom one writes with. Raises as ``lift``."""
    _refuse_theirs(reason)
    return await _of_conversation(house, viewer, conversation_id, reason, stop=False)


async def _of_conversation(
    house: House, viewer: Viewer, conversation_id: UUID, reason: str, *, stop: bool
) -> ConversationView:
    viewer.require("conversations.write")
    if reason not in get_args(Reason):
        raise Invalid(f"reason: one of {', '.join(get_args(Reason))}")
    async with house.unit(viewer) as uow:
        await require_conversation(uow, viewer, conversation_id)
        record = await lock_conversation(uow, conversation_id)
        if record.address_index is None:
            raise NotFound("This conversation has no address any more.")
        channel, named = record.channel, cast(Reason, reason)
        if stop:
            await commands.suppress(uow, channel, record.address_index, named, "agent", source_id=record.id)
        else:
            await commands.lift(uow, channel, record.address_index, named, "agent")
        await save_conversation(uow, record)
        return await get_conversation(uow, uow.keyring, viewer, conversation_id)


def _refuse_theirs(reason: str) -> None:
    if reason in THEIRS:
        raise Conflict("They stopped messages themselves: only they can start them again.")

"""Who gets nothing over a channel: said by people, taken back by people. What customers say themselves by STOP and
START is ``workflows.conversations.messages``, by a link ``workflows.consent.preferences``; what providers say is
``workflows.pushes.deliveries`` and ``workflows.mail.mail_bounces``. All of them end in
``crm.commands.consent.opt_outs``."""

from __future__ import annotations

from typing import Final, cast, get_args
from uuid import UUID

from hotline.campaigns.consent import Channel
from hotline.crm.commands.consent import suppressions as commands
from hotline.crm.commands.consent.opt_outs import opt_in, opt_out
from hotline.crm.commands.consent.suppressions import Reason, Scope, Source
from hotline.crm.commands.conversations.conversations import lock_conversation, save_conversation
from hotline.crm.queries.consent.suppressions import SuppressionView, get_suppression, list_suppressions
from hotline.crm.queries.conversations.conversations import ConversationView, get_conversation, require_conversation
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import Viewer
from hotline.customers import contact_points
from hotline.errors import Conflict, Invalid, NotFound
from hotline.workflows.house import House

#: The channels that have addresses.
ADDRESSED: Final[tuple[Channel, ...]] = ("sms", "whatsapp", "voice", "email")
#: What only the address's owner takes back: by START, or by writing to the company that they want messages again.
THEIRS: Final[frozenset[str]] = frozenset({"opt_out", "complaint"})


def index_of(house: House, channel: str, address: str) -> bytes:
    """The index of an address that somebody typed. Raises Invalid."""
    kind = kind_of(channel)
    value = contact_points.normalise(kind, address, house.settings.region, "address").value
    return house.keyring.contact_index(kind, value)


def kind_of(channel: str) -> contact_points.Kind:
    """What kind of address a channel has. Raises Invalid for one that has none."""
    if channel not in ADDRESSED:
        raise Invalid(f"channel: one of {', '.join(ADDRESSED)}")
    return "email" if channel == "email" else "phone"


async def add(
    house: House, viewer: Viewer, channel: str, address: str, reason: str = "agent", purpose: str = "all"
) -> SuppressionView:
    """Let nothing more go to an address, or no more marketing. Raises Forbidden, Invalid."""
    viewer.require("consents.write")
    if reason not in get_args(Reason):
        raise Invalid(f"reason: one of {', '.join(get_args(Reason))}")
    if purpose not in get_args(Scope):
        raise Invalid(f"purpose: one of {', '.join(get_args(Scope))}")
    index = index_of(house, channel, address)
    async with house.unit(viewer) as uow:
        await opt_out(
            uow, cast(Channel, channel), index, reason=cast(Reason, reason), source=source_of(viewer),
            purpose=cast(Scope, purpose),
        )  # fmt: skip
        found = await list_suppressions(uow, viewer, limit=10, channel=channel, address_index=index)
        return next(each for each in found if each.reason == reason)


async def lift(house: House, viewer: Viewer, suppression_id: UUID) -> SuppressionView:
    """Let messages go again. Raises NotFound, Forbidden, and Conflict for what is its owner's to take back."""
    viewer.require("consents.write")
    async with house.unit(viewer) as uow:
        found = await get_suppression(uow, viewer, suppression_id)
        _refuse_theirs(found.reason)
        if found.lifted_at is None:
            channel, index = await commands.place_of(uow, suppression_id)
            await _lift(uow, channel, index, cast(Reason, found.reason), source_of(viewer))
        return await get_suppression(uow, viewer, suppression_id)


def source_of(viewer: Viewer) -> Source:
    """Who says something, when a person or a program says it."""
    return "api" if viewer.kind == "token" else "agent"


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
            await opt_out(
                uow, channel, record.address_index, reason=named, source=source_of(viewer), source_id=record.id,
                customer_id=record.customer_id,
            )  # fmt: skip
        else:
            await _lift(uow, channel, record.address_index, named, source_of(viewer))
        await save_conversation(uow, record)
        return await get_conversation(uow, uow.keyring, viewer, conversation_id)


async def _lift(uow: UnitOfWork, channel: Channel, index: bytes, reason: Reason, source: Source) -> None:
    """What a colleague noted by mistake, or what arrives again: it is as it was before."""
    if reason == "agent":
        await opt_in(uow, channel, index, source=source, reasons=(reason,), restores=True)
    else:
        await commands.lift(uow, channel, index, reason, source)


def _refuse_theirs(reason: str) -> None:
    if reason in THEIRS:
        raise Conflict("They stopped messages themselves: only they can start them again.")

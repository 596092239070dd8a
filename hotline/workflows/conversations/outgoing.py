"""Messages that wait to leave are taken to their providers: taken by one node, the try committed before the provider is
asked, and what came of it noted. A try of which nobody knows what came is never repeated by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from weakref import WeakSet

import structlog

from hotline.channels.errors import ChannelError, TemplateNeeded
from hotline.conversations import window
from hotline.conversations.states import Channel
from hotline.crm.commands.conversations import outgoing as commands
from hotline.crm.commands.conversations.outgoing import Opened, Taken
from hotline.crm.commands.conversations.sender_pace import put_back, spend_pace
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House
from hotline.workflows.pushes.deliveries import Accepted, settle

log = structlog.get_logger(__name__)

#: How long a try may take until nobody waits for it any more: longer than every time-out of a channel.
LEASE: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way out, opened. ``sender`` is the company's own address; ``attempt`` counts from 1."""

    id: UUID
    conversation_id: UUID
    channel: Channel
    kind: str
    attempt: int
    at: datetime
    to: str = field(repr=False)
    sender_id: UUID | None
    sender: str
    account_sid: str | None
    service_sid: str | None
    body: str = field(repr=False)
    html: str | None = field(repr=False)
    subject: str = field(repr=False)
    template: str | None
    variables: Mapping[str, str] = field(repr=False)
    in_reply_to: UUID | None
    files: tuple[UUID, ...]
    user_id: UUID | None
    customer_id: UUID | None
    language: str | None


#: Takes a message to its provider; raises a ChannelError, and nothing else, when it was not accepted.
Send = Callable[[House, Outgoing], Awaitable[Accepted]]


@dataclass
class _Waking:
    """Wakes what sends in this process."""

    events: WeakSet[asyncio.Event] = field(default_factory=WeakSet)


def wake_sending(house: House) -> None:
    """A message waits to leave: take it now, if this process sends."""
    for event in house.kept.setdefault(_Waking, _Waking()).events:
        event.set()


def sending_event(house: House) -> asyncio.Event:
    """Set whenever a message waits, as far as this process knows; for one who sends, who clears it."""
    event = asyncio.Event()
    house.kept.setdefault(_Waking, _Waking()).events.add(event)
    return event


async def take(house: House, channels: tuple[str, ...], most: int) -> list[Outgoing]:
    """Take messages that are due, at most so many, with the try of each committed. What may not leave any more is
    noted as such and left out."""
    if most <= 0:
        return []
    async with house.unit(SYSTEM) as uow:
        taken = await commands.take_due(uow, channels, uow.now + LEASE, house.settings.node, most)
        refused: dict[UUID, Accepted | ChannelError] = {}
        held: list[UUID] = []
        ready: list[Taken] = []
        for each in taken:
            if each.opened is None or _suppressed(each):
                held.append(each.id)
            elif (error := _refusal(each, uow.now)) is not None:
                refused[each.id] = error
            else:
                ready.append(each)
        await commands.suppress_taken(uow, held)
        if refused:
            await settle(uow, refused)
        ready = await _at_their_pace(uow, ready)
    return [_outgoing(each, each.opened) for each in ready if each.opened is not None]


async def _at_their_pace(uow: UnitOfWork, ready: Sequence[Taken]) -> list[Taken]:
    """Those that may leave now by the pace of their senders; the others wait, last of all what is their addressee's
    right."""
    by_sender: dict[UUID, list[Taken]] = {}
    for each in ready:
        if each.sender_id is not None:
            by_sender.setdefault(each.sender_id, []).append(each)
    if not by_sender:
        return list(ready)
    for some in by_sender.values():
        some.sort(key=lambda each: each.template not in commands.RIGHTS)
    costs = {sender: [each.segments or 1 for each in some] for sender, some in by_sender.items()}
    late: dict[UUID, datetime] = {}
    for sender, waits in (await spend_pace(uow, costs)).items():
        for each, wait in zip(by_sender[sender][-len(waits) :], waits, strict=True):
            late[each.id] = uow.now + wait
    await put_back(uow, list(late.items()))
    return [each for each in ready if each.id not in late]


def _suppressed(message: Taken) -> bool:
    """Whether its addressee wants nothing any more: the answer to STOP itself leaves still."""
    reasons = message.reasons
    if message.template in commands.RIGHTS:
        reasons = reasons - {"opt_out"}
    return bool(reasons)


def _refusal(message: Taken, now: datetime) -> ChannelError | None:
    """Why a message that was taken is not handed over, None: nothing is in the way."""
    free = message.template is None or message.template.startswith("auto:")
    if free and not window.is_open(message.channel, message.last_in_at, now):
        return TemplateNeeded(provider_code=63016)
    return None


def _outgoing(message: Taken, opened: Opened) -> Outgoing:
    own = message.template or ""
    return Outgoing(
        id=message.id, conversation_id=message.conversation_id, channel=message.channel, kind=message.kind,
        attempt=message.attempt, at=message.at, to=opened.address, sender_id=message.sender_id, sender=message.sender,
        account_sid=message.account_sid, service_sid=message.service_sid, body=opened.body, html=opened.html,
        subject=opened.subject, template=None if own.startswith("auto:") else message.template,
        variables=opened.variables, in_reply_to=message.in_reply_to, files=message.files, user_id=message.user_id,
        customer_id=message.customer_id, language=message.language,
    )  # fmt: skip


async def give_back(house: House, message_ids: Sequence[UUID]) -> None:
    """Messages that were taken and surely not handed over wait to leave again: their try was none."""
    async with house.unit(SYSTEM) as uow:
        await put_back(uow, [(each, uow.now) for each in message_ids])


async def note(house: House, results: Mapping[UUID, Accepted | ChannelError]) -> None:
    """Note what came of messages that were handed over."""
    async with house.unit(SYSTEM) as uow:
        await settle(uow, results)


async def give_up_lost(house: House) -> int:
    """Messages whose try nobody waits for any more: the process that made it died, or the answer to a webhook that
    held them was never told of. Nobody knows whether they left; how many."""
    async with house.unit(SYSTEM) as uow:
        lost = await commands.mark_lost(uow, uow.now - LEASE)
    if lost:
        log.warning("outgoing.unknown", messages=lost)
    return lost

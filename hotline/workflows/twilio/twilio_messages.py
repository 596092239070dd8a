"""Twilio's messages: what its webhooks tell of them becomes conversations, and what becomes of ours is noted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from hotline.channels.twilio import messages as wire
from hotline.channels.twilio.messages import TwilioMessage
from hotline.conversations.delivery import of_twilio
from hotline.crm.commands.conversations.message_facts import message_named
from hotline.crm.commands.conversations.message_files import FileAt
from hotline.crm.unit_of_work import UnitOfWork
from hotline.workflows.conversations.message_files import wake_fetching
from hotline.workflows.conversations.messages import Inbound, Received, receive
from hotline.workflows.house import House
from hotline.workflows.once import once
from hotline.workflows.pushes import push_receipts
from hotline.workflows.pushes.deliveries import told

log = structlog.get_logger(__name__)

STATUS_PATH: Final = "/webhooks/twilio/messages/status"


def status_url(house: House, message_id: UUID, attempt: int) -> str:
    """Where Twilio tells what becomes of a message of ours; which one, and which try of it, stands in the address."""
    return f"{house.settings.base_url}{STATUS_PATH}?m={message_id}&n={attempt}"


def received_key(message: TwilioMessage) -> str:
    """By which a message that came in is claimed: its account's own, so that no other account takes it."""
    return f"twilio:{message.account_sid}:{message.sid}:received"


async def arrived(house: House, form: Mapping[str, str], account_sid: str, keys: tuple[str, ...], at: datetime) -> str:
    """A message came; the TwiML that answers it, the same however often it comes."""
    message = wire.read(form, account_sid, at)
    if message is None:
        log.warning("twilio.message_without_sender", fields=sorted(form)[:40])
        return wire.reply(())
    waiting = False

    async def work(uow: UnitOfWork) -> str:
        nonlocal waiting
        received = await take(house, uow, message, at_once=True)
        waiting = received.fetch
        return wire.reply(
            (answer.text, status_url(house, answer.message_id, 0) if _reachable(house) else "")
            for answer in received.answers
        )

    reply = await once(house, (*keys, received_key(message)), work)
    if waiting:
        wake_fetching(house)
    return reply


async def take(house: House, uow: UnitOfWork, message: TwilioMessage, *, at_once: bool) -> Received:
    """Keep a message of Twilio's."""
    reply_to = None
    if message.in_reply_to is not None:
        reply_to = await message_named(uow, message.account_sid, message.in_reply_to)
    return await receive(
        house,
        uow,
        Inbound(
            channel=message.channel, address=message.from_, body=message.body, at=message.at, provider_id=message.sid,
            provider_account=message.account_sid, to=message.to, name=message.name, in_reply_to=reply_to,
            answered=message.answered, at_once=at_once, extra=message.extra,
            files=tuple(FileAt(each.url, each.media_type) for each in message.media),
        ),
    )  # fmt: skip


async def status(
    house: House, form: Mapping[str, str], query: Mapping[str, str], account_sid: str, keys: tuple[str, ...]
) -> None:
    """What became of a message of ours."""
    sid = form.get("MessageSid") or form.get("SmsSid") or ""
    word = form.get("MessageStatus") or form.get("SmsStatus") or ""
    state = of_twilio(word)
    if not sid or state is None:
        return
    code = form.get("ErrorCode", "")
    number = int(code) if code.isascii() and code.isdecimal() and len(code) < 9 else None
    attempt = int(given) if (given := query.get("n", "")).isdecimal() and len(given) < 4 else None
    delivery_id = _uuid(query.get("d", ""))

    async def work(uow: UnitOfWork) -> str:
        if delivery_id is not None:
            await push_receipts.told(
                uow, delivery_id, state, account=account_sid, provider_id=sid[:64], attempt=attempt, code=number
            )
            return ""
        await told(
            uow,
            state,
            account=account_sid,
            provider_id=sid[:64],
            message_id=_uuid(query.get("m", "")),
            attempt=attempt,
            code=number,
        )
        return ""

    await once(house, (*keys, f"twilio:{account_sid}:{sid}:{word.lower()}"), work)


def _reachable(house: House) -> bool:
    """Whether Twilio could call back: it has no way to an address of this machine alone."""
    return bool(house.settings.public_url)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None

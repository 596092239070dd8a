"""What becomes of messages that leave: accepted, refused, delivered, read, or nobody knows. Told by the one who sends
them, by callbacks and by the provider's list; in whatever order these come, a message ends the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, cast
from uuid import UUID

from prometheus_client import Counter

from hotline.channels.errors import (
    AddressRefused,
    ChannelError,
    OptedOut,
    SenderPaused,
    Unknown,
)
from hotline.channels.twilio.errors import refusal
from hotline.conversations.delivery import ENDED, IN_DOUBT, Delivery, forward
from hotline.crm.commands.consent.opt_outs import opt_out
from hotline.crm.commands.consent.suppressions import Reason
from hotline.crm.commands.conversations.conversations import lock_conversation, save_conversation
from hotline.crm.commands.conversations.deliveries import (
    DeliveryRecord,
    accept_deliveries,
    find_delivery,
    lock_deliveries,
    may_tell,
    save_deliveries,
)
from hotline.crm.unit_of_work import UnitOfWork
from hotline.workflows.pushes import failures
from hotline.workflows.pushes.failures import Tries, code_of, ends_as

SETTLED: Final = Counter(
    "hotline_messages_settled", "Messages to customers by what became of them.", ["channel", "state"]
)

#: A message waits with its sender, and asks for it now and then.
TRIES: Final = Tries(most=6, not_ready=failures.LONGEST_WAIT)
#: A reply that could not leave for so long is no answer any more.
EXPIRES: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took a message: its own id for it there, and how many parts it sends."""

    provider_id: str
    provider_account: str | None
    state: Delivery = "sent"
    segments: int | None = None


async def told(
    uow: UnitOfWork,
    state: Delivery,
    *,
    account: str | None,
    provider_id: str,
    message_id: UUID | None = None,
    attempt: int | None = None,
    code: int | None = None,
) -> bool:
    """A provider tells of a message that left: ``message_id`` and ``attempt`` are what we gave it to call back with.
    Says whether anything changed; what is no message of ours, or an earlier try of one, changes nothing."""
    found = message_id or await find_delivery(uow, account, provider_id)
    record = next(iter(await lock_deliveries(uow, [found])), None) if found is not None else None
    if record is None:
        return False
    if attempt is not None and attempt < record.attempts:
        return False
    if record.provider_id is None:
        if record.state not in IN_DOUBT or not await may_tell(uow, record.sender_id, account):
            return False
        record.set(provider_id=provider_id, provider_account=account)
    elif (record.provider_id, record.provider_account) != (provider_id, account):
        return False
    if state == "permanent_failure":
        await _failed(uow, record, refusal(code) if code is not None else None)
    else:
        _forward(uow, record, state)
    return bool(await save_deliveries(uow, [record]))


async def settle(uow: UnitOfWork, results: Mapping[UUID, Accepted | ChannelError]) -> None:
    """Note what came of messages that were just sent."""
    accepted = [
        (message_id, each.state, each.provider_account, each.provider_id, each.segments)
        for message_id, each in results.items()
        if isinstance(each, Accepted) and each.state in ("sending", "sent")
    ]
    noted = await accept_deliveries(uow, accepted)
    for message_id, channel in noted.items():
        if (state := cast(Accepted, results[message_id]).state) != "sending":
            SETTLED.labels(channel, state).inc()
    if len(noted) == len(results):
        return
    records = await lock_deliveries(uow, [each for each in results if each not in noted])
    for record in records:
        result = results[record.id]
        if isinstance(result, Accepted):
            _accepted(uow, record, result)
        else:
            await _refused(uow, record, result)
    await save_deliveries(uow, records)


def _accepted(uow: UnitOfWork, record: DeliveryRecord, receipt: Accepted) -> None:
    """The provider has taken a message that was being sent; a callback may have told more of it already."""
    record.outcome = "accepted"
    record.set(
        provider_id=record.provider_id or receipt.provider_id,
        provider_account=record.provider_account or receipt.provider_account,
        segments=receipt.segments or record.segments,
        leased_until=None,
        error_code=None if record.state == "sending" else record.error_code,
    )
    _forward(uow, record, receipt.state)


async def _refused(uow: UnitOfWork, record: DeliveryRecord, error: ChannelError) -> None:
    """The provider has not taken a message, or nobody knows: what follows is decided by the class of the error."""
    record.outcome = error.code
    if record.provider_id is not None or record.state not in IN_DOUBT:
        return  # a callback was faster, and knows better
    if isinstance(error, Unknown):
        record.set(error_code=code_of(error))
        _forward(uow, record, "unknown")
        return
    await _failed(uow, record, error)


async def _failed(uow: UnitOfWork, record: DeliveryRecord, error: ChannelError | None) -> None:
    """The provider says that a message did not arrive. What has arrived stays so."""
    if record.state in ENDED or record.state == "delivered":
        return
    record.set(error_code=code_of(error))
    if isinstance(error, (OptedOut, AddressRefused)) and record.address_index is not None:
        reason: Reason = "opt_out" if isinstance(error, OptedOut) else "invalid"
        await opt_out(
            uow, record.channel, record.address_index, reason=reason, source="provider", source_id=record.id,
            code=code_of(error),
        )  # fmt: skip
    if isinstance(error, SenderPaused):
        await failures.pause(uow, record.sender_id, error)
    accepted = record.provider_id is not None
    again = failures.again(error, TRIES, record.attempts, uow.now, record.at + EXPIRES, accepted=accepted)
    if again is not None:
        record.set(state="queued", send_at=again, leased_until=None, provider_id=None, provider_account=None)
        SETTLED.labels(record.channel, "again").inc()
        return
    _forward(uow, record, ends_as(error))
    await _show(uow, record)


async def _show(uow: UnitOfWork, record: DeliveryRecord) -> None:
    """What a person wrote did not arrive: the conversation that was put aside is theirs again."""
    if record.kind != "message":
        return
    conversation = await lock_conversation(uow, record.conversation.id)
    if conversation.state == "waiting":
        conversation.set(state="open")
        await save_conversation(uow, conversation)


def _forward(uow: UnitOfWork, record: DeliveryRecord, state: Delivery) -> None:
    after = forward(record.state, state)
    if after is None:
        return
    record.set(state=after)
    if after != "sending":
        record.set(leased_until=None)
    if after in ("sent", "delivered", "read"):
        record.set(sent_at=record.sent_at or uow.now, error_code=None)
    if after in ("delivered", "read"):
        record.set(delivered_at=record.delivered_at or uow.now)
    if after == "read":
        record.set(read_at=uow.now)
    SETTLED.labels(record.channel, after).inc()

"""What becomes of campaigns' deliveries: accepted, refused, delivered, read, or nobody knows. Told by who sends them,
by callbacks, by reports in the mail and by the provider's list; in whatever order these come, it ends the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast
from uuid import UUID

import structlog
from prometheus_client import Counter

from hotline.campaigns.consent import Channel
from hotline.channels.errors import (
    AddressRefused,
    ChannelError,
    OptedOut,
    SenderPaused,
    Unknown,
)
from hotline.channels.mail.bounces import Recipient, Report
from hotline.channels.twilio.errors import refusal
from hotline.conversations.delivery import ENDED, IN_DOUBT, Delivery, forward
from hotline.crm import company
from hotline.crm.commands.campaigns.campaign_runs import reopen
from hotline.crm.commands.consent.opt_outs import opt_out
from hotline.crm.commands.consent.suppressions import Reason
from hotline.crm.commands.mail.mail import count_bounce, forget_bounces
from hotline.crm.commands.pushes.push_claims import Handed
from hotline.crm.commands.pushes.push_results import (
    DeliveryRow,
    Noted,
    addresses_of,
    change,
    find,
    lock,
    note,
)
from hotline.crm.commands.upkeep.claims import claim
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.workflows.company.company import get as company_section
from hotline.workflows.house import House
from hotline.workflows.mail.mail_words import address_index
from hotline.workflows.pushes import failures
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.pushes.failures import Tries, code_of, ends_as

log = structlog.get_logger(__name__)

SETTLED: Final = Counter(
    "hotline_pushes_settled", "Messages of campaigns by what became of them.", ["channel", "state"]
)

#: A channel that is not set up, or a sender without a row that could be paused, is tried again after so long; what a
#: sender that is paused now did not send, through the next one: once every process knows of the pause.
TRIES: Final = Tries(most=8, not_ready=timedelta(minutes=1))
NEXT_SENDER_WAIT: Final = timedelta(seconds=1)
#: A delivery that has no end of its own is not tried any more after so long.
EXPIRES: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one try."""

    delivery_id: UUID
    channel: str
    attempt: int
    started_at: datetime
    due_at: datetime
    expires_at: datetime | None
    sender_id: UUID | None
    result: Accepted | ChannelError


async def settle(house: House, tried: Sequence[Tried]) -> None:
    """Note what came of tries that were just made: all of them, or none."""
    now = house.clock()
    rows = [_noted(each, now) for each in tried]
    more = [each for each in tried if isinstance(each.result, (OptedOut, AddressRefused, SenderPaused))]
    again = [row.id for row in rows if row.state == "queued"]
    if more or again:
        async with house.unit(SYSTEM) as uow:
            await note(uow, rows, now)
            # Its try was given up for lost, and the campaign completed, before it was known that it did not leave.
            await reopen(uow, again)
            await _consequences(uow, more)
            await _pauses(uow, more)
    else:
        # One statement is a transaction already: the usual case of a blast takes one way to the server.
        await note(house.db, rows, now)
    for each, row in zip(tried, rows, strict=True):
        SETTLED.labels(each.channel, row.state).inc()


def plain(tried: Tried) -> Handed | None:
    """What came of a try whose provider has the message, the usual case of a blast; None where there is more to it."""
    result = tried.result
    if not isinstance(result, Accepted) or result.state not in ("sending", "sent", "delivered"):
        return None
    state = "delivered" if result.state == "delivered" else "sent"
    return Handed(
        tried.delivery_id, tried.attempt, tried.started_at, state, result.provider_id, result.provider_account,
        result.segments,
    )  # fmt: skip


def count_plain(channel: str, noted: Sequence[Tried]) -> None:
    """Measure what was noted while others were begun."""
    for each in noted:
        state = "sent" if each.result.state == "sending" else each.result.state  # type: ignore[union-attr]
        SETTLED.labels(channel, state).inc()


def _noted(tried: Tried, now: datetime) -> Noted:
    result = tried.result
    base = (tried.delivery_id, tried.attempt, tried.started_at)
    if isinstance(result, Accepted):
        # Its provider has it: whatever the provider still does with it, callbacks tell.
        state: Delivery = "sent" if result.state == "sending" else result.state
        return Noted(
            *base, "accepted", state, provider_id=result.provider_id,
            account_sid=result.provider_account, segments=result.segments,
        )  # fmt: skip
    code = code_of(result)
    if isinstance(result, Unknown):
        return Noted(*base, result.code, "unknown", error_code=code)
    again = failures.again(result, TRIES, tried.attempt, now, _until(tried.due_at, tried.expires_at), accepted=False)
    if again is not None and isinstance(result, SenderPaused) and tried.sender_id is not None:
        again = now + NEXT_SENDER_WAIT
    if again is not None:
        return Noted(*base, result.code, "queued", error_code=code, due_at=again)
    return Noted(*base, result.code, ends_as(result), error_code=code, reason=_reason(result))


def _reason(error: ChannelError | None) -> str | None:
    """Why a delivery ended, where it is more than its code says: pauses and results count by it."""
    if isinstance(error, AddressRefused):
        return "bounce"
    return "opt_out" if isinstance(error, OptedOut) else None


def _until(due_at: datetime, expires_at: datetime | None) -> datetime:
    return expires_at or due_at + EXPIRES


async def _consequences(uow: UnitOfWork, refused: Sequence[Tried]) -> None:
    """Who opted out at the provider, and whose address is none, gets nothing over this channel any more."""
    of_address = [each for each in refused if isinstance(each.result, (OptedOut, AddressRefused))]
    rows = await addresses_of(uow, [each.delivery_id for each in of_address]) if of_address else {}
    for each in of_address:
        row = rows.get(each.delivery_id)
        if row is not None and isinstance(each.result, ChannelError):
            await _suppress(uow, row, each.result)


async def _suppress(uow: UnitOfWork, row: DeliveryRow, error: ChannelError) -> None:
    if row.address_index is None:
        return
    if isinstance(error, OptedOut):
        await opt_out(
            uow, cast(Channel, row.channel), row.address_index, reason="opt_out", source="provider", delivery_id=row.id,
            customer_id=row.customer_id, code=code_of(error),
        )  # fmt: skip
    elif isinstance(error, AddressRefused):
        reason: Reason = "bounce" if row.channel == "email" else "invalid"
        await opt_out(
            uow, cast(Channel, row.channel), row.address_index, reason=reason, source="provider", delivery_id=row.id,
            customer_id=row.customer_id, code=code_of(error),
        )  # fmt: skip


async def _pauses(uow: UnitOfWork, tried: Sequence[Tried]) -> None:
    """Senders that may send nothing at present: what waits, waits with them, or goes through another one."""
    paused = {each.sender_id: each.result for each in tried if isinstance(each.result, SenderPaused)}
    for sender_id, error in paused.items():
        await failures.pause(uow, sender_id, error)


# What providers tell later


async def told(
    uow: UnitOfWork,
    delivery_id: UUID | None,
    state: Delivery,
    *,
    account: str | None,
    provider_id: str,
    attempt: int | None = None,
    code: int | None = None,
    error: ChannelError | None = None,
) -> bool:
    """A provider tells of a delivery; None: found by the provider's id. Says whether anything changed: what is none of
    ours, or an earlier try of one, changes nothing. A failure is what ``error`` says, else what ``code`` means."""
    found = delivery_id or (await find(uow, account, provider_id) if account is not None else None)
    row = await lock(uow, found) if found is not None else None
    if row is None or (attempt is not None and attempt < row.attempts):
        return False
    if row.provider_id is None:
        if row.state not in IN_DOUBT:
            return False
        await change(uow, row.id, provider_id=provider_id, account_sid=account)
    elif (row.provider_id, row.account_sid) != (provider_id, account):
        return False
    if state == "permanent_failure":
        if error is None and code is not None:
            error = refusal(code)
        return await failed(uow, row, error)
    # What the provider has, counts as sent: all that it says before that is the same to us.
    return await _forward(uow, row, "sent" if state == "sending" else state)


async def failed(uow: UnitOfWork, row: DeliveryRow, error: ChannelError | None) -> bool:
    """The provider says that a delivery did not arrive. What has arrived stays so."""
    if row.state in ENDED or row.state == "delivered":
        return False
    if error is not None:
        await _suppress(uow, row, error)
        if isinstance(error, SenderPaused):
            await failures.pause(uow, row.sender_id, error)
    again = failures.again(error, TRIES, row.attempts, uow.now, _until(row.due_at, row.expires_at), accepted=True)
    if again is not None:
        await change(
            uow, row.id, state="queued", due_at=again, provider_id=None, account_sid=None,
            error_code=code_of(error), lease=None, leased_by=None, leased_until=None,
        )  # fmt: skip
        await reopen(uow, [row.id])
        return True
    await change(uow, row.id, error_code=code_of(error))
    return await _forward(uow, row, ends_as(error), reason=_reason(error))


async def _forward(uow: UnitOfWork, row: DeliveryRow, state: Delivery, reason: str | None = None) -> bool:
    after = forward(row.state, state)
    if after is None:
        return False
    columns: dict[str, object] = {"state": after, "lease": None, "leased_by": None, "leased_until": None}
    if reason is not None:
        columns["reason"] = reason
    if after in ("sent", "delivered", "read"):
        columns |= {"sent_at": row.sent_at or uow.now, "error_code": None}
    if after in ("delivered", "read"):
        columns["delivered_at"] = uow.now
    if after == "read":
        columns["read_at"] = uow.now
    await change(uow, row.id, **columns)
    SETTLED.labels(row.channel, after).inc()
    return True


# Reports in the mail


async def note_report(house: House, delivery_id: UUID, report: Report, report_id: str) -> bool:
    """Note a delivery report or a complaint about a campaign's mail, once; False when there is no such delivery. Which
    one it is says a token that nobody else can make: the body is believed only where it speaks of that address."""
    async with house.unit(SYSTEM) as uow:
        row = await lock(uow, delivery_id)
        if row is None or row.channel != "email":
            return False
        if await claim(uow, [f"mail:report:{delivery_id}:{report_id}"]) is not None:
            return True
        recipient = _of(uow, report, row.address_index)
        if recipient is not None:
            await _reported(house, uow, row, recipient)
    return True


def _of(uow: UnitOfWork, report: Report, wanted: bytes | None) -> Recipient | None:
    """What it says of the address that the mail went to. Servers write addresses anew, and providers of complaints
    leave them out: a report of a single one is of that, and so is one of several, to whom the address led on, that all
    failed."""
    for each in report.recipients:
        if wanted is not None and address_index(uow.keyring, each.address) == wanted:
            return each
    if len(report.recipients) > 1 and any(each.fate != "failed" for each in report.recipients):
        return None
    return next((each for each in report.recipients if not each.hard), next(iter(report.recipients), None))


async def _reported(house: House, uow: UnitOfWork, row: DeliveryRow, recipient: Recipient) -> None:
    """Failed for good: nothing more goes there. Failed for now: counted, and too many are as one for good. Delayed is
    no failure (RFC 3464 2.3.3)."""
    log.info("push.reported", delivery=str(row.id), fate=recipient.fate, status=recipient.status)
    if recipient.fate == "delayed":
        return
    if recipient.fate == "delivered":
        await _forward(uow, row, "delivered")
        if row.address_index is not None:
            await forget_bounces(uow, row.address_index)
        return
    if recipient.fate == "complaint":
        await opt_out(
            uow, "email", row.address_index, reason="complaint", source="provider", purpose="all", delivery_id=row.id,
            customer_id=row.customer_id,
        )  # fmt: skip
        await change(uow, row.id, reason="complaint")
        return
    status = recipient.status or ("5.0.0" if recipient.hard else "4.0.0")
    if forward(row.state, "permanent_failure") is not None:
        await change(uow, row.id, error_code=status[:32])
        await _forward(uow, row, "permanent_failure", reason="bounce" if recipient.hard else "soft_bounce")
    if row.address_index is None:
        return
    section = await company_section(house, company.Mail, uow)
    fared = await count_bounce(uow, row.address_index, hard=recipient.hard, status=recipient.status)
    if recipient.hard or fared.soft_bounces >= section.soft_bounces:
        await opt_out(
            uow, "email", row.address_index, reason="bounce", source="provider", delivery_id=row.id,
            customer_id=row.customer_id, code=status[:32],
        )  # fmt: skip

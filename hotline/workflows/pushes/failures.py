"""What each error of a channel does to a message that leaves, a reply's or a campaign's: whether and when it is tried
again, what it ends as, how the error is called, and who is paused for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from hotline.channels.errors import (
    ChannelError,
    MachineAnswered,
    NotConfigured,
    OptedOut,
    SenderPaused,
    TemplateNeeded,
    TemporarilyRefused,
    WindowClosed,
)
from hotline.conversations.delivery import Delivery
from hotline.crm.commands.conversations.deliveries import pause_sender
from hotline.crm.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

#: How long until the second try, doubled each time; and the longest wait.
FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a message is tried, and how long one waits for a channel that is not set up or a sender that is
    paused."""

    most: int
    not_ready: timedelta


def again(
    error: ChannelError | None, tries: Tries, attempt: int, now: datetime, end: datetime, *, accepted: bool
) -> datetime | None:
    """When it is tried once more, None: never. Only what the provider surely did not take is (``accepted``: it had
    taken it, and failed later), and never at or after the message's end."""
    due: datetime | None = None
    if isinstance(error, (SenderPaused, NotConfigured)) and not accepted:
        due = now + tries.not_ready
    elif isinstance(error, TemporarilyRefused) and not isinstance(error, WindowClosed):
        most = tries.most if error.tries is None else min(tries.most, error.tries + 1)
        if attempt < most:
            wait = min(FIRST_WAIT * 2 ** max(0, attempt - 1), LONGEST_WAIT)
            if error.retry_after is not None:
                wait = max(wait, min(timedelta(seconds=error.retry_after), LONGEST_WAIT))
            due = now + wait
    return due if due is not None and due < end else None


def ends_as(error: ChannelError | None) -> Delivery:
    """What a message is that is not tried again."""
    if isinstance(error, OptedOut):
        return "suppressed"
    if isinstance(error, (TemporarilyRefused, SenderPaused, NotConfigured)):
        return "expired"
    return "permanent_failure"


def code_of(error: ChannelError | None) -> str | None:
    """The provider's own code, else the word for what is wrong."""
    if error is None:
        return None
    if error.provider_code is not None:
        return str(error.provider_code)
    return error.code if isinstance(error, (TemplateNeeded, NotConfigured, MachineAnswered)) else None


async def pause(uow: UnitOfWork, sender_id: UUID | None, error: SenderPaused) -> None:
    """A sender may send nothing at present: what waits, waits with it, or goes through another one."""
    if sender_id is None:
        return
    until = uow.now + timedelta(seconds=error.resume_after) if error.resume_after is not None else None
    if await pause_sender(uow, sender_id, code_of(error) or error.code, until):
        log.error("sender.paused", sender=str(sender_id), code=code_of(error), until=str(until or "a person"))

"""The contract of a channel for campaigns: how one prepared message is handed to its provider. A channel is one file
with one function, and a line in ``CHANNELS``; docs/adding-a-channel.md tells how, one suite of tests holds them all to
it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.campaigns.render import Rendered
from hotline.workflows.house import House
from hotline.workflows.pushes.deliveries import Accepted


@dataclass(frozen=True, slots=True)
class Push:
    """One message of a campaign on its way to one recipient, filled in and allowed to leave.

    ``attempt`` counts from 1 and is committed already. ``to`` is where it goes: E.164, an email address, or the
    customer's id where the channel needs no address (in-app, console). ``sender`` is the company's own address, empty
    where the channel has none. ``unsubscribe_url`` is empty for messages that are none of marketing.
    """

    delivery_id: UUID
    campaign_id: UUID
    customer_id: UUID
    channel: str
    purpose: str
    attempt: int
    at: datetime
    to: str = field(repr=False)
    sender_id: UUID | None
    sender: str
    sender_name: str
    account_sid: str | None
    service_sid: str | None
    locale: str
    rendered: Rendered = field(repr=False)
    unsubscribe_url: str = field(repr=False)
    expires_at: datetime | None
    #: For a channel that keeps a message waiting after it was asked to send it: whether it may leave still. To be asked
    #: right before it does; a channel that is told no raises ``Withheld``.
    may_go: Callable[[], Awaitable[bool]] | None = field(default=None, repr=False)


class Withheld(Exception):
    """It was stopped on its way to the provider, who got nothing of it: as if it had not been tried."""


#: Hands one message over, once. Answers what the provider said; raises a ChannelError, and nothing else, when it did
#: not take it: the class decides what becomes of it (``hotline.channels.errors``). ``Unknown`` when it may have. It
#: must not try again by itself, and must come back within ``PushChannel.seconds``.
Send = Callable[[House, Push], Awaitable[Accepted]]


#: Tries that are under way for each message that is handed over at once.
MOST_BEGUN: Final = 8


@dataclass(frozen=True, slots=True)
class PushChannel:
    """How a channel is served. ``at_once`` messages are handed over at the same time; ``seconds`` one may take;
    ``per_second`` and ``burst`` is the pace of a sender for which no rate is kept, None: as fast as it goes. For each
    message at once ``begun`` tries are under way at the most: all of them are unknown when the process is killed."""

    send: Send
    at_once: Callable[[House], int]
    seconds: float = 90.0
    begun: int = MOST_BEGUN
    #: Whether it always asks ``may_go`` before anything leaves: who was not asked knows that nothing did.
    asks: bool = False
    per_second: float | None = None
    burst: int = 1
    #: Run every now and then, and before the end: closes connections that nobody uses. True: close them all.
    tidy: Callable[[House, bool], Awaitable[None]] | None = None
    #: Channels that need no address of the customer's.
    addressless: bool = False


def channels() -> Mapping[str, PushChannel]:
    """Every channel of campaigns by its name."""
    # Imported here: a channel's library is loaded where something is sent, and by nobody else.
    from hotline.workflows.pushes import push_console, push_inapp, push_mail, push_twilio, push_voice

    return {
        "sms": push_twilio.SMS,
        "whatsapp": push_twilio.WHATSAPP,
        "email": push_mail.EMAIL,
        "voice": push_voice.VOICE,
        "inapp": push_inapp.INAPP,
        "console": push_console.CONSOLE,
    }


#: Channels whose messages are shown on the desk's own terminal alone.
LOCAL: Final = frozenset({"console"})
